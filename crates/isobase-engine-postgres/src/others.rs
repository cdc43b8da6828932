//! Questions of checks about other documents, and must be read before the batch is
//! decided anew.

use std::collections::HashSet;

use isobase_types::{CollectionName, DocumentId, FieldPath};

/// The documents to be read before the decision counts.
#[derive(Debug, Default)]
pub(crate) struct WantedOthers {
    pub(crate) documents: HashSet<(CollectionName, DocumentId)>,
    pub(crate) referrers: HashSet<Reference>,
}

impl WantedOthers {
    pub(crate) fn is_empty(&self) -> bool {
        self.documents.is_empty() && self.referrers.is_empty()
    }
}

/// A field of a collection, and the id to which it refers.
pub(crate) type Reference = (CollectionName, FieldPath, DocumentId);
