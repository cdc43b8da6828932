//! References of the collections that one batch writes to or deletes from.

use std::collections::{HashMap, HashSet};

use isobase_engine::{
    Action, Current, Others, ProposedWrite, Referred, Rejection, WriteCheck, WriteOperation,
};
use isobase_types::{
    CollectionName, DocumentId,
    json::{self, Kind, Number, Raw},
};

use super::{Reference, Schema};

/// A reference, and the collection that has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Referring {
    pub(crate) from: CollectionName,
    pub(crate) reference: Reference,
}

/// The references that some schemas declare.
pub(crate) fn references_of(schemas: &[(CollectionName, Schema)]) -> Vec<Referring> {
    let of_one = |(from, schema): &(CollectionName, Schema)| {
        let referring =
            |reference: &Reference| Referring { from: from.clone(), reference: reference.clone() };
        schema.references().iter().map(referring).collect::<Vec<_>>()
    };
    schemas.iter().flat_map(of_one).collect()
}

/// Travels with a batch: what a document newly refers to must be there at the commit, and nothing
/// may refer to what is deleted.
#[derive(Debug)]
pub(crate) struct ReferenceCheck {
    /// Of collections that documents are written to.
    pub(crate) written: Vec<Referring>,
    /// To collections that documents are deleted from.
    pub(crate) deleted: Vec<Referring>,
    /// What the batch deletes wholly or not at all: it refers to nothing afterwards.
    pub(crate) leaving: Leaving,
}

/// Documents of which a batch leaves nothing.
pub(crate) type Leaving = HashMap<CollectionName, HashSet<DocumentId>>;

/// What is not there after all of these operations. A document that one of them writes may be.
pub(crate) fn leaving(operations: &[WriteOperation]) -> Leaving {
    let mut leaving = Leaving::new();
    let is_delete = |it: &&WriteOperation| matches!(it.action, Action::Delete { .. });
    for operation in operations.iter().filter(is_delete) {
        let ids = leaving.entry(operation.collection.clone()).or_default();
        ids.extend(operation.action.id().cloned());
    }
    for operation in operations.iter().filter(|it| !is_delete(it)) {
        if let (Some(ids), Some(id)) =
            (leaving.get_mut(&operation.collection), operation.action.id())
        {
            ids.remove(id);
        }
    }
    leaving
}

impl WriteCheck for ReferenceCheck {
    fn needs_before(&self) -> bool {
        !self.written.is_empty()
    }

    fn shows(&self, _collection: &CollectionName, _id: &DocumentId, _: Current<'_>) -> bool {
        true
    }

    fn check(&self, write: &ProposedWrite<'_>, others: &mut dyn Others) -> Result<(), Rejection> {
        match (write.after, write.id) {
            (Some(after), _) => self.check_written(write, after, others),
            (None, Some(id)) => self.check_deleted(write.collection, id, others),
            (None, None) => Ok(()),
        }
    }
}

impl ReferenceCheck {
    fn check_written(
        &self,
        write: &ProposedWrite<'_>,
        after: &str,
        others: &mut dyn Others,
    ) -> Result<(), Rejection> {
        for Referring { reference, .. } in of(&self.written, write.collection) {
            let Reference { field, collection, .. } = reference;
            let value = json::find(after, field).filter(|value| value.kind() != Kind::Null);
            let Some(value) = value else { continue };
            // What was there before may stay: its schema may be younger.
            let before = write.before.and_then(|before| json::find(before.body, field));
            if before == Some(value) {
                continue;
            }
            let exists = id_of(value).map(|id| others.exists(collection, &id));
            if matches!(exists, None | Some(Some(false))) {
                let (field, collection) = (field.clone(), collection.clone());
                return Err(Rejection::ReferenceNotFound { field, collection });
            }
        }
        Ok(())
    }

    fn check_deleted(
        &self,
        collection: &CollectionName,
        id: &DocumentId,
        others: &mut dyn Others,
    ) -> Result<(), Rejection> {
        let to = |it: &&Referring| it.reference.collection == *collection;
        for Referring { from, reference } in self.deleted.iter().filter(to) {
            let leaving = self.leaving.get(from);
            let leaves = |other: &DocumentId| {
                (from == collection && other == id) || leaving.is_some_and(|it| it.contains(other))
            };
            match others.is_referred_to(from, &reference.field, id, &leaves) {
                Referred::Unknown | Referred::No => {}
                // Without its index no one can tell.
                Referred::Yes | Referred::NoIndex => {
                    let (collection, field) = (from.clone(), reference.field.clone());
                    return Err(Rejection::Referenced { collection, field });
                }
            }
        }
        Ok(())
    }
}

fn of<'a>(
    all: &'a [Referring],
    collection: &'a CollectionName,
) -> impl Iterator<Item = &'a Referring> {
    all.iter().filter(move |it| it.from == *collection)
}

/// The id that a value is; `None` for one that no document has.
pub(crate) fn id_of(value: Raw<'_>) -> Option<DocumentId> {
    match value.number() {
        Some(Number::Integer(integer)) => Some(DocumentId::Integer(integer)),
        Some(Number::Float(_)) => None,
        None => DocumentId::parse(&value.as_str_decoded()?)
            .ok()
            .filter(|id| matches!(id, DocumentId::Text(_))),
    }
}
