//! Questions of checks about other documents.

use std::collections::{HashMap, HashSet};

use isobase_engine::{Cutoff, Others, Referred, finds_referrers, refers};
use isobase_types::{CollectionName, DocumentId, FieldPath};

use super::touched::{Collection, Touched};
use crate::{
    catalogue::RowState,
    codec::id_bytes,
    others::{Reference, WantedOthers},
};

/// Answers checks with the documents that the batch touches; asks for those it does not.
pub(super) struct Beside<'b, 'j> {
    pub(super) collections: &'b [Collection],
    pub(super) touched: &'b [Touched<'j>],
    pub(super) by_id: &'b HashMap<(usize, Vec<u8>), usize>,
    /// Those of which enough documents are among the touched.
    pub(super) known_referrers: &'b HashSet<Reference>,
    pub(super) wanted: &'b mut WantedOthers,
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
            let cutoff = self.collections[self.touched[*place].collection].cutoff;
            let current = self.touched[*place].current();
            return Some(current.is_some_and(|it| !Cutoff::has_passed(cutoff, it.updated_at)));
        }
        self.wanted.documents.insert((collection.clone(), id.clone()));
        None
    }

    fn is_referred_to(
        &mut self,
        collection: &CollectionName,
        field: &FieldPath,
        id: &DocumentId,
        leaves: &dyn Fn(&DocumentId) -> bool,
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
        let cutoff = self.collections[at].cutoff;
        let stays = |touched: &&Touched<'_>| touched.collection == at && !leaves(&touched.id);
        let staying = self.touched.iter().filter(stays).filter_map(|touched| touched.current());
        let mut staying = staying.filter(|it| !Cutoff::has_passed(cutoff, it.updated_at));
        staying.any(|stored| refers(&stored.body, field, id)).into()
    }
}
