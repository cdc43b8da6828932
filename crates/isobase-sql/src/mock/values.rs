//! A value that a column takes.

use super::{
    literals,
    place::{DAYS, Place, letter, typed_text},
    realistic,
    unique::{self, Taken},
};
use crate::{Family, Value, random::Random};

/// Characters of a text whose column sets no length.
const TEXT_MAX: usize = 50;
const MICROS_OF_DAY: i64 = 86_400_000_000;

/// A value by the name of the column where the name says something, else by its type.
pub(super) fn value(place: &Place<'_>, random: &mut Random) -> Result<Value, Taken> {
    if place.unique
        && let Some(value) = unique::value(place, place.family)?
    {
        return Ok(value);
    }
    if let Some(one_of) = &place.bounds.one_of {
        let text = random.pick(one_of).cloned().unwrap_or_default();
        return Ok(typed_text(place.family, text));
    }
    of_family(place, place.family, random)
}

fn of_family(place: &Place<'_>, family: &Family, random: &mut Random) -> Result<Value, Taken> {
    Ok(match family {
        Family::Enum(labels) => random.pick(labels).cloned().map_or(Value::Null, Value::Text),
        Family::Integer(max) => integer(place, *max, random),
        Family::Decimal(digits) => decimal(place, *digits, random),
        Family::Float => {
            let (low, high) = place.bounds.integers(1, 1000);
            let whole = random.between(low, high);
            #[expect(clippy::cast_precision_loss, reason = "made up")]
            let number = whole as f64;
            // The fraction must not leave the range.
            Value::Float(if whole < high { number + 0.5 } else { number })
        }
        Family::Bool => Value::Bool(random.between(0, 1) == 1),
        Family::Text => Value::Text(text(place, random)?),
        Family::Uuid => Value::Uuid(random.uuid()),
        Family::Date => Value::Date(i32::try_from(random.between(DAYS.0, DAYS.1)).unwrap_or(0)),
        Family::Time => Value::Time(random.between(0, 86_399) * 1_000_000),
        Family::Timestamp => {
            let day = random.between(DAYS.0, DAYS.1);
            Value::TimestampTz(day * MICROS_OF_DAY + random.between(0, 86_399) * 1_000_000)
        }
        Family::Interval => {
            let days = i32::try_from(random.between(0, 30)).unwrap_or(0);
            Value::Interval { months: 0, days, micros: random.between(0, 86_399) * 1_000_000 }
        }
        Family::Json => Value::Json(json(place, random)),
        Family::Bytes => Value::Bytes(random.bytes16().to_vec()),
        Family::Network => Value::Text(format!(
            "10.{}.{}.{}",
            random.between(0, 255),
            random.between(0, 255),
            random.between(1, 254)
        )),
        Family::Array(element) => {
            let count = random.between(1, 3);
            let first = place.unique.then(|| unique::value(place, element)).transpose()?.flatten();
            let rest = (0..count).map(|_| of_family(place, element, random));
            let elements = first.into_iter().map(Ok).chain(rest);
            Value::Array(elements.collect::<Result<_, _>>()?)
        }
        Family::Other => {
            let number = place.unique.then_some(place.number);
            let made = literals::literal(place.column, number, random);
            Value::Text(made.unwrap_or_else(|| format!("mock-{}", place.column.name)))
        }
    })
}

fn integer(place: &Place<'_>, max: i64, random: &mut Random) -> Value {
    let is_key = place.column.name == "id" || place.column.name.ends_with("_id");
    let usual = if is_key { (1000, 9999) } else { (1, 1000) };
    let (low, high) = place.bounds.integers(usual.0, usual.1);
    let (low, high) = (low.min(max), high.min(max));
    Value::Int(random.between(low, high))
}

fn decimal(place: &Place<'_>, digits: Option<(u32, u32)>, random: &mut Random) -> Value {
    let (precision, scale) = digits.unwrap_or((12, 2));
    let whole_digits = precision.saturating_sub(scale).min(15);
    let largest = 10_i64.saturating_pow(whole_digits).saturating_sub(1);
    let (low, high) = place.bounds.integers(1, 1000);
    let (low, high) = (low.min(largest), high.min(largest));
    let whole = random.between(low, high);
    // Half way between two whole numbers stays between the bounds, which are whole here.
    let has_room = scale > 0 && whole >= 0 && whole < high;
    if !has_room {
        return Value::Decimal(whole.to_string());
    }
    let fraction = random.between(0, 10_i64.pow(scale.min(2)) - 1);
    let width = scale.min(2) as usize;
    Value::Decimal(format!("{whole}.{fraction:0width$}"))
}

fn text(place: &Place<'_>, random: &mut Random) -> Result<String, Taken> {
    let limit = place.column.max_length.map_or(TEXT_MAX, |max| max as usize);
    let limit = place.bounds.length_max.map_or(limit, |max| limit.min(max));
    let made = if place.realistic { realistic::text(&place.column.name, random) } else { None };
    let mut text = made.unwrap_or_else(|| named_text(place, random));
    let wanted = place.bounds.length_min.unwrap_or(0).min(limit.max(1));
    if place.unique {
        return unique::text(&text, place.number, (wanted, limit), random);
    }
    while text.chars().count() < wanted {
        text.push(letter(random));
    }
    Ok(text.chars().take(limit).collect())
}

/// The rules of the specification, the first that fits.
fn named_text(place: &Place<'_>, random: &mut Random) -> String {
    const WORDS: [&str; 5] = ["Test", "Mock", "Sample", "Demo", "Example"];
    const STATES: [&str; 4] = ["active", "inactive", "pending", "completed"];
    const DOMAINS: [&str; 4] = ["example.com", "test.org", "mock.net", "sample.io"];
    const PAGES: [&str; 5] = ["home", "about", "contact", "product", "service"];
    let name = place.column.name.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    let mut pick = |from: &[&'static str]| random.pick(from).copied().unwrap_or_default();
    if has(&["email"]) {
        let domain = pick(&DOMAINS);
        // The number before the domain keeps unique addresses apart, and addresses.
        return format!("mock.user.{}@{domain}", random.between(1, 9999));
    }
    if has(&["url", "link", "website"]) {
        return format!("https://{}/{}", pick(&DOMAINS), pick(&PAGES));
    }
    if has(&["status"]) {
        return pick(&STATES).to_owned();
    }
    if has(&["name"]) {
        return format!("{} {}", pick(&WORDS), title(&place.column.name));
    }
    let letters: String = (0..6).map(|_| letter(random)).collect();
    format!("mock-{}-{letters}", place.column.name)
}

fn json(place: &Place<'_>, random: &mut Random) -> String {
    let field = crate::value::json_string(&format!("mock-{}", place.column.name));
    let number = if place.unique { place.number } else { random.between(1, 100) };
    let active = random.between(0, 1) == 1;
    format!("{{\"mock\":true,\"field\":{field},\"value\":{number},\"active\":{active}}}")
}

/// `full_name` as `Full Name`.
fn title(name: &str) -> String {
    let words = name.split('_').filter(|word| !word.is_empty()).map(|word| {
        let mut characters = word.chars();
        let first = characters.next().into_iter().flat_map(char::to_uppercase);
        first.chain(characters).collect::<String>()
    });
    words.collect::<Vec<_>>().join(" ")
}
