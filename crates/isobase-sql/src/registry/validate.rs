//! Whether a row would fit its table.

use super::{Family, SchemaRegistry};
use crate::{Column, Error, Record, Value, civil};

impl SchemaRegistry {
    /// Whether a row could be inserted, as far as types, lengths and NOT NULL tell.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) with the first reason against it, in
    /// the words of the specification; [`ErrorKind::Schema`](crate::ErrorKind::Schema) when there
    /// is no such table.
    pub fn validate_insert_data(
        &self,
        schema: &str,
        table: &str,
        data: &Record,
    ) -> Result<(), Error> {
        let table = self.table(schema, table)?;
        for column in &table.columns {
            let optional = column.nullable || column.default.is_some() || column.generated;
            if !optional && !data.iter().any(|(name, _)| *name == column.name) {
                return Err(Error::invalid(format!("Missing required column: {}", column.name)));
            }
        }
        for (name, value) in data {
            let Some(column) = table.column(name) else {
                return Err(Error::invalid(format!("Unknown column: {name}")));
            };
            if value.is_null() {
                if !column.nullable {
                    return Err(Error::invalid(format!("Column {name} cannot be null")));
                }
                continue;
            }
            check(&Family::of(column), column, value).map_err(|reason| {
                Error::invalid(format!("Invalid value for column {name}: {reason}"))
            })?;
        }
        Ok(())
    }
}

fn check(family: &Family, column: &Column, value: &Value) -> Result<(), String> {
    let expected = |what: &str| Err(format!("Expected {what}, got {}", type_name(value)));
    match (family, value) {
        (Family::Integer(_), Value::Int(_))
        | (
            Family::Float | Family::Decimal(_),
            Value::Int(_) | Value::Float(_) | Value::Decimal(_),
        )
        | (Family::Bool, Value::Bool(_))
        | (Family::Uuid, Value::Uuid(_))
        | (Family::Date, Value::Date(_))
        | (Family::Time, Value::Time(_) | Value::TimeTz { .. })
        | (Family::Timestamp, Value::Timestamp(_) | Value::TimestampTz(_))
        | (Family::Json | Family::Other | Family::Bytes | Family::Interval | Family::Network, _) => {
            Ok(())
        }
        (Family::Integer(_), _) => expected("integer"),
        (Family::Float | Family::Decimal(_), _) => expected("number"),
        (Family::Bool, _) => expected("boolean"),
        (Family::Text, Value::Text(text)) => match column.max_length {
            Some(max) if text.chars().count() > max as usize => {
                Err(format!("String exceeds maximum length of {max}"))
            }
            _ => Ok(()),
        },
        (Family::Enum(labels), Value::Text(text)) if labels.contains(text) => Ok(()),
        (Family::Enum(labels), Value::Text(_)) => {
            Err(format!("Expected one of {}", labels.join(", ")))
        }
        (Family::Text | Family::Enum(_), _) => expected("string"),
        (Family::Uuid, Value::Text(text)) if is_uuid(text) => Ok(()),
        (Family::Uuid, Value::Text(text)) => Err(format!("Invalid UUID format: {text}")),
        (Family::Uuid, _) => Err(format!("Expected string for UUID, got {}", type_name(value))),
        (Family::Date | Family::Timestamp, Value::Text(text)) if civil::is_iso(text) => Ok(()),
        (Family::Date, _) => expected("date"),
        (Family::Timestamp, _) => expected("timestamp"),
        (Family::Time, Value::Text(text)) if text.contains(':') => Ok(()),
        (Family::Time, _) => expected("time"),
        (Family::Array(element), Value::Array(values)) => values
            .iter()
            .filter(|value| !value.is_null())
            .try_for_each(|value| check(element, column, value))
            .map_err(|reason| format!("Array element invalid: {reason}")),
        (Family::Array(_), _) => expected("array"),
    }
}

/// As Python names it.
fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "NoneType",
        Value::Bool(_) => "bool",
        Value::Int(_) => "int",
        Value::Float(_) => "float",
        Value::Decimal(_) => "Decimal",
        Value::Text(_) => "str",
        Value::Address(_) => "IPv4Interface",
        Value::Network(_) => "IPv4Network",
        Value::Bytes(_) => "bytes",
        Value::Json(_) => "dict",
        Value::Uuid(_) => "UUID",
        Value::Date(_) => "date",
        Value::Time(_) | Value::TimeTz { .. } => "time",
        Value::Timestamp(_) | Value::TimestampTz(_) => "datetime",
        Value::Interval { .. } => "timedelta",
        Value::Array(_) => "list",
        Value::Range(_) => "Range",
        Value::Multirange(_) => "Multirange",
    }
}

fn is_uuid(text: &str) -> bool {
    let digits = text.bytes().filter(|byte| *byte != b'-');
    let places = [8, 13, 18, 23];
    let is_plain =
        text.len() == 32 || places.iter().all(|at| text.as_bytes().get(*at) == Some(&b'-'));
    is_plain && digits.clone().count() == 32 && digits.into_iter().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dialect, record};

    #[test]
    fn reasons_are_those_of_the_specification() {
        let registry = SchemaRegistry::from_sql(
            Dialect::Postgres,
            "CREATE TABLE t (id serial PRIMARY KEY, n int NOT NULL, s varchar(3), u uuid, \
             d timestamp, b bool, a int[], p numeric, e jsonb)",
        )
        .unwrap();
        let cases = [
            ("x", Value::Int(1), "Unknown column: x"),
            ("n", Value::Null, "Column n cannot be null"),
            ("n", "a".into(), "Invalid value for column n: Expected integer, got str"),
            ("n", true.into(), "Invalid value for column n: Expected integer, got bool"),
            ("s", 1.into(), "Invalid value for column s: Expected string, got int"),
            ("s", "abcd".into(), "Invalid value for column s: String exceeds maximum length of 3"),
            ("u", 1.into(), "Invalid value for column u: Expected string for UUID, got int"),
            ("u", "a-b".into(), "Invalid value for column u: Invalid UUID format: a-b"),
            ("d", "now".into(), "Invalid value for column d: Expected timestamp, got str"),
            ("b", 1.into(), "Invalid value for column b: Expected boolean, got int"),
            ("p", "1".into(), "Invalid value for column p: Expected number, got str"),
            (
                "a",
                Value::Array(vec!["x".into()]),
                "Invalid value for column a: Array element invalid: Expected integer, got str",
            ),
        ];
        for (column, value, reason) in cases {
            let mut row = record([("n", 1.into())]);
            row.retain(|(name, _)| name != column);
            row.push((column.to_owned(), value));
            let error = registry.validate_insert_data("public", "t", &row).unwrap_err();
            assert_eq!(error.message, reason);
        }
        let missing = registry.validate_insert_data("public", "t", &vec![]).unwrap_err();
        assert_eq!(missing.message, "Missing required column: n");
        let good = record([("n", 1.into()), ("d", "2024-02-29".into()), ("e", "x".into())]);
        registry.validate_insert_data("public", "t", &good).unwrap();
        let error = registry.table("x", "t").unwrap_err();
        assert_eq!(error.message, "Schema 'x' not found in schema registry");
        let error = registry.table("public", "y").unwrap_err();
        assert_eq!(error.message, "Table 'y' not found in schema 'public'");
    }
}
