//! Values of Python as parameters.

use std::ops::Bound::{Excluded, Included, Unbounded};

use isobase_sql::{Range, Record, Value};
use pyo3::{
    exceptions::PyTypeError,
    intern,
    prelude::*,
    types::{
        PyBool, PyByteArray, PyBytes, PyDict, PyFloat, PyInt, PyIterator, PyList, PyMapping,
        PyString, PyTuple,
    },
};

/// Names with values, in the order of the mapping.
pub(crate) fn record(mapping: &Bound<'_, PyAny>) -> PyResult<Record> {
    let mapping = mapping.cast::<PyMapping>()?;
    let mut record = Record::new();
    for pair in mapping.items()?.iter() {
        let (name, value): (String, Bound<'_, PyAny>) = pair.extract()?;
        record.push((name, self::value(&value)?));
    }
    Ok(record)
}

/// The values of a tuple or a list; none for `None`.
pub(crate) fn values(given: &Bound<'_, PyAny>) -> PyResult<Vec<Value>> {
    if given.is_none() {
        return Ok(Vec::new());
    }
    // Without an iterator of Python's: rows of a bulk insert are tuples by the hundred thousand.
    if let Ok(tuple) = given.cast_exact::<PyTuple>() {
        let mut values = Vec::with_capacity(tuple.len());
        for item in tuple.iter_borrowed() {
            values.push(value(&item)?);
        }
        return Ok(values);
    }
    given.try_iter()?.map(|value| self::value(&value?)).collect()
}

/// The values of the next rows, at most so many.
pub(crate) fn rows(given: &Bound<'_, PyIterator>, rows_max: usize) -> PyResult<Vec<Vec<Value>>> {
    let mut given = given.clone();
    let mut rows = Vec::new();
    while rows.len() < rows_max
        && let Some(row) = given.next()
    {
        rows.push(values(&row?)?);
    }
    Ok(rows)
}

/// One value. Moments, days and times go as their ISO text, which the database reads as the
/// column wants it.
pub(crate) fn value(given: &Bound<'_, PyAny>) -> PyResult<Value> {
    if given.is_none() {
        return Ok(Value::Null);
    }
    if let Ok(text) = given.cast::<PyString>() {
        return plain_text(given, text);
    }
    // A truth value is an integer, too, in Python.
    if let Ok(truth) = given.cast::<PyBool>() {
        return Ok(Value::Bool(truth.is_true()));
    }
    if given.is_instance_of::<PyInt>() {
        return Ok(match given.extract::<i64>() {
            Ok(number) => Value::Int(number),
            Err(_) => Value::Decimal(given.str()?.to_string()),
        });
    }
    if let Ok(number) = given.cast::<PyFloat>() {
        return Ok(Value::Float(number.value()));
    }
    if let Ok(bytes) = given.cast::<PyBytes>() {
        return Ok(Value::Bytes(bytes.as_bytes().to_vec()));
    }
    if let Ok(bytes) = given.cast::<PyByteArray>() {
        return Ok(Value::Bytes(bytes.to_vec()));
    }
    if given.is_instance_of::<PyDict>() {
        // A row stands for its key.
        if !given.is_exact_instance_of::<PyDict>()
            && let Ok(key) = given.getattr(intern!(given.py(), "_isobase_key"))
        {
            return value(&key);
        }
        return json(given).map(Value::Json);
    }
    if given.is_instance_of::<PyList>() || given.is_instance_of::<PyTuple>() {
        let values = values(given)?;
        let is_exact = given.is_exact_instance_of::<PyList>();
        return Ok(if is_exact { Value::Array(values) } else { list(given, values)? });
    }
    of_class(given)
}

/// A list of a class of its own: ranges of a multirange.
fn list(given: &Bound<'_, PyAny>, values: Vec<Value>) -> PyResult<Value> {
    if given.get_type().name()? != "Multirange" {
        return Ok(Value::Array(values));
    }
    let ranges = values.into_iter().map(|value| match value {
        Value::Range(range) => Ok(*range),
        _ => Err(PyTypeError::new_err("a Multirange holds a value that is no Range")),
    });
    ranges.collect::<PyResult<_>>().map(Value::Multirange)
}

/// As asyncpg, psycopg and this package have ranges.
fn range(given: &Bound<'_, PyAny>) -> PyResult<Value> {
    if given.getattr("isempty")?.is_truthy()? {
        return Ok(Value::Range(Box::new(Range::Empty)));
    }
    let bound = |name: &str, inclusive: &str| {
        let value = given.getattr(name)?;
        if value.is_none() {
            return Ok::<_, PyErr>(Unbounded);
        }
        let is_included = given.getattr(inclusive)?.is_truthy()?;
        let value = self::value(&value)?;
        Ok(if is_included { Included(value) } else { Excluded(value) })
    };
    let lower = bound("lower", "lower_inc")?;
    Ok(Value::Range(Box::new(Range::Between(lower, bound("upper", "upper_inc")?))))
}

/// A member of an enumeration of texts is its value.
fn plain_text(given: &Bound<'_, PyAny>, text: &Bound<'_, PyString>) -> PyResult<Value> {
    let exact = given.is_exact_instance_of::<PyString>();
    if !exact && let Ok(inner) = given.getattr(intern!(given.py(), "value")) {
        return value(&inner);
    }
    Ok(Value::Text(text.extract()?))
}

fn of_class(given: &Bound<'_, PyAny>) -> PyResult<Value> {
    let py = given.py();
    let class = given.get_type();
    let name = class.name()?.to_string();
    match name.as_str() {
        "Decimal" => {
            let text = given.str()?.to_string();
            // Decimal has a signalling NaN and a negative one; PostgreSQL has one.
            return Ok(Value::Decimal(if text.ends_with("NaN") { "NaN".into() } else { text }));
        }
        "UUID" => {
            let bytes: Vec<u8> = given.getattr(intern!(py, "bytes"))?.extract()?;
            if let Ok(bytes) = bytes.try_into() {
                return Ok(Value::Uuid(bytes));
            }
        }
        "timedelta" => {
            let part = |name| given.getattr(name)?.extract::<i64>();
            let (days, seconds, micros) = (part("days")?, part("seconds")?, part("microseconds")?);
            let days = i32::try_from(days)?;
            return Ok(Value::Interval { months: 0, days, micros: seconds * 1_000_000 + micros });
        }
        "Range" if given.hasattr(intern!(py, "isempty"))? => return range(given),
        "memoryview" => {
            let bytes = given.call_method0(intern!(py, "tobytes"))?;
            return Ok(Value::Bytes(bytes.extract()?));
        }
        _ => {}
    }
    if let Ok(text) = given.call_method0(intern!(py, "isoformat")) {
        return Ok(Value::Text(text.extract()?));
    }
    if let Ok(member) = given.getattr(intern!(py, "value")) {
        return value(&member);
    }
    if class.module()? == "ipaddress" {
        return Ok(Value::Text(given.str()?.to_string()));
    }
    if given.cast::<PyMapping>().is_ok() {
        return json(given).map(Value::Json);
    }
    Err(PyTypeError::new_err(format!("a value of type {name} cannot be a parameter")))
}

/// As the package writes JSON: decimals as numbers, moments and UUIDs as their text.
pub(crate) fn json(given: &Bound<'_, PyAny>) -> PyResult<String> {
    let py = given.py();
    let module = py.import(intern!(py, "isobase._json"))?;
    module.getattr(intern!(py, "dumps"))?.call1((given,))?.extract()
}
