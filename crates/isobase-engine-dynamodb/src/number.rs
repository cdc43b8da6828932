//! Numbers as DynamoDB can hold them.

use std::borrow::Cow;

/// Digits of a number.
///
/// Source: Amazon DynamoDB Developer Guide, "Data types: Number" (2026-11): 38 digits, 1E-130 to
/// 9.9999999999999999999999999999999999999E+125.
const DIGITS_MAX: usize = 38;
const EXPONENT_MAX: i64 = 125;
const EXPONENT_MIN: i64 = -130;

/// The nearest number that DynamoDB can hold; the text itself where it can.
pub(crate) fn nearest(text: &str) -> Cow<'_, str> {
    let mut number = Decimal::read(text);
    if number.digits.is_empty() {
        return Cow::Borrowed("0");
    }
    let fits = number.digits.len() <= DIGITS_MAX
        && (EXPONENT_MIN..=EXPONENT_MAX).contains(&number.exponent);
    // A text of many zeros is written anew: what a parser makes of it, no one says.
    if fits && text.len() <= DIGITS_MAX + 7 {
        return Cow::Borrowed(text);
    }
    number.round();
    if number.exponent > EXPONENT_MAX {
        number.digits = vec![b'9'; DIGITS_MAX];
        number.exponent = EXPONENT_MAX;
    } else if number.exponent < EXPONENT_MIN {
        let is_nearer_to_zero =
            number.exponent < EXPONENT_MIN - 1 || number.digits.first() < Some(&b'5');
        if is_nearer_to_zero {
            return Cow::Borrowed("0");
        }
        number.digits = vec![b'1'];
        number.exponent = EXPONENT_MIN;
    }
    Cow::Owned(number.write())
}

/// The share of a number in an item.
///
/// Source: Amazon DynamoDB Developer Guide, "DynamoDB item sizes and formats" (2026-11): about
/// one byte for two digits and one more, at most 21. Two digits may begin in the middle of a
/// pair, and a negative number takes one more: an upper bound.
pub(crate) fn bytes(text: &str) -> usize {
    const BYTES_MAX: usize = 21;
    let digits = Decimal::read(text).digits.len();
    ((digits + 1).div_ceil(2) + 1 + usize::from(text.starts_with('-'))).min(BYTES_MAX)
}

/// `d.ddd × 10^exponent`.
struct Decimal {
    is_negative: bool,
    /// Without zeros in front and at the end; empty for zero.
    digits: Vec<u8>,
    exponent: i64,
}

impl Decimal {
    /// Reads the text of a JSON number.
    fn read(text: &str) -> Self {
        let (is_negative, unsigned) = match text.strip_prefix('-') {
            Some(unsigned) => (true, unsigned),
            None => (false, text),
        };
        let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let beyond = if exponent.starts_with('-') { i64::MIN / 2 } else { i64::MAX / 2 };
        let given = exponent.parse::<i64>().unwrap_or(beyond).clamp(i64::MIN / 2, i64::MAX / 2);
        let all = whole.bytes().chain(fraction.bytes());
        let zeros = all.clone().take_while(|digit| *digit == b'0').count();
        let mut digits: Vec<u8> = all.skip(zeros).collect();
        while digits.last() == Some(&b'0') {
            digits.pop();
        }
        let point = i64::try_from(whole.len()).unwrap_or(0) - i64::try_from(zeros).unwrap_or(0);
        Self { is_negative, digits, exponent: given + point - 1 }
    }

    fn round(&mut self) {
        if self.digits.len() <= DIGITS_MAX {
            return;
        }
        let is_up = self.digits[DIGITS_MAX] >= b'5';
        self.digits.truncate(DIGITS_MAX);
        if is_up {
            while self.digits.last() == Some(&b'9') {
                self.digits.pop();
            }
            match self.digits.last_mut() {
                Some(last) => *last += 1,
                None => {
                    self.digits.push(b'1');
                    self.exponent += 1;
                }
            }
        }
    }

    fn write(&self) -> String {
        let mut text = String::with_capacity(DIGITS_MAX + 8);
        if self.is_negative {
            text.push('-');
        }
        for (at, digit) in self.digits.iter().enumerate() {
            if at == 1 {
                text.push('.');
            }
            text.push(char::from(*digit));
        }
        text.push_str(&format!("E{}", self.exponent));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_stays_as_it_is() {
        for text in [
            "0",
            "1",
            "-1.50",
            "1e2",
            "9007199254740993",
            "12345678901234567890123456789012345678",
            "0.30000000000000004",
            "1e-130",
            "9.9999999999999999999999999999999999999E+125",
            "1e125",
        ] {
            assert_eq!(nearest(text), text);
        }
    }

    #[test]
    fn what_does_not_fit_becomes_the_nearest() {
        let nines = "9".repeat(38);
        let largest = format!("9.{}E125", &nines[1..]);
        let zeros = format!("1{}", "0".repeat(60));
        let cases = [
            ("-0", "0".to_owned()),
            ("-0.0e10", "0".to_owned()),
            ("1e126", largest.clone()),
            ("-1e400", format!("-{largest}")),
            ("1e99999999999999999999", largest.clone()),
            ("1e-99999999999999999999", "0".to_owned()),
            ("5e-324", "0".to_owned()),
            ("4e-131", "0".to_owned()),
            ("5e-131", "1E-130".to_owned()),
            ("-9e-131", "-1E-130".to_owned()),
            (&format!("{nines}9"), "1E39".to_owned()),
            (
                "123456789012345678901234567890123456785",
                format!("1.2345678901234567890123456789012345679E{}", 38),
            ),
            (
                "123456789012345678901234567890123456784",
                format!("1.2345678901234567890123456789012345678E{}", 38),
            ),
            (&zeros, "1E60".to_owned()),
            ("0.000000000000000000000000000000000000000000000000015", "1.5E-50".to_owned()),
        ];
        for (text, expected) in cases {
            assert_eq!(nearest(text), expected, "{text}");
        }
    }

    #[test]
    fn sizes_are_upper_bounds() {
        for (text, size) in [("0", 2), ("1", 2), ("-1", 3), ("123", 3), ("100", 2), ("0.25", 3)] {
            assert_eq!(bytes(text), size, "{text}");
        }
        assert_eq!(bytes(&"9".repeat(60)), 21);
    }
}
