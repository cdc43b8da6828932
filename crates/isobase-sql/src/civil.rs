//! Days and times of PostgreSQL as text, over their whole range: infinity, years before Christ
//! and after 9999, and the hour 24.
//!
//! Source: PostgreSQL documentation, 8.5 "Date/Time Types"; the numbers count from 2000-01-01.

use std::fmt::Write;

const MICROS_OF_DAY: i64 = 86_400_000_000;
/// Days from 0000-03-01 to 2000-01-01 in the proleptic Gregorian calendar.
const DAYS_TO_2000: i64 = 730_425;

/// Year (0 is 1 BC), month and day of a number of days from 2000-01-01.
///
/// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
pub(crate) fn day(days: i64) -> (i64, u8, u8) {
    let shifted = days + DAYS_TO_2000;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, small(month), small(day))
}

/// The number of days from 2000-01-01 of a year (0 is 1 BC), a month and a day.
pub(crate) fn days(year: i64, month: u8, day: u8) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month = i64::from(month);
    let shifted_month = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * shifted_month + 2) / 5 + i64::from(day) - 1;
    let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
    era * 146_097 + of_era - DAYS_TO_2000
}

/// A date as PostgreSQL writes it in ISO style.
pub(crate) fn date_text(days: i32) -> String {
    match days {
        i32::MAX => "infinity".to_owned(),
        i32::MIN => "-infinity".to_owned(),
        _ => with_era(i64::from(days), ""),
    }
}

/// A time of day, which may be 24:00:00.
pub(crate) fn time_text(micros: i64) -> String {
    let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
    let mut text = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if fraction != 0 {
        let _ = write!(text, ".{fraction:06}");
        text.truncate(text.trim_end_matches('0').len());
    }
    text
}

/// A moment; `zone` is `+00` for one in UTC, else empty.
pub(crate) fn moment_text(micros: i64, zone: &str) -> String {
    match micros {
        i64::MAX => return "infinity".to_owned(),
        i64::MIN => return "-infinity".to_owned(),
        _ => {}
    }
    let time = time_text(micros.rem_euclid(MICROS_OF_DAY));
    with_era(micros.div_euclid(MICROS_OF_DAY), &format!(" {time}{zone}"))
}

/// An offset in seconds **west** of Greenwich, as PostgreSQL keeps it, as `+02` or `-03:30`.
pub(crate) fn offset_text(west_seconds: i32) -> String {
    let sign = if west_seconds > 0 { '-' } else { '+' };
    let seconds = west_seconds.unsigned_abs();
    let mut text = format!("{sign}{:02}", seconds / 3600);
    if !seconds.is_multiple_of(3600) {
        let _ = write!(text, ":{:02}", seconds / 60 % 60);
    }
    if !seconds.is_multiple_of(60) {
        let _ = write!(text, ":{:02}", seconds % 60);
    }
    text
}

/// An interval in the form that every setting of `IntervalStyle` reads.
pub(crate) fn interval_text(months: i32, days: i32, micros: i64) -> String {
    match (months, days, micros) {
        (i32::MAX, i32::MAX, i64::MAX) => return "infinity".to_owned(),
        (i32::MIN, i32::MIN, i64::MIN) => return "-infinity".to_owned(),
        _ => {}
    }
    let sign = if micros < 0 { "-" } else { "" };
    let magnitude = micros.unsigned_abs();
    let (seconds, fraction) = (magnitude / 1_000_000, magnitude % 1_000_000);
    let mut text = String::new();
    if months != 0 {
        let _ = write!(text, "{months} mons ");
    }
    if days != 0 {
        let _ = write!(text, "{days} days ");
    }
    let _ =
        write!(text, "{sign}{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if fraction != 0 {
        let _ = write!(text, ".{fraction:06}");
    }
    text
}

/// Nothing but a text of the form `YYYY-MM-DD[ T]HH:MM:SS[.ffffff]` with `Z` or an offset or
/// neither, or a date alone: whether it is one.
pub(crate) fn is_iso(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digits = |range: std::ops::Range<usize>| {
        bytes.get(range).is_some_and(|part| part.iter().all(u8::is_ascii_digit))
    };
    let is_date = digits(0..4)
        && bytes.get(4) == Some(&b'-')
        && digits(5..7)
        && bytes.get(7) == Some(&b'-')
        && digits(8..10);
    if !is_date || !is_calendar_day(text) {
        return false;
    }
    if bytes.len() == 10 {
        return true;
    }
    let is_time = matches!(bytes[10], b'T' | b' ')
        && digits(11..13)
        && bytes.get(13) == Some(&b':')
        && digits(14..16);
    is_time && bytes[16..].iter().all(|byte| b"0123456789:.+-Z".contains(byte))
}

fn is_calendar_day(text: &str) -> bool {
    let number = |range: std::ops::Range<usize>| text.get(range).and_then(|n| n.parse().ok());
    let (Some(year), Some(month), Some(date)) = (number(0..4), number(5..7), number(8..10)) else {
        return false;
    };
    let (month, date) = (small(month), small(date));
    (1..=12).contains(&month) && day(days(year, month, date)) == (year, month, date)
}

fn with_era(days: i64, rest: &str) -> String {
    let (year, month, day) = day(days);
    if year > 0 {
        return format!("{year:04}-{month:02}-{day:02}{rest}");
    }
    format!("{:04}-{month:02}-{day:02}{rest} BC", 1 - year)
}

fn small(number: i64) -> u8 {
    u8::try_from(number).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_the_calendars() {
        let cases = [
            (0, (2000, 1, 1)),
            (59, (2000, 2, 29)),
            (-1, (1999, 12, 31)),
            (9830, (2026, 11, 30)),
            (-730_119, (1, 1, 1)),
            (-730_120, (0, 12, 31)),
            (2_921_939, (9999, 12, 31)),
        ];
        for (number, (year, month, date)) in cases {
            assert_eq!(day(number), (year, month, date), "{number}");
            assert_eq!(days(year, month, date), number, "{year}-{month}-{date}");
        }
    }

    #[test]
    fn texts_are_postgresqls() {
        assert_eq!(date_text(i32::MAX), "infinity");
        assert_eq!(date_text(-730_120), "0001-12-31 BC");
        assert_eq!(date_text(6_574_365), "20000-01-01");
        assert_eq!(time_text(MICROS_OF_DAY), "24:00:00");
        assert_eq!(moment_text(-1, "+00"), "1999-12-31 23:59:59.999999+00");
        assert_eq!(moment_text(1_500_000, ""), "2000-01-01 00:00:01.5");
        assert_eq!(offset_text(-7200), "+02");
        assert_eq!(offset_text(12_600), "-03:30");
        assert_eq!(interval_text(14, -3, -1_500_000), "14 mons -3 days -00:00:01.500000");
    }

    #[test]
    fn iso_texts_are_known() {
        for text in ["2024-02-29", "2024-02-29T10:00:00Z", "2024-02-29 10:00:00.5+02:00"] {
            assert!(is_iso(text), "{text}");
        }
        for text in ["2023-02-29", "24-02-29", "2024-13-01", "2024-02-29x", "now", ""] {
            assert!(!is_iso(text), "{text}");
        }
    }
}
