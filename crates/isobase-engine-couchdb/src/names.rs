//! Names of collections as names of databases.
//!
//! CouchDB's names match `^[a-z][a-z0-9_$()+/-]*$` and have at most 238 characters. A collection
//! whose name is like that has it as it is, after the prefix. Of other names each byte that CouchDB
//! cannot have stands as `$xx`; a name that would not begin with a letter has `x$$` in front; one
//! that is too long has a readable beginning, `$$h` and a hash.

use isobase_journal::{IndexNumber, NativeIds};
use isobase_types::{CollectionName, hex};
use sha2::{Digest, Sha256};

/// Ids that begin with `_` are CouchDB's own (`_design/`). Any other may be one of a document;
/// the length has no bound but that of a request (4,000 and more were measured on 3.5.0).
pub(crate) const IDS: NativeIds =
    NativeIds { refuses: |id| id.starts_with('_'), escapes: |_| false, bytes_max: usize::MAX };

/// The index of ids, where a database has one.
pub(crate) const ORDER: IndexNumber = 0;

/// Longest name of a database. Source: measured on CouchDB 3.5 (2026-11).
const DATABASE_NAME_CHARS_MAX: usize = 238;
/// Longest prefix: the rest is for the names.
pub(crate) const PREFIX_CHARS_MAX: usize = 100;
/// Ours: databases beside the collections.
const RESERVED: &str = "isobase_";
const JOURNAL: &str = "isobase_journal";
/// In front of a name that does not begin with a letter.
const NO_LETTER: &str = "x$$";
/// Before the hash of a name that is too long.
const HASHED: &str = "$$h";
const HASH_BYTES: usize = 16;

/// The names below one prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Names {
    prefix: String,
}

/// The meaning of a database's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// A collection.
    Collection(CollectionName),
    /// A collection whose name was too long.
    Hashed,
    /// CouchDB's own, and journals.
    Own,
    /// Nothing of ours, and not to be reached by any name.
    Other,
}

impl Names {
    pub(crate) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned() }
    }

    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The database of the journal.
    pub(crate) fn journal(&self) -> String {
        format!("{}{JOURNAL}", self.prefix)
    }

    /// The database of a collection.
    pub(crate) fn database(&self, collection: &CollectionName) -> String {
        let mut name = self.prefix.clone();
        let escaped = escape(collection.as_str());
        if self.prefix.is_empty() && !escaped.starts_with(|c: char| c.is_ascii_lowercase()) {
            name.push_str(NO_LETTER);
        }
        let room = DATABASE_NAME_CHARS_MAX - name.len();
        if escaped.len() <= room {
            name.push_str(&escaped);
            return name;
        }
        let mut end = room - HASHED.len() - 2 * HASH_BYTES;
        // An escape is not cut.
        while escaped[..end].bytes().rev().take(2).any(|byte| byte == b'$') {
            end -= 1;
        }
        let hash = Sha256::digest(collection.as_str().as_bytes());
        name.push_str(&escaped[..end]);
        name.push_str(HASHED);
        name.push_str(&hex(&hash[..HASH_BYTES]));
        name
    }

    /// The role of a database for us.
    pub(crate) fn meaning(&self, database: &str) -> Meaning {
        let Some(rest) = database.strip_prefix(self.prefix.as_str()) else {
            // Not under the prefix.
            return Meaning::Own;
        };
        // Journals of longer prefixes are no one's collections either.
        if rest.starts_with('_') && self.prefix.is_empty() || rest.ends_with(JOURNAL) {
            return Meaning::Own;
        }
        let escaped = match self.prefix.is_empty() {
            true => rest.strip_prefix(NO_LETTER).unwrap_or(rest),
            false => rest,
        };
        if escaped.contains(HASHED) {
            return Meaning::Hashed;
        }
        let name = unescape(escaped).and_then(|name| CollectionName::new(&name).ok());
        match name {
            // Only what leads back is ours: `a$61` would be the collection `aa`, which is in `aa`.
            Some(name) if self.database(&name) == database => Meaning::Collection(name),
            _ => Meaning::Other,
        }
    }
}

fn escape(name: &str) -> String {
    let bytes = name.as_bytes();
    let mut out = String::with_capacity(name.len());
    for (place, byte) in bytes.iter().enumerate() {
        let is_plain = match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'_' | b'(' | b')' | b'+' | b'-' => true,
            b'$' => !reads_as_escape(&bytes[place + 1..]),
            _ => false,
        };
        let is_reserved = place == 0 && name.starts_with(RESERVED)
            || name.as_bytes()[place..] == *JOURNAL.as_bytes();
        if is_plain && !is_reserved {
            out.push(char::from(*byte));
        } else {
            out.push('$');
            out.push_str(&hex(&[*byte]));
        }
    }
    out
}

/// Whether a `$` before these bytes would mean something.
fn reads_as_escape(rest: &[u8]) -> bool {
    let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    match rest {
        // A byte that must be escaped begins with `$`.
        [next, ..] if !matches!(next, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'(' | b')' | b'+' | b'-') => {
            true
        }
        [first, second, ..] => is_digit(first) && is_digit(second),
        _ => false,
    }
}

fn unescape(escaped: &str) -> Option<String> {
    let bytes = escaped.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut place = 0;
    while place < bytes.len() {
        let digits = bytes.get(place + 1..place + 3).filter(|_| bytes[place] == b'$');
        match digits.and_then(unhex_byte) {
            Some(byte) => {
                out.push(byte);
                place += 3;
            }
            None => {
                out.push(bytes[place]);
                place += 1;
            }
        }
    }
    String::from_utf8(out).ok()
}

fn unhex_byte(digits: &[u8]) -> Option<u8> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    match digits {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    }
}

/// The bytes of [`hex`]; `None` when it is something else.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let bytes = text.as_bytes();
    if !bytes.len().is_multiple_of(2) {
        return None;
    }
    bytes.chunks_exact(2).map(unhex_byte).collect()
}

/// Why a prefix cannot be one; `None` when it can.
pub(crate) fn refuses_prefix(prefix: &str) -> Option<&'static str> {
    let is_allowed =
        |c: char| matches!(c, 'a'..='z' | '0'..='9' | '_' | '(' | ')' | '+' | '/' | '-');
    if prefix.is_empty() {
        return None;
    }
    if !prefix.starts_with(|c: char| c.is_ascii_lowercase()) || !prefix.chars().all(is_allowed) {
        return Some("a lower-case letter, then lower-case letters, digits and any of _()+/-");
    }
    if prefix.contains(RESERVED) {
        return Some("without 'isobase_', with which our own databases begin");
    }
    (prefix.len() > PREFIX_CHARS_MAX).then_some("at most 100 characters")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> CollectionName {
        CollectionName::new(text).unwrap()
    }

    #[test]
    fn names_have_their_databases() {
        let plain = Names::new("");
        let prefixed = Names::new("app_");
        let cases = [
            ("notes", "notes", "app_notes"),
            ("user_sessions-2(a)+b", "user_sessions-2(a)+b", "app_user_sessions-2(a)+b"),
            ("2024", "x$$2024", "app_2024"),
            ("_users", "x$$_users", "app__users"),
            ("Notes", "x$$$4eotes", "app_$4eotes"),
            ("a$b", "a$b", "app_a$b"),
            ("cost$12", "cost$2412", "app_cost$2412"),
            ("x$$1", "x$24$1", "app_x$24$1"),
            ("a$B", "a$24$42", "app_a$24$42"),
            ("$", "x$$$", "app_$"),
            ("isobase_journal", "x$$$69sobase_journal", "app_$69sobase_journal"),
            ("isobase", "isobase", "app_isobase"),
            ("a_isobase_journal", "a_$69sobase_journal", "app_a_$69sobase_journal"),
            ("ä b", "x$$$c3$a4$20b", "app_$c3$a4$20b"),
        ];
        for (collection, database, with_prefix) in cases {
            assert_eq!(plain.database(&name(collection)), database);
            assert_eq!(plain.meaning(database), Meaning::Collection(name(collection)));
            assert_eq!(prefixed.database(&name(collection)), with_prefix);
            assert_eq!(prefixed.meaning(with_prefix), Meaning::Collection(name(collection)));
        }
    }

    #[test]
    fn long_names_have_a_hash() {
        let names = Names::new("app_");
        let (long, other) = (name(&"ä".repeat(64)), name(&format!("{}b", "ä".repeat(63))));
        let database = names.database(&long);
        assert!(database.len() <= DATABASE_NAME_CHARS_MAX, "{database}");
        assert!(database.starts_with("app_$c3$a4"));
        assert_ne!(database, names.database(&other));
        assert_eq!(names.meaning(&database), Meaning::Hashed);
    }

    #[test]
    fn every_name_leads_back() {
        let letters = ["a", "$", "2", "4", "_", "N", "ä", "x", "isobase_", " "];
        let names = [Names::new(""), Names::new("p")];
        for first in letters {
            for second in letters {
                for third in letters {
                    for fourth in letters {
                        let collection = name(&format!("{first}{second}{third}{fourth}"));
                        for names in &names {
                            let database = names.database(&collection);
                            let expected = Meaning::Collection(collection.clone());
                            assert_eq!(names.meaning(&database), expected, "{database}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn databases_of_others_mean_nothing() {
        let names = Names::new("");
        for database in ["isobase_x", "a/b", "a$61", "x$$foo"] {
            assert_eq!(names.meaning(database), Meaning::Other, "{database}");
        }
        for database in ["_users", "isobase_journal", "app_isobase_journal"] {
            assert_eq!(names.meaning(database), Meaning::Own, "{database}");
        }
        assert_eq!(Names::new("app_").meaning("notes"), Meaning::Own);
        assert_eq!(Names::new("app_").meaning("app_isobase_journal"), Meaning::Own);
    }

    #[test]
    fn prefixes_are_checked() {
        for prefix in ["", "app", "app_", "a/b-"] {
            assert_eq!(refuses_prefix(prefix), None, "{prefix}");
        }
        for prefix in ["App", "1", "_x", "a$", "ä", "a_isobase_", &"a".repeat(101)] {
            assert!(refuses_prefix(prefix).is_some(), "{prefix}");
        }
    }

    #[test]
    fn hexadecimal_digits_come_back() {
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(unhex(&hex(&bytes)), Some(bytes));
        assert_eq!(unhex("0"), None);
        assert_eq!(unhex("0G"), None);
    }
}
