//! Operations of a group, one after the other: later ones see what earlier ones did.

use isobase_engine::{
    BatchProgress, Current, Cutoff, Effect, Rejection, WriteOperation, WriteOutcome, Written,
    decide, next_id,
};
use isobase_types::{
    Change, ChangeKind, CollectionName, DocumentId, Kept, Revision, Sequence, Timestamp,
};

use super::{
    Group,
    beside::Beside,
    working::{Content, Working},
};
use crate::{CatalogueEntry, DocumentDatabase, DocumentKey};

/// The effect of a stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stamped {
    /// It was ours already, or is gone.
    No,
    /// Another program had made it.
    Created,
    /// Another program had changed it.
    Updated,
}

impl<B: DocumentDatabase> Group<'_, B> {
    /// Deletes a document whose time is over, by a write of its own: whatever comes of the
    /// operation that names it, it meets none.
    fn remove_expired(&mut self, key: &DocumentKey, cutoff: Cutoff) -> Result<(), Rejection> {
        let content = self.documents.get(key).and_then(|known| known.state.content.as_ref());
        let Some(expired) = content.filter(|content| cutoff.is_past(content.updated_at)) else {
            return Ok(());
        };
        let indexes = self.catalogue.entry(&key.collection).into_iter().flat_map(|e| &e.indexes);
        let unique = indexes.filter(|i| i.definition.is_unique());
        let unique = unique.map(|i| ((key.collection.clone(), i.number), &i.definition));
        self.holders.write(unique, &key.id, Some(&expired.body), None)?;
        self.write(key.clone(), None, ChangeKind::Deleted)
    }

    /// Applies one operation. A rejected one leaves no trace, but that an expired document it
    /// names is gone.
    pub(crate) fn apply(
        &mut self,
        operation: &WriteOperation,
        progress: &mut BatchProgress,
    ) -> WriteOutcome {
        let key = match operation.action.id() {
            Some(id) => DocumentKey { collection: operation.collection.clone(), id: id.clone() },
            None => self.next_key(&operation.collection)?,
        };
        if let Some(cutoff) = self.shared.terms.cutoff(&key.collection, || self.now) {
            self.remove_expired(&key, cutoff)?;
        }
        let current = self.documents.get(&key).and_then(|known| known.state.content.as_ref());
        let existing = current.is_some();
        let (created_at, updated_at) = times(current, self.now);
        let current = current.map(|content| Current {
            revision: &content.revision,
            created_at: content.created_at,
            body: &content.body,
        });
        let database = &self.shared.database;
        let mut beside = Beside {
            catalogue: self.catalogue,
            documents: &self.documents,
            known_referrers: &self.known_referrers,
            wanted: &mut self.wanted_others,
            terms: &self.shared.terms,
            now: self.now,
            refuses: &|collection| database.refuses_collection(collection).is_some(),
        };
        let effect = decide(operation, current, database.limits(), progress, &mut beside)?;
        let collection = &operation.collection;
        let indexes = self.catalogue.entry(collection).into_iter().flat_map(|e| &e.indexes);
        let unique = indexes.filter(|i| i.definition.is_unique());
        let indexes = unique.map(|i| ((collection.clone(), i.number), &i.definition));
        let holders = self.holders.mark();
        let before = current.map(|current| current.body);
        self.holders.write(indexes, &key.id, before, effect.body())?;
        let returned = effect.returned_body().map(str::to_owned);
        let (kind, body) = match effect {
            Effect::Insert { body, .. } => (ChangeKind::Created, Some(body.into_owned())),
            Effect::Replace { body, .. } => (ChangeKind::Updated, Some(body.into_owned())),
            Effect::Remove => (ChangeKind::Deleted, None),
        };
        debug_assert!(existing || kind == ChangeKind::Created);
        let sequence = Sequence(self.next.sequence.0 + 1);
        let revision = Revision::from_number(sequence.0);
        let content = body.map(|body| Content {
            revision: revision.clone(),
            created_at,
            updated_at,
            body,
            keeps_native: false,
        });
        if let Err(unholdable) = self.write(key.clone(), content, kind) {
            self.holders.back_to(holders);
            return Err(unholdable);
        }
        Ok(Written { id: key.id, kind, revision, created_at, updated_at, body: returned })
    }

    /// Takes a document in, as it is, that another program wrote, or whose bookkeeping is of
    /// another journal and has this revision.
    pub(crate) fn stamp(
        &mut self,
        key: &DocumentKey,
        elsewhere: Option<Sequence>,
    ) -> Result<Stamped, Rejection> {
        let Some(Working { native: Some(native), state }) = self.documents.get(key) else {
            return Ok(Stamped::No);
        };
        let Some(content) = &state.content else { return Ok(Stamped::No) };
        let stamp = native.meta.as_ref().map(|meta| meta.revision);
        let is_elsewhere = elsewhere.is_some() && elsewhere == stamp;
        if !(native.is_foreign() || is_elsewhere) || state.touched {
            return Ok(Stamped::No);
        }
        let (kind, stamped) = match &native.meta {
            Some(meta) if meta.is_bound_to(&key.id) && !is_elsewhere => {
                (ChangeKind::Updated, Stamped::Updated)
            }
            _ => (ChangeKind::Created, Stamped::Created),
        };
        let or_now = |at: Timestamp| if at == Timestamp::default() { self.now } else { at };
        let content = Content {
            revision: Revision::from_number(self.next.sequence.0 + 1),
            created_at: or_now(content.created_at),
            updated_at: or_now(content.updated_at),
            body: content.body.clone(),
            keeps_native: true,
        };
        self.write(key.clone(), Some(content), kind)?;
        Ok(stamped)
    }

    /// Tells that a whole collection is gone, and lets no one see its documents any more.
    pub(crate) fn delete_collection(&mut self, entry: &CatalogueEntry) -> Sequence {
        let sequence = Sequence(self.next.sequence.0 + 1);
        self.next.sequence = sequence;
        self.changes.push(Change {
            sequence,
            collection: entry.collection.clone(),
            id: None,
            kind: ChangeKind::CollectionDeleted,
            revision: None,
            at: self.now,
            kept: Kept::default(),
        });
        // What other programs wrote is gone too; there is nothing to adopt.
        let entry = CatalogueEntry { deleting: Some(sequence), adopted: true, ..entry.clone() };
        self.set_entry(entry);
        sequence
    }

    /// The key of the next document whose id is ours to give. Ids that other programs took are
    /// passed over.
    fn next_key(&self, collection: &CollectionName) -> Result<DocumentKey, Rejection> {
        let mut last = self.next.last_id;
        loop {
            last = next_id(last)?;
            let key = DocumentKey { collection: collection.clone(), id: DocumentId::Integer(last) };
            let is_free = self
                .documents
                .get(&key)
                .is_none_or(|known| known.state.content.is_none() && !known.state.touched);
            if is_free {
                return Ok(key);
            }
        }
    }
}

/// When a document was made that is written now, and when it is changed.
fn times(current: Option<&Content>, now: Timestamp) -> (Timestamp, Timestamp) {
    // Another program's document may not say when it was made.
    let created_at = current.map(|content| content.created_at);
    let created_at = created_at.filter(|at| *at != Timestamp::default()).unwrap_or(now);
    // A clock that was set back changes nothing before it was changed last.
    let updated_at = current.map_or(now, |content| now.max(content.updated_at));
    (created_at, updated_at)
}
