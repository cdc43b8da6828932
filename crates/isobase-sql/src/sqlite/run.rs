//! One statement on one connection of SQLite.

use std::sync::Arc;

use isobase_sqlite::rusqlite::{
    Connection, Row as NativeRow, Statement, params_from_iter,
    types::{ToSqlOutput, Value as NativeValue, ValueRef},
};

use super::failure::refused;
use crate::{Answer, Dialect, Error, ErrorKind, Row, Table, Value, lexer, name::quoted};

/// Prepares the statement, or takes it as it was prepared before, and runs it.
pub(crate) fn run(
    connection: &mut Connection,
    sql: &str,
    parameters: &[Value],
) -> Result<Answer, Error> {
    // SQLite itself would run the first one and say nothing of the others.
    if sql.contains(';') && lexer::statements(Dialect::Sqlite, sql).len() > 1 {
        return Err(Error::invalid("one statement at a time; a script runs with run_script"));
    }
    let failed = |error| refused(error, sql);
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    bind(&mut statement, sql, parameters)?;
    if statement.column_count() == 0 {
        let affected = statement.raw_execute().map_err(failed)?;
        return Ok(Answer { affected: count(affected), ..Answer::default() });
    }
    let reads = statement.readonly();
    let mut columns: Arc<[String]> = statement.column_names().map(str::to_owned).collect();
    let mut rows = Vec::new();
    let mut native = statement.raw_query();
    while let Some(row) = native.next().map_err(failed)? {
        if rows.is_empty() {
            // Only now SQLite has seen whether a table was changed since it was prepared.
            columns = row.as_ref().column_names().map(str::to_owned).collect();
        }
        rows.push(Row::new(&columns, values(row, columns.len())?));
    }
    drop(native);
    drop(statement);
    let affected = if reads { count(rows.len()) } else { connection.changes() };
    Ok(Answer { columns, rows, affected })
}

/// Inserts rows in one transaction, or as part of the one that is open.
pub(crate) fn load(
    connection: &mut Connection,
    table: &Table,
    columns: &[String],
    rows: Vec<Vec<Value>>,
) -> Result<u64, Error> {
    let names: Vec<String> = columns.iter().map(|column| quoted(column)).collect();
    let places = vec!["?"; columns.len()].join(", ");
    let sql = format!("INSERT INTO {} ({}) VALUES ({places})", table.sql_name(), names.join(", "));
    let failed = |error| refused(error, &sql);
    let savepoint = connection.savepoint().map_err(failed)?;
    let mut loaded = 0;
    {
        let mut statement = savepoint.prepare_cached(&sql).map_err(failed)?;
        for row in rows {
            let values = row.iter().map(native_value);
            loaded += count(statement.execute(params_from_iter(values)).map_err(failed)?);
        }
    }
    savepoint.commit().map_err(failed)?;
    Ok(loaded)
}

/// `$1` and `?1` are the first value, wherever they stand; `?` is the next one.
pub(crate) fn bind(
    statement: &mut Statement<'_>,
    sql: &str,
    parameters: &[Value],
) -> Result<(), Error> {
    let mut used = vec![false; parameters.len()];
    for place in 1..=statement.parameter_count() {
        let number = match statement.parameter_name(place) {
            None => place,
            Some(name) => name[1..].parse().map_err(|_| {
                Error::invalid(format!("the parameter {name} is not $1, $2, … or ?"))
            })?,
        };
        let at = number.checked_sub(1).filter(|at| *at < parameters.len());
        let Some(at) = at else { return Err(wrong_number(number, parameters.len())) };
        used[at] = true;
        let value = native_value(&parameters[at]);
        statement.raw_bind_parameter(place, value).map_err(|error| refused(error, sql))?;
    }
    match used.iter().rposition(|used| !used) {
        Some(_) => {
            let wanted = used.iter().filter(|used| **used).count();
            Err(wrong_number(wanted, parameters.len()))
        }
        None => Ok(()),
    }
}

fn wrong_number(wanted: usize, given: usize) -> Error {
    Error::invalid(format!("the statement has {wanted} parameters, {given} values were given"))
}

fn values(row: &NativeRow<'_>, count: usize) -> Result<Vec<Value>, Error> {
    (0..count).map(|at| value(row, at)).collect()
}

/// The value of a column.
pub(crate) fn value(row: &NativeRow<'_>, at: usize) -> Result<Value, Error> {
    let native = row.get_ref(at).map_err(|error| refused(error, ""))?;
    Ok(match native {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Int(number),
        ValueRef::Real(number) => Value::Float(number),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
        ValueRef::Text(text) => match str::from_utf8(text) {
            Ok(text) => Value::from(text),
            Err(_) => {
                return Err(Error::new(ErrorKind::Query, "a text of a row is not UTF-8"));
            }
        },
    })
}

/// SQLite has five kinds of values; the others are stored as their text, as its own functions
/// expect them.
fn native_value(value: &Value) -> ToSqlOutput<'_> {
    let owned = |value| ToSqlOutput::Owned(value);
    match value {
        Value::Null => owned(NativeValue::Null),
        Value::Bool(truth) => owned(NativeValue::Integer((*truth).into())),
        Value::Int(number) => owned(NativeValue::Integer(*number)),
        Value::Float(number) => owned(NativeValue::Real(*number)),
        Value::Bytes(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
        Value::Text(text) | Value::Json(text) | Value::Decimal(text) => {
            ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes()))
        }
        Value::Array(_) => owned(NativeValue::Text(value.to_json())),
        other => owned(NativeValue::Text(other.to_string())),
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
