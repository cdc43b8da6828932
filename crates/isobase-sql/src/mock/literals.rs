//! Values of types that only PostgreSQL has, as the texts that it reads.
//!
//! Source: PostgreSQL 18 documentation, chapter 8, "Data Types".

use crate::{Column, random::Random};

/// A text that the type of a column takes; none for a type that is not known here.
///
/// Where values must be unique, `number` makes them so.
pub(super) fn literal(column: &Column, number: Option<i64>, random: &mut Random) -> Option<String> {
    let name = type_name(column);
    let low = number.unwrap_or_else(|| random.between(1, 1000));
    let high = low.saturating_add(random.between(1, 100));
    let (x, y) = (low, random.between(1, 1000));
    Some(match name.as_str() {
        "int4range" | "int8range" | "numrange" => format!("[{low},{high})"),
        "int4multirange" | "int8multirange" | "nummultirange" => format!("{{[{low},{high})}}"),
        "daterange" | "tsrange" | "tstzrange" => days(low),
        "datemultirange" | "tsmultirange" | "tstzmultirange" => format!("{{{}}}", days(low)),
        "point" => format!("({x},{y})"),
        "line" => format!("{{1,{y},{x}}}"),
        "lseg" | "path" => format!("[({x},{y}),({high},{y})]"),
        "box" => format!("({high},{high}),({x},{x})"),
        "polygon" => format!("(({x},{y}),({high},{y}),({x},{high}))"),
        "circle" => format!("<({x},{y}),{}>", random.between(1, 100)),
        "macaddr" => format!("08:00:2b:{}", octets(low, 3)),
        "macaddr8" => format!("08:00:2b:{}", octets(low, 5)),
        "bit" => bits(low, length(column).unwrap_or(1)),
        "varbit" => bits(low, length(column).unwrap_or(32).min(32)),
        "tsvector" => format!("mock {low}"),
        "tsquery" => format!("mock & {low}"),
        "xml" => format!("<mock>{low}</mock>"),
        "jsonpath" => format!("$.mock[{low}]"),
        "pg_lsn" => format!("0/{low:X}"),
        "oid" | "xid" | "xid8" | "cid" => low.to_string(),
        "hstore" => format!("mock=>{low}"),
        "ltree" => format!("mock.{low}"),
        _ => return None,
    })
}

/// The name of the type without its length, of a list that of its elements.
fn type_name(column: &Column) -> String {
    let base = column.base_type.to_lowercase();
    let name = if base.is_empty() { column.data_type.to_lowercase() } else { base };
    let name = name.trim_start_matches('_').trim_end_matches("[]");
    name.split('(').next().unwrap_or_default().trim().to_owned()
}

/// The number in `bit(3)`.
fn length(column: &Column) -> Option<usize> {
    let (_, rest) = column.data_type.split_once('(')?;
    rest.split(')').next()?.trim().parse().ok()
}

/// A day of the last years, up to the next one.
fn days(number: i64) -> String {
    let first = 8766 + number.rem_euclid(1_000_000);
    let day = |days| crate::civil::date_text(i32::try_from(days).unwrap_or(8766));
    format!("[{},{})", day(first), day(first + 1))
}

/// The lowest octets of a number, the highest of them first.
fn octets(number: i64, count: usize) -> String {
    let bytes = number.to_be_bytes();
    let shown = bytes[bytes.len() - count..].iter().map(|byte| format!("{byte:02x}"));
    shown.collect::<Vec<_>>().join(":")
}

/// The lowest bits of a number, as many as the type has.
fn bits(number: i64, count: usize) -> String {
    let bit = |at: usize| if at < 63 && number >> at & 1 == 1 { '1' } else { '0' };
    (0..count).rev().map(bit).collect()
}
