//! Names: of collections, of documents, and of what is ours.

use isobase_journal::NativeIds;
use isobase_types::{CollectionName, DocumentId};

/// Collections whose names begin so are the journal's; a caller's collection that does is
/// escaped.
const RESERVED_PREFIX: &str = "isobase_";

/// Head and note of an unfinished load.
const JOURNAL: &str = "isobase_journal";
/// The writes of each commit.
const LOG: &str = "isobase_log";
/// Large bodies that changes keep.
const BODIES: &str = "isobase_bodies";
/// First answers to idempotency keys.
const ANSWERS: &str = "isobase_answers";
/// The catalogue.
const COLLECTIONS: &str = "isobase_collections";

/// Where everything of one database is.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    /// `projects/P/databases/D`
    database: String,
    /// Before the name of every collection.
    prefix: String,
}

impl Names {
    pub(crate) fn new(project: &str, database: &str, prefix: &str) -> Self {
        Self {
            database: format!("projects/{project}/databases/{database}"),
            prefix: prefix.to_owned(),
        }
    }

    pub(crate) fn database(&self) -> &str {
        &self.database
    }

    /// The parent of all top-level collections.
    pub(crate) fn documents(&self) -> String {
        format!("{}/documents", self.database)
    }

    /// The Firestore collection of a collection.
    pub(crate) fn collection(&self, collection: &CollectionName) -> String {
        format!("{}{}", self.prefix, escaped(collection.as_str()))
    }

    /// The collection of a Firestore collection; `None` when it is ours, under another prefix, or
    /// its name is one we cannot have.
    pub(crate) fn of_native(&self, native: &str) -> Option<CollectionName> {
        let rest = native.strip_prefix(self.prefix.as_str())?;
        let collection = CollectionName::new(&unescaped(rest)?).ok()?;
        (escaped(collection.as_str()) == rest).then_some(collection)
    }

    /// Whether a Firestore collection is under the prefix, no journal's, and of a name that we
    /// cannot have.
    pub(crate) fn is_strange(&self, native: &str) -> bool {
        let rest = native.strip_prefix(self.prefix.as_str());
        rest.is_some_and(|rest| journal_at(rest).is_none()) && self.of_native(native).is_none()
    }

    pub(crate) fn document(&self, collection: &CollectionName, id: &DocumentId) -> String {
        self.native_document(&self.collection(collection), IDS.of(id))
    }

    /// A document of a Firestore collection.
    pub(crate) fn native_document(&self, native: &str, id: impl std::fmt::Display) -> String {
        format!("{}/documents/{native}/{id}", self.database)
    }

    pub(crate) fn journal(&self) -> String {
        format!("{}{JOURNAL}", self.prefix)
    }

    pub(crate) fn log(&self) -> String {
        format!("{}{LOG}", self.prefix)
    }

    pub(crate) fn bodies(&self) -> String {
        format!("{}{BODIES}", self.prefix)
    }

    pub(crate) fn answers(&self) -> String {
        format!("{}{ANSWERS}", self.prefix)
    }

    pub(crate) fn catalogue(&self) -> String {
        format!("{}{COLLECTIONS}", self.prefix)
    }
}

/// Ids that Firestore refuses. Source: cloud.google.com/firestore/quotas (2026-11): no `/`, not
/// `.` or `..`, not `__.*__`, at most 1,500 bytes.
pub(crate) const IDS: NativeIds = NativeIds {
    refuses: |id| id.contains('/') || matches!(id, "." | "..") || is_dunder(id),
    escapes: |byte| byte == b'/',
    bytes_max: 1_500,
};

/// The id in the name of a top-level document, with what the bookkeeping says it is; `None` when it
/// is one we cannot have.
pub(crate) fn id_of(name: &str, kept: Option<&str>) -> Option<DocumentId> {
    IDS.read(native_id_of(name), kept)
}

/// The last part of the name of a document.
pub(crate) fn native_id_of(name: &str) -> &str {
    name.rsplit_once('/').map_or(name, |(_, id)| id)
}

/// A name as Firestore can have it: itself, wherever that is possible.
///
/// Firestore refuses `__x__` ("Collection IDs cannot match the regular expression `__.*__`");
/// what begins with `isobase_` is ours, and what ends with the name of a journal may be that of
/// another prefix. The character with which such a name begins is escaped as `%` and two digits,
/// and so is a `%` that would pass for such an escape.
fn escaped(name: &str) -> String {
    let dunder = is_dunder(name);
    let ours = name.starts_with(RESERVED_PREFIX);
    let journal = journal_at(name);
    let mut out = String::with_capacity(name.len() + 2);
    for (at, character) in name.char_indices() {
        let reserved = (at == 0 && (dunder || ours)) || journal == Some(at);
        let ambiguous = character == '%' && escape_at(&name[at..]).is_some();
        match reserved || ambiguous {
            true => out.push_str(&format!("%{:02X}", u32::from(character))),
            false => out.push(character),
        }
    }
    out
}

fn is_dunder(name: &str) -> bool {
    name.len() >= 4 && name.starts_with("__") && name.ends_with("__")
}

/// Where in a name the name of a journal begins with which it ends, if it does.
fn journal_at(name: &str) -> Option<usize> {
    let suffix =
        [JOURNAL, LOG, BODIES, ANSWERS, COLLECTIONS].into_iter().find(|end| name.ends_with(end));
    suffix.map(|suffix| name.len() - suffix.len())
}

/// The name of an escaped name; `None` when the name is a journal's.
fn unescaped(native: &str) -> Option<String> {
    if native.starts_with(RESERVED_PREFIX) || journal_at(native).is_some() {
        return None;
    }
    let mut out = Vec::with_capacity(native.len());
    let mut rest = native;
    while let Some(character) = rest.chars().next() {
        if let Some(byte) = escape_at(rest) {
            out.push(byte);
            rest = &rest[3..];
        } else {
            let (head, tail) = rest.split_at(character.len_utf8());
            out.extend_from_slice(head.as_bytes());
            rest = tail;
        }
    }
    String::from_utf8(out).ok()
}

/// The byte of an escape at the start of a text.
fn escape_at(text: &str) -> Option<u8> {
    let digits = text.strip_prefix('%')?.get(..2)?;
    digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then_some(())?;
    u8::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(prefix: &str) -> Names {
        Names::new("p", "(default)", prefix)
    }

    #[test]
    fn names_stay_where_firestore_can_have_them() {
        let names = names("");
        for name in ["agents", "a b", "100%", "50% off", "😀", "__a", "a__", "___", "%", "%zz"] {
            let collection = CollectionName::new(name).unwrap();
            assert_eq!(names.collection(&collection), name);
            assert_eq!(names.of_native(name), Some(collection));
        }
    }

    #[test]
    fn other_names_are_escaped_and_come_back() {
        for (name, native) in [
            ("__a__", "%5F_a__"),
            ("____", "%5F___"),
            ("isobase_journal", "%69sobase_journal"),
            ("isobase_", "%69sobase_"),
            ("app_isobase_journal", "app_%69sobase_journal"),
            ("isobase_x_isobase_log", "%69sobase_x_%69sobase_log"),
            ("a%2Fb", "a%252Fb"),
            ("%5F_a__", "%255F_a__"),
        ] {
            let collection = CollectionName::new(name).unwrap();
            for prefix in ["", "test-"] {
                let names = names(prefix);
                let native = format!("{prefix}{native}");
                assert_eq!(names.collection(&collection), native);
                assert_eq!(names.of_native(&native), Some(collection.clone()));
            }
        }
    }

    #[test]
    fn collections_that_are_not_ours_to_show_are_left_out() {
        let names = names("test-");
        for native in [
            "agents",
            "test-isobase_log",
            "test-app_isobase_answers",
            "test-",
            "test-a%2Fb",
            "test-%41",
            "test-%FF",
        ] {
            assert_eq!(names.of_native(native), None, "{native}");
        }
    }

    #[test]
    fn documents_have_their_path_segment_as_id() {
        let names = names("");
        let collection = CollectionName::new("agents").unwrap();
        let name = names.document(&collection, &DocumentId::from(10));
        assert_eq!(name, "projects/p/databases/(default)/documents/agents/10");
        assert_eq!(id_of(&name, None), Some(DocumentId::from(10)));
        for (id, native) in [
            ("_x", "_x"),
            ("a/b", "isobase_id:a%2Fb"),
            (".", "isobase_id:."),
            ("__x__", "isobase_id:__x__"),
            ("a%2Fb", "a%2Fb"),
        ] {
            let id = DocumentId::parse(id).unwrap();
            let name = names.document(&collection, &id);
            assert_eq!(native_id_of(&name), native);
            assert_eq!(id_of(&name, None), Some(id));
        }
    }
}
