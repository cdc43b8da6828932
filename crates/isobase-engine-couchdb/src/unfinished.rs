//! A load of the whole database: its note, and the journal after it.

use std::sync::Arc;

use isobase_engine::{Counters, EngineError, ErrorKind, Identity};
use isobase_journal::{CatalogueEntry, Head};
use isobase_types::{Sequence, Timestamp};
use tokio::time::Instant;

use crate::{
    bulk::BulkRow,
    codec::{Found, quoted},
    error::strange,
    journal::{self, ROUNDS_MAX, ROWS_MAX, Range, log},
    record::Record,
    shared::Shared,
    versioned::{UNFINISHED_ID, Versioned, body_id},
};

impl Shared {
    /// Sets or clears the note of an unfinished load.
    pub(crate) async fn set_unfinished(
        &self,
        note: Option<&str>,
        deadline: Instant,
    ) -> Result<(), EngineError> {
        const WHAT: &str = "noting an unfinished load";
        let text = match note {
            Some(note) => format!("{{\"note\":{}}}", quoted(note)),
            None => "{\"_deleted\":true}".to_owned(),
        };
        for _ in 0..ROUNDS_MAX {
            let found = self.read_document(UNFINISHED_ID, deadline).await?;
            if found.is_none() && note.is_none() {
                return Ok(());
            }
            let row = BulkRow {
                id: UNFINISHED_ID,
                revision: found.as_ref().map(|found| found.revision.as_str()),
                attachments: None,
                document: text.as_bytes(),
            };
            if self.bulk_journal(&[row], deadline).await?.is_empty() {
                return Ok(());
            }
        }
        Err(strange(WHAT))
    }

    /// The note of an unfinished load.
    pub(crate) async fn unfinished(
        &self,
        deadline: Instant,
    ) -> Result<Option<String>, EngineError> {
        let found = self.read_document(UNFINISHED_ID, deadline).await?;
        let note = |found: Found| {
            let note = found.fields.into_iter().find(|(name, _)| name == "note");
            note.and_then(|(_, note)| note.as_str().map(str::to_owned))
        };
        Ok(found.map(|found| note(found).unwrap_or_default()))
    }

    /// Replaces head and catalogue and empties the log; no one else writes.
    pub(crate) async fn reset(
        self: &Arc<Self>,
        counters: Counters,
        catalogue: &[CatalogueEntry],
        deadline: Instant,
    ) -> Result<Head, EngineError> {
        let old = self.recover(deadline).await?;
        let sequence = counters.sequence.max(old.sequence);
        let head = Head {
            commit: old.commit + 1,
            sequence,
            last_id: counters.last_id.max(old.last_id),
            floor: sequence,
            catalogue: old.catalogue + 1,
            identity: Some(Identity::renewed(old.identity)),
            author: None,
        };
        let entries: Vec<Versioned> = catalogue
            .iter()
            .map(|entry| Versioned::of_entry(entry, head.commit, &self.names))
            .collect();
        self.store(&entries, deadline).await?;
        let range = Range { limit: usize::MAX, ..journal::catalogue() };
        let mut rows = self.rows(&range, deadline).await?.rows;
        rows.retain(|row| entries.iter().all(|entry| entry.id != row.id));
        self.delete_rows(&rows, deadline).await?;
        let record = Record::of_head(sequence, head, Timestamp::default());
        if self.append(&record, deadline).await?.is_none() {
            let message = "another process wrote to the database while it was being loaded";
            return Err(EngineError::new(ErrorKind::Unavailable, message));
        }
        self.know(&record);
        // A body that is left here by a call that is cut off belongs to no change any more.
        self.delete_bodies(&body_id(Sequence(sequence.0 + 1)), self.client.deadline()).await?;
        loop {
            let range = Range { to: &record.id, limit: ROWS_MAX, ..log() };
            let rows = self.rows(&range, self.client.deadline()).await?.rows;
            if rows.is_empty() {
                return Ok(head);
            }
            self.delete_rows(&rows, self.client.deadline()).await?;
        }
    }
}
