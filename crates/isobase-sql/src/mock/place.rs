//! The place of a value, and the parts that values of every kind are made of.

use super::checks::Bounds;
use crate::{Column, Family, Value, random::Random};

/// Days of this and the last few years, from 2000-01-01: 2024-01-01 to 2026-11-30. Fixed, so that
/// a seed gives the same rows next year.
pub(super) const DAYS: (i64, i64) = (8766, 9830);

/// The place of a value: its column, and the row.
#[derive(Debug)]
pub(super) struct Place<'a> {
    pub(super) column: &'a Column,
    pub(super) family: &'a Family,
    pub(super) bounds: &'a Bounds,
    /// Counts the rows; part of every value that must be unique.
    pub(super) number: i64,
    pub(super) unique: bool,
    /// Texts are as people have them.
    pub(super) realistic: bool,
}

/// A sequence, a generated column, or a default that is another one for each row.
pub(super) fn is_made_by_database(column: &Column) -> bool {
    let default = column.default.as_deref().unwrap_or_default().to_lowercase();
    column.generated
        || ["nextval", "gen_random_uuid", "uuid_generate", "randomblob"]
            .iter()
            .any(|function| default.contains(function))
}

pub(super) fn typed_text(family: &Family, text: String) -> Value {
    match family {
        Family::Integer(_) => text.parse().map_or(Value::Text(text), Value::Int),
        Family::Decimal(_) | Family::Float => Value::Decimal(text),
        _ => Value::Text(text),
    }
}

pub(super) fn letter(random: &mut Random) -> char {
    let offset = u8::try_from(random.between(0, 25)).unwrap_or(0);
    char::from(b'a' + offset)
}

pub(super) fn base36(number: i64) -> String {
    let mut rest = number.unsigned_abs();
    let mut digits = Vec::new();
    loop {
        let digit = u8::try_from(rest % 36).unwrap_or(0);
        digits.push(if digit < 10 { b'0' + digit } else { b'a' + digit - 10 });
        rest /= 36;
        if rest == 0 {
            break;
        }
    }
    digits.iter().rev().map(|digit| char::from(*digit)).collect()
}
