//! A value of a row, or of a parameter.

use std::{fmt, ops::Bound};

use crate::civil;

/// A value, as exact as the database has it. Nothing is rounded: a number of many digits stays
/// text, JSON stays text, and a moment beyond every calendar of Rust stays a number.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// SQL's NULL.
    Null,
    /// A truth value. SQLite has none and stores 0 or 1.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A floating-point number; on PostgreSQL also NaN and infinity.
    Float(f64),
    /// A decimal number in digits, or `NaN`, `Infinity`, `-Infinity`.
    Decimal(String),
    /// Text, and what has a text form and no variant of its own (enums, bits).
    Text(String),
    /// A network address, with the length of its network when that is not the whole: `10.0.0.1/8`.
    Address(String),
    /// A network: `10.0.0.0/8`.
    Network(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A JSON text.
    Json(String),
    /// A UUID.
    Uuid([u8; 16]),
    /// Days from 2000-01-01; the smallest and largest numbers are minus and plus infinity.
    Date(i32),
    /// Microseconds from midnight, up to and with 24:00.
    Time(i64),
    /// A time with an offset.
    TimeTz {
        /// Microseconds from midnight.
        micros: i64,
        /// Seconds west of Greenwich.
        west_seconds: i32,
    },
    /// Microseconds from 2000-01-01 without a zone; infinity as in [`Value::Date`].
    Timestamp(i64),
    /// Microseconds from 2000-01-01 UTC; infinity as in [`Value::Date`].
    TimestampTz(i64),
    /// An interval, whose three parts no calendar adds up.
    Interval {
        /// Months.
        months: i32,
        /// Days.
        days: i32,
        /// Microseconds.
        micros: i64,
    },
    /// An array; one of several dimensions holds arrays.
    Array(Vec<Value>),
    /// A range.
    Range(Box<Range>),
    /// Ranges that neither meet nor overlap, in their order.
    Multirange(Vec<Range>),
}

/// A range of values, as the database normalises it: those of integers and days include their
/// lower bound and exclude the upper one.
#[derive(Clone, Debug, PartialEq)]
pub enum Range {
    /// It holds nothing.
    Empty,
    /// What is between a lower and an upper bound.
    Between(Bound<Value>, Bound<Value>),
}

/// As PostgreSQL writes it: `[1,5)`, `(,"2000-01-01 00:00:00"]`, `empty`.
impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Between(lower, upper) = self else { return f.write_str("empty") };
        f.write_str(if matches!(lower, Bound::Included(_)) { "[" } else { "(" })?;
        f.write_str(&bound_text(lower))?;
        f.write_str(",")?;
        f.write_str(&bound_text(upper))?;
        f.write_str(if matches!(upper, Bound::Included(_)) { "]" } else { ")" })
    }
}

/// In quotes where a character of it means something.
fn bound_text(bound: &Bound<Value>) -> String {
    let (Bound::Included(value) | Bound::Excluded(value)) = bound else { return String::new() };
    let text = value.to_string();
    let plain = !text.is_empty() && !text.contains(|c: char| " ,()[]\"\\".contains(c));
    if plain {
        return text;
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\"\""))
}

/// The text of a multirange: `{[1,3),[5,8)}`.
pub(crate) fn multirange_text<'a>(ranges: impl Iterator<Item = &'a Range>) -> String {
    let ranges: Vec<_> = ranges.map(Range::to_string).collect();
    format!("{{{}}}", ranges.join(","))
}

impl Value {
    /// Whether it is NULL.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The text, when it is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text)
            | Self::Address(text)
            | Self::Network(text)
            | Self::Json(text)
            | Self::Decimal(text) => Some(text),
            _ => None,
        }
    }

    /// The integer, when it is one.
    #[must_use]
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            Self::Bool(truth) => Some(i64::from(*truth)),
            _ => None,
        }
    }

    /// Its JSON text. What JSON has no form for becomes a string.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut text = String::new();
        self.write_json(&mut text);
        text
    }

    pub(crate) fn write_json(&self, text: &mut String) {
        match self {
            Self::Null => text.push_str("null"),
            Self::Bool(truth) => text.push_str(if *truth { "true" } else { "false" }),
            Self::Int(number) => text.push_str(&number.to_string()),
            Self::Float(number) if number.is_finite() => text.push_str(&format!("{number:?}")),
            Self::Decimal(digits) if is_json_number(digits) => text.push_str(digits),
            Self::Json(json) => text.push_str(json),
            Self::Array(elements) => {
                for (at, element) in elements.iter().enumerate() {
                    text.push(if at == 0 { '[' } else { ',' });
                    element.write_json(text);
                }
                text.push_str(if elements.is_empty() { "[]" } else { "]" });
            }
            other => text.push_str(&json_string(&other.to_string())),
        }
    }

    /// The value as PostgreSQL reads it from text, without quotes; `None` for NULL.
    pub(crate) fn to_sql_text(&self) -> Option<String> {
        match self {
            Self::Null => None,
            Self::Array(elements) => Some(array_literal(elements)),
            other => Some(other.to_string()),
        }
    }
}

/// A value in text, as PostgreSQL writes it. An array is a literal, and NULL is `NULL`.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("NULL"),
            Self::Bool(truth) => f.write_str(if *truth { "true" } else { "false" }),
            Self::Int(number) => write!(f, "{number}"),
            Self::Float(number) if number.is_nan() => f.write_str("NaN"),
            Self::Float(number) if number.is_infinite() => {
                f.write_str(if *number > 0.0 { "Infinity" } else { "-Infinity" })
            }
            // The shortest digits that give the same number again.
            Self::Float(number) => write!(f, "{number:?}"),
            Self::Decimal(text)
            | Self::Text(text)
            | Self::Address(text)
            | Self::Network(text)
            | Self::Json(text) => f.write_str(text),
            Self::Bytes(bytes) => {
                f.write_str("\\x")?;
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
            Self::Uuid(bytes) => write_uuid(f, bytes),
            Self::Date(days) => f.write_str(&civil::date_text(*days)),
            Self::Time(micros) => f.write_str(&civil::time_text(*micros)),
            Self::TimeTz { micros, west_seconds } => {
                f.write_str(&civil::time_text(*micros))?;
                f.write_str(&civil::offset_text(*west_seconds))
            }
            Self::Timestamp(micros) => f.write_str(&civil::moment_text(*micros, "")),
            Self::TimestampTz(micros) => f.write_str(&civil::moment_text(*micros, "+00")),
            Self::Interval { months, days, micros } => {
                f.write_str(&civil::interval_text(*months, *days, *micros))
            }
            Self::Array(elements) => f.write_str(&array_literal(elements)),
            Self::Range(range) => range.fmt(f),
            Self::Multirange(ranges) => f.write_str(&multirange_text(ranges.iter())),
        }
    }
}

fn write_uuid(f: &mut fmt::Formatter<'_>, bytes: &[u8; 16]) -> fmt::Result {
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            f.write_str("-")?;
        }
        write!(f, "{byte:02x}")?;
    }
    Ok(())
}

/// `{1,"a b",NULL}`: every text in quotes, so that no word of it means something.
fn array_literal(elements: &[Value]) -> String {
    let mut text = String::from("{");
    for (at, element) in elements.iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        match element {
            Value::Null => text.push_str("NULL"),
            Value::Array(inner) => text.push_str(&array_literal(inner)),
            Value::Int(_) | Value::Bool(_) => text.push_str(&element.to_string()),
            other => {
                text.push('"');
                text.push_str(&other.to_string().replace('\\', "\\\\").replace('"', "\\\""));
                text.push('"');
            }
        }
    }
    text.push('}');
    text
}

/// A text as a JSON string.
pub(crate) fn json_string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn is_json_number(digits: &str) -> bool {
    digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-' || byte == b'.')
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Self {
        Self::Int(number.into())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Float(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<Vec<Value>> for Value {
    fn from(elements: Vec<Value>) -> Self {
        Self::Array(elements)
    }
}

impl From<&serde_json::Value> for Value {
    /// Objects and lists become JSON; the others what they are.
    fn from(json: &serde_json::Value) -> Self {
        match json {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(truth) => Self::Bool(*truth),
            serde_json::Value::Number(number) => match number.as_i64() {
                Some(integer) => Self::Int(integer),
                None => Self::Decimal(number.to_string()),
            },
            serde_json::Value::String(text) => Self::Text(text.clone()),
            serde_json::Value::Array(_) | serde_json::Value::Object(_) => {
                Self::Json(json.to_string())
            }
        }
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_keeps_digits_and_marks_the_rest() {
        let cases = [
            (Value::Decimal("1.10".into()), "1.10"),
            (Value::Decimal("NaN".into()), "\"NaN\""),
            (Value::Float(f64::INFINITY), "\"Infinity\""),
            (Value::Float(1.0), "1.0"),
            (Value::from("a\"b\n"), "\"a\\\"b\\n\""),
            (Value::Json("{\"n\":1e400}".into()), "{\"n\":1e400}"),
            (Value::Array(vec![]), "[]"),
            (Value::Array(vec![Value::Null, 1.into()]), "[null,1]"),
            (Value::Date(i32::MAX), "\"infinity\""),
        ];
        for (value, json) in cases {
            assert_eq!(value.to_json(), json);
        }
    }

    #[test]
    fn array_literals_quote_every_text() {
        let hostile = Value::Array(vec![
            "NULL".into(),
            "a\"b\\c,{}".into(),
            Value::Null,
            Value::Array(vec![1.into()]),
        ]);
        assert_eq!(hostile.to_string(), r#"{"NULL","a\"b\\c,{}",NULL,{1}}"#);
    }
}
