//! The log: the records of commits, and the bodies that their changes keep.

use isobase_engine::EngineError;
use isobase_journal::LogRecord;
use isobase_types::{Sequence, Timestamp};
use tokio::time::Instant;

use crate::{
    error::corrupted,
    journal::{Page, ROWS_MAX, Range, bodies, log},
    record::{Record, record_bound, sequence_of},
    rows::Row,
    shared::Shared,
    versioned::{body_id, body_of},
};

/// Records of one answer, with their changes.
const RECORDS_MAX: usize = 100;
/// Bodies of one answer: at most 16 MiB.
const BODIES_MAX: usize = 16;
/// Pages of one trimming; the rest is for the next.
const TRIM_PAGES_MAX: usize = 20;

impl Shared {
    /// The id of the last record.
    pub(crate) async fn last_record_id(
        &self,
        deadline: Instant,
    ) -> Result<Option<String>, EngineError> {
        let range = Range { limit: 1, descending: true, ..log() };
        Ok(self.rows(&range, deadline).await?.rows.pop().map(|row| row.id))
    }

    /// The last record, if it comes after another.
    pub(crate) async fn last_after(
        &self,
        id: &str,
        deadline: Instant,
    ) -> Result<Option<Record>, EngineError> {
        // No id of a record is between the two.
        let from = format!("{id}!");
        let range =
            Range { from: &from, limit: 1, descending: true, with_documents: true, ..log() };
        let row = self.rows(&range, deadline).await?.rows.pop();
        row.and_then(|row| row.document).map(Record::of_document).transpose()
    }

    /// A record, if it is there.
    pub(crate) async fn read_record(
        &self,
        id: &str,
        deadline: Instant,
    ) -> Result<Option<Record>, EngineError> {
        let found = self.read_document(id, deadline).await?;
        found.map(Record::of_document).transpose()
    }

    /// Log records that have changes after a place.
    pub(crate) async fn read_log(
        &self,
        since: Sequence,
        limit: u32,
        deadline: Instant,
    ) -> Result<Vec<LogRecord>, EngineError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX).max(1);
        let mut from = record_bound(since);
        let mut records: Vec<LogRecord> = Vec::new();
        let mut changes = 0;
        loop {
            let (part, is_last) = self.read_records(&from, limit - changes, deadline).await?;
            let Some(last) = part.last().map(|record| record.id.clone()) else { break };
            for record in part {
                let after = record.changes.last().is_some_and(|change| change.sequence > since);
                if after && changes < limit {
                    changes += record.changes.len();
                    records.push(LogRecord { changes: record.changes });
                }
            }
            if changes >= limit || is_last {
                break;
            }
            from = format!("{last}\0");
        }
        let first = records.first().and_then(|record| record.changes.first());
        if first.is_none_or(|first| first.sequence.0 > since.0 + 1) {
            // The place is in the middle of a record that began before it.
            let record = self.record_before(since, deadline).await?;
            let ends_after = |record: &Record| {
                record.changes.last().is_some_and(|change| change.sequence > since)
            };
            if let Some(record) = record.filter(ends_after) {
                records.insert(0, LogRecord { changes: record.changes });
            }
        }
        Ok(records)
    }

    async fn read_records(
        &self,
        from: &str,
        limit: usize,
        deadline: Instant,
    ) -> Result<(Vec<Record>, bool), EngineError> {
        let limit = limit.clamp(1, RECORDS_MAX);
        let range = Range { from, limit, with_documents: true, ..log() };
        let Page { rows, is_last } = self.rows(&range, deadline).await?;
        let found = rows.into_iter().filter_map(|row| row.document);
        Ok((found.map(Record::of_document).collect::<Result<_, _>>()?, is_last))
    }

    /// The last record that begins before a place.
    async fn record_before(
        &self,
        since: Sequence,
        deadline: Instant,
    ) -> Result<Option<Record>, EngineError> {
        let to = record_bound(since);
        let range = Range { to: &to, limit: 1, descending: true, with_documents: true, ..log() };
        let row = self.rows(&range, deadline).await?.rows.pop();
        row.and_then(|row| row.document).map(Record::of_document).transpose()
    }

    /// Deletes records that end at or before the floor. The last that begins before it stays: it
    /// may end after it, and it may be the head's.
    pub(crate) async fn trim_log(
        &self,
        floor: Sequence,
        deadline: Instant,
    ) -> Result<(), EngineError> {
        self.delete_bodies(&body_id(Sequence(floor.0 + 1)), deadline).await?;
        let to = record_bound(floor);
        for _ in 0..TRIM_PAGES_MAX {
            let range = Range { to: &to, limit: ROWS_MAX, ..log() };
            let Page { mut rows, is_last } = self.rows(&range, deadline).await?;
            rows.pop();
            self.delete_rows(&rows, deadline).await?;
            if is_last {
                break;
            }
        }
        Ok(())
    }

    /// Deletes some pages of bodies of changes before an id.
    pub(crate) async fn delete_bodies(
        &self,
        to: &str,
        deadline: Instant,
    ) -> Result<(), EngineError> {
        for _ in 0..TRIM_PAGES_MAX {
            let range = Range { to, limit: ROWS_MAX, ..bodies() };
            let Page { rows, is_last } = self.rows(&range, deadline).await?;
            self.delete_rows(&rows, deadline).await?;
            if is_last {
                break;
            }
        }
        Ok(())
    }

    /// Bodies that lie apart from their changes.
    pub(crate) async fn read_bodies(
        &self,
        of: &[Sequence],
        deadline: Instant,
    ) -> Result<Vec<Option<String>>, EngineError> {
        let ids: Vec<String> = of.iter().map(|of| body_id(*of)).collect();
        let mut bodies = Vec::with_capacity(ids.len());
        // Few at a time: each may be large.
        for part in ids.chunks(BODIES_MAX) {
            let rows = self.read_rows(&self.journal, part, true, None, deadline).await?;
            for row in rows.unwrap_or_default() {
                bodies.push(match row {
                    Row::Live { document: Some(found), .. } => Some(body_of(found)?),
                    _ => None,
                });
            }
        }
        Ok(bodies)
    }

    /// The last change at or before a time: times grow along the log.
    pub(crate) async fn sequence_before(
        &self,
        at: Timestamp,
        deadline: Instant,
    ) -> Result<Option<Sequence>, EngineError> {
        let Some(last) = self.last_record_id(deadline).await? else { return Ok(None) };
        let last = sequence_of(&last).ok_or_else(|| corrupted(&last))?;
        let (mut low, mut high) = (0, last.0 + 1);
        // The first record that begins at `low` or after, where that is before `high`, may be old
        // enough; none that begins at `high` or after is.
        while low < high {
            let middle = low + (high - low) / 2;
            let (records, _) =
                self.read_records(&record_bound(Sequence(middle)), 1, deadline).await?;
            match records.into_iter().next() {
                Some(record) if record.at <= at => {
                    let begins = sequence_of(&record.id).ok_or_else(|| corrupted(&record.id))?;
                    low = begins.0.max(middle) + 1;
                }
                _ => high = middle,
            }
        }
        // Of several records that begin there, the last that is old enough counts.
        let to = record_bound(Sequence(high));
        let range =
            Range { to: &to, limit: RECORDS_MAX, descending: true, with_documents: true, ..log() };
        for found in self.rows(&range, deadline).await?.rows.into_iter().filter_map(|r| r.document)
        {
            let record = Record::of_document(found)?;
            if record.at <= at {
                return Ok(Some(record.head.sequence));
            }
        }
        Ok(None)
    }
}
