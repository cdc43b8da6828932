//! Values of which no two are equal: each is made of the number of its row.

use std::collections::HashSet;

use super::{
    checks::{Bounds, Checks},
    place::{DAYS, Place, base36, is_made_by_database, letter, typed_text},
};
use crate::{Column, Family, Table, Value, random::Random};

/// So many values a column has, and all of them are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taken(pub(super) u64);

/// The last day that Python knows, 9999-12-31, from 2000-01-01.
const LAST_DAY: i64 = 2_921_939;
const SECONDS_OF_DAY: i64 = 86_400;
/// A text of fewer characters is not taken to keep rows apart where another column can.
const ROOMY_LENGTH: u32 = 4;

/// The columns whose values keep rows apart: those of unique columns, and one column of each unique
/// group.
pub(super) fn columns_apart(
    table: &Table,
    families: &[Family],
    checks: &Checks,
) -> HashSet<String> {
    let none = Bounds::default();
    let roomy = |column: &Column, family: &Family| {
        let bounds = checks.columns.get(&column.name).unwrap_or(&none);
        let has_room = match family {
            Family::Bool | Family::Enum(_) => false,
            Family::Text => column.max_length.is_none_or(|max| max >= ROOMY_LENGTH),
            _ => true,
        };
        has_room && bounds.one_of.is_none() && !refers(table, &column.name)
    };
    let mut apart = HashSet::new();
    for group in table.uniques.iter().chain([&table.primary_key]) {
        if let [alone] = group.as_slice() {
            apart.insert(alone.clone());
            continue;
        }
        let columns = || {
            let all = table.columns.iter().zip(families);
            all.filter(|(column, _)| group.contains(&column.name))
        };
        if columns().any(|(column, _)| is_made_by_database(column)) {
            continue;
        }
        let chosen = columns().rfind(|(column, family)| roomy(column, family));
        apart.extend(chosen.map(|(column, _)| column.name.clone()));
    }
    apart
}

pub(super) fn refers(table: &Table, column: &str) -> bool {
    table.foreign_keys.iter().any(|key| key.columns.iter().any(|name| name == column))
}

/// A value that no other row has; nothing where values made at random are different anyway.
pub(super) fn value(place: &Place<'_>, family: &Family) -> Result<Option<Value>, Taken> {
    let at = place.number.saturating_sub(1);
    let index = usize::try_from(at).unwrap_or(usize::MAX);
    let one_of = |texts: &[String]| texts.get(index).cloned().ok_or(Taken(texts.len() as u64));
    if let Some(texts) = &place.bounds.one_of {
        return one_of(texts).map(|text| Some(typed_text(family, text)));
    }
    Ok(Some(match family {
        Family::Enum(labels) => Value::Text(one_of(labels)?),
        Family::Bool => Value::Bool([true, false].get(index).copied().ok_or(Taken(2))?),
        Family::Integer(max) => integer(place, *max, at)?,
        Family::Decimal(digits) => decimal(place, *digits, at)?,
        #[expect(clippy::cast_precision_loss, reason = "rows are fewer than 2^53")]
        Family::Float => Value::Float(whole(place, i64::MAX, at)? as f64),
        Family::Date => {
            let day = DAYS.0 + at;
            let days = LAST_DAY - DAYS.0 + 1;
            let day = i32::try_from(day).ok().filter(|_| day <= LAST_DAY);
            Value::Date(day.ok_or(Taken(days.unsigned_abs()))?)
        }
        Family::Time => Value::Time(at % (SECONDS_OF_DAY * 1_000_000)),
        // A second apart, which columns without fractions keep.
        Family::Timestamp => Value::TimestampTz((DAYS.0 * SECONDS_OF_DAY + at) * 1_000_000),
        Family::Interval => Value::Interval {
            months: 0,
            days: i32::try_from(at / SECONDS_OF_DAY).unwrap_or(i32::MAX),
            micros: at % SECONDS_OF_DAY * 1_000_000,
        },
        Family::Network => {
            const ADDRESSES: i64 = 1 << 24;
            if at >= ADDRESSES {
                return Err(Taken(ADDRESSES.unsigned_abs()));
            }
            Value::Text(format!("10.{}.{}.{}", at >> 16, at >> 8 & 255, at & 255))
        }
        Family::Text | Family::Uuid | Family::Json | Family::Bytes => return Ok(None),
        Family::Array(_) | Family::Other => return Ok(None),
    }))
}

fn integer(place: &Place<'_>, max: i64, at: i64) -> Result<Value, Taken> {
    whole(place, max, at).map(Value::Int)
}

/// The whole number at a place, up to what the type and the conditions allow.
fn whole(place: &Place<'_>, max: i64, at: i64) -> Result<i64, Taken> {
    let (low, high) = limits(place, max);
    let number = low.saturating_add(at);
    if number > high { Err(Taken(high.abs_diff(low).saturating_add(1))) } else { Ok(number) }
}

fn limits(place: &Place<'_>, max: i64) -> (i64, i64) {
    let is_key = place.column.name == "id" || place.column.name.ends_with("_id");
    let (low, high) = place.bounds.integers(if is_key { 1000 } else { 1 }, max);
    let is_bounded = place.bounds.max.is_some() || place.bounds.below.is_some();
    (low.min(max), if is_bounded { high.min(max) } else { max })
}

/// Hundredths are used up, too, where there are any.
fn decimal(place: &Place<'_>, digits: Option<(u32, u32)>, at: i64) -> Result<Value, Taken> {
    let (precision, scale) = digits.unwrap_or((12, 2));
    let largest = 10_i64.saturating_pow(precision.saturating_sub(scale).min(15)) - 1;
    let (low, high) = limits(place, largest);
    let width = scale.min(2);
    let parts = 10_i64.pow(width);
    // Beyond the last whole number there is no room for a fraction.
    let count = high.saturating_sub(low).saturating_mul(parts).saturating_add(1);
    if at >= count {
        return Err(Taken(count.unsigned_abs()));
    }
    let hundredths = low.saturating_mul(parts).saturating_add(at);
    let sign = if hundredths < 0 { "-" } else { "" };
    let (whole, fraction) = (hundredths.abs() / parts, hundredths.abs() % parts);
    let width = width as usize;
    Ok(Value::Decimal(match fraction {
        0 => format!("{sign}{whole}"),
        _ => format!("{sign}{whole}.{fraction:0width$}"),
    }))
}

/// A text with the number of its row in it, of so many characters.
pub(super) fn text(
    made: &str,
    number: i64,
    (wanted, limit): (usize, usize),
    random: &mut Random,
) -> Result<String, Taken> {
    let mark = base36(number);
    if mark.len() > limit {
        let length = u32::try_from(limit).unwrap_or(u32::MAX);
        return Err(Taken(36_u64.saturating_pow(length).saturating_sub(1)));
    }
    let fits = |text: &String| (wanted..=limit).contains(&text.chars().count());
    if let Some(address) = address(made, &mark).filter(fits) {
        return Ok(address);
    }
    let keep = limit.saturating_sub(mark.len() + 1);
    if keep == 0 {
        return Ok(format!("{mark:0>wanted$}"));
    }
    let mut front: Vec<char> = made.chars().take(keep).collect();
    while front.len() + 1 + mark.len() < wanted {
        front.push(letter(random));
    }
    Ok(format!("{}-{mark}", front.into_iter().collect::<String>()))
}

/// An address stays one: what makes it unique stands before its domain.
fn address(text: &str, mark: &str) -> Option<String> {
    let (person, domain) = text.split_once('@')?;
    Some(format!("{person}.{mark}@{domain}"))
}
