//! Questions of checks about other documents.

use std::collections::{HashMap, HashSet};

use isobase_engine::{AllTerms, Cutoff, Others, Referred, refers};
use isobase_types::{CollectionName, DocumentId, FieldPath, Timestamp};

use super::working::Working;
use crate::{
    DocumentKey,
    catalogue::Catalogue,
    writer::others::{Reference, WantedOthers, index_of_referrers},
};

/// Answers checks with what the group knows; asks for what it does not.
pub(super) struct Beside<'g> {
    pub(super) catalogue: &'g Catalogue,
    pub(super) documents: &'g HashMap<DocumentKey, Working>,
    /// Those of which enough documents are known.
    pub(super) known_referrers: &'g HashSet<Reference>,
    pub(super) wanted: &'g mut WantedOthers,
    pub(super) terms: &'g AllTerms,
    pub(super) now: Timestamp,
    /// The database can have no such collection.
    pub(super) refuses: &'g dyn Fn(&CollectionName) -> bool,
}

impl Others for Beside<'_> {
    fn exists(&mut self, collection: &CollectionName, id: &DocumentId) -> Option<bool> {
        if (self.refuses)(collection) {
            return Some(false);
        }
        let key = DocumentKey { collection: collection.clone(), id: id.clone() };
        if let Some(known) = self.documents.get(&key) {
            let cutoff = self.terms.cutoff(collection, || self.now);
            return Some(known.updated_at().is_some_and(|at| !Cutoff::has_passed(cutoff, at)));
        }
        self.wanted.documents.insert(key);
        None
    }

    fn is_referred_to(
        &mut self,
        collection: &CollectionName,
        field: &FieldPath,
        id: &DocumentId,
        leaves: &dyn Fn(&DocumentId) -> bool,
    ) -> Referred {
        if index_of_referrers(self.catalogue, collection, field).is_none() {
            return Referred::NoIndex;
        }
        let reference = (collection.clone(), field.clone(), id.clone());
        if !self.known_referrers.contains(&reference) {
            self.wanted.referrers.insert(reference);
            return Referred::Unknown;
        }
        let cutoff = self.terms.cutoff(collection, || self.now);
        let has_expired = |at| Cutoff::has_passed(cutoff, at);
        let stays = |key: &DocumentKey| key.collection == *collection && !leaves(&key.id);
        let staying = self.documents.iter().filter(|(key, _)| stays(key));
        let mut staying = staying.filter(|(_, known)| !known.updated_at().is_some_and(has_expired));
        let referring =
            staying.any(|(_, known)| known.body().is_some_and(|body| refers(body, field, id)));
        referring.into()
    }
}
