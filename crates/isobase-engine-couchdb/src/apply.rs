//! Doing what a record says: it may be done twice, or late, and changes nothing then.

use std::{collections::BTreeMap, time::Duration};

use isobase_engine::{EngineError, ErrorKind};
use isobase_journal::{BEYOND_SEQUENCES, Tree};
use tokio::time::Instant;

use crate::{
    bulk::{BulkAnswer, BulkRow, Edits},
    client::{Status, at_once, segment},
    codec::stamp_of,
    record::{Effect, Record},
    remembered::Refused,
    rows::{Row, document_path},
    shared::{PARALLEL, Shared},
    versioned::Versioned,
};

/// How often rows that other programs change meanwhile are looked at again.
const ROUNDS_MAX: usize = 8;

/// Between two attempts to do what a record of ours says.
const APPLY_PAUSE: Duration = Duration::from_millis(100);

impl Shared {
    /// Does what a record of ours says, again while there is time: no one else may come.
    pub(crate) async fn carry_out(
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

    /// Does what a record says. Safe to repeat, also long after others went on. Returns what
    /// CouchDB refuses for good: no one can write it, and the record must not wait for it.
    pub(crate) async fn apply(
        &self,
        record: &Record,
        deadline: Instant,
    ) -> Result<Vec<Refused>, EngineError> {
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

    /// The statement of a record about documents of the journal.
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

/// The outcome of rows.
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

/// The number in front of a version.
pub(crate) fn generation_of(revision: &str) -> Option<u64> {
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
    use super::*;

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
