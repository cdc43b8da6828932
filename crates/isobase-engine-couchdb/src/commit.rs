//! Commits: a record in the journal, then what it says.
//!
//! CouchDB has no transactions. A commit is the creation of its record, which succeeds for one of
//! all who try it for the same head. Only then are the documents written. A caller that finds a record
//! whose author did not come to the end does the rest first; doing it twice, or late, changes
//! nothing (`docs/decisions/0011-couchdb-redo-log.md`).

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
};

use isobase_engine::{EngineError, ErrorKind};
use isobase_journal::{Before, Commit, CommitError, Tree};
use tokio::time::Instant;

use crate::{
    apply::generation_of,
    client::{Reply, Status, at_once, segment},
    codec::tag_parts,
    error::{in_doubt, strange, unfinished_commit},
    names::IDS,
    order::needs_index,
    record::{Effect, Record},
    rows::{Row, journal_path},
    shared::{PARALLEL, Shared},
    versioned::Versioned,
};

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

    /// Stores a record; `None` if another one has its place. Its version otherwise. Once it was
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
            // same id, so nothing can be promised. A caller that reads the head next finds out.
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
    /// of another, of the same number, long ago, is deleted again: then none.
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
}

/// The version that a write replaces; `None` when the document is not what the write was decided
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
}
