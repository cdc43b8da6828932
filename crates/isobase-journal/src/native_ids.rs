//! Ids as a database can have them.

use std::fmt::Write as _;

use isobase_types::DocumentId;
use sha2::{Digest, Sha256};

/// In front of an id that is escaped: it is rare, so that hardly any id of another program is
/// misread as one.
const ESCAPED: &str = "isobase_id:";
/// In front of the hash of an id that is too long when it is escaped.
const HASHED: &str = "isobase_id#";
const HASH_BYTES: usize = 16;

/// How a database has ids that it cannot have as they are.
///
/// An id that the database can have is its own native id. Any other is `isobase_id:` and the id
/// with some bytes as `%XX`; where that is too long, `isobase_id#` and a hash, and the id is kept
/// in the bookkeeping. What would be misread as such a form is escaped too, so every id has one
/// native id, and every native id but those of hashes says its id, no matter who wrote it.
#[derive(Clone, Copy, Debug)]
pub struct NativeIds {
    /// Whether the database refuses an id for its text.
    pub refuses: fn(&str) -> bool,
    /// Bytes that cannot stand in an id anywhere.
    pub escapes: fn(u8) -> bool,
    /// Longest native id in bytes.
    pub bytes_max: usize,
}

impl NativeIds {
    /// The native id of an id.
    #[must_use]
    pub fn of(&self, id: &DocumentId) -> String {
        let text = id.to_string();
        let is_taken = || self.escaped_id(&text).is_some() || is_hashed(&text);
        if !(self.refuses)(&text) && !is_taken() {
            return text;
        }
        let escaped = self.escape(&text);
        if escaped.len() <= self.bytes_max { escaped } else { hashed(&text) }
    }

    /// The id that must be kept in the bookkeeping, because the native id does not say it.
    #[must_use]
    pub fn kept(&self, id: &DocumentId) -> Option<String> {
        is_hashed(&self.of(id)).then(|| id.to_string())
    }

    /// The id of a native id; `kept` is what the bookkeeping says. `None` for one that is no id of
    /// ours: too long, or the hash of an id that no one knows.
    #[must_use]
    pub fn read(&self, native: &str, kept: Option<&str>) -> Option<DocumentId> {
        if let Some(id) = self.escaped_id(native) {
            return Some(id);
        }
        if is_hashed(native) {
            let id = DocumentId::parse(kept?).ok()?;
            return (self.of(&id) == native).then_some(id);
        }
        DocumentId::parse(native).ok()
    }

    fn escape(&self, text: &str) -> String {
        let mut out = Vec::with_capacity(ESCAPED.len() + text.len());
        out.extend_from_slice(ESCAPED.as_bytes());
        for byte in text.bytes() {
            if byte == b'%' || (self.escapes)(byte) {
                out.extend_from_slice(format!("%{byte:02X}").as_bytes());
            } else {
                out.push(byte);
            }
        }
        // Only ASCII was replaced, by ASCII.
        String::from_utf8(out).unwrap_or_default()
    }

    /// The id of an escaped one, if this is the form that we would give it.
    fn escaped_id(&self, native: &str) -> Option<DocumentId> {
        let bytes = native.strip_prefix(ESCAPED)?.as_bytes();
        let mut text = Vec::with_capacity(bytes.len());
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            if *byte == b'%' {
                let digits = std::str::from_utf8(bytes.get(at + 1..at + 3)?).ok()?;
                text.push(u8::from_str_radix(digits, 16).ok()?);
                at += 3;
            } else {
                text.push(*byte);
                at += 1;
            }
        }
        let text = String::from_utf8(text).ok()?;
        // The id is shorter than its escaped form, so this comes to an end.
        let needed = (self.refuses)(&text) || self.escaped_id(&text).is_some() || is_hashed(&text);
        let id = DocumentId::parse(&text).ok()?;
        (needed && self.escape(&text) == native).then_some(id)
    }
}

fn hashed(text: &str) -> String {
    let mut out = String::from(HASHED);
    for byte in &Sha256::digest(text)[..HASH_BYTES] {
        let _ = write!(out, "{byte:02x}");
    }
    out
}

fn is_hashed(native: &str) -> bool {
    native.strip_prefix(HASHED).is_some_and(|hash| {
        hash.len() == 2 * HASH_BYTES
            && hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDS: NativeIds = NativeIds {
        refuses: |id| id.contains('/') || id.starts_with('_') || id == "..",
        escapes: |byte| byte == b'/',
        bytes_max: 100,
    };

    fn id(text: &str) -> DocumentId {
        DocumentId::parse(text).unwrap()
    }

    #[test]
    fn ids_stay_where_they_can() {
        for text in ["7", "007", "a%2Fb", "%", "isobase_id", "isobase_id:a", "isobase_id#a", "ä "]
        {
            assert_eq!(IDS.of(&id(text)), text);
            assert_eq!(IDS.read(text, None), Some(id(text)), "{text}");
        }
    }

    #[test]
    fn other_ids_are_escaped_and_come_back() {
        let hash = format!("isobase_id#{}", "0".repeat(32));
        for (text, native) in [
            ("_a", "isobase_id:_a"),
            ("..", "isobase_id:.."),
            ("a/b%2F", "isobase_id:a%2Fb%252F"),
            ("isobase_id:_a", "isobase_id:isobase_id:_a"),
            ("isobase_id:a%2Fb", "isobase_id:isobase_id:a%252Fb"),
            (&hash, &format!("isobase_id:{hash}")),
        ] {
            assert_eq!(IDS.of(&id(text)), native);
            assert_eq!(IDS.read(native, None), Some(id(text)), "{native}");
            assert_eq!(IDS.kept(&id(text)), None);
        }
    }

    #[test]
    fn an_id_that_becomes_too_long_is_a_hash_and_kept() {
        let long = id(&"/".repeat(80));
        let native = IDS.of(&long);
        assert_eq!(native.len(), 43);
        let kept = IDS.kept(&long);
        assert_eq!(IDS.read(&native, kept.as_deref()), Some(long));
        for other in [None, Some("a"), Some("")] {
            assert_eq!(IDS.read(&native, other), None, "{other:?}");
        }
    }

    #[test]
    fn no_two_native_ids_have_one_id() {
        let parts = ["a", "/", "_", "%", "%2F", "isobase_id:", "isobase_id#", ".."];
        let mut seen = std::collections::HashMap::new();
        for first in parts {
            for second in parts {
                for third in parts {
                    let text = format!("{first}{second}{third}");
                    let native = IDS.of(&id(&text));
                    assert!(!(IDS.refuses)(&native), "{native}");
                    assert_eq!(IDS.read(&native, None), Some(id(&text)), "{native}");
                    if !(IDS.refuses)(&text) {
                        // What another program has under this text, is some id.
                        let theirs = IDS.read(&text, None).unwrap();
                        assert_eq!(IDS.of(&theirs), text);
                    }
                    let known = seen.insert(native, text.clone());
                    assert!(known.is_none_or(|known| known == text), "{text}");
                }
            }
        }
    }
}
