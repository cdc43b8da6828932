//! Durations and sizes as people write them.

use std::{fmt::Write as _, time::Duration};

/// Units of time, longest first, in milliseconds.
const TIME_UNITS: [(&str, u64); 6] = [
    ("w", 7 * 24 * 60 * 60 * 1000),
    ("d", 24 * 60 * 60 * 1000),
    ("h", 60 * 60 * 1000),
    ("m", 60 * 1000),
    ("s", 1000),
    ("ms", 1),
];

/// Units of size in bytes. Binary ones first: they are used for display.
const SIZE_UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

/// Reads `7d`, `1h30m`, `250ms`, `0`: whole numbers, each with its unit.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = text;
    let mut total_ms: u64 = 0;
    while !rest.is_empty() {
        let (number, unit);
        (number, unit, rest) = number_and_unit(rest)?;
        let (_, unit_ms) = TIME_UNITS.iter().find(|(name, _)| *name == unit)?;
        total_ms = total_ms.checked_add(number.checked_mul(*unit_ms)?)?;
    }
    (!text.is_empty()).then(|| Duration::from_millis(total_ms))
}

/// Reads `8MiB`, `8 MiB`, `500kB`, `1024`: a whole number of bytes or of a unit.
pub(crate) fn parse_size(text: &str) -> Option<u64> {
    let (number, unit, rest) = number_and_unit(text)?;
    let unit = unit.trim_start();
    let factor = match unit {
        "" => 1,
        _ => SIZE_UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit))?.1,
    };
    rest.is_empty().then(|| number.checked_mul(factor)).flatten()
}

/// The number at the start, what stands between it and the next digit, and the rest.
fn number_and_unit(text: &str) -> Option<(u64, &str, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at(digits);
    let unit_end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
    let (unit, rest) = rest.split_at(unit_end);
    Some((number.parse().ok()?, unit, rest))
}

/// Writes a duration so that [`parse_duration`] reads it.
pub(crate) fn show_duration(duration: Duration) -> String {
    let mut left = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    // Weeks are for reading only: 7d and 14d are more usual than 1w and 2w.
    for (unit, unit_ms) in &TIME_UNITS[1..] {
        if left >= *unit_ms {
            // Writing to a String cannot fail.
            let _ = write!(text, "{}{unit}", left / unit_ms);
            left %= unit_ms;
        }
    }
    if text.is_empty() { "0".to_owned() } else { text }
}

/// Writes a size so that [`parse_size`] reads it.
pub(crate) fn show_size(bytes: u64) -> String {
    let exact = |(_, unit): &&(&str, u64)| bytes >= *unit && bytes.is_multiple_of(*unit);
    match SIZE_UNITS[..4].iter().find(exact) {
        Some((name, unit)) => format!("{}{name}", bytes / unit),
        None => bytes.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_durations() {
        let cases = [
            ("0", 0),
            ("250ms", 250),
            ("30s", 30_000),
            ("1m", 60_000),
            ("1h30m", 5_400_000),
            ("24h", 86_400_000),
            ("7d", 604_800_000),
            ("1w", 604_800_000),
        ];
        for (text, ms) in cases {
            assert_eq!(parse_duration(text), Some(Duration::from_millis(ms)), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_duration() {
        for text in ["", "7", "d", "7x", "-1s", "1.5h", "7 d", "1h 30m", "99999999999999999999s"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
        assert_eq!(parse_duration("18446744073709551615w"), None);
    }

    #[test]
    fn reads_sizes() {
        let cases = [
            ("0", 0),
            ("1024", 1024),
            ("10B", 10),
            ("8MiB", 8 << 20),
            ("8 mib", 8 << 20),
            ("1GiB", 1 << 30),
            ("500kB", 500_000),
            ("2MB", 2_000_000),
        ];
        for (text, bytes) in cases {
            assert_eq!(parse_size(text), Some(bytes), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_size() {
        for text in ["", "MiB", "8M", "8 MiB 3", "1.5GiB", "-1", "99999999999TiB"] {
            assert_eq!(parse_size(text), None, "{text}");
        }
    }

    #[test]
    fn shows_what_it_reads() {
        for text in ["0", "250ms", "30s", "1h30m", "7d", "10d12h"] {
            assert_eq!(show_duration(parse_duration(text).unwrap()), text);
        }
        for text in ["0", "1", "1000", "8MiB", "1GiB", "1536KiB"] {
            assert_eq!(show_size(parse_size(text).unwrap()), text);
        }
    }
}
