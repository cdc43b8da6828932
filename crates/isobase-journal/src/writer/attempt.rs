//! One attempt at a group: what it reads, and how it is decided.

use std::{collections::HashSet, sync::Arc};

use futures_util::future::{OptionFuture, join};
use isobase_engine::EngineError;
use isobase_types::{CollectionName, DocumentId};
use tokio::time::Instant;

use super::{
    attempted::{Attempted, Failure, Scope},
    task::{PIECE_BYTES_MAX, Task, large_piece},
};
use crate::{
    CatalogueEntry, DocumentDatabase, DocumentKey, Head, NativeDocument, catalogue::Catalogue,
    error::within, writer::group::Group, writer::job::Active, writer::share::Share,
};

/// Most documents read for a group, unless one batch needs more in one piece.
const READ_DOCUMENTS_MAX: usize = 128;

/// Documents read at first, where so many of the largest are too much.
const READ_DOCUMENTS_FIRST: usize = 8;

/// Bytes of documents after which no more are read for a group. Ours: as much as a batch may hold.
const READ_BYTES_MAX: usize = 64 << 20;

/// How many times as many documents are read after a part of small ones.
const PART_GROWTH: usize = 4;

/// The documents read for a group.
struct Wanted {
    keys: Vec<DocumentKey>,
    /// So many of the first keys are of a batch in one piece, which wants all of them.
    together: usize,
    /// The keys from here on are of ids that are not given yet.
    ids_from: usize,
    answers: Vec<[u8; 32]>,
    /// For so many batches.
    pub(super) batches: usize,
}

impl<B: DocumentDatabase> Task<B> {
    pub(super) async fn attempt(
        &mut self,
        scope: Scope,
        deadline: Instant,
    ) -> Result<Attempted, Failure> {
        let shared = Arc::clone(&self.shared);
        let Wanted { mut keys, together, ids_from, answers, batches } = self.wanted(scope);
        let failed = |error| Failure { error, batches };
        // Before everything else: what was written before this head is seen by the reads. A key
        // whose answer came with it must not be carried out again.
        let head = within(deadline, "the head", self.fresh_head()).await;
        let (head, at, catalogue) = head.map_err(failed)?;
        self.head = Some((head, at));
        if !keys.is_empty() || !answers.is_empty() {
            let settled = within(deadline, "the last commit", shared.database.settle(&head));
            settled.await.map_err(failed)?;
        }
        let reads = join(
            OptionFuture::from((!keys.is_empty()).then(|| self.read_known(&keys, together))),
            OptionFuture::from(
                (!answers.is_empty()).then(|| shared.database.read_answers(&answers)),
            ),
        );
        let reads = within(deadline, "reading before a write", async { Ok(reads.await) });
        let (documents, known) = reads.await.map_err(failed)?;
        let mut group = Group::new(&shared, &catalogue, head);
        let documents = documents.transpose().map_err(failed)?.unwrap_or_default();
        if documents.len() < together {
            let error = large_piece();
            return Err(Failure { error, batches: 1 });
        }
        let mut next_ids = documents.iter().skip(ids_from).peekable();
        let ids_taken = next_ids.peek().is_some() && next_ids.all(Option::is_some);
        group.pass_ids(scope.ids_passed);
        keys.truncate(documents.len());
        for (key, document) in keys.into_iter().zip(documents) {
            group.know(key, document);
        }
        for answer in known.transpose().map_err(failed)?.unwrap_or_default().into_iter().flatten() {
            group.know_answer(answer);
        }
        let decided = self.decide_knowing(&mut group, &catalogue, (&head, batches), deadline);
        let mut shares = decided.await.map_err(failed)?;
        let failed = |error| Failure { error, batches: shares.len() };
        if !group.is_empty() {
            self.prepare_collections(&mut group, deadline).await.map_err(failed)?;
            let commit = group.into_commit();
            let committed = self.commit(&commit, &catalogue, deadline).await.map_err(failed)?;
            if let Some(again) = committed {
                return Ok(Attempted::Again { again, ids_taken });
            }
            let refused = shared.database.take_refused(commit.next.commit);
            if !refused.is_empty() {
                self.refuse(&mut shares, &refused);
            }
        }
        self.hand_out(shares);
        Ok(Attempted::Done)
    }

    /// Makes the collections that a group writes to first, and their entries.
    async fn prepare_collections(
        &self,
        group: &mut Group<'_, B>,
        deadline: Instant,
    ) -> Result<(), EngineError> {
        for collection in group.unknown_collections() {
            let prepare = self.shared.database.prepare_collection(&collection);
            let prepared = within(deadline, "preparing a collection", prepare).await?;
            group.set_entry(CatalogueEntry::new(collection, !prepared));
        }
        Ok(())
    }

    /// Decides the first batches. Which unique values and which other documents they touch is known
    /// only then: those are read, and everything is decided anew, until nothing is left to ask.
    async fn decide_knowing(
        &self,
        group: &mut Group<'_, B>,
        catalogue: &Catalogue,
        (head, batches): (&Head, usize),
        deadline: Instant,
    ) -> Result<Vec<Share>, EngineError> {
        let shared = &self.shared;
        loop {
            let shares = self.decide(group, batches);
            let (wanted, others) = (group.wanted_holders(), group.wanted_others());
            if wanted.is_empty() && others.is_empty() {
                return Ok(shares);
            }
            within(deadline, "the last commit", shared.database.settle(head)).await?;
            let holders = shared.holders(catalogue, &wanted);
            let holders = within(deadline, "reading unique values", holders).await?;
            group.know_holders(wanted, holders);
            group.restart();
            let operations = self.active.iter().take(batches);
            let operations: usize = operations.map(|active| active.batch.operations.len()).sum();
            let read = shared.read_others(catalogue, others, operations, group);
            within(deadline, "reading other documents", read).await?;
        }
    }

    /// Reads documents, the first ones when all of them are more than fit into memory. At least
    /// one is read, and those that are wanted together unless they are too large.
    async fn read_known(
        &self,
        keys: &[DocumentKey],
        together: usize,
    ) -> Result<Vec<Option<NativeDocument>>, EngineError> {
        let database = &self.shared.database;
        // Before anything is known of their sizes, all may be as large as documents can be.
        let largest = usize::try_from(database.limits().document_bytes.max).unwrap_or(usize::MAX);
        let mut part = (READ_BYTES_MAX / largest.max(1)).max(READ_DOCUMENTS_FIRST);
        let mut documents = Vec::with_capacity(keys.len());
        let mut bytes = 0;
        while documents.len() < keys.len() {
            let left = &keys[documents.len()..];
            let read = database.read(&left[..part.min(left.len())]).await?;
            bytes += read.iter().flatten().map(|document| document.body.len()).sum::<usize>();
            documents.extend(read);
            let bytes_max =
                if documents.len() < together { PIECE_BYTES_MAX } else { READ_BYTES_MAX };
            if bytes >= bytes_max {
                break;
            }
            // As many as fit if the others are like those, and not many more than before: they may
            // be larger.
            let fitting = (bytes_max - bytes) / (bytes / documents.len()).max(1);
            part = fitting.clamp(1, part.saturating_mul(PART_GROWTH));
        }
        Ok(documents)
    }

    /// The documents and answers to read for the next group.
    fn wanted(&self, scope: Scope) -> Wanted {
        let mut keys = Vec::new();
        let mut seen = HashSet::new();
        let mut answers = Vec::new();
        let mut created_in = HashSet::new();
        let (mut batches, mut together) = (0, 0);
        // Names that the database cannot have lead to no document.
        let database = &self.shared.database;
        let can_have =
            |collection: &CollectionName| database.refuses_collection(collection).is_none();
        for active in self.active.iter().take(scope.batches) {
            if batches == 1 && self.active.front().is_some_and(Active::in_one_piece) {
                together = keys.len();
            }
            batches += 1;
            if let Some(idempotency) = &active.batch.idempotency {
                answers.push(idempotency.key);
            }
            let begun = active.outcomes.len();
            for operation in &active.batch.operations[begun..] {
                if keys.len() >= READ_DOCUMENTS_MAX && !active.in_one_piece() {
                    break;
                }
                let collection = &operation.collection;
                if !can_have(collection) {
                    continue;
                }
                let Some(id) = operation.action.id() else {
                    created_in.insert(collection.clone());
                    continue;
                };
                let key = DocumentKey { collection: collection.clone(), id: id.clone() };
                if seen.insert(key.clone()) {
                    keys.push(key);
                }
            }
            if keys.len() >= READ_DOCUMENTS_MAX {
                break;
            }
        }
        if batches == 1 && self.active.front().is_some_and(Active::in_one_piece) {
            together = keys.len();
        }
        let ids_from = keys.len();
        if let (Some((head, _)), 1..) = (self.head, scope.ids_ahead) {
            let last_id = head.last_id.saturating_add(scope.ids_passed);
            for collection in created_in {
                for ahead in 1..=scope.ids_ahead {
                    let id = DocumentId::Integer(last_id.saturating_add(ahead));
                    let key = DocumentKey { collection: collection.clone(), id };
                    if seen.insert(key.clone()) {
                        keys.push(key);
                    }
                }
            }
        }
        Wanted { keys, together, ids_from, answers, batches }
    }
}
