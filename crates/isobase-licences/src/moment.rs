//! Moments as people and other programs write them.

use isobase_types::Timestamp;

/// What an expiry may look like.
const EXPECTED: &str = "expected a date (2027-02-23) or a moment (2027-02-23T12:00:00Z, also without a zone: then UTC)";

/// The text is no moment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no moment: {EXPECTED}")]
pub struct InvalidMoment {
    /// The text, cut to 100 characters.
    pub text: String,
}

/// Reads a moment: a date (its beginning), or date and time with `T` or a blank between them, with
/// seconds and their fraction or without, in a zone (`Z`, `+02:00`, `+0200`, `+02`) or in UTC.
///
/// # Errors
/// [`InvalidMoment`] for anything else, for days that no month has, and before 1970.
pub fn parse_moment(text: &str) -> Result<Timestamp, InvalidMoment> {
    let wrong = || InvalidMoment { text: text.chars().take(100).collect() };
    read(text.trim()).filter(|moment| moment.unix_us >= 0).ok_or_else(wrong)
}

/// `2026-11-20 14:09:00`, in UTC.
#[must_use]
pub fn seconds_text(moment: Timestamp) -> String {
    let text = moment.to_string();
    format!("{} {}", &text[..10], &text[11..19])
}

/// `2026-11-20T14:09:00`, in UTC but without saying so, with microseconds where there are any: what
/// clients read that know no zones.
#[must_use]
pub fn zoneless_text(moment: Timestamp) -> String {
    let text = moment.to_string();
    let text = text.trim_end_matches('Z');
    text.strip_suffix(".000000").unwrap_or(text).to_owned()
}

fn read(text: &str) -> Option<Timestamp> {
    let (date, rest) = text.split_at_checked(10)?;
    let days = days_of(date)?;
    if rest.is_empty() {
        return Some(Timestamp { unix_us: days * 86_400_000_000 });
    }
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let zone_at = rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len());
    let (time, zone) = rest.split_at(zone_at);
    let of_day = time_of_day(time)?;
    Some(Timestamp { unix_us: (days * 86_400 - zone_seconds(zone)?) * 1_000_000 + of_day })
}

/// The number of a day since 1970-01-01.
fn days_of(date: &str) -> Option<i64> {
    let bytes = date.as_bytes();
    if bytes.get(4) != Some(&b'-') || bytes.get(7) != Some(&b'-') {
        return None;
    }
    let (year, month, day) =
        (number(date.get(0..4)?)?, number(date.get(5..7)?)?, number(date.get(8..10)?)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let longest = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    (1..=longest).contains(&day).then(|| days_from_civil(year, month, day))
}

/// Counts years from 1 March, so that the leap day is the last of its year.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let from_march = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * from_march + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + day_of_year - 719_468
}

/// Microseconds since midnight of `14:09`, `14:09:00` or `14:09:00.123456`.
fn time_of_day(time: &str) -> Option<i64> {
    let (clock, fraction) = match time.split_once(['.', ',']) {
        Some((clock, fraction)) => (clock, Some(fraction)),
        None => (time, None),
    };
    let mut parts = clock.split(':');
    let hour = two_digits(parts.next()?).filter(|hour| *hour < 24)?;
    let minute = two_digits(parts.next()?).filter(|minute| *minute < 60)?;
    let second = match parts.next() {
        Some(second) => two_digits(second).filter(|second| *second < 60)?,
        None => 0,
    };
    if parts.next().is_some() || (fraction.is_some() && clock.len() < 8) {
        return None;
    }
    let micros = match fraction {
        None => 0,
        Some(digits) if (1..=9).contains(&digits.len()) => {
            let six: String = digits.chars().chain("000000".chars()).take(6).collect();
            number(digits)?;
            number(&six)?
        }
        Some(_) => return None,
    };
    Some((hour * 3_600 + minute * 60 + second) * 1_000_000 + micros)
}

/// How far a zone is ahead of UTC.
fn zone_seconds(zone: &str) -> Option<i64> {
    let sign = match zone.as_bytes().first() {
        None => return Some(0),
        Some(b'Z' | b'z') => return (zone.len() == 1).then_some(0),
        Some(b'-') => -1,
        _ => 1,
    };
    let digits = zone[1..].replace(':', "");
    let hour = two_digits(digits.get(0..2)?).filter(|hour| *hour < 24)?;
    let minute = match digits.get(2..)? {
        "" => 0,
        minute => two_digits(minute).filter(|minute| *minute < 60)?,
    };
    Some(sign * (hour * 3_600 + minute * 60))
}

fn two_digits(text: &str) -> Option<i64> {
    (text.len() == 2).then(|| number(text)).flatten()
}

fn number(text: &str) -> Option<i64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_moment_is_read() {
        let cases = [
            ("1970-01-01", "1970-01-01T00:00:00"),
            ("2027-02-23", "2027-02-23T00:00:00"),
            ("2028-02-29T23:59:59Z", "2028-02-29T23:59:59"),
            ("2027-02-23T12:00", "2027-02-23T12:00:00"),
            ("2027-02-23 12:00:00", "2027-02-23T12:00:00"),
            ("2027-02-23T12:00:00.5", "2027-02-23T12:00:00.500000"),
            ("2027-02-23T12:00:00.123456789z", "2027-02-23T12:00:00.123456"),
            ("2027-02-23T12:00:00+02:00", "2027-02-23T10:00:00"),
            ("2027-02-23T12:00:00-0230", "2027-02-23T14:30:00"),
            ("2027-02-23T12:00:00+05", "2027-02-23T07:00:00"),
            (" 9999-12-31 ", "9999-12-31T00:00:00"),
        ];
        for (text, shown) in cases {
            assert_eq!(parse_moment(text).map(zoneless_text).as_deref(), Ok(shown), "{text}");
        }
        let moment = parse_moment("2027-02-23T12:00:00.25Z").unwrap();
        assert_eq!(seconds_text(moment), "2027-02-23 12:00:00");
    }

    #[test]
    fn rubbish_is_no_moment() {
        let cases = [
            "",
            "soon",
            "2027",
            "2027-2-3",
            "2027-13-01",
            "2027-02-29",
            "2027-04-31",
            "2027-02-23T",
            "2027-02-23T25:00",
            "2027-02-23T12",
            "2027-02-23T12:00:00X",
            "2027-02-23T12:00:60",
            "2027-02-23T12:00:00.",
            "2027-02-23T12:00:00+",
            "2027-02-23T12:00:00+1",
            "1969-12-31",
            "2027-02-23T12:00:00ZZ",
            "٢٠٢٧-02-23",
            "2027-02-23é",
            "+027-02-23",
            "0x7f-02-23",
        ];
        for text in cases {
            assert!(parse_moment(text).is_err(), "{text}");
        }
    }

    #[test]
    fn moments_are_shown_as_they_are_read() {
        for unix_us in [0, 951_782_400_000_001, 1_795_183_740_123_456, 4_102_444_799_000_000] {
            let moment = Timestamp { unix_us };
            assert_eq!(parse_moment(&zoneless_text(moment)), Ok(moment));
            assert_eq!(parse_moment(&moment.to_string()), Ok(moment));
        }
    }
}
