//! What checks ask beside the document that is written: what is known of the tables, and what
//! must be read before the batch is decided anew.

use std::collections::{HashMap, HashSet};

use isobase_engine::{Others, Referred, finds_referrers, refers};
use isobase_types::{CollectionName, DocumentId, FieldPath};

use crate::{
    batch::{Collection, Touched},
    catalogue::RowState,
    codec::id_bytes,
};

/// What must be read before what was decided counts.
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

/// The batch under way.
pub(crate) struct Beside<'b, 'j> {
    pub(crate) collections: &'b [Collection],
    pub(crate) touched: &'b [Touched<'j>],
    pub(crate) by_id: &'b HashMap<(usize, Vec<u8>), usize>,
    /// Those of which enough documents are among the touched.
    pub(crate) known_referrers: &'b HashSet<Reference>,
    pub(crate) wanted: &'b mut WantedOthers,
}

impl Beside<'_, '_> {
    fn collection(&self, name: &CollectionName) -> Option<usize> {
        self.collections.iter().position(|known| known.name == *name)
    }
}

impl Others for Beside<'_, '_> {
    fn exists(&mut self, collection: &CollectionName, id: &DocumentId) -> Option<bool> {
        let known = self.collection(collection).and_then(|at| self.by_id.get(&(at, id_bytes(id))));
        if let Some(place) = known {
            return Some(self.touched[*place].current().is_some());
        }
        self.wanted.documents.insert((collection.clone(), id.clone()));
        None
    }

    fn is_referred_to(
        &mut self,
        collection: &CollectionName,
        field: &FieldPath,
        id: &DocumentId,
    ) -> Referred {
        let reference = (collection.clone(), field.clone(), id.clone());
        let (Some(at), true) =
            (self.collection(collection), self.known_referrers.contains(&reference))
        else {
            self.wanted.referrers.insert(reference);
            return Referred::Unknown;
        };
        let is_index = self.collections[at].indexes.iter().any(|index| {
            index.state == RowState::Ready && finds_referrers(index.definition.order(), field)
        });
        if !is_index {
            return Referred::NoIndex;
        }
        let mut of_this = self.touched.iter().filter(|touched| touched.collection == at);
        let referring = of_this
            .any(|touched| touched.current().is_some_and(|stored| refers(&stored.body, field, id)));
        if referring { Referred::Yes } else { Referred::No }
    }
}
