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
        let civil = text.strip_suffix('Z')?;
        // The parser also takes forms of ISO 8601 that RFC 3339 has not.
        let (seconds, fraction) = civil.split_at_checked(19)?;
        let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
        let digits = fraction.strip_prefix('.').unwrap_or("0");
        let is_fraction = (1..=9).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && fraction.starts_with('.') != fraction.is_empty();
        if marks.iter().any(|(at, mark)| seconds.as_bytes()[*at] != *mark) || !is_fraction {
            return None;
        }
        Self::from_civil(civil.parse().ok()?)
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
