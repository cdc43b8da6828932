//! Attachments, which belong to documents of some databases and are in no body.

use std::collections::BTreeMap;

use isobase_engine::NotRead;
use isobase_types::{CollectionName, DocumentId};

use crate::NativeDocument;

/// The documents with attachments among those that were read.
#[derive(Debug, Default)]
pub(crate) struct Attached(BTreeMap<CollectionName, Found>);

#[derive(Debug)]
struct Found {
    documents: u64,
    first: DocumentId,
}

impl Attached {
    /// Looks at a document that was read.
    pub(crate) fn see(&mut self, collection: &CollectionName, document: &NativeDocument) {
        if !document.has_attachments {
            return;
        }
        let first = || Found { documents: 0, first: document.id.clone() };
        self.0.entry(collection.clone()).or_insert_with(first).documents += 1;
    }

    /// Before a collection is read again.
    pub(crate) fn forget(&mut self, collection: &CollectionName) {
        self.0.remove(collection);
    }

    pub(crate) fn not_read(&self) -> impl Iterator<Item = NotRead> {
        self.0.iter().map(|(collection, Found { documents, first })| {
            let reason = format!("{documents} documents have some, the first is {first}");
            NotRead::new(format!("attachments in {collection}"), reason)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tag;

    #[test]
    fn documents_with_attachments_are_counted() {
        let name = |name: &str| CollectionName::new(name).unwrap();
        let document = |id: i64, has_attachments| {
            let read = NativeDocument::from_fields(id.into(), Vec::new(), Tag(String::new()), None);
            NativeDocument { has_attachments, ..read }
        };
        let mut attached = Attached::default();
        for (id, has_attachments) in [(1, false), (2, true), (3, true)] {
            attached.see(&name("a"), &document(id, has_attachments));
        }
        attached.see(&name("b"), &document(1, true));
        attached.forget(&name("b"));
        let not_read: Vec<_> = attached.not_read().collect();
        let expected = NotRead::new("attachments in a", "2 documents have some, the first is 2");
        assert_eq!(not_read, [expected]);
    }
}
