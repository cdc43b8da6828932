//! The head as this process knows it, and the last record carried out where no one has.

use std::sync::Arc;

use isobase_engine::{EngineError, ErrorKind};
use isobase_journal::Head;
use tokio::sync::MutexGuard;
use tokio::time::Instant;

use crate::{
    client::Status,
    error::{corrupted, unfinished_head},
    record::Record,
    shared::{KnownHead, Shared},
};

/// How often the head is read again when its record goes while it is read.
const HEAD_READS_MAX: usize = 8;

impl Shared {
    /// Reads the head, and applies its record if no one has.
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

    /// Applies the record of a head, if no one has; false when it is not the head any more.
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

    pub(crate) fn glanced_at(&self, head: &Head) -> Option<Arc<Record>> {
        self.glanced.lock().clone().filter(|record| record.head.commit == head.commit)
    }

    /// The turn to do what records say: one at a time in a process.
    pub(crate) async fn one_applies(
        &self,
        deadline: Instant,
    ) -> Result<MutexGuard<'_, ()>, EngineError> {
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

    pub(crate) fn known_commit(&self) -> Option<u64> {
        self.known.lock().as_ref().map(|known| known.head.commit)
    }

    pub(crate) fn know(&self, record: &Record) {
        let known = KnownHead { record: record.id.clone(), head: record.head };
        *self.known.lock() = Some(known);
    }
}
