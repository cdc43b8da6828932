//! Data that is kept for a time: changes, and the outcomes of idempotency keys.

use std::time::Duration;

use isobase_engine::SteadyTime;
use isobase_sqlite::rusqlite::{self, Connection, params};

use crate::statements::set_counter;

/// Rows that retention removes with one commit: more than a batch can add.
const TRIM_ROWS: u64 = 4_096;

/// How often rows whose time is over are looked for when there were none.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// How long things are kept.
pub(crate) struct Retention {
    pub(crate) changes: Duration,
    pub(crate) changes_max: u64,
    pub(crate) idempotency: Duration,
}

/// The kept rows, and since when they are kept.
pub(crate) struct Retained {
    pub(crate) retention: Retention,
    /// The place of the last change that is no longer kept.
    pub(crate) changes_floor: u64,
    /// Its value before the batch.
    floor_before: u64,
    /// Nothing expires before so much time has passed.
    trim_at: Duration,
}

impl Retained {
    pub(crate) fn new(retention: Retention, changes_floor: u64) -> Self {
        Self { retention, changes_floor, floor_before: changes_floor, trim_at: Duration::ZERO }
    }

    pub(crate) fn batch_begins(&mut self) {
        self.floor_before = self.changes_floor;
    }

    pub(crate) fn batch_is_undone(&mut self) {
        self.changes_floor = self.floor_before;
    }

    /// Removes a bounded number of rows whose time is over; `sequence` is that of the last write.
    pub(crate) fn trim(
        &mut self,
        connection: &Connection,
        sequence: u64,
        time: &SteadyTime,
    ) -> rusqlite::Result<()> {
        let kept = sequence.saturating_sub(self.changes_floor);
        let passed = time.monotonic();
        if passed < self.trim_at && kept <= self.retention.changes_max {
            return Ok(());
        }
        let oldest_change = time.oldest(self.retention.changes);
        let surplus = sequence.saturating_sub(self.retention.changes_max);
        let last: Option<u64> = connection
            .prepare_cached(
                "SELECT max(sequence) FROM (SELECT sequence, at FROM changes ORDER BY sequence
                 LIMIT ?1) WHERE at < ?2 OR sequence <= ?3",
            )?
            .query_row(params![TRIM_ROWS, oldest_change.unix_us, surplus], |row| row.get(0))?;
        if let Some(last) = last {
            connection
                .prepare_cached("DELETE FROM changes WHERE sequence <= ?1")?
                .execute([last])?;
            connection
                .prepare_cached("DELETE FROM change_bodies WHERE sequence <= ?1")?
                .execute([last])?;
            self.changes_floor = last;
            set_counter(connection, "changes_floor", last)?;
        }
        let oldest_key = time.oldest(self.retention.idempotency);
        let keys = connection
            .prepare_cached(
                "DELETE FROM idempotency WHERE number IN (
                   SELECT number FROM (SELECT number, at FROM idempotency ORDER BY number LIMIT ?1)
                   WHERE at < ?2)",
            )?
            .execute(params![TRIM_ROWS, oldest_key.unix_us])?;
        if last.is_none() && keys == 0 {
            // Nothing was due: look again in a while, not with every commit.
            self.trim_at = passed + LOOK_EVERY;
        }
        Ok(())
    }
}
