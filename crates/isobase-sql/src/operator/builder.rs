//! SQL out of names of the catalogue and places for values.

use crate::{Dialect, Record, Table, Value, name::quoted};

/// A statement under way, with its values.
#[derive(Debug)]
pub(super) struct Builder {
    pub(super) sql: String,
    pub(super) values: Vec<Value>,
}

impl Builder {
    pub(super) fn new(sql: impl Into<String>) -> Self {
        Self { sql: sql.into(), values: Vec::new() }
    }

    pub(super) fn push(&mut self, sql: &str) {
        self.sql.push_str(sql);
    }

    /// The place of a value.
    pub(super) fn value(&mut self, value: Value) {
        self.values.push(value);
        self.sql.push('$');
        self.sql.push_str(&self.values.len().to_string());
    }

    /// ` WHERE a = $1 AND b IS NULL`, or nothing without conditions.
    pub(super) fn conditions(&mut self, conditions: Record) {
        for (at, (column, value)) in conditions.into_iter().enumerate() {
            self.push(if at == 0 { " WHERE " } else { " AND " });
            self.push(&quoted(&column));
            if value.is_null() {
                self.push(" IS NULL");
            } else {
                self.push(" = ");
                self.value(value);
            }
        }
    }

    /// `a = $1, b = $2`
    pub(super) fn assignments(&mut self, table: &Table, data: Record) {
        for (at, (column, value)) in data.into_iter().enumerate() {
            if at > 0 {
                self.push(", ");
            }
            self.push(&quoted(&column));
            self.push(" = ");
            self.value(fitting(table, &column, value));
        }
    }

    /// ` LIMIT $1 OFFSET $2`
    pub(super) fn page(&mut self, dialect: Dialect, limit: Option<u64>, offset: Option<u64>) {
        let number = |number: u64| Value::Int(i64::try_from(number).unwrap_or(i64::MAX));
        if let Some(limit) = limit {
            self.push(" LIMIT ");
            self.value(number(limit));
        } else if offset.is_some() && dialect == Dialect::Sqlite {
            // SQLite has no OFFSET alone.
            self.push(" LIMIT -1");
        }
        if let Some(offset) = offset {
            self.push(" OFFSET ");
            self.value(number(offset));
        }
    }
}

/// A list of values for a JSON column is JSON; for any other it is an array.
pub(super) fn fitting(table: &Table, column: &str, value: Value) -> Value {
    let is_json = || table.column(column).is_some_and(crate::Column::is_json);
    match value {
        Value::Array(_) if is_json() => Value::Json(value.to_json()),
        value => value,
    }
}
