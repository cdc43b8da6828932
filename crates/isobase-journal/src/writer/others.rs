//! Questions of checks about other documents, and must be read before the group is
//! decided anew.

use std::collections::HashSet;

use isobase_engine::{IndexState, finds_referrers};
use isobase_types::{CollectionName, DocumentId, FieldPath};

use crate::{DocumentKey, IndexEntry, catalogue::Catalogue};

/// A field of a collection, and the id to which it refers.
pub(crate) type Reference = (CollectionName, FieldPath, DocumentId);

/// The documents to be read before the decision counts.
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
