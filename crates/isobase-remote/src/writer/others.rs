//! What checks ask beside the document that is written: what the group knows, and what must be
//! read before it is decided anew.

use std::collections::{HashMap, HashSet};

use isobase_engine::{IndexState, Others, Referred, finds_referrers, refers};
use isobase_types::{CollectionName, DocumentId, FieldPath};

use crate::{DocumentKey, IndexEntry, catalogue::Catalogue, writer::group::Working};

/// A field of a collection, and the id to which it refers.
pub(crate) type Reference = (CollectionName, FieldPath, DocumentId);

/// What must be read before what was decided counts.
#[derive(Debug, Default)]
pub(crate) struct WantedOthers {
    pub(crate) documents: HashSet<DocumentKey>,
    pub(crate) referrers: HashSet<Reference>,
}

impl WantedOthers {
    pub(crate) fn is_empty(&self) -> bool {
        self.documents.is_empty() && self.referrers.is_empty()
    }
}

/// The group under way.
pub(crate) struct Beside<'g> {
    pub(crate) catalogue: &'g Catalogue,
    pub(crate) documents: &'g HashMap<DocumentKey, Working>,
    /// Those of which enough documents are known.
    pub(crate) known_referrers: &'g HashSet<Reference>,
    pub(crate) wanted: &'g mut WantedOthers,
    /// The database can have no such collection.
    pub(crate) refuses: &'g dyn Fn(&CollectionName) -> bool,
}

/// The index that finds the documents that refer to others in a field.
pub(crate) fn index_of_referrers<'c>(
    catalogue: &'c Catalogue,
    collection: &CollectionName,
    field: &FieldPath,
) -> Option<&'c IndexEntry> {
    let finds = |index: &&IndexEntry| {
        index.state == IndexState::Ready && finds_referrers(index.definition.order(), field)
    };
    catalogue.entry(collection)?.indexes.iter().find(finds)
}

impl Others for Beside<'_> {
    fn exists(&mut self, collection: &CollectionName, id: &DocumentId) -> Option<bool> {
        if (self.refuses)(collection) {
            return Some(false);
        }
        let key = DocumentKey { collection: collection.clone(), id: id.clone() };
        if let Some(known) = self.documents.get(&key) {
            return Some(known.body().is_some());
        }
        self.wanted.documents.insert(key);
        None
    }

    fn is_referred_to(
        &mut self,
        collection: &CollectionName,
        field: &FieldPath,
        id: &DocumentId,
    ) -> Referred {
        if index_of_referrers(self.catalogue, collection, field).is_none() {
            return Referred::NoIndex;
        }
        let reference = (collection.clone(), field.clone(), id.clone());
        if !self.known_referrers.contains(&reference) {
            self.wanted.referrers.insert(reference);
            return Referred::Unknown;
        }
        let mut of_this = self.documents.iter().filter(|(key, _)| key.collection == *collection);
        let referring =
            of_this.any(|(_, known)| known.body().is_some_and(|body| refers(body, field, id)));
        if referring { Referred::Yes } else { Referred::No }
    }
}
