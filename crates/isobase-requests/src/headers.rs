//! Headers of a request and of its answer. All names are kept, values only of those that say nothing
//! of who somebody is: a list of secrets would always lack one.

use std::collections::BTreeMap;

use crate::{cut, redact};

/// Headers by their names in small letters.
pub type Headers = BTreeMap<String, String>;

/// Most headers that are kept of one message, the first by their names.
const HEADERS_MAX: usize = 64;
/// Longest name, in bytes.
const NAME_BYTES_MAX: usize = 100;
/// Characters that are kept of a value.
const VALUE_CHARACTERS_MAX: usize = 500;
/// What stands in place of a value that is not kept.
const HIDDEN: &str = "[redacted]";

/// Names whose values are kept.
const KEPT: [&str; 24] = [
    "age",
    "allow",
    "cache-control",
    "connection",
    "date",
    "etag",
    "expires",
    "host",
    "idempotency-key",
    "last-modified",
    "link",
    "location",
    "origin",
    "pragma",
    "range",
    "retry-after",
    "server",
    "server-timing",
    "traceparent",
    "transfer-encoding",
    "user-agent",
    "vary",
    "x-correlation-id",
    "x-request-id",
];

/// Beginnings of names whose values are kept.
const KEPT_BEGINNINGS: [&str; 7] =
    ["accept", "access-control-", "content-", "if-", "ratelimit", "sec-", "x-ratelimit-"];

/// What is stored of headers.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    pub(crate) headers: Headers,
    /// Secrets that were taken out of values that are kept.
    pub(crate) redacted: u32,
    /// A value was cut, or headers were left out because they were too many.
    pub(crate) truncated: bool,
}

/// What is stored of headers. A name that is none is left out.
pub(crate) fn kept(headers: &Headers) -> Kept {
    let mut kept = Kept::default();
    for (name, value) in headers {
        let name = name.to_ascii_lowercase();
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.bytes().all(is_name) {
            continue;
        }
        if kept.headers.len() == HEADERS_MAX {
            kept.truncated = true;
            break;
        }
        let is_kept = KEPT.contains(&name.as_str())
            || KEPT_BEGINNINGS.iter().any(|beginning| name.starts_with(beginning));
        let value = match is_kept {
            false => HIDDEN.to_owned(),
            true => {
                let (value, redacted) = redact(value);
                let (value, was_cut) = cut(&value, VALUE_CHARACTERS_MAX);
                kept.redacted += redacted;
                kept.truncated |= was_cut;
                value
            }
        };
        kept.headers.insert(name, value);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_and_values_of_the_harmless() {
        let given = [
            ("Content-Type", "application/json"),
            ("Authorization", "Bearer abcdefgh12345"),
            ("X-Customer", "ann@example.com"),
            ("Location", "/next?token=hush"),
            ("User-Agent", &"x".repeat(600)),
            ("no name", "x"),
            ("", "x"),
        ];
        let given = given.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let Kept { headers, redacted, truncated } = kept(&Headers::from(given));
        assert_eq!(headers["content-type"], "application/json");
        assert_eq!(headers["authorization"], HIDDEN);
        assert_eq!(headers["x-customer"], HIDDEN);
        assert_eq!(headers["location"], "/next?token=[redacted]");
        assert!(headers["user-agent"].ends_with(crate::TRUNCATED));
        assert_eq!((headers.len(), redacted, truncated), (5, 1, true));
    }

    #[test]
    fn there_are_not_too_many() {
        let given = (0..HEADERS_MAX + 1).map(|n| (format!("x-{n}"), String::new())).collect();
        let Kept { headers, truncated, .. } = kept(&given);
        assert_eq!((headers.len(), truncated), (HEADERS_MAX, true));
    }
}
