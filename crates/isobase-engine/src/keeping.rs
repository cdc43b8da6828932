//! The parts of documents that entries of the change feed keep.

use std::{collections::HashMap, sync::Arc};

use isobase_types::{CollectionName, FieldPath, Kept, KeptText, json};
use parking_lot::RwLock;

/// Longest text that is kept in an entry. Ours: a page of the feed that is asked for without bodies
/// should not read them, and a row, item or document of the feed has room for it.
pub const KEPT_BYTES_MAX: usize = 4 << 10;

/// The parts of documents that the entries of one collection keep.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    /// The document after each write.
    pub bodies: bool,
    /// These fields of the document before it: what tells who could see it.
    pub former: Vec<FieldPath>,
}

impl Keep {
    /// The parts that the entry of a write keeps, whatever the size of the body.
    #[must_use]
    pub fn kept(&self, before: Option<&str>, after: Option<&str>) -> Kept {
        let former = before.filter(|_| !self.former.is_empty());
        let former = former.map(|body| json::project(body, &self.former));
        Kept {
            former: match former {
                None => KeptText::None,
                Some(text) if text.len() <= KEPT_BYTES_MAX => KeptText::Text(text.into()),
                Some(_) => KeptText::Omitted,
            },
            body: match after.filter(|_| self.bodies) {
                None => KeptText::None,
                Some(body) => KeptText::Text(body.into()),
            },
        }
    }

    /// Whether the document before a write must be known.
    #[must_use]
    pub fn needs_former(&self) -> bool {
        !self.former.is_empty()
    }
}

/// The parts of documents that the entries of each collection keep; none by default. Written by the
/// engine's caller, read by its writer.
#[derive(Debug, Default)]
pub struct Keeping(RwLock<HashMap<CollectionName, Arc<Keep>>>);

impl Keeping {
    /// From now on the entries of a collection keep this.
    pub fn set(&self, collection: &CollectionName, keep: Keep) {
        let mut kept = self.0.write();
        if keep == Keep::default() {
            kept.remove(collection);
        } else {
            kept.insert(collection.clone(), Arc::new(keep));
        }
    }

    /// The parts of documents that the entries of a collection keep, if any.
    #[must_use]
    pub fn of(&self, collection: &CollectionName) -> Option<Arc<Keep>> {
        self.0.read().get(collection).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> KeptText {
        KeptText::Text(text.into())
    }

    #[test]
    fn entries_keep_what_is_named() {
        let former = ["owner", "a.b"].map(|path| FieldPath::parse(path).unwrap());
        let keep = Keep { bodies: true, former: former.to_vec() };
        let before = r#"{"owner":1,"a":{"b":2,"c":3},"d":4}"#;
        let kept = keep.kept(Some(before), Some("{}"));
        assert_eq!(kept, Kept { former: text(r#"{"owner":1,"a":{"b":2}}"#), body: text("{}") });
        assert_eq!(keep.kept(None, Some("{}")).former, KeptText::None);
        assert_eq!(keep.kept(Some("{}"), None), Kept { former: text("{}"), ..Kept::default() });
        let long = format!("{{\"owner\":\"{}\"}}", "x".repeat(KEPT_BYTES_MAX));
        assert_eq!(keep.kept(Some(&long), None).former, KeptText::Omitted);
    }

    #[test]
    fn a_collection_that_keeps_nothing_costs_nothing() {
        let keeping = Keeping::default();
        let name = CollectionName::new("a").unwrap();
        keeping.set(&name, Keep { bodies: true, former: Vec::new() });
        assert!(keeping.of(&name).is_some_and(|keep| !keep.needs_former()));
        keeping.set(&name, Keep::default());
        assert_eq!(keeping.of(&name), None);
    }
}
