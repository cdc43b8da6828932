//! A commit: one request that does everything or nothing.
//!
//! It is conditioned on the version of the head it was made for, so it can be sent again when
//! its answer got lost: only one of the attempts can succeed. The answer to a refused commit
//! does not say which condition failed; reading the head and the documents again does.

use googleapis_tonic_google_firestore_v1::google::firestore::v1 as proto;
use isobase_engine::EngineError;
use isobase_journal::{Commit, CommitError, DocumentWrite, Head};
use proto::{Write, precondition::ConditionType};
use tonic::Code;

use crate::{
    answers::{answer_fields, answer_id},
    catalogue::entry_fields,
    codec,
    database::FirestoreDatabase,
    error::{self, Failure},
    fields::Fields,
    head::head_fields,
    journal::HEAD,
    log::{body_fields, log_id, log_records, log_token},
    requests::path,
    writes::{SeenHead, WriteExt, bookkeeping, delete, put, token},
};

/// The writes of a commit, ready to be made into requests.
struct Prepared<'a> {
    database: &'a FirestoreDatabase,
    commit: &'a Commit,
    token: &'a str,
    version: prost_types::Timestamp,
    log: Vec<(String, Fields)>,
}

impl FirestoreDatabase {
    pub(crate) async fn commit_group(
        &self,
        commit: &Commit,
    ) -> Result<Result<(), CommitError>, EngineError> {
        let Some(version) = self.version_of(&commit.head).await? else {
            return Ok(Err(CommitError::HeadMoved));
        };
        let token = token();
        let log = log_records(&commit.logged(), commit.at, &token);
        let prepared = Prepared { database: self, commit, token: &token, version, log };
        match self.requests.commit(|| prepared.writes()).await {
            Ok(results) => {
                // The head is the first write.
                let version = results.first().and_then(|result| result.update_time);
                self.see(version.map(|version| SeenHead { head: commit.next, token, version }));
                Ok(Ok(()))
            }
            Err(failure) if failure.uncertain || is_refusal(&failure) => {
                self.see(None);
                self.explain(&prepared, failure).await
            }
            Err(failure) => Err(failure.into_write_error(&prepared.what())),
        }
    }

    /// The version of a head, if it is still the head.
    async fn version_of(&self, head: &Head) -> Result<Option<prost_types::Timestamp>, EngineError> {
        if let Some(seen) = self.seen().filter(|seen| seen.head == *head) {
            return Ok(Some(seen.version));
        }
        let seen = self.read_head().await?;
        Ok((seen.head == *head).then_some(seen.version))
    }

    /// Finds out what became of a commit that was refused or whose answer got lost.
    async fn explain(
        &self,
        prepared: &Prepared<'_>,
        failure: Failure,
    ) -> Result<Result<(), CommitError>, EngineError> {
        let seen = match self.read_head().await {
            Ok(seen) => seen,
            Err(error) => return Err(unexplained(failure, error)),
        };
        let is_ours = match seen.token == prepared.token {
            true => Ok(true),
            false => self.is_in_log(prepared).await,
        };
        match is_ours {
            Ok(true) => return Ok(Ok(())),
            Ok(false) => {}
            Err(error) => return Err(unexplained(failure, error)),
        }
        if seen.version != prepared.version {
            // Another head will never be the one we asked for again: nothing of ours can still
            // happen. Without changes there is no record that could tell of a success.
            return match failure.uncertain && prepared.log.is_empty() {
                true => Err(failure.into_write_error("committing")),
                false => Ok(Err(CommitError::HeadMoved)),
            };
        }
        if !is_refusal(&failure) {
            return Err(failure.into_write_error("committing"));
        }
        match self.is_changed(&prepared.commit.documents).await {
            Ok(true) => Ok(Err(CommitError::DocumentChanged)),
            Ok(false) => Err(failure.into_write_error(&prepared.what())),
            Err(error) => Err(unexplained(failure, error)),
        }
    }

    /// Whether the log has what a commit wrote.
    async fn is_in_log(&self, prepared: &Prepared<'_>) -> Result<bool, EngineError> {
        let Some((id, _)) = prepared.log.first() else { return Ok(false) };
        let names = &self.requests.names;
        let record = self.requests.document(names.native_document(&names.log(), id)).await?;
        let token = record.as_ref().and_then(|record| log_token(&record.fields));
        Ok(token == Some(prepared.token))
    }

    /// Whether one of the documents is not as the commit was made for.
    async fn is_changed(&self, writes: &[DocumentWrite]) -> Result<bool, EngineError> {
        let names: Vec<_> = writes.iter().map(|write| self.name_of(write)).collect();
        let found = self.requests.documents(&names).await?;
        Ok(writes.iter().zip(found).any(|(write, found)| {
            let version = found.and_then(|document| document.update_time);
            let before = write.before.as_ref().and_then(|before| codec::tag_time(&before.tag));
            version != before
        }))
    }

    pub(crate) fn name_of(&self, write: &DocumentWrite) -> String {
        self.requests.names.document(&write.key.collection, &write.key.id)
    }

    /// A document as it is to be, if it is as it was.
    pub(crate) fn write_of(&self, write: &DocumentWrite) -> Write {
        let condition = match &write.before {
            None => ConditionType::Exists(false),
            // A version that is none of ours is no version of the document.
            Some(before) => match codec::tag_time(&before.tag) {
                Some(time) => ConditionType::UpdateTime(time),
                None => ConditionType::UpdateTime(prost_types::Timestamp::default()),
            },
        };
        self.unconditional(write).under(condition)
    }

    /// A document as it is to be, however it was.
    pub(crate) fn unconditional(&self, write: &DocumentWrite) -> Write {
        let name = self.name_of(write);
        match &write.after {
            // What another program wrote may have types that JSON lacks: it stays untouched.
            Some(after) if write.keeps_content() => bookkeeping(name, &write.key.id, after),
            Some(after) => put(name, codec::fields(&write.key.id, after)),
            None => delete(name),
        }
    }
}

impl Prepared<'_> {
    /// Its subject, for the reader of its error.
    fn what(&self) -> String {
        let Some(first) = self.commit.documents.first() else { return "committing".to_owned() };
        let name = self.database.name_of(first);
        let more = match self.commit.documents.len() - 1 {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!("committing '{}'{more}", path(&name))
    }

    fn writes(&self) -> Vec<Write> {
        let names = &self.database.requests.names;
        let mine = |native: &str, id: &str| names.native_document(native, id);
        let commit = self.commit;
        let head = put(mine(&names.journal(), HEAD), head_fields(&commit.next, self.token));
        let mut writes = vec![head.under(ConditionType::UpdateTime(self.version))];
        writes.extend(commit.documents.iter().map(|write| self.database.write_of(write)));
        let log = names.log();
        writes.extend(self.log.iter().map(|(id, fields)| put(mine(&log, id), fields.clone())));
        let bodies = names.bodies();
        writes.extend(
            commit
                .bodies
                .iter()
                .map(|body| put(mine(&bodies, &log_id(body.sequence)), body_fields(body))),
        );
        let answers = names.answers();
        writes.extend(commit.answers.iter().map(|answer| {
            let id = answer_id(&answer.key);
            put(mine(&answers, &id), answer_fields(answer))
        }));
        let catalogue = names.catalogue();
        writes.extend(commit.catalogue.iter().map(|entry| {
            let id = names.collection(&entry.collection);
            put(mine(&catalogue, &id), entry_fields(entry))
        }));
        writes
    }
}

/// Whether Firestore says that a condition did not hold.
fn is_refusal(failure: &Failure) -> bool {
    let of_condition =
        [Code::FailedPrecondition, Code::AlreadyExists, Code::NotFound, Code::Aborted];
    of_condition.contains(&failure.status.code()) && !error::is_too_large(&failure.status)
}

/// The failure when what became of a commit cannot be found out: a reading that failed does not
/// say that nothing was written.
fn unexplained(failure: Failure, reading: EngineError) -> EngineError {
    if failure.uncertain { failure.into_write_error("committing") } else { reading }
}
