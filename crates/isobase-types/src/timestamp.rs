//! Moments in time.

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use jiff::{
    SignedDuration,
    civil::{DateTime, date},
};

const EPOCH: DateTime = date(1970, 1, 1).at(0, 0, 0, 0);

/// A moment in UTC, in whole microseconds since 1970 (what every engine can hold).
///
/// Displayed as RFC 3339 with six digits: `2026-11-20T14:09:00.000000Z`. One after the year 9999,
/// which RFC 3339 cannot write, is displayed as the end of that year.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    /// Microseconds since 1970-01-01T00:00:00Z, never negative.
    pub unix_us: i64,
}

impl Timestamp {
    /// The moment of a system time; times before 1970 become 1970.
    #[must_use]
    pub fn from_system_time(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { unix_us: i64::try_from(since.as_micros()).unwrap_or(i64::MAX) }
    }

    /// Reads RFC 3339 in UTC (`Z`) with up to nine digits after the second, of which six count.
    /// `None` for anything else, for days that no month has, and for years before 1970.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::from_civil(civil_time(text.strip_suffix('Z')?)?)
    }

    /// Reads RFC 3339 as [`Self::parse`] does, also with an offset such as `+01:00`. `None` where
    /// digits after the sixth say anything: a time is compared with, not cut.
    #[must_use]
    pub fn parse_exact(text: &str) -> Option<Self> {
        let (local, minutes_ahead) = match text.strip_suffix('Z') {
            Some(utc) => (utc, 0),
            None => {
                let (local, offset) = text.split_at_checked(text.len().checked_sub(6)?)?;
                (local, offset_minutes(offset)?)
            }
        };
        let is_finer = local.get(26..).is_some_and(|rest| rest.bytes().any(|digit| digit != b'0'));
        if is_finer {
            return None;
        }
        let ahead = SignedDuration::from_mins(minutes_ahead);
        Self::from_civil(civil_time(local)?.checked_sub(ahead).ok()?)
    }

    /// The moment of a date and time in UTC; `None` before 1970.
    #[must_use]
    pub fn from_civil(utc: DateTime) -> Option<Self> {
        let micros = utc.duration_since(EPOCH).as_micros();
        i64::try_from(micros).ok().filter(|it| *it >= 0).map(|unix_us| Self { unix_us })
    }

    /// The system time of this moment.
    #[must_use]
    pub fn to_system_time(self) -> SystemTime {
        UNIX_EPOCH + Duration::from_micros(self.unix_us.unsigned_abs())
    }
}

/// A date and time of RFC 3339 without its offset.
fn civil_time(text: &str) -> Option<DateTime> {
    // The parser also takes forms of ISO 8601 that RFC 3339 has not.
    let (seconds, fraction) = text.split_at_checked(19)?;
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    let digits = fraction.strip_prefix('.').unwrap_or("0");
    let is_fraction = (1..=9).contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && fraction.starts_with('.') != fraction.is_empty();
    if marks.iter().any(|(at, mark)| seconds.as_bytes()[*at] != *mark) || !is_fraction {
        return None;
    }
    text.parse().ok()
}

/// Minutes ahead of UTC of `+01:00` or `-05:30`.
fn offset_minutes(offset: &str) -> Option<i64> {
    let (sign, hours, minutes) = match offset.as_bytes() {
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => (sign, [*h1, *h2], [*m1, *m2]),
        _ => return None,
    };
    let number = |digits: [u8; 2]| {
        digits
            .iter()
            .all(u8::is_ascii_digit)
            .then(|| i64::from(digits[0] - b'0') * 10 + i64::from(digits[1] - b'0'))
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let ahead = (hours <= 23 && minutes <= 59).then_some(hours * 60 + minutes)?;
    Some(if *sign == b'-' { -ahead } else { ahead })
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since = SignedDuration::from_micros(self.unix_us);
        // A civil time reaches to the end of 9999, one with a zone ends a day earlier.
        let at = EPOCH.checked_add(since).unwrap_or(DateTime::MAX);
        write!(f, "{at:.6}Z")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn displays_as_rfc_3339() {
        let cases = [
            (0, "1970-01-01T00:00:00.000000Z"),
            (951_782_400_000_001, "2000-02-29T00:00:00.000001Z"),
            (1_795_183_740_123_456, "2026-11-20T14:09:00.123456Z"),
            (4_102_444_799_999_999, "2099-12-31T23:59:59.999999Z"),
        ];
        for (unix_us, text) in cases {
            assert_eq!(Timestamp { unix_us }.to_string(), text);
        }
    }

    #[test]
    fn after_9999_is_the_end_of_9999() {
        for (unix_us, text) in [
            (253_402_300_799_999_999, "9999-12-31T23:59:59.999999Z"),
            (253_402_300_800_000_000, "9999-12-31T23:59:59.999999Z"),
            (i64::MAX, "9999-12-31T23:59:59.999999Z"),
        ] {
            assert_eq!(Timestamp { unix_us }.to_string(), text);
        }
    }

    #[test]
    fn printed_times_are_read_back() {
        for unix_us in [0, 1, 951_782_400_000_001, 1_795_183_740_123_456, 4_102_444_799_999_999] {
            let time = Timestamp { unix_us };
            assert_eq!(Timestamp::parse(&time.to_string()), Some(time));
        }
        assert_eq!(
            Timestamp::parse("1970-01-01T00:00:01Z"),
            Some(Timestamp { unix_us: 1_000_000 })
        );
        assert_eq!(
            Timestamp::parse("1970-01-01T00:00:00.5Z"),
            Some(Timestamp { unix_us: 500_000 })
        );
        assert_eq!(
            Timestamp::parse("1970-01-01T00:00:00.123456789Z"),
            Some(Timestamp { unix_us: 123_456 })
        );
    }

    #[test]
    fn offsets_are_taken_off() {
        for (text, unix_us) in [
            ("1970-01-01T00:00:01Z", 1_000_000),
            ("1970-01-01T00:00:00.123456000Z", 123_456),
            ("1970-01-01T01:30:00+01:30", 0),
            ("1969-12-31T23:00:00-01:00", 0),
            ("2000-02-29T01:00:00.000001+01:00", 951_782_400_000_001),
        ] {
            assert_eq!(Timestamp::parse_exact(text), Some(Timestamp { unix_us }), "{text}");
        }
        for text in [
            "",
            "2026-11-20",
            "2026-11-20T14:09:00",
            "2026-11-20T14:09:00.1234567Z",
            "2026-11-20T14:09:00.123456789+01:00",
            "2026-11-20T14:09:00+1:00",
            "2026-11-20T14:09:00 01:00",
            "2026-11-20T14:09:00+24:00",
            "2026-11-20T14:09:00+é1:00",
            "2026-02-29T00:00:00+00:00",
            "1969-12-31T23:59:59Z",
            "1970-01-01T00:59:59+01:00",
        ] {
            assert_eq!(Timestamp::parse_exact(text), None, "{text}");
        }
    }

    #[test]
    fn other_text_is_no_time() {
        for text in [
            "",
            "now",
            "1970-01-01",
            "1970-13-01T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "1970-01-01 00:00:00Z",
            "1970-01-01T00:00Z",
            "1970-01-01T00:00:00.Z",
            "1970-01-01T00:00:00[UTC]Z",
            "1970-01-01T24:00:00Z",
            "1970-01-01T00:00:00",
            "1970-01-01T00:00:00+01:00",
            "1960-01-01T00:00:00Z",
            "1970-01-01T00:00:00.é0000Z",
            "1970-01-01T00:00:00.1234567890Z",
        ] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }
}
