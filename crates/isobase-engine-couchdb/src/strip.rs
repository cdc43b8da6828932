//! Records without their effects.
//!
//! A record holds the documents of its commit only until they are written. They are then dropped
//! from it, many records with one request, so that the journal does not become a second copy of
//! the database.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use isobase_engine::EngineError;

use crate::{
    bulk::{BulkRow, Edits},
    record::Record,
    remembered::Stripped,
    shared::Shared,
};

/// Records that wait for the others; more are stripped at once.
const WAITING_MAX: usize = 64;
/// How long the first one waits for more.
const WAIT: Duration = Duration::from_secs(1);
/// Records that wait while the server does not take them; their changes are in memory.
const KEPT_MAX: usize = 4 * WAITING_MAX;
/// Records of one open that a killed process may have left whole.
pub(crate) const LEFT_WHOLE_MAX: usize = 2 * WAITING_MAX;

impl Shared {
    /// Drops the effects of an applied record soon.
    pub(crate) fn strip_later(self: &Arc<Self>, record: &Record) {
        if record.is_applied {
            return;
        }
        let waiting = {
            let mut waiting = self.to_strip.lock();
            let (id, revision) = (record.id.clone(), record.revision.clone());
            waiting.push(Stripped { id, revision, text: record.stripped().text() });
            waiting.len()
        };
        let is_full = waiting >= WAITING_MAX;
        if self.is_stripping.swap(true, Ordering::AcqRel) && waiting != WAITING_MAX {
            return;
        }
        let shared = Arc::clone(self);
        tokio::spawn(async move {
            if !is_full {
                tokio::time::sleep(WAIT).await;
            }
            if let Err(error) = shared.strip_now().await {
                tracing::debug!(%error, "records stay whole: {error}");
            }
        });
    }

    /// Drops the effects of all records that wait for it. What fails waits for the next time, or
    /// is found when the database is opened next.
    pub(crate) async fn strip_now(&self) -> Result<(), EngineError> {
        self.is_stripping.store(false, Ordering::Release);
        let waiting = std::mem::take(&mut *self.to_strip.lock());
        if waiting.is_empty() {
            return Ok(());
        }
        let stripped = self.strip(&waiting).await;
        if stripped.is_err() {
            let mut again = self.to_strip.lock();
            let room = KEPT_MAX.saturating_sub(again.len());
            again.extend(waiting.into_iter().take(room));
        }
        stripped
    }

    async fn strip(&self, waiting: &[Stripped]) -> Result<(), EngineError> {
        let rows: Vec<BulkRow<'_>> = waiting
            .iter()
            .map(|record| BulkRow {
                id: &record.id,
                revision: Some(&record.revision),
                attachments: None,
                document: &record.text,
            })
            .collect();
        let deadline = self.client.deadline();
        // A conflict means that another process did it, or trimmed the record.
        self.bulk(&self.journal, Edits::New, &rows, deadline).await.map(|_| ())
    }
}
