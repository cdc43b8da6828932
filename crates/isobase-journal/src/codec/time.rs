//! Reading the times of our bookkeeping.

use isobase_types::Timestamp;

/// Reads RFC 3339 in UTC with up to nine digits after the second; none for anything else, and for
/// years before 1970.
pub fn parse(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if bytes.len() < 20 || marks.iter().any(|(at, mark)| bytes[*at] != *mark) {
        return None;
    }
    let part = |from: usize, to: usize| digits(text.get(from..to)?);
    let (year, month, day) = (part(0, 4)?, part(5, 7)?, part(8, 10)?);
    let (hour, minute, second) = (part(11, 13)?, part(14, 16)?, part(17, 19)?);
    let in_range = (1..=12).contains(&month) && (1..=31).contains(&day);
    if !in_range || year < 1970 || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let micros = fraction(text.get(19..)?.strip_suffix('Z')?)?;
    let seconds = days_from_civil(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    Some(Timestamp { unix_us: seconds * 1_000_000 + micros })
}

fn digits(text: &str) -> Option<i64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// Microseconds of `.123456`, cut after the sixth digit.
fn fraction(text: &str) -> Option<i64> {
    if text.is_empty() {
        return Some(0);
    }
    let places = text.strip_prefix('.')?;
    if places.is_empty() || places.len() > 9 {
        return None;
    }
    let micros = digits(&format!("{places:0<6}")[..6])?;
    digits(places).map(|_| micros)
}

/// The number of days since 1970-01-01, proleptic Gregorian. Counts years from 1 March, so that
/// the leap day is the last of its year.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printed_times_are_read_back() {
        for unix_us in [0, 1, 951_782_400_000_001, 1_795_183_740_123_456, 4_102_444_799_999_999] {
            let time = Timestamp { unix_us };
            assert_eq!(parse(&time.to_string()), Some(time));
        }
        assert_eq!(parse("1970-01-01T00:00:01Z"), Some(Timestamp { unix_us: 1_000_000 }));
        assert_eq!(parse("1970-01-01T00:00:00.5Z"), Some(Timestamp { unix_us: 500_000 }));
        assert_eq!(parse("1970-01-01T00:00:00.123456789Z"), Some(Timestamp { unix_us: 123_456 }));
    }

    #[test]
    fn other_text_is_no_time() {
        for text in [
            "",
            "now",
            "1970-01-01",
            "1970-13-01T00:00:00Z",
            "1970-01-01T24:00:00Z",
            "1970-01-01T00:00:00",
            "1970-01-01T00:00:00+01:00",
            "1960-01-01T00:00:00Z",
            "1970-01-01T00:00:00.é0000Z",
            "1970-01-01T00:00:00.1234567890Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
