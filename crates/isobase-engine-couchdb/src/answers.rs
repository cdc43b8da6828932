//! The answers to idempotency keys.

use std::sync::atomic::Ordering;

use isobase_engine::EngineError;
use isobase_journal::StoredAnswer;
use isobase_types::Timestamp;
use tokio::time::Instant;

use crate::{
    client::at_once,
    journal::{Page, ROWS_MAX, Range, answers},
    remembered::Forgetting,
    rows::Row,
    shared::{PARALLEL, Shared},
    versioned::{ANSWER, answer_id, answer_of},
};

/// Pages of one look for old answers; the next look goes on after them.
const FORGET_PAGES_MAX: usize = 20;
/// Answers stay so much longer than they must, in microseconds: to find the old ones all are read.
const ANSWERS_LATE_US: i64 = 3_600_000_000;

impl Shared {
    /// The first answers to idempotency keys.
    pub(crate) async fn read_answers(
        &self,
        keys: &[[u8; 32]],
        deadline: Instant,
    ) -> Result<Vec<Option<StoredAnswer>>, EngineError> {
        let ids: Vec<String> = keys.iter().map(answer_id).collect();
        let parts = ids.chunks(ROWS_MAX).map(|part| async move {
            let rows = self.read_rows(&self.journal, part, true, None, deadline).await?;
            rows.unwrap_or_default()
                .into_iter()
                .map(|row| match row {
                    Row::Live { document: Some(found), .. } => answer_of(found).map(Some),
                    _ => Ok(None),
                })
                .collect::<Result<Vec<_>, _>>()
        });
        Ok(at_once(PARALLEL, parts.collect()).await?.into_iter().flatten().collect())
    }

    /// Deletes answers given before a time, some pages of them, each with its own deadline. Goes
    /// on where the last call ended, also when that failed.
    pub(crate) async fn forget_answers(&self, before: Timestamp) -> Result<(), EngineError> {
        let unfinished = self.forgetting.lock().clone();
        if unfinished.is_none() && before.unix_us < self.answers_due_us.load(Ordering::Relaxed) {
            return Ok(());
        }
        let first = || Forgetting { from: ANSWER.to_owned(), oldest_us: None };
        let mut place = unfinished.unwrap_or_else(first);
        for _ in 0..FORGET_PAGES_MAX {
            let deadline = self.client.deadline();
            let next = self.forget_page(&mut place, before, deadline).await?;
            let is_last = next.is_none();
            place.from = next.unwrap_or_default();
            *self.forgetting.lock() = (!is_last).then(|| place.clone());
            if is_last {
                // Those that came meanwhile, and those that come, are younger.
                let due = place.oldest_us.map(|oldest| oldest.saturating_add(ANSWERS_LATE_US));
                self.answers_due_us.store(due.unwrap_or(before.unix_us), Ordering::Relaxed);
                return Ok(());
            }
        }
        Ok(())
    }

    /// Deletes the old ones among the answers from a place on; the place after them, if there may
    /// be more.
    async fn forget_page(
        &self,
        place: &mut Forgetting,
        before: Timestamp,
        deadline: Instant,
    ) -> Result<Option<String>, EngineError> {
        let Forgetting { from, oldest_us } = place;
        let range = Range { from, limit: ROWS_MAX, with_documents: true, ..answers() };
        let Page { rows, is_last } = self.rows(&range, deadline).await?;
        let last = rows.last().map(|row| row.id.clone()).filter(|_| !is_last);
        let mut old = Vec::new();
        for mut row in rows {
            let Some(found) = row.document.take() else { continue };
            let at = answer_of(found)?.at;
            match at < before {
                true => old.push(row),
                false => *oldest_us = Some(oldest_us.unwrap_or(i64::MAX).min(at.unix_us)),
            }
        }
        self.delete_rows(&old, deadline).await?;
        Ok(last.map(|last| format!("{last}\0")))
    }
}
