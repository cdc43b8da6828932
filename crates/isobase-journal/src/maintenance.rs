//! Forgetting what is old, beside the writing.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use isobase_engine::EngineError;
use isobase_types::Sequence;

use crate::{DocumentDatabase, shared::Shared};

/// Changes that pass the floor before their records are deleted.
const TRIM_CHANGES: u64 = 1_000;

/// Longest time between two looks for old changes and answers.
const INTERVAL_MAX: Duration = Duration::from_secs(60);

/// When old things were last looked for.
#[derive(Debug, Default)]
pub(crate) struct Maintenance {
    looked_at: Option<Duration>,
    trimmed_to: u64,
    /// One look is under way.
    is_busy: Arc<AtomicBool>,
}

impl Maintenance {
    /// Looks for old things if it is time to, without anybody waiting for it.
    pub(crate) fn look_after<B: DocumentDatabase>(&mut self, shared: &Arc<Shared<B>>) {
        let floor = shared.status.floor.load(Ordering::Relaxed);
        let now = shared.time.monotonic();
        let is_time = |at| now.saturating_sub(at) >= interval(shared);
        let passed = self.looked_at.is_none_or(is_time);
        let is_due = passed || floor >= self.trimmed_to.saturating_add(TRIM_CHANGES);
        if !is_due || self.is_busy.swap(true, Ordering::AcqRel) {
            return;
        }
        self.looked_at = Some(now);
        self.trimmed_to = floor;
        let (shared, is_busy) = (Arc::clone(shared), Arc::clone(&self.is_busy));
        tokio::spawn(async move {
            if let Err(error) = look(&shared, Sequence(floor)).await {
                tracing::warn!(%error, "old changes were not forgotten: {error}");
            }
            is_busy.store(false, Ordering::Release);
        });
    }
}

async fn look<B: DocumentDatabase>(shared: &Shared<B>, floor: Sequence) -> Result<(), EngineError> {
    let options = &shared.options;
    // The floor is moved by the next commit, and their records go after it.
    if let Some(expired) =
        shared.database.sequence_before(shared.ago(options.changes_retention)).await?
    {
        shared.status.expired.fetch_max(expired.0, Ordering::Relaxed);
    }
    if floor > Sequence::default() {
        shared.database.trim_log(floor).await?;
    }
    shared.database.forget_answers(shared.ago(options.idempotency_retention)).await
}

fn interval<B: DocumentDatabase>(shared: &Shared<B>) -> Duration {
    let shortest = shared.options.changes_retention.min(shared.options.idempotency_retention);
    (shortest / 100).min(INTERVAL_MAX)
}
