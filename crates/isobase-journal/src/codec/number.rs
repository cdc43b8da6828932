//! Numbers that change their spelling in a database.
//!
//! Databases keep numbers as values: as 64-bit floats, 64-bit integers or decimals of 38 digits.
//! A number whose text follows from any of these is *plain* and needs no note; of any other the
//! text is noted, and counts as long as the database still has its value.

use std::borrow::Cow;

/// Integers up to here are exact as floats.
const EXACT_MAX: u64 = 1 << 53;

/// Longest text of an integer that is written without an exponent; above are only numbers that
/// are floats to most programs.
const INTEGER_LENGTH_MAX: usize = 21;

/// Numbers that every database can hold without rounding or refusing, with a margin: DynamoDB's numbers
/// end at 1e126 and at 1e-130.
const PLAIN_MAX: f64 = 1e100;
const PLAIN_MIN: f64 = 1e-100;

/// The largest and the smallest value of a database whose numbers are decimals (DynamoDB).
const DECIMAL_MAX: f64 = 1e126;
const DECIMAL_MAX_FROM: f64 = 9.99e125;
const DECIMAL_MIN: f64 = 1e-130;
/// Integers from here on have more than the 38 digits of such a database.
const DECIMAL_INTEGER_MAX: u128 = 10_u128.pow(38);

/// Whether the text follows from the value, however a database writes that.
pub(super) fn is_plain(text: &str) -> bool {
    if is_integer(text) {
        let digits = text.strip_prefix('-').unwrap_or(text);
        return digits.len() <= 16 && digits.parse().is_ok_and(|value: u64| value <= EXACT_MAX);
    }
    text.parse().is_ok_and(|value: f64| {
        (PLAIN_MIN..PLAIN_MAX).contains(&value.abs()) && shortest(value) == text
    })
}

/// The canonical text of a number as a database wrote it. No digit is lost.
pub(super) fn native(text: &str) -> Cow<'_, str> {
    if is_integer(text) && text.len() <= INTEGER_LENGTH_MAX {
        return Cow::Borrowed(text);
    }
    let decimal = Decimal::of(text);
    if decimal.digits.is_empty() {
        return Cow::Borrowed("0");
    }
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => {
            let short = shortest(value);
            if Decimal::of(&short) == decimal { Cow::Owned(short) } else { Cow::Borrowed(text) }
        }
        _ => Cow::Borrowed(text),
    }
}

/// Whether a database that was given one number can have made the other of it.
pub(super) fn is_made_of(native: &str, given: &str) -> bool {
    if native == given {
        return true;
    }
    let (Ok(was), Ok(is)) = (given.parse::<f64>(), native.parse::<f64>()) else { return false };
    if was == is {
        return is_rounded(native, given, was);
    }
    let same_sign = (was < 0.0) == (is < 0.0);
    let too_large = was.abs() >= DECIMAL_MAX_FROM
        && (DECIMAL_MAX_FROM..=DECIMAL_MAX).contains(&is.abs())
        && same_sign;
    let infinite = was.is_infinite() && is.abs() == f64::MAX && same_sign;
    let too_small = was.abs() <= DECIMAL_MIN && (is == 0.0 || is.abs() <= DECIMAL_MIN * 1.01);
    too_large || infinite || too_small
}

/// Two integers with the same nearest float are the same only if one is a rounding of the other;
/// otherwise another program counted on.
fn is_rounded(native: &str, given: &str, float: f64) -> bool {
    if !is_integer(native) || !is_integer(given) {
        return true;
    }
    let (Ok(native_value), Ok(given_value)) = (native.parse::<i128>(), given.parse::<i128>())
    else {
        return true;
    };
    #[expect(clippy::cast_possible_truncation, reason = "it saturates, and then differs")]
    let exact = float as i128;
    // Of 39 digits, the most that are read here, a database of 38 rounds away the last.
    let is_decimal = given_value.unsigned_abs() >= DECIMAL_INTEGER_MAX
        && native_value.abs_diff(given_value) <= 5
        && native_value % 10 == 0;
    native_value == given_value
        || native_value == exact
        || is_decimal
        || native == float.to_string()
}

/// The shortest text that is read back as the same float.
fn shortest(value: f64) -> String {
    let size = value.abs();
    if (1e-7..1e21).contains(&size) { value.to_string() } else { format!("{value:e}") }
}

/// Whether it is the canonical text of an integer, of any length.
fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    match digits.as_bytes() {
        [b'0'] => digits.len() == text.len(),
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

/// The exact value of the text of a number: `0.digits` times ten to the power of `exponent`.
#[derive(Debug, PartialEq, Eq)]
struct Decimal {
    negative: bool,
    /// Without zeros in front and at the end; empty for zero.
    digits: Vec<u8>,
    exponent: i64,
}

impl Decimal {
    fn of(text: &str) -> Self {
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let negative = mantissa.starts_with('-');
        let whole = mantissa.split('.').next().unwrap_or(mantissa).trim_start_matches('-').len();
        let mut digits: Vec<u8> = mantissa.bytes().filter(u8::is_ascii_digit).collect();
        let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
        digits.drain(..zeros);
        digits.truncate(digits.iter().rposition(|digit| *digit != b'0').map_or(0, |at| at + 1));
        let power: i64 = exponent.parse().unwrap_or(i64::from(i32::MAX));
        let length = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let exponent = match digits.is_empty() {
            true => 0,
            false => power.saturating_add(length(whole)).saturating_sub(length(zeros)),
        };
        Self { negative: negative && !digits.is_empty(), digits, exponent }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_numbers_follow_from_their_value() {
        for text in [
            "0",
            "1",
            "-1",
            "10",
            "9007199254740992",
            "-9007199254740992",
            "1.5",
            "-0.1",
            "1e30",
            "0.30000000000000004",
            "1e-10",
            "1.5e25",
        ] {
            assert!(is_plain(text), "{text}");
            assert_eq!(native(text), text);
        }
        for text in [
            "-0",
            "-0.0",
            "0.0",
            "1.0",
            "1.50",
            "1e2",
            "1E30",
            "1e+30",
            "9007199254740993",
            "12345678901234567890",
            "1e300",
            "1e-200",
            "0.1234567890123456789",
            "0e5",
            "1e126",
        ] {
            assert!(!is_plain(text), "{text}");
        }
    }

    #[test]
    fn native_spellings_become_one() {
        let cases = [
            ("1.0", "1"),
            ("1.50", "1.5"),
            ("1E2", "100"),
            ("0.10000000000000001", "0.10000000000000001"),
            ("3.0000000000000004E-1", "0.30000000000000004"),
            ("1000000000000000000000000000000", "1e30"),
            ("1.0E+3", "1000"),
            ("-0.0", "0"),
            ("0.000", "0"),
            ("1e-400", "1e-400"),
            ("9007199254740993", "9007199254740993"),
            ("1234567890123456789.5", "1234567890123456789.5"),
            ("1.0E+30", "1e30"),
            ("1000000000000000019884624838656", "1000000000000000019884624838656"),
        ];
        for (text, canonical) in cases {
            assert_eq!(native(text), canonical);
        }
    }

    #[test]
    fn rounding_is_no_change_and_counting_is() {
        let same = [
            ("1.5", "1.50"),
            ("0", "-0.0"),
            ("9007199254740992", "9007199254740993"),
            ("9007199254740992.0", "9007199254740993"),
            ("12345678901234567000", "12345678901234567890"),
            ("12345678901234567168", "12345678901234567890"),
            ("0.12345678901234568", "0.1234567890123456789"),
            ("9.9999999999999999999999999999999999999E+125", "1e300"),
            ("-9.9999999999999999999999999999999999999E+125", "-1.5e308"),
            ("1.7976931348623157e308", "1e400"),
            ("0", "5e-324"),
            ("1E-130", "1e-200"),
            ("123456789012345678901234567890123456790", "123456789012345678901234567890123456789"),
        ];
        for (native, given) in same {
            assert!(is_made_of(native, given), "{native} {given}");
        }
        let other = [
            ("1.6", "1.50"),
            ("9007199254740994", "9007199254740993"),
            ("12345678901234567891", "12345678901234567890"),
            ("1e100", "1e300"),
            ("-1e126", "1e300"),
            ("1", "5e-324"),
            ("123456789012345678901234567890123456780", "123456789012345678901234567890123456789"),
        ];
        for (native, given) in other {
            assert!(!is_made_of(native, given), "{native} {given}");
        }
    }
}
