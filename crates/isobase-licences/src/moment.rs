//! Moments as people and other programs write them.

use isobase_types::Timestamp;
use jiff::{SignedDuration, fmt::temporal::Pieces, tz::Offset};

/// The forms of an expiry.
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
    read(text.trim()).ok_or_else(wrong)
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
    let bytes = text.as_bytes();
    // The parser also takes short forms of ISO 8601, hours alone, and the second 60.
    let is_date = bytes.get(4) == Some(&b'-') && bytes.get(7) == Some(&b'-');
    let has_minutes = bytes.len() <= 10 || bytes.get(13) == Some(&b':');
    if !is_date || !has_minutes || bytes.get(17..19) == Some(b"60".as_slice()) {
        return None;
    }
    let pieces = Pieces::parse(text).ok()?;
    if pieces.time_zone_annotation().is_some() {
        return None;
    }
    let local = pieces.date().to_datetime(pieces.time().unwrap_or_default());
    let ahead = pieces.to_numeric_offset().unwrap_or(Offset::UTC);
    Timestamp::from_civil(local.checked_sub(SignedDuration::from(ahead)).ok()?)
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
            "20270223T120000Z",
            "2027-02-23T12:00:00Z[UTC]",
            "2027-02-23Z",
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
