//! Parts of a file (RFC 9110, section 14).

use http::HeaderValue;

/// Which bytes of a file are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Whole,
    /// The first and the last one.
    Bytes(u64, u64),
    /// None that the file has.
    Unsatisfiable,
}

impl Part {
    /// The part that the header `Range` names. Several parts at once are answered with the whole.
    pub(crate) fn of(range: &str, size: u64) -> Self {
        let range = range.trim().strip_prefix("bytes=").and_then(|range| range.split_once('-'));
        let Some((first, last)) = range else { return Self::Whole };
        let number = |text: &str| match text.trim() {
            "" => Some(None),
            // Beyond what a number holds is beyond the file, too.
            text if text.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(Some(text.parse::<u64>().unwrap_or(u64::MAX)))
            }
            _ => None,
        };
        match (number(first), number(last)) {
            (Some(None), Some(Some(count))) if count == 0 || size == 0 => Self::Unsatisfiable,
            (Some(None), Some(Some(count))) => Self::Bytes(size.saturating_sub(count), size - 1),
            (Some(Some(first)), Some(Some(last))) if first > last => Self::Whole,
            (Some(Some(first)), Some(_)) if first >= size => Self::Unsatisfiable,
            (Some(Some(first)), Some(last)) => {
                Self::Bytes(first, last.unwrap_or(u64::MAX).min(size - 1))
            }
            _ => Self::Whole,
        }
    }

    /// The header `Content-Range` of an answer; `None` for the whole.
    pub(crate) fn content_range(self, size: u64) -> Option<HeaderValue> {
        let text = match self {
            Self::Whole => return None,
            Self::Bytes(first, last) => format!("bytes {first}-{last}/{size}"),
            Self::Unsatisfiable => format!("bytes */{size}"),
        };
        HeaderValue::try_from(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_those_of_the_standard() {
        for (range, size, expected) in [
            ("bytes=0-0", 10, Part::Bytes(0, 0)),
            ("bytes=2-", 10, Part::Bytes(2, 9)),
            ("bytes=-3", 10, Part::Bytes(7, 9)),
            ("bytes=-30", 10, Part::Bytes(0, 9)),
            ("bytes=5-99999999999999999999", 10, Part::Bytes(5, 9)),
            ("bytes=10-", 10, Part::Unsatisfiable),
            ("bytes=-0", 10, Part::Unsatisfiable),
            ("bytes=-1", 0, Part::Unsatisfiable),
            ("bytes=0-", 0, Part::Unsatisfiable),
            ("bytes=5-2", 10, Part::Whole),
            ("bytes=0-1,3-4", 10, Part::Whole),
            ("bytes=-", 10, Part::Whole),
            ("bytes=+1-2", 10, Part::Whole),
            ("lines=0-1", 10, Part::Whole),
        ] {
            assert_eq!(Part::of(range, size), expected, "{range} of {size}");
        }
    }
}
