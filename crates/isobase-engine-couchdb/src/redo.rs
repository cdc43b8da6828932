//! Commits: a record in the journal, then what it says.
//!
//! CouchDB has no transactions. A commit is the creation of its record, which succeeds for one of
//! all who try it for the same head. Only then are the documents written. Whoever finds a record
//! whose author did not come to the end does the rest first; doing it twice, or late, changes
//! nothing (`docs/decisions/0011-couchdb-redo-log.md`).

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use isobase_engine::{EngineError, ErrorKind};
use isobase_journal::{BEYOND_SEQUENCES, Before, Commit, CommitError, Head, Tree};
use tokio::{sync::MutexGuard, time::Instant};

use crate::{
    bulk::{BulkAnswer, BulkRow, Edits},
    client::{Reply, Status, at_once, segment},
    codec::{stamp_of, tag_parts},
    error::{corrupted, in_doubt, strange, unfinished_commit, unfinished_head},
    names::IDS,
    order::needs_index,
    query::{Row, document_path, journal_path},
    record::{Effect, Record, Versioned},
    remembered::Refused,
    shared::{KnownHead, PARALLEL, Shared},
};

/// How often rows that other programs change meanwhile are looked at again.
const ROUNDS_MAX: usize = 8;
/// How often the head is read again when its record goes while it is read.
const HEAD_READS_MAX: usize = 8;
/// Between two attempts to do what a record of ours says.
const APPLY_PAUSE: Duration = Duration::from_millis(100);
/// Ids of one question for versions.
const VERSIONS_MAX: usize = 1_000;
/// Ids of one question for whole documents: each may have 8 MB.
const CONTENTS_MAX: usize = 8;

/// The version that a write replaces, and none for a document that never was.
type Bases = Vec<Option<String>>;

/// The fields of documents whose content stays.
type Contents = Vec<Option<Vec<(String, Tree)>>>;

impl Shared {
    /// Writes a group, if the head is still what it was made for.
    pub(crate) async fn commit(
        self: &Arc<Self>,
        commit: &Commit,
        deadline: Instant,
    ) -> Result<Result<(), CommitError>, EngineError> {
        let glanced = self.glanced_at(&commit.head);
        let is_known = self.known_commit() == Some(commit.head.commit);
        // Where we did not apply the head's record, we do not know whether anybody did.
        let (settled, current) =
            tokio::join!(self.settle(&commit.head, deadline), self.current_bases(commit, deadline));
        if !settled? {
            return Ok(Err(CommitError::HeadMoved));
        }
        let is_apart = || glanced.as_ref().is_some_and(|record| !record.concerns(commit));
        let current = match is_known || is_apart() {
            true => current?,
            // The record may have been applied behind the reading.
            false => self.current_bases(commit, deadline).await?,
        };
        let (bases, contents) = match current {
            Ok(current) => current,
            Err(error) => return Ok(Err(error)),
        };
        self.prepare_orders(commit, deadline).await?;
        let effects = commit
            .documents
            .iter()
            .zip(bases.into_iter().zip(contents))
            .filter_map(|(write, (base, content))| {
                let effect = Effect::of(write, base, commit)?;
                Some(match (&write.after, content) {
                    (Some(after), Some(content)) => effect.keeping(&content, after),
                    _ => effect,
                })
            })
            .collect();
        let mut record = Record::of_commit(commit, effects);
        match self.append(&record, deadline).await? {
            Some(revision) => record.revision = revision,
            None => return Ok(Err(CommitError::HeadMoved)),
        }
        let refused = self.carry_out(&record, deadline).await.map_err(unfinished_commit)?;
        *self.refused.lock() = Some((record.head.commit, refused));
        self.strip_later(&record);
        Ok(Ok(()))
    }

    /// Makes the indexes of ids that the documents of a commit need.
    async fn prepare_orders(&self, commit: &Commit, deadline: Instant) -> Result<(), EngineError> {
        for write in commit.documents.iter().filter(|write| write.after.is_some()) {
            let id = IDS.of(&write.key.id);
            if needs_index(&id) {
                let database = self.names.database(&write.key.collection);
                self.prepare_order(&database, std::iter::once(id.as_str()), deadline).await?;
            }
        }
        Ok(())
    }

    /// The versions that the documents of a commit have now, tombstones included, and the fields of
    /// those whose content stays as another program wrote it.
    async fn current_bases(
        &self,
        commit: &Commit,
        deadline: Instant,
    ) -> Result<Result<(Bases, Contents), CommitError>, EngineError> {
        let mut places: BTreeMap<(String, bool), Vec<usize>> = BTreeMap::new();
        for (place, write) in commit.documents.iter().enumerate() {
            let database = self.names.database(&write.key.collection);
            places.entry((database, write.keeps_content())).or_default().push(place);
        }
        let mut parts = Vec::new();
        for ((database, keeps_content), places) in &places {
            let ids_max = if *keeps_content { CONTENTS_MAX } else { VERSIONS_MAX };
            for part in places.chunks(ids_max) {
                let ids: Vec<String> =
                    part.iter().map(|place| IDS.of(&commit.documents[*place].key.id)).collect();
                parts.push(async move {
                    let rows =
                        self.read_rows(database, &ids, *keeps_content, None, deadline).await?;
                    Ok(part.iter().copied().zip(rows.unwrap_or_default()))
                });
            }
        }
        let mut bases = vec![None; commit.documents.len()];
        let mut contents = vec![None; commit.documents.len()];
        for (place, mut row) in at_once(PARALLEL, parts).await?.into_iter().flatten() {
            let before = commit.documents[place].before.as_ref();
            if let Row::Live { document, .. } = &mut row {
                contents[place] = document.take().map(|document| document.fields);
            }
            match base_of(before, row) {
                Some(base) => bases[place] = base,
                None => return Ok(Err(CommitError::DocumentChanged)),
            }
        }
        Ok(Ok((bases, contents)))
    }

    /// Stores a record; none when another one has its place. Its version otherwise. Once it was
    /// sent, a failure says that nothing was stored only if CouchDB did.
    pub(crate) async fn append(
        &self,
        record: &Record,
        deadline: Instant,
    ) -> Result<Option<String>, EngineError> {
        const WHAT: &str = "committing";
        if self.is_old.load(Ordering::Relaxed) {
            // Before anything that an older program would not keep.
            self.store(&[Versioned::of_format()], deadline).await?;
            self.is_old.store(false, Ordering::Relaxed);
        }
        let path = journal_path(&self.journal, &record.id);
        let call = self.client.put(path, record.text(), WHAT, deadline);
        let reply = match self.client.send(&call).await {
            Ok(reply) => reply,
            Err(error) => return self.find_record(record, error, deadline).await,
        };
        match reply.status {
            // Fewer nodes than the quorum have it: another node may have another record under the
            // same id, so nothing can be promised. Whoever reads the head next finds out.
            202 => {
                Status::count(&self.client.status.quorum_missed);
                let message = "CouchDB stored the record of the commit on fewer nodes than its \
                               write quorum: it may or may not last";
                Err(EngineError::new(ErrorKind::OutcomeUnknown, message))
            }
            // An earlier attempt of ours may have been the one, also one that a proxy made.
            409 => {
                let message = "CouchDB has a record of this commit, but does not show it";
                let error = EngineError::new(ErrorKind::OutcomeUnknown, message);
                self.find_record(record, error, deadline).await
            }
            404 => {
                let (journal, address) = (&self.journal, self.client.address());
                let message = format!(
                    "the database '{journal}' is gone from CouchDB at {address}: restore it, or \
                     restart to begin a new journal"
                );
                let error = EngineError::new(ErrorKind::Unavailable, message);
                Err(if reply.may_have_happened { in_doubt(error) } else { error })
            }
            _ if !reply.is_success() => Err(self.client.refused(WHAT, &reply)),
            _ => match revision_of(&reply) {
                Some(revision) => self.keep_record(&record.id, revision, deadline).await,
                None => self.find_record(record, in_doubt(strange(WHAT)), deadline).await,
            },
        }
    }

    /// As [`Shared::append`], for a record that was sent and whose fate is unknown: what is stored
    /// under its id tells, whatever else happened. As long as nothing is there it may still come,
    /// and then `error` is all that can be said.
    async fn find_record(
        &self,
        record: &Record,
        error: EngineError,
        deadline: Instant,
    ) -> Result<Option<String>, EngineError> {
        // CouchDB says that the disk is full, and a node may have had room.
        if !matches!(error.kind, ErrorKind::OutcomeUnknown | ErrorKind::OutOfSpace) {
            return Err(error);
        }
        match self.read_record(&record.id, deadline).await {
            Ok(Some(stored)) if stored.token == record.token => {
                self.keep_record(&record.id, stored.revision, deadline).await
            }
            Ok(Some(_)) => Ok(None),
            Ok(None) => Err(error),
            Err(unread) => {
                tracing::debug!(error = %unread, "a record cannot be looked for: {unread}");
                Err(in_doubt(error))
            }
        }
    }

    /// The version of a record of ours that stands on nothing. One that stands on the tombstone
    /// of another, of the same number, long ago, is taken away again: then none.
    async fn keep_record(
        &self,
        id: &str,
        revision: String,
        deadline: Instant,
    ) -> Result<Option<String>, EngineError> {
        // A second version is our first one without its effects. A tombstone is at least a second.
        if generation_of(&revision).is_some_and(|generation| generation <= 2) {
            return Ok(Some(revision));
        }
        let path = format!("{}?rev={}", journal_path(&self.journal, id), segment(&revision));
        let call = self.client.delete(path, "taking a record back", deadline);
        let reply = self.client.send(&call).await.map_err(in_doubt)?;
        match reply.status {
            404 => Ok(None),
            _ if reply.is_success() => Ok(None),
            // As long as it stands, it may count.
            _ => Err(in_doubt(self.client.refused(call.what, &reply))),
        }
    }

    /// Reads the head, and applies its record if nobody has.
    pub(crate) async fn recover(self: &Arc<Self>, deadline: Instant) -> Result<Head, EngineError> {
        let last = self.last_record_id(deadline).await?;
        if let Some(head) = last.and_then(|id| self.known_head(&id)) {
            return Ok(head);
        }
        // The writer or another reader is about to finish the same commit, most of the time.
        let _one = self.one_applies(deadline).await?;
        for _ in 0..HEAD_READS_MAX {
            let Some(id) = self.last_record_id(deadline).await? else {
                return Err(corrupted(format!("the head in the database '{}'", self.journal)));
            };
            if let Some(head) = self.known_head(&id) {
                return Ok(head);
            }
            // The record may be trimmed by now, when there is a later one.
            let Some(record) = self.read_record(&id, deadline).await? else { continue };
            self.finish(&record, deadline).await?;
            return Ok(record.head);
        }
        let message = "the head of the journal moves faster than it can be read";
        Err(EngineError::new(ErrorKind::Unavailable, message))
    }

    /// Does the rest of what a record says, if there is any, in a turn to do so.
    async fn finish(
        self: &Arc<Self>,
        record: &Record,
        deadline: Instant,
    ) -> Result<(), EngineError> {
        if !record.is_applied && !self.is_done_soon(record, deadline).await? {
            Status::count(&self.client.status.redone);
            tracing::info!(commit = record.head.commit, "finishing a commit");
            self.apply(record, deadline).await.map_err(unfinished_head)?;
            self.strip_later(record);
        }
        self.know(record);
        Ok(())
    }

    /// Looks for a record after the last one that was seen, and leaves it to [`Shared::settle`] to
    /// apply it: one question, whose answer is empty most of the time.
    pub(crate) async fn glance(self: &Arc<Self>, deadline: Instant) -> Result<Head, EngineError> {
        let glanced = self.glanced.lock().as_ref().map(|it| (it.id.clone(), it.head));
        let known = self.known.lock().as_ref().map(|it| (it.record.clone(), it.head));
        let seen = glanced.into_iter().chain(known).max_by(|one, other| one.0.cmp(&other.0));
        let Some((id, head)) = seen else { return self.recover(deadline).await };
        let Some(record) = self.last_after(&id, deadline).await? else { return Ok(head) };
        let head = record.head;
        *self.glanced.lock() = Some(Arc::new(record));
        Ok(head)
    }

    /// Applies the record of a head, if nobody has; false when it is not the head any more.
    pub(crate) async fn settle(
        self: &Arc<Self>,
        head: &Head,
        deadline: Instant,
    ) -> Result<bool, EngineError> {
        if self.known_commit() == Some(head.commit) {
            return Ok(true);
        }
        let Some(record) = self.glanced_at(head) else {
            return Ok(self.recover(deadline).await?.commit == head.commit);
        };
        let _one = self.one_applies(deadline).await?;
        if self.known_commit().is_none_or(|known| known < head.commit) {
            self.finish(&record, deadline).await?;
        }
        Ok(true)
    }

    fn glanced_at(&self, head: &Head) -> Option<Arc<Record>> {
        self.glanced.lock().clone().filter(|record| record.head.commit == head.commit)
    }

    /// Does what a record of ours says, again while there is time: nobody else may come.
    async fn carry_out(
        &self,
        record: &Record,
        deadline: Instant,
    ) -> Result<Vec<Refused>, EngineError> {
        let _one = self.one_applies(deadline).await?;
        loop {
            match self.apply(record, deadline).await {
                Ok(refused) => {
                    self.know(record);
                    return Ok(refused);
                }
                Err(error) if Instant::now() + APPLY_PAUSE >= deadline => return Err(error),
                Err(error) => {
                    tracing::debug!(%error, "a commit is carried out again: {error}");
                    tokio::time::sleep(APPLY_PAUSE).await;
                }
            }
        }
    }

    /// The turn to do what records say: one at a time in a process.
    async fn one_applies(&self, deadline: Instant) -> Result<MutexGuard<'_, ()>, EngineError> {
        tokio::time::timeout_at(deadline, self.applying.lock()).await.map_err(|_| {
            let message = "the last commit was not finished before the deadline";
            EngineError::new(ErrorKind::TimedOut, message)
        })
    }

    /// The head of a record, if it is the last one that this process knows to be applied.
    fn known_head(&self, record: &str) -> Option<Head> {
        let known = self.known.lock();
        known.as_ref().filter(|known| known.record == record).map(|known| known.head)
    }

    fn known_commit(&self) -> Option<u64> {
        self.known.lock().as_ref().map(|known| known.head.commit)
    }

    pub(crate) fn know(&self, record: &Record) {
        let known = KnownHead { record: record.id.clone(), head: record.head };
        *self.known.lock() = Some(known);
    }

    /// Does what a record says. Safe to repeat, also long after others went on. Gives back what
    /// CouchDB refuses for good: nobody can write it, and the record must not wait for it.
    async fn apply(&self, record: &Record, deadline: Instant) -> Result<Vec<Refused>, EngineError> {
        let mut databases: BTreeMap<String, Vec<&Effect>> = BTreeMap::new();
        for effect in &record.effects {
            databases.entry(self.names.database(&effect.collection)).or_default().push(effect);
        }
        let documents = databases
            .iter()
            .map(|(database, effects)| self.apply_effects(record, database, effects, deadline));
        let documents = at_once(PARALLEL, documents.collect());
        let ours = self.ours_of(record);
        let (refused, ()) = tokio::try_join!(documents, self.store(&ours, deadline))?;
        let refused: Vec<Refused> = refused.into_iter().flatten().collect();
        for Refused { collection, id, reason } in &refused {
            Status::count(&self.client.status.rows_refused);
            tracing::error!(
                %collection, %id, %reason,
                "CouchDB refused the document '{id}' of '{collection}' after its commit: {reason}; \
                 validation functions and permissions of the database must let Isobase write"
            );
        }
        Ok(refused)
    }

    /// What a record says of documents of the journal.
    pub(crate) fn ours_of(&self, record: &Record) -> Vec<Versioned> {
        let entries = record.catalogue.iter();
        let entries =
            entries.map(|entry| Versioned::of_entry(entry, record.head.commit, &self.names));
        let answers = record.answers.iter().map(Versioned::of_answer);
        let bodies = record.bodies.iter().map(Versioned::of_body);
        entries.chain(answers).chain(bodies).collect()
    }

    async fn apply_effects(
        &self,
        record: &Record,
        database: &str,
        effects: &[&Effect],
        deadline: Instant,
    ) -> Result<Vec<Refused>, EngineError> {
        let (new, old): (Vec<&Effect>, Vec<&Effect>) =
            effects.iter().copied().partition(|effect| effect.base.is_none());
        let (new, old) = tokio::join!(
            self.apply_new(record, database, &new, deadline),
            self.apply_old(record, database, &old, deadline)
        );
        let mut refused = new?;
        refused.extend(old?);
        Ok(refused)
    }

    /// Documents that never were.
    async fn apply_new(
        &self,
        record: &Record,
        database: &str,
        effects: &[&Effect],
        deadline: Instant,
    ) -> Result<Vec<Refused>, EngineError> {
        let effects: Vec<&Effect> =
            effects.iter().copied().filter(|effect| !effect.is_deletion).collect();
        let revisions: Vec<String> =
            effects.iter().map(|effect| effect.first_revision(&record.token)).collect();
        let rows: Vec<BulkRow<'_>> = effects
            .iter()
            .zip(&revisions)
            .map(|(effect, revision)| BulkRow {
                id: &effect.id,
                revision: Some(revision),
                attachments: None,
                document: &effect.document,
            })
            .collect();
        let written = self.write_rows(record, database, Edits::AsTheyAre, &rows, deadline).await?;
        Ok(written.refused(&effects))
    }

    /// Documents and tombstones that another version replaces.
    async fn apply_old(
        &self,
        record: &Record,
        database: &str,
        effects: &[&Effect],
        deadline: Instant,
    ) -> Result<Vec<Refused>, EngineError> {
        let rows: Vec<BulkRow<'_>> = effects
            .iter()
            .map(|effect| BulkRow {
                id: &effect.id,
                revision: effect.base.as_deref(),
                attachments: effect.attachments.as_deref(),
                document: &effect.document,
            })
            .collect();
        let mut written = self.write_rows(record, database, Edits::New, &rows, deadline).await?;
        let mut refused = written.refused(effects);
        for _ in 0..ROUNDS_MAX {
            if written.conflicts.is_empty() || !self.is_head(record, deadline).await? {
                return Ok(refused);
            }
            let open: Vec<&Effect> = effects
                .iter()
                .copied()
                .filter(|effect| written.conflicts.contains(&effect.id))
                .collect();
            written = self.overtake(record, database, &open, deadline).await?;
            refused.extend(written.refused(&open));
        }
        let message = format!(
            "other programs change documents of the database '{database}' faster than they can \
             be written"
        );
        Err(EngineError::new(ErrorKind::Unavailable, message))
    }

    /// Looks at documents that are not what a record replaces: is its effect there already, or
    /// did another program write in between? Then the later writer wins, and that is us. Gives
    /// back those that changed once more.
    async fn overtake(
        &self,
        record: &Record,
        database: &str,
        effects: &[&Effect],
        deadline: Instant,
    ) -> Result<RowsWritten, EngineError> {
        let ids: Vec<String> = effects.iter().map(|effect| effect.id.clone()).collect();
        let found = self.read_rows(database, &ids, true, None, deadline).await?;
        let (mut again, mut new) = (Vec::new(), Vec::new());
        for (effect, row) in effects.iter().zip(found.unwrap_or_default()) {
            match row {
                // The database was made anew.
                Row::Missing => new.push(*effect),
                Row::Deleted { .. } if effect.is_deletion => {}
                Row::Deleted { revision } => {
                    let stamp = self.stamp_at(database, &effect.id, &revision, deadline).await?;
                    if !self.is_applied(database, effect, &revision, stamp, deadline).await? {
                        again.push((*effect, revision, None));
                    }
                }
                Row::Live { revision, document } => {
                    let stamp = document.as_ref().and_then(|found| found.stamp());
                    if !self.is_applied(database, effect, &revision, stamp, deadline).await? {
                        let attachments = document.and_then(|found| found.attachments);
                        again.push((*effect, revision, attachments));
                    }
                }
            }
        }
        let made = self.apply_new(record, database, &new, deadline).await?;
        let rows: Vec<BulkRow<'_>> = again
            .iter()
            .map(|(effect, revision, attachments)| BulkRow {
                id: &effect.id,
                revision: Some(revision),
                attachments: attachments.as_deref().filter(|_| !effect.is_deletion),
                document: &effect.document,
            })
            .collect();
        for (effect, ..) in &again {
            Status::count(&self.client.status.foreign_overwritten);
            let (collection, id) = (&effect.collection, &effect.id);
            tracing::warn!(%collection, %id, "a write of another program was overtaken");
        }
        let mut written = self.write_rows(record, database, Edits::New, &rows, deadline).await?;
        written.refused.extend(made.into_iter().map(|refused| (refused.id, refused.reason)));
        Ok(written)
    }

    /// Whether a document has had an effect already, given its current version and that version's
    /// stamp.
    async fn is_applied(
        &self,
        database: &str,
        effect: &Effect,
        revision: &str,
        stamp: Option<u64>,
        deadline: Instant,
    ) -> Result<bool, EngineError> {
        const WHAT: &str = "reading the history of a document";
        if has_had(stamp, effect) {
            return Ok(true);
        }
        // Another program wrote, and our stamp is gone: before our write, or after it?
        let Some(generation) = effect.base.as_deref().and_then(generation_of) else {
            return Ok(false);
        };
        let Some(path) = document_path(database, &effect.id) else { return Ok(false) };
        let path = format!("{path}?revs=true&rev={}", segment(revision));
        let call = self.client.get(path, WHAT, deadline);
        let reply = self.client.send(&call).await?;
        if reply.status == 404 {
            // It changed again; the next round sees.
            return Ok(false);
        }
        let tree = self.success(&call, reply)?;
        let Some(next) = ancestor(&tree, generation + 1) else { return Ok(false) };
        if next == revision {
            return Ok(false);
        }
        match self.version_at(database, &effect.id, &next, deadline).await? {
            Some(version) => {
                Ok(has_had(version.get(isobase_journal::META_FIELD).and_then(stamp_of), effect))
            }
            // Compacted away: long ago, so it was ours. Others' content stays.
            None => Ok(true),
        }
    }

    async fn stamp_at(
        &self,
        database: &str,
        id: &str,
        revision: &str,
        deadline: Instant,
    ) -> Result<Option<u64>, EngineError> {
        let version = self.version_at(database, id, revision, deadline).await?;
        let meta = version.as_ref().and_then(|version| version.get(isobase_journal::META_FIELD));
        Ok(meta.and_then(stamp_of))
    }

    /// A version of a document or a tombstone, while it is kept.
    async fn version_at(
        &self,
        database: &str,
        id: &str,
        revision: &str,
        deadline: Instant,
    ) -> Result<Option<Tree>, EngineError> {
        const WHAT: &str = "reading a version of a document";
        let Some(path) = document_path(database, id) else { return Ok(None) };
        let path = format!("{path}?rev={}", segment(revision));
        let call = self.client.get(path, WHAT, deadline);
        let reply = self.client.send(&call).await?;
        if reply.status == 404 {
            return Ok(None);
        }
        self.success(&call, reply).map(Some)
    }

    /// Writes rows of a record.
    async fn write_rows(
        &self,
        record: &Record,
        database: &str,
        edits: Edits,
        rows: &[BulkRow<'_>],
        deadline: Instant,
    ) -> Result<RowsWritten, EngineError> {
        if rows.is_empty() {
            return Ok(RowsWritten::default());
        }
        for _ in 0..ROUNDS_MAX {
            let answer = match self.try_bulk(database, edits, rows, deadline).await? {
                Ok(answer) => answer,
                Err(error) => return Ok(RowsWritten::none_of(rows, &error)),
            };
            match answer {
                BulkAnswer::Done { conflicts, refused } => {
                    conflicts.iter().for_each(|_| Status::count(&self.client.status.conflicts));
                    let refused = refused.into_iter().map(|(id, complaint)| (id, complaint.reason));
                    return Ok(RowsWritten { conflicts, refused: refused.collect() });
                }
                // Somebody deleted the database. If others went on, it was theirs to delete.
                BulkAnswer::NoDatabase if !self.is_head(record, deadline).await? => {
                    return Ok(RowsWritten::default());
                }
                BulkAnswer::NoDatabase => {
                    self.forget_database(database);
                    let made = self.try_create_database(database, deadline).await?;
                    if let Err(error) = made {
                        return Ok(RowsWritten::none_of(rows, &error));
                    }
                    self.prepare_database(database, deadline).await?;
                    self.prepare_order(database, rows.iter().map(|row| row.id), deadline).await?;
                }
            }
        }
        let message = format!("the database '{database}' goes as often as it is made");
        Err(EngineError::new(ErrorKind::Unavailable, message))
    }

    /// Whether no record after this one is known. A copy of the journal that lags behind may not
    /// even have this one.
    async fn is_head(&self, record: &Record, deadline: Instant) -> Result<bool, EngineError> {
        Ok(self.last_record_id(deadline).await?.is_none_or(|last| last <= record.id))
    }
}

impl Refused {
    fn new(effect: &Effect, reason: String) -> Self {
        Self { collection: effect.collection.clone(), id: effect.id.clone(), reason }
    }
}

/// What became of rows.
#[derive(Default)]
struct RowsWritten {
    /// Their versions are not the current ones.
    conflicts: Vec<String>,
    /// They are refused, and why.
    refused: Vec<(String, String)>,
}

impl RowsWritten {
    /// All rows are refused for one reason.
    fn none_of(rows: &[BulkRow<'_>], error: &EngineError) -> Self {
        let refused = rows.iter().map(|row| (row.id.to_owned(), error.message.clone()));
        Self { conflicts: Vec::new(), refused: refused.collect() }
    }

    fn refused(&self, effects: &[&Effect]) -> Vec<Refused> {
        let of = |(id, reason): &(String, String)| {
            let effect = effects.iter().find(|effect| effect.id == *id)?;
            Some(Refused::new(effect, reason.clone()))
        };
        self.refused.iter().filter_map(of).collect()
    }
}

/// Whether a stamp is that of an effect or of a later write.
pub(crate) fn has_had(stamp: Option<u64>, effect: &Effect) -> bool {
    stamp.is_some_and(|stamp| stamp >= effect.stamp && stamp < BEYOND_SEQUENCES.0)
}

/// The version that a write replaces; none when the document is not what the write was decided
/// on.
fn base_of(before: Option<&Before>, row: Row) -> Option<Option<String>> {
    match (before, row) {
        (None, Row::Missing) => Some(None),
        (None, Row::Deleted { revision }) => Some(Some(revision)),
        (Some(before), Row::Live { revision, .. }) if tag_parts(&before.tag).0 == revision => {
            Some(Some(revision))
        }
        _ => None,
    }
}

/// The version that CouchDB gave to what was stored.
fn revision_of(reply: &Reply) -> Option<String> {
    let tree = reply.tree("").ok()?;
    tree.get("rev").and_then(Tree::as_str).map(str::to_owned)
}

/// The number in front of a version.
fn generation_of(revision: &str) -> Option<u64> {
    revision.split_once('-')?.0.parse().ok()
}

/// The version of a generation in the history of a document (`_revisions`).
fn ancestor(tree: &Tree, generation: u64) -> Option<String> {
    let revisions = tree.get("_revisions")?;
    let start = revisions.get("start")?.as_u64()?;
    let place = usize::try_from(start.checked_sub(generation)?).ok()?;
    let hash = revisions.get("ids")?.as_array()?.get(place)?.as_str()?;
    Some(format!("{generation}-{hash}"))
}

#[cfg(test)]
mod tests {
    use isobase_journal::Tag;

    use super::*;

    #[test]
    fn writes_are_for_the_version_they_were_decided_on() {
        let before = Before { tag: Tag("2-b {}".to_owned()), stamp: None, keys: Vec::new() };
        let live = |revision: &str| Row::Live { revision: revision.to_owned(), document: None };
        let deleted = || Row::Deleted { revision: "3-c".to_owned() };
        assert_eq!(base_of(None, Row::Missing), Some(None));
        assert_eq!(base_of(None, deleted()), Some(Some("3-c".to_owned())));
        assert_eq!(base_of(None, live("1-a")), None);
        assert_eq!(base_of(Some(&before), live("2-b")), Some(Some("2-b".to_owned())));
        assert_eq!(base_of(Some(&before), live("2-x")), None);
        assert_eq!(base_of(Some(&before), deleted()), None);
        assert_eq!(base_of(Some(&before), Row::Missing), None);
    }

    #[test]
    fn history_names_its_versions() {
        let tree = Tree::parse("{\"_revisions\":{\"start\":4,\"ids\":[\"d\",\"c\"]}}").unwrap();
        assert_eq!(ancestor(&tree, 4).as_deref(), Some("4-d"));
        assert_eq!(ancestor(&tree, 3).as_deref(), Some("3-c"));
        assert_eq!(ancestor(&tree, 2), None);
        assert_eq!(ancestor(&tree, 5), None);
        assert_eq!(generation_of("12-ab"), Some(12));
        assert_eq!(generation_of("ab"), None);
    }
}
