//! The kinds of values that columns take.

use crate::Column;

/// A kind of values, whatever the database calls it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Family {
    /// Integers up to and with this one.
    Integer(i64),
    /// Numbers with so many digits in all, and so many of them after the point.
    Decimal(Option<(u32, u32)>),
    /// Floating-point numbers.
    Float,
    /// Truth values.
    Bool,
    /// Text.
    Text,
    /// One of these texts.
    Enum(Vec<String>),
    /// UUIDs.
    Uuid,
    /// Days.
    Date,
    /// Times of day.
    Time,
    /// Moments, with a zone or without.
    Timestamp,
    /// Spans of time.
    Interval,
    /// JSON.
    Json,
    /// Bytes.
    Bytes,
    /// Network addresses.
    Network,
    /// Lists of these.
    Array(Box<Family>),
    /// Anything else; the database decides.
    Other,
}

impl Family {
    /// The kind of a column.
    #[must_use]
    pub fn of(column: &Column) -> Self {
        if !column.labels.is_empty() {
            let one = Self::Enum(column.labels.clone());
            let is_array = column.data_type.ends_with("[]");
            return if is_array { Self::Array(Box::new(one)) } else { one };
        }
        let base = Self::of_type(&column.base_type);
        match Self::of_type(&column.data_type) {
            // The type is a domain, of which the name says nothing.
            Self::Other => base,
            family => family,
        }
    }

    fn of_type(data_type: &str) -> Self {
        let lower = data_type.trim().to_lowercase();
        if let Some(element) = lower.strip_suffix("[]") {
            return Self::Array(Box::new(Self::of_type(element)));
        }
        let (name, arguments) = match lower.split_once('(') {
            Some((name, rest)) => (name.trim(), rest.split(')').next().unwrap_or_default()),
            None => (lower.as_str(), ""),
        };
        let word = name.split_whitespace().next().unwrap_or_default();
        match word.rsplit('.').next().unwrap_or_default() {
            "smallint" | "int2" | "smallserial" | "serial2" => Self::Integer(i16::MAX.into()),
            "int" | "integer" | "int4" | "serial" | "serial4" => Self::Integer(i32::MAX.into()),
            "bigint" | "int8" | "bigserial" | "serial8" => Self::Integer(i64::MAX),
            "numeric" | "decimal" | "dec" => Self::Decimal(digits(arguments)),
            "money" => Self::Decimal(Some((10, 2))),
            "real" | "double" | "float" | "float4" | "float8" => Self::Float,
            "bool" | "boolean" => Self::Bool,
            "text" | "varchar" | "char" | "character" | "bpchar" | "name" | "citext" | "clob"
            | "nvarchar" | "string" => Self::Text,
            "uuid" => Self::Uuid,
            "date" => Self::Date,
            "time" | "timetz" => Self::Time,
            "timestamp" | "timestamptz" | "datetime" => Self::Timestamp,
            "interval" => Self::Interval,
            "json" | "jsonb" => Self::Json,
            "bytea" | "blob" => Self::Bytes,
            "inet" | "cidr" => Self::Network,
            _ => Self::Other,
        }
    }
}

/// Precision and scale of `10,2`.
fn digits(arguments: &str) -> Option<(u32, u32)> {
    let mut numbers = arguments.split(',').map(|number| number.trim().parse().ok());
    let precision = numbers.next()??;
    Some((precision, numbers.next().flatten().unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_have_their_families() {
        let cases = [
            ("character varying(50)", Family::Text),
            ("NUMERIC(10, 2)", Family::Decimal(Some((10, 2)))),
            ("numeric", Family::Decimal(None)),
            ("timestamp with time zone", Family::Timestamp),
            ("double precision", Family::Float),
            ("integer[]", Family::Array(Box::new(Family::Integer(i32::MAX.into())))),
            ("tsvector", Family::Other),
            ("", Family::Other),
        ];
        for (data_type, family) in cases {
            assert_eq!(Family::of_type(data_type), family, "{data_type}");
        }
        let domain =
            Column { data_type: "shop.age".into(), base_type: "int4".into(), ..Column::default() };
        assert_eq!(Family::of(&domain), Family::Integer(i32::MAX.into()));
    }
}
