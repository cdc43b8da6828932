//! Headers of a request about a file (RFC 9110, sections 12 to 14).

use std::time::{SystemTime, UNIX_EPOCH};

use http::{HeaderMap, HeaderValue, Method, header};

use crate::{etag, range::Part};

/// How a file is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Plain,
    Gzip,
    Br,
}

impl Coding {
    /// Its name in `Content-Encoding`.
    pub(super) fn name(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Gzip => Some("gzip"),
            Self::Br => Some("br"),
        }
    }
}

/// Whether the caller names a coding and does not refuse it.
pub(super) fn accepts(headers: &HeaderMap, coding: &str) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter();
    let ranges = values.filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(','));
    ranges.map(|range| range.split(';').map(str::trim)).any(|mut parts| {
        let is_named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(coding));
        is_named && parts.all(|part| part.strip_prefix("q=").is_none_or(is_positive))
    })
}

/// Whether a page may be shown in place of what was asked for.
pub(super) fn accepts_pages(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut ranges = values.flat_map(|text| text.split(','));
    ranges.any(|range| range.split(';').next().is_some_and(|name| name.trim() == "text/html"))
}

fn is_positive(weight: &str) -> bool {
    weight.parse::<f32>().is_ok_and(|weight| weight > 0.0)
}

/// The tag of a state of a file.
pub(super) fn tag(length: u64, modified: SystemTime, coding: Coding) -> HeaderValue {
    let since = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
    let coding = coding.name().unwrap_or_default();
    let text = format!("\"{length:x}-{:x}{coding}\"", since.as_nanos());
    // Not reached: the parts are digits and letters. An empty tag matches nothing.
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("\"\""))
}

/// Whether the caller has this state of the file.
pub(super) fn is_known(headers: &HeaderMap, tag: &HeaderValue, modified: SystemTime) -> bool {
    if headers.contains_key(header::IF_NONE_MATCH) {
        return etag::is_known(headers, tag);
    }
    date(headers, header::IF_MODIFIED_SINCE).is_some_and(|since| seconds(modified) <= since)
}

/// The part of a file that is asked for. Several parts at once are answered with the whole.
pub(super) fn part(
    method: &Method,
    headers: &HeaderMap,
    length: u64,
    (tag, modified): (&HeaderValue, SystemTime),
) -> Part {
    let range = headers.get(header::RANGE).filter(|_| *method == Method::GET);
    let Some(range) = range.and_then(|range| range.to_str().ok()) else { return Part::Whole };
    if let Some(condition) = headers.get(header::IF_RANGE)
        && condition != tag
        && date(headers, header::IF_RANGE) != Some(seconds(modified))
    {
        return Part::Whole;
    }
    Part::of(range, length)
}

/// A date of a header, in seconds since 1970.
fn date(headers: &HeaderMap, name: header::HeaderName) -> Option<u64> {
    let text = headers.get(name)?.to_str().ok()?;
    httpdate::parse_http_date(text).ok().map(seconds)
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// How long a file may be kept without asking: one with a hash in its name never changes.
pub(super) fn cache_control(name: &str) -> HeaderValue {
    HeaderValue::from_static(match has_hash(name) {
        true => "public, max-age=31536000, immutable",
        false => "no-cache",
    })
}

/// Whether a part of a name is a hash, as bundlers make it: `app.3f9a1c2b.js`, `app-BzX1yQ2w.js`.
fn has_hash(name: &str) -> bool {
    let mut parts = name.split(['.', '-']).skip(1).peekable();
    std::iter::from_fn(|| {
        let part = parts.next()?;
        parts.peek().map(|_| part)
    })
    .any(|part| {
        let digits = part.bytes().filter(u8::is_ascii_digit).count();
        let plain = part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let is_date = digits == part.len();
        part.len() >= 8 && plain && digits > 0 && !is_date
    })
}

/// Whether a file is a page, by the end of its name.
pub(super) fn is_page(name: &str) -> bool {
    content_type(name).as_bytes().starts_with(b"text/html")
}

/// The type of a file, by the end of its name.
pub(super) fn content_type(name: &str) -> HeaderValue {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    HeaderValue::from_static(match ending.as_deref().unwrap_or_default() {
        "html" | "htm" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "txt" => "text/plain; charset=utf-8",
        "md" => "text/markdown; charset=utf-8",
        "csv" => "text/csv; charset=utf-8",
        "xml" => "application/xml",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "avif" => "image/avif",
        "ico" => "image/x-icon",
        "woff" => "font/woff",
        "woff2" => "font/woff2",
        "ttf" => "font/ttf",
        "otf" => "font/otf",
        "mp3" => "audio/mpeg",
        "wav" => "audio/wav",
        "ogg" => "audio/ogg",
        "mp4" => "video/mp4",
        "webm" => "video/webm",
        "pdf" => "application/pdf",
        "wasm" => "application/wasm",
        "gz" => "application/gzip",
        "zip" => "application/zip",
        _ => "application/octet-stream",
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter();
        pairs.map(|(name, value)| ((*name).parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn parts_are_those_of_the_standard() {
        let modified = UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let tag = HeaderValue::from_static("\"t\"");
        let of = |pairs: &[(&'static str, &'static str)], length| {
            part(&Method::GET, &headers(pairs), length, (&tag, modified))
        };
        for (range, expected) in [
            ("bytes=0-0", Part::Bytes(0, 0)),
            ("bytes=2-", Part::Bytes(2, 9)),
            ("bytes=-3", Part::Bytes(7, 9)),
            ("bytes=-30", Part::Bytes(0, 9)),
            ("bytes=5-99999999999999999999", Part::Bytes(5, 9)),
            ("bytes=10-", Part::Unsatisfiable),
            ("bytes=-0", Part::Unsatisfiable),
            ("bytes=5-2", Part::Whole),
            ("bytes=0-1,3-4", Part::Whole),
            ("bytes=a-b", Part::Whole),
            ("bytes=", Part::Whole),
            ("bytes=-", Part::Whole),
            ("lines=0-1", Part::Whole),
        ] {
            assert_eq!(of(&[("range", range)], 10), expected, "{range}");
        }
        assert_eq!(of(&[("range", "bytes=0-")], 0), Part::Unsatisfiable);
        assert_eq!(of(&[("range", "bytes=-1")], 0), Part::Unsatisfiable);
        let conditional = |condition| of(&[("range", "bytes=0-0"), ("if-range", condition)], 10);
        assert_eq!(conditional("\"t\""), Part::Bytes(0, 0));
        assert_eq!(conditional("Sun, 09 Sep 2001 01:46:40 GMT"), Part::Bytes(0, 0));
        for other in ["\"u\"", "W/\"t\"", "Sun, 09 Sep 2001 01:46:41 GMT"] {
            assert_eq!(conditional(other), Part::Whole, "{other}");
        }
    }

    #[test]
    fn known_states_are_told_by_tag_then_date() {
        let modified = UNIX_EPOCH + Duration::from_millis(1_000_000_000_500);
        let tag = HeaderValue::from_static("\"t\"");
        let date = "Sun, 09 Sep 2001 01:46:40 GMT";
        for (pairs, known) in [
            (&[("if-none-match", "\"a\", W/\"t\"")] as &[_], true),
            (&[("if-none-match", "*")], true),
            (&[("if-none-match", "\"a\""), ("if-modified-since", date)], false),
            (&[("if-modified-since", date)], true),
            (&[("if-modified-since", "Sun, 09 Sep 2001 01:46:39 GMT")], false),
            (&[("if-modified-since", "yesterday")], false),
            (&[], false),
        ] {
            assert_eq!(is_known(&headers(pairs), &tag, modified), known, "{pairs:?}");
        }
    }

    #[test]
    fn only_names_with_a_hash_are_kept() {
        for name in ["app.3f9a1c2b.js", "app-BzX1yQ2w.css", "chunk-2K4F9A1C.min.js"] {
            assert!(has_hash(name), "{name}");
        }
        for name in [
            "index.html",
            "application.js",
            "my-javascript.js",
            "a.20261130.css",
            "3f9a1c2b",
            "3f9a1c2b.js",
            "app.3f9a1c2b",
        ] {
            assert!(!has_hash(name), "{name}");
        }
    }

    #[test]
    fn codings_are_sent_to_those_who_take_them() {
        let takes = |value| accepts(&headers(&[("accept-encoding", value)]), "br");
        assert!(takes("gzip, BR;q=0.5") && takes("br"));
        assert!(!takes("gzip") && !takes("br;q=0") && !takes("*"));
        assert!(accepts_pages(&headers(&[("accept", "text/html,*/*;q=0.8")])));
        assert!(!accepts_pages(&headers(&[("accept", "*/*")])));
    }
}
