//! Arrays, ranges and composites of PostgreSQL in their binary form.
//!
//! Source: PostgreSQL 15, `arrayfuncs.c` (`array_send`), `rangetypes.c` (`range_send`),
//! `rowtypes.c` (`record_send`).

use isobase_postgres::tokio_postgres::types::{Field, Type};

use super::decode::{Unreadable, decode};
use crate::{Value, value::json_string};

/// Bytes that are read from the front.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], Unreadable> {
        let (front, rest) = self.0.split_at_checked(count).ok_or(Unreadable)?;
        self.0 = rest;
        Ok(front)
    }

    pub(crate) fn int(&mut self) -> Result<i32, Unreadable> {
        let bytes = self.take(4)?.try_into().map_err(|_| Unreadable)?;
        Ok(i32::from_be_bytes(bytes))
    }

    /// A length and so many bytes; a negative length is NULL.
    fn element(&mut self) -> Result<Option<&'a [u8]>, Unreadable> {
        match usize::try_from(self.int()?) {
            Ok(length) => self.take(length).map(Some),
            Err(_) => Ok(None),
        }
    }
}

pub(crate) fn array(element: &Type, raw: &[u8]) -> Result<Value, Unreadable> {
    let mut reader = Reader(raw);
    let dimensions = usize::try_from(reader.int()?).map_err(|_| Unreadable)?;
    reader.take(8)?;
    let mut lengths = Vec::new();
    for _ in 0..dimensions {
        lengths.push(usize::try_from(reader.int()?).map_err(|_| Unreadable)?);
        reader.int()?;
    }
    if lengths.is_empty() {
        return Ok(Value::Array(Vec::new()));
    }
    level(element, &lengths, &mut reader)
}

fn level(element: &Type, lengths: &[usize], reader: &mut Reader<'_>) -> Result<Value, Unreadable> {
    let Some((length, inner)) = lengths.split_first() else {
        return reader.element()?.map_or(Ok(Value::Null), |raw| decode(element, raw));
    };
    let elements = (0..*length).map(|_| level(element, inner, reader));
    elements.collect::<Result<Vec<_>, _>>().map(Value::Array)
}

pub(crate) fn multirange(range_element: &Type, raw: &[u8]) -> Result<Value, Unreadable> {
    let mut reader = Reader(raw);
    let mut ranges = Vec::new();
    for _ in 0..reader.int()? {
        let raw = reader.element()?.ok_or(Unreadable)?;
        ranges.push(range_text(range_element, raw)?);
    }
    Ok(Value::Text(format!("{{{}}}", ranges.join(","))))
}

pub(crate) fn range(element: &Type, raw: &[u8]) -> Result<Value, Unreadable> {
    range_text(element, raw).map(Value::Text)
}

fn range_text(element: &Type, raw: &[u8]) -> Result<String, Unreadable> {
    const EMPTY: u8 = 0x01;
    const LOWER_INCLUSIVE: u8 = 0x02;
    const UPPER_INCLUSIVE: u8 = 0x04;
    const LOWER_INFINITE: u8 = 0x08;
    const UPPER_INFINITE: u8 = 0x10;
    let mut reader = Reader(raw);
    let flags = reader.take(1)?[0];
    if flags & EMPTY != 0 {
        return Ok("empty".to_owned());
    }
    let mut bound = |infinite: u8| {
        if flags & infinite != 0 {
            return Ok(String::new());
        }
        let raw = reader.element()?.ok_or(Unreadable)?;
        decode(element, raw).map(|value| bound_text(&value))
    };
    let (lower, upper) = (bound(LOWER_INFINITE)?, bound(UPPER_INFINITE)?);
    let open = if flags & LOWER_INCLUSIVE != 0 { '[' } else { '(' };
    let close = if flags & UPPER_INCLUSIVE != 0 { ']' } else { ')' };
    Ok(format!("{open}{lower},{upper}{close}"))
}

/// As PostgreSQL writes a bound: in quotes where a character of it means something.
fn bound_text(value: &Value) -> String {
    let text = value.to_string();
    let plain = !text.is_empty() && !text.contains(|c: char| " ,()[]\"\\".contains(c));
    if plain {
        return text;
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\"\""))
}

/// A composite as a JSON object.
pub(crate) fn composite(fields: &[Field], raw: &[u8]) -> Result<Value, Unreadable> {
    let mut reader = Reader(raw);
    reader.int()?;
    let mut members = Vec::new();
    for field in fields {
        reader.int()?;
        let value = match reader.element()? {
            Some(raw) => decode(field.type_(), raw)?,
            None => Value::Null,
        };
        members.push(format!("{}:{}", json_string(field.name()), value.to_json()));
    }
    Ok(Value::Json(format!("{{{}}}", members.join(","))))
}
