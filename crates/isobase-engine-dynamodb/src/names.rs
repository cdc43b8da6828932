//! Names of tables.
//!
//! A table has the collection's own name after the prefix wherever it can. Other names are
//! escaped: each byte that a table's name cannot have, or that would be misread, becomes `.xx`
//! (two hexadecimal digits), and what is shorter than three bytes is filled up with `..`. What is
//! longer than a table's name can be ends with the hash of the whole; its name is in the
//! catalogue.

use isobase_types::CollectionName;
use sha2::{Digest, Sha256};

use crate::options::{TABLE_NAME_BYTES_MAX, is_table_byte};

/// Shortest name of a table. Source: as [`TABLE_NAME_BYTES_MAX`].
const TABLE_NAME_BYTES_MIN: usize = 3;
/// The prefix of the names of our own tables, after the one of the options.
const OWN: &str = "isobase_";
const PADDING: &str = "..";
/// Before the hash of a name that is too long. `.h` begins no escape.
const HASH_MARK: &str = ".h.";
const HASH_DIGITS: usize = 32;

/// Names under a prefix.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    prefix: String,
}

/// What the name of a table means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    Collection(CollectionName),
    /// A collection whose name was too long: only the catalogue knows it.
    Hashed,
    /// One of our own, or not under the prefix.
    Other,
}

impl Names {
    pub(crate) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned() }
    }

    /// The table of the journal.
    pub(crate) fn journal(&self) -> String {
        format!("{}{OWN}journal", self.prefix)
    }

    /// The table of a collection.
    pub(crate) fn table(&self, collection: &CollectionName) -> String {
        format!("{}{}", self.prefix, self.native(collection.as_str()))
    }

    /// What a table is by its name.
    pub(crate) fn named(&self, table: &str) -> Named {
        let Some(native) = table.strip_prefix(&self.prefix) else { return Named::Other };
        if native.starts_with(OWN) {
            return Named::Other;
        }
        if is_hashed(native) {
            return Named::Hashed;
        }
        let name = self.unescaped(native).unwrap_or_else(|| native.to_owned());
        CollectionName::new(&name).map_or(Named::Other, Named::Collection)
    }

    fn native(&self, name: &str) -> String {
        if self.needs_escape(name) { self.escaped(name) } else { name.to_owned() }
    }

    fn needs_escape(&self, name: &str) -> bool {
        !name.bytes().all(is_table_byte)
            || name.starts_with(OWN)
            || self.prefix.len() + name.len() < TABLE_NAME_BYTES_MIN
            || is_hashed(name)
            || self.unescaped(name).is_some()
    }

    fn escaped(&self, name: &str) -> String {
        let native = self.escaped_fully(name);
        if self.prefix.len() + native.len() <= TABLE_NAME_BYTES_MAX {
            return native;
        }
        let kept = TABLE_NAME_BYTES_MAX - self.prefix.len() - HASH_MARK.len() - HASH_DIGITS;
        let hash = Sha256::digest(name.as_bytes());
        let hash: String = hash[..HASH_DIGITS / 2].iter().map(|b| format!("{b:02x}")).collect();
        format!("{}{HASH_MARK}{hash}", &native[..kept])
    }

    fn escaped_fully(&self, name: &str) -> String {
        let mut native = String::with_capacity(name.len() + 8);
        for (at, byte) in name.bytes().enumerate() {
            let plain = is_table_byte(byte) && byte != b'.';
            if plain && !(at == 0 && name.starts_with(OWN)) {
                native.push(char::from(byte));
            } else {
                native.push_str(&format!(".{byte:02x}"));
            }
        }
        if self.prefix.len() + native.len() < TABLE_NAME_BYTES_MIN {
            native.push_str(PADDING);
        }
        native
    }

    /// The name that was escaped to this; `None` when this is no escaped name.
    fn unescaped(&self, native: &str) -> Option<String> {
        let stem = match native.strip_suffix(PADDING) {
            Some(stem) if self.prefix.len() + stem.len() < TABLE_NAME_BYTES_MIN => stem,
            _ => native,
        };
        let mut bytes = Vec::with_capacity(stem.len());
        let mut parts = stem.split('.');
        bytes.extend_from_slice(parts.next()?.as_bytes());
        for part in parts {
            bytes.push(u8::from_str_radix(part.get(..2)?, 16).ok()?);
            bytes.extend_from_slice(&part.as_bytes()[2..]);
        }
        let name = String::from_utf8(bytes).ok()?;
        let shorter = name.len() < native.len();
        (shorter && self.needs_escape(&name) && self.escaped(&name) == native).then_some(name)
    }
}

fn is_hashed(native: &str) -> bool {
    let Some(mark) = native.len().checked_sub(HASH_MARK.len() + HASH_DIGITS) else { return false };
    let (stem, hash) = native.split_at_checked(mark).unwrap_or_default();
    !stem.is_empty()
        && hash.strip_prefix(HASH_MARK).is_some_and(|hash| {
            hash.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'a'..=b'f'))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collection(name: &str) -> CollectionName {
        CollectionName::new(name).unwrap()
    }

    fn of_table(names: &Names, table: &str) -> Option<CollectionName> {
        match names.named(table) {
            Named::Collection(name) => Some(name),
            Named::Hashed | Named::Other => None,
        }
    }

    #[test]
    fn tables_have_the_names_of_collections_where_they_can() {
        let names = Names::new("");
        for (name, table) in [
            ("users", "users"),
            ("Agents-2", "Agents-2"),
            ("my.table", "my.table"),
            ("a.bc", "a.bc"),
            ("abc..", "abc.."),
            ("_x_", "_x_"),
            ("a", "a.."),
            ("ab", "ab.."),
            ("a..", "a.2e.2e"),
            ("a b", "a.20b"),
            ("é", ".c3.a9"),
            ("a.20b", "a.2e20b"),
            ("isobase_journal", ".69sobase_journal"),
        ] {
            assert_eq!(names.table(&collection(name)), table);
            assert_eq!(of_table(&names, table), Some(collection(name)), "{table}");
        }
        assert_eq!(of_table(&names, "isobase_journal"), None);
    }

    #[test]
    fn every_name_comes_back_and_no_two_share_a_table() {
        let parts = ["a", ".", "2e", "20", " ", "é", "..", "isobase_", "b.c3.a9", "-", ".69"];
        for prefix in ["", "p", "app_", "x."] {
            let names = Names::new(prefix);
            let mut tables = std::collections::HashSet::new();
            let mut seen = std::collections::HashSet::new();
            for a in parts {
                for b in parts {
                    for c in parts.iter().chain(&[""]) {
                        let Ok(name) = CollectionName::new(&format!("{a}{b}{c}")) else { continue };
                        let table = names.table(&name);
                        assert!(table.len() >= 3 && table.bytes().all(is_table_byte), "{table}");
                        assert_eq!(of_table(&names, &table), Some(name.clone()), "{table}");
                        assert!(!seen.insert(name) || tables.insert(table));
                    }
                }
            }
        }
    }

    #[test]
    fn other_tables_are_left_alone() {
        let names = Names::new("app_");
        assert_eq!(of_table(&names, "other"), None);
        assert_eq!(of_table(&names, "app_isobase_journal"), None);
        assert_eq!(of_table(&names, "app_users"), Some(collection("users")));
    }

    #[test]
    fn names_that_would_be_too_long_end_with_their_hash() {
        let names = Names::new("app_");
        let name = collection(&"é".repeat(64));
        let table = names.table(&name);
        assert_eq!(table.len(), TABLE_NAME_BYTES_MAX);
        assert!(table.starts_with("app_.c3.a9"), "{table}");
        assert_eq!(of_table(&names, &table), None);
        assert_ne!(names.table(&collection(&format!("{}x", "é".repeat(63)))), table);
        let looks_hashed = collection(&format!("a.h.{}", "0".repeat(32)));
        assert_ne!(names.table(&looks_hashed), format!("app_{looks_hashed}"));
        assert_eq!(of_table(&names, &names.table(&looks_hashed)), Some(looks_hashed));
    }
}
