//! Exact sums and comparisons of numbers by their text.

use std::cmp::Ordering;

/// Most digits of a sum. Ours: twice what the largest and the smallest 64-bit float together need
/// (309 before the point, 767 after it).
const DIGITS_MAX: usize = 2_200;

/// `digits` times ten to the power of `exponent`. No digits are zero.
struct Decimal {
    is_negative: bool,
    /// Values from 0 to 9, the most significant first, without zeros in front.
    digits: Vec<u8>,
    exponent: i64,
}

impl Decimal {
    /// Reads the text of a JSON number; `None` when its exponent is beyond all bounds.
    fn parse(text: &str) -> Option<Self> {
        let (is_negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = whole.bytes().chain(fraction.bytes()).map(|byte| byte.wrapping_sub(b'0'));
        let digits: Vec<u8> = digits.skip_while(|digit| *digit == 0).collect();
        if digits.is_empty() {
            // Zero has its places after the point, but no exponent that means anything.
            let exponent = -i64::try_from(fraction.len()).ok()?;
            return Some(Self { is_negative: false, digits, exponent });
        }
        let exponent: i64 = exponent.parse().ok()?;
        let exponent = exponent.checked_sub(i64::try_from(fraction.len()).ok()?)?;
        Some(Self { is_negative, digits, exponent })
    }

    /// The same number with a smaller exponent; `None` when it has too many digits.
    fn scaled(mut self, exponent: i64) -> Option<Self> {
        if !self.digits.is_empty() {
            let more = usize::try_from(self.exponent.checked_sub(exponent)?).ok()?;
            let digits = self.digits.len().checked_add(more).filter(|all| *all <= DIGITS_MAX)?;
            self.digits.resize(digits, 0);
        }
        self.exponent = exponent;
        Some(self)
    }

    fn to_text(&self) -> Option<String> {
        let places = usize::try_from(-self.exponent.min(0)).ok()?;
        if places > DIGITS_MAX {
            return None;
        }
        let mut text = String::new();
        if self.is_negative && !self.digits.is_empty() {
            text.push('-');
        }
        let zeros = (places + 1).saturating_sub(self.digits.len());
        let more = usize::try_from(self.exponent.max(0)).ok().filter(|more| *more <= DIGITS_MAX)?;
        let more = if self.digits.is_empty() { 0 } else { more };
        let all = std::iter::repeat_n(0, zeros)
            .chain(self.digits.iter().copied())
            .chain(std::iter::repeat_n(0, more));
        let whole = zeros + self.digits.len() + more - places;
        for (place, digit) in all.enumerate() {
            if place == whole {
                text.push('.');
            }
            text.push(char::from(b'0' + digit));
        }
        Some(text)
    }
}

/// The exact sum of two JSON numbers as text without an exponent, with as many places after the
/// point as the longer of both; `None` when it has too many digits or no 64-bit float is near it.
pub(super) fn sum(a: &str, b: &str) -> Option<String> {
    let (a, b) = (Decimal::parse(a)?, Decimal::parse(b)?);
    let exponent = a.exponent.min(b.exponent).min(0);
    let (a, b) = (a.scaled(exponent)?, b.scaled(exponent)?);
    let (is_negative, digits) =
        match (a.is_negative == b.is_negative, compare(&a.digits, &b.digits)) {
            (true, _) => (a.is_negative, add(&a.digits, &b.digits)),
            (false, Ordering::Less) => (b.is_negative, subtract(&b.digits, &a.digits)),
            (false, _) => (a.is_negative, subtract(&a.digits, &b.digits)),
        };
    let text = Decimal { is_negative, digits, exponent }.to_text()?;
    text.parse::<f64>().is_ok_and(f64::is_finite).then_some(text)
}

/// Whether two JSON numbers have the same value, exactly.
pub(super) fn equal(a: &str, b: &str) -> bool {
    if a == b {
        return true;
    }
    let (Some(a), Some(b)) = (Exact::of(a), Exact::of(b)) else { return false };
    a == b
}

/// The value of a JSON number: equal values are equal, whatever their spelling.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Exact {
    pub(crate) is_negative: bool,
    /// Values from 0 to 9, the most significant first, without zeros at either end. None are zero.
    pub(crate) digits: Vec<u8>,
    /// The power of ten that they are multiplied by; 0 of zero.
    pub(crate) exponent: i64,
}

impl Exact {
    /// Reads the text of a JSON number; `None` when its exponent is beyond all bounds.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let Decimal { is_negative, mut digits, exponent } = Decimal::parse(text)?;
        let zeros = digits.iter().rev().take_while(|digit| **digit == 0).count();
        digits.truncate(digits.len() - zeros);
        let exponent = match digits.is_empty() {
            true => 0,
            false => exponent.saturating_add_unsigned(zeros as u64),
        };
        Some(Self { is_negative, digits, exponent })
    }
}

/// Both without zeros in front.
fn compare(a: &[u8], b: &[u8]) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

fn add(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut sum = Vec::with_capacity(a.len().max(b.len()) + 1);
    let mut carry = 0;
    for place in 0..a.len().max(b.len()) {
        let digit = from_end(a, place) + from_end(b, place) + carry;
        sum.push(digit % 10);
        carry = digit / 10;
    }
    sum.push(carry);
    most_significant_first(sum)
}

/// `a` is not smaller than `b`.
fn subtract(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut difference = Vec::with_capacity(a.len());
    let mut borrow = 0;
    for place in 0..a.len() {
        let (digit, less) = (from_end(a, place), from_end(b, place) + borrow);
        borrow = u8::from(digit < less);
        difference.push(digit + 10 * borrow - less);
    }
    most_significant_first(difference)
}

fn from_end(digits: &[u8], place: usize) -> u8 {
    digits.len().checked_sub(place + 1).map_or(0, |at| digits[at])
}

fn most_significant_first(mut digits: Vec<u8>) -> Vec<u8> {
    while digits.last() == Some(&0) {
        digits.pop();
    }
    digits.reverse();
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_exact() {
        for (a, b, expected) in [
            ("0", "0", "0"),
            ("1", "1", "2"),
            ("9", "1", "10"),
            ("999999999999999999999999999999", "1", "1000000000000000000000000000000"),
            ("9007199254740993", "-1", "9007199254740992"),
            ("1.0", "1", "2.0"),
            ("0.1", "0.2", "0.3"),
            ("1.50", "-1.5", "0.00"),
            ("-0.0", "0", "0.0"),
            ("-1", "0.25", "-0.75"),
            ("1e3", "1", "1001"),
            ("1E+2", "-1e2", "0"),
            ("1.5e-3", "0", "0.0015"),
            ("2", "-5", "-3"),
            ("-2", "5", "3"),
            ("0e999999999", "7", "7"),
            ("1e308", "0", &format!("1{}", "0".repeat(308))),
        ] {
            assert_eq!(sum(a, b).as_deref(), Some(expected), "{a} + {b}");
            assert_eq!(sum(b, a).as_deref(), Some(expected), "{b} + {a}");
        }
        assert!(sum("5e-324", "1").is_some_and(|text| text.len() == 326));
        for (a, b) in [
            ("1.7e308", "1.7e308"),
            ("1", "1e-9999"),
            ("1", "1e-99999999999999999999"),
            ("1e-99999999999999999999", "1"),
        ] {
            assert_eq!(sum(a, b), None, "{a} + {b}");
        }
    }

    #[test]
    fn values_are_compared_whatever_their_spelling() {
        for (a, b) in [
            ("1", "1.0"),
            ("100", "1e2"),
            ("0", "-0.0"),
            ("0e5", "0"),
            ("1.50", "15e-1"),
            ("1e-9999", "10e-10000"),
        ] {
            assert!(equal(a, b) && equal(b, a), "{a} {b}");
        }
        for (a, b) in [
            ("1", "-1"),
            ("1", "10"),
            ("9007199254740993", "9007199254740992"),
            ("0.1", "0.10000000000000000000001"),
            ("1e-9999", "0"),
        ] {
            assert!(!equal(a, b) && !equal(b, a), "{a} {b}");
        }
    }
}
