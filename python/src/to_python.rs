//! Values of the database as values of Python.

use std::ops::Bound::{Excluded, Included, Unbounded};

use isobase_sql::{Range, Value};
use pyo3::{
    IntoPyObjectExt, intern,
    prelude::*,
    types::{PyBytes, PyDict, PyList},
};

use crate::{
    classes::{DATE, DATETIME, DELTA, MULTIRANGE, TIME, UUID, ZONE, class, decimal, utc},
    json,
};

const MICROS_OF_DAY: i64 = 86_400_000_000;
/// Days from 0001-01-01 to 2000-01-01; the first day is number 1 to Python.
const ORDINAL_OF_2000: i64 = 730_120;
/// 9999-12-31, the last day of Python.
const ORDINAL_MAX: i64 = 3_652_059;

/// One value. What Python has no form for is PostgreSQL's text: infinity, years before Christ and
/// after 9999, the hour 24, intervals with months.
pub(crate) fn value<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    match value {
        Value::Null => Ok(py.None().into_bound(py)),
        Value::Bool(truth) => truth.into_bound_py_any(py),
        Value::Int(number) => number.into_bound_py_any(py),
        Value::Float(number) => number.into_bound_py_any(py),
        Value::Text(text) => text.into_bound_py_any(py),
        // As asyncpg gives them: an address, one with its network, or a network.
        Value::Address(text) if !text.contains('/') => network(py, "ip_address", text),
        Value::Address(text) => network(py, "ip_interface", text),
        Value::Network(text) => network(py, "ip_network", text),
        Value::Bytes(bytes) => PyBytes::new(py, bytes).into_bound_py_any(py),
        Value::Decimal(digits) => decimal(py, digits),
        Value::Json(text) => json::value(py, text),
        Value::Uuid(bytes) => {
            let arguments = PyDict::new(py);
            arguments.set_item(intern!(py, "bytes"), PyBytes::new(py, bytes))?;
            class(py, &UUID, "uuid", "UUID")?.call((), Some(&arguments))
        }
        Value::Date(days) => {
            let ordinal = i64::from(*days) + ORDINAL_OF_2000;
            if !(1..=ORDINAL_MAX).contains(&ordinal) {
                return value.to_string().into_bound_py_any(py);
            }
            let date = class(py, &DATE, "datetime", "date")?;
            date.call_method1(intern!(py, "fromordinal"), (ordinal,))
        }
        Value::Time(micros) => time(py, value, *micros, None),
        Value::TimeTz { micros, west_seconds } => time(py, value, *micros, Some(*west_seconds)),
        Value::Timestamp(micros) => moment(py, value, *micros, false),
        Value::TimestampTz(micros) => moment(py, value, *micros, true),
        Value::Interval { months: 0, days, micros } => {
            let delta = class(py, &DELTA, "datetime", "timedelta")?;
            delta.call1((*days, micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000)))
        }
        Value::Interval { .. } => value.to_string().into_bound_py_any(py),
        Value::Array(elements) => {
            let list = PyList::empty(py);
            for element in elements {
                list.append(self::value(py, element)?)?;
            }
            Ok(list.into_any())
        }
        Value::Range(range) => self::range(py, range),
        Value::Multirange(ranges) => {
            let ranges = ranges.iter().map(|range| self::range(py, range));
            let ranges = ranges.collect::<PyResult<Vec<_>>>()?;
            class(py, &MULTIRANGE, "isobase.database.values", "Multirange")?.call1((ranges,))
        }
    }
}

fn range<'py>(py: Python<'py>, range: &Range) -> PyResult<Bound<'py, PyAny>> {
    let (bounds, is_empty) = match range {
        Range::Empty => ((&Unbounded, &Unbounded), true),
        Range::Between(lower, upper) => ((lower, upper), false),
    };
    let bound = |bound: &std::ops::Bound<Value>| match bound {
        Included(value) => Ok((self::value(py, value)?, true)),
        Excluded(value) => Ok((self::value(py, value)?, false)),
        Unbounded => Ok::<_, PyErr>((py.None().into_bound(py), false)),
    };
    let ((lower, lower_inc), (upper, upper_inc)) = (bound(bounds.0)?, bound(bounds.1)?);
    let made = py.import(intern!(py, "isobase.database.values"))?.getattr(intern!(py, "_made"))?;
    made.call1((lower, upper, lower_inc, upper_inc, is_empty))
}

fn network<'py>(py: Python<'py>, function: &str, text: &str) -> PyResult<Bound<'py, PyAny>> {
    py.import(intern!(py, "ipaddress"))?.getattr(function)?.call1((text,))
}

/// Hours, minutes, seconds and microseconds of a day.
fn clock(micros: i64) -> (i64, i64, i64, i64) {
    let seconds = micros / 1_000_000;
    (seconds / 3600, seconds / 60 % 60, seconds % 60, micros % 1_000_000)
}

fn time<'py>(
    py: Python<'py>,
    value: &Value,
    micros: i64,
    west_seconds: Option<i32>,
) -> PyResult<Bound<'py, PyAny>> {
    if micros >= MICROS_OF_DAY {
        return value.to_string().into_bound_py_any(py);
    }
    let (hour, minute, second, micro) = clock(micros);
    let zone = match west_seconds {
        None => py.None().into_bound(py),
        Some(west) => zone(py, -i64::from(west))?,
    };
    class(py, &TIME, "datetime", "time")?.call1((hour, minute, second, micro, zone))
}

fn zone(py: Python<'_>, east_seconds: i64) -> PyResult<Bound<'_, PyAny>> {
    let delta = class(py, &DELTA, "datetime", "timedelta")?.call1((0, east_seconds))?;
    class(py, &ZONE, "datetime", "timezone")?.call1((delta,))
}

fn moment<'py>(
    py: Python<'py>,
    value: &Value,
    micros: i64,
    zoned: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let ordinal = micros.div_euclid(MICROS_OF_DAY) + ORDINAL_OF_2000;
    if !(1..=ORDINAL_MAX).contains(&ordinal) {
        return value.to_string().into_bound_py_any(py);
    }
    let (year, month, day) = calendar(ordinal - ORDINAL_OF_2000);
    let (hour, minute, second, micro) = clock(micros.rem_euclid(MICROS_OF_DAY));
    let class = class(py, &DATETIME, "datetime", "datetime")?;
    // As a pickled moment is made: one object of bytes instead of seven numbers.
    // Source: CPython, Modules/_datetimemodule.c, datetime_new.
    let [.., year_high, year_low] = year.to_be_bytes();
    let [.., micro_high, micro_middle, micro_low] = micro.to_be_bytes();
    let [month, day, hour, minute, second] =
        [month, day, hour, minute, second].map(|part| part.to_le_bytes()[0]);
    let state = [
        year_high,
        year_low,
        month,
        day,
        hour,
        minute,
        second,
        micro_high,
        micro_middle,
        micro_low,
    ];
    let state = PyBytes::new(py, &state);
    match zoned {
        true => class.call1((state, utc(py)?)),
        false => class.call1((state,)),
    }
}

/// A moment in UTC, as microseconds from 2000.
pub(crate) fn moment_with_zone(py: Python<'_>, micros: i64) -> PyResult<Bound<'_, PyAny>> {
    moment(py, &Value::TimestampTz(micros), micros, true)
}

/// Year, month and day of a number of days from 2000-01-01.
///
/// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
fn calendar(days: i64) -> (i64, i64, i64) {
    // From 0000-03-01, the first day of an era of 400 years.
    const TO_2000: i64 = 730_425;
    const DAYS_OF_ERA: i64 = 146_097;
    let days = days + TO_2000;
    let (era, day) = (days.div_euclid(DAYS_OF_ERA), days.rem_euclid(DAYS_OF_ERA));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    // Months from March.
    let month = (5 * day + 2) / 153;
    let day_of_month = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day_of_month)
}
