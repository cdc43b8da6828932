//! Arrays, ranges and composites of PostgreSQL in their binary form.
//!
//! Source: PostgreSQL 15, `arrayfuncs.c` (`array_send`), `rangetypes.c` (`range_send`),
//! `rowtypes.c` (`record_send`).

use std::ops::Bound;

use isobase_postgres::tokio_postgres::types::{Field, Type};

use super::reader::{Reader, Unreadable};
use crate::{Range, Value, value::json_string};

/// Reads a value of any type.
pub(super) type Decode = fn(&Type, &[u8]) -> Result<Value, Unreadable>;

pub(crate) fn array(decode: Decode, element: &Type, raw: &[u8]) -> Result<Value, Unreadable> {
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
    level(decode, element, &lengths, &mut reader)
}

fn level(
    decode: Decode,
    element: &Type,
    lengths: &[usize],
    reader: &mut Reader<'_>,
) -> Result<Value, Unreadable> {
    let Some((length, inner)) = lengths.split_first() else {
        return reader.element()?.map_or(Ok(Value::Null), |raw| decode(element, raw));
    };
    let elements = (0..*length).map(|_| level(decode, element, inner, reader));
    elements.collect::<Result<Vec<_>, _>>().map(Value::Array)
}

pub(crate) fn multirange(
    decode: Decode,
    range_element: &Type,
    raw: &[u8],
) -> Result<Value, Unreadable> {
    let mut reader = Reader(raw);
    let mut ranges = Vec::new();
    for _ in 0..reader.int()? {
        let raw = reader.element()?.ok_or(Unreadable)?;
        ranges.push(one_range(decode, range_element, raw)?);
    }
    Ok(Value::Multirange(ranges))
}

pub(crate) fn range(decode: Decode, element: &Type, raw: &[u8]) -> Result<Value, Unreadable> {
    one_range(decode, element, raw).map(|range| Value::Range(Box::new(range)))
}

fn one_range(decode: Decode, element: &Type, raw: &[u8]) -> Result<Range, Unreadable> {
    const EMPTY: u8 = 0x01;
    const LOWER_INCLUSIVE: u8 = 0x02;
    const UPPER_INCLUSIVE: u8 = 0x04;
    const LOWER_INFINITE: u8 = 0x08;
    const UPPER_INFINITE: u8 = 0x10;
    let mut reader = Reader(raw);
    let flags = reader.take(1)?[0];
    if flags & EMPTY != 0 {
        return Ok(Range::Empty);
    }
    let mut bound = |infinite: u8, inclusive: u8| {
        if flags & infinite != 0 {
            return Ok(Bound::Unbounded);
        }
        let raw = reader.element()?.ok_or(Unreadable)?;
        let value = decode(element, raw)?;
        let is_included = flags & inclusive != 0;
        Ok(if is_included { Bound::Included(value) } else { Bound::Excluded(value) })
    };
    let lower = bound(LOWER_INFINITE, LOWER_INCLUSIVE)?;
    Ok(Range::Between(lower, bound(UPPER_INFINITE, UPPER_INCLUSIVE)?))
}

/// A composite as a JSON object.
pub(crate) fn composite(decode: Decode, fields: &[Field], raw: &[u8]) -> Result<Value, Unreadable> {
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
