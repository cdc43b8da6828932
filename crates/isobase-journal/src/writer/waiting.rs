//! Waiting for the turn of this process.

use std::{pin::pin, sync::Arc, time::Duration};

use futures_util::{StreamExt, future::OptionFuture, stream::FuturesUnordered};
use isobase_engine::{EngineError, being_loaded};
use tokio::time::{Instant, sleep_until};

use crate::{DocumentDatabase, writer::task::Task};

/// A note of a load that was looked for so long ago is looked for while we wait.
const NOTE_AGE: Duration = Duration::from_millis(200);
/// Questions for the head that are under way at once, and the shortest time between two.
const LOOKS_MAX: u32 = 2;
const LOOK_MIN: Duration = Duration::from_millis(2);

impl<B: DocumentDatabase> Task<B> {
    /// Waits for this process's turn when others write too. What is queued meanwhile is written
    /// with the rest.
    pub(super) async fn wait_for_turn(&mut self) -> Result<(), EngineError> {
        if self.head.is_none() {
            self.look_at_head().await?;
        }
        self.wait_for_others().await?;
        if let Some(until) = self.turns.offer()
            && self.watch_head(self.turns.last_commit(), until).await?
        {
            self.wait_for_others().await?;
        }
        Ok(())
    }

    /// Waits while it is the turn of others, or until they are late.
    async fn wait_for_others(&mut self) -> Result<(), EngineError> {
        while let Some((looks_from, until)) = self.turns.wait() {
            sleep_until(looks_from).await;
            if !self.watch_head(self.turns.last_commit(), until).await? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Reads the head that is not known, or moved behind our back: a glance might not see why.
    async fn look_at_head(&mut self) -> Result<(), EngineError> {
        let asked = Instant::now();
        let head = self.shared.database.head().await?;
        self.turns.looked(asked.elapsed());
        self.turns.saw(&head);
        self.head = Some((head, asked));
        Ok(())
    }

    /// Reads the head until it is another one; false when it stands until a moment. Questions
    /// overlap: a head is seen sooner than one question takes.
    async fn watch_head(&mut self, known: u64, until: Instant) -> Result<bool, EngineError> {
        let shared = Arc::clone(&self.shared);
        let database = &shared.database;
        let every = (self.turns.look() / LOOKS_MAX).max(LOOK_MIN);
        let look = || async {
            let asked = Instant::now();
            (asked, database.glance().await)
        };
        let mut looks = FuturesUnordered::new();
        let mut next = Instant::now();
        let is_due = |at: &Instant| at.elapsed() >= NOTE_AGE;
        let looks_for_note = !shared.loading.is_here() && self.free_at.as_ref().is_none_or(is_due);
        let mut note = pin!(OptionFuture::from(looks_for_note.then(|| database.unfinished())));
        let (asked_note, mut awaits_note) = (next, looks_for_note);
        loop {
            if Instant::now() >= next && looks.len() < LOOKS_MAX as usize {
                looks.push(look());
                next = Instant::now() + every;
            }
            let wakes = if looks.len() < LOOKS_MAX as usize { next.min(until) } else { until };
            tokio::select! {
                Some((asked, head)) = looks.next() => {
                    let head = head?;
                    self.turns.looked(asked.elapsed());
                    if head.commit > known {
                        self.turns.saw(&head);
                        self.head = Some((head, asked));
                        return Ok(true);
                    }
                }
                Some(found) = &mut note, if awaits_note => {
                    awaits_note = false;
                    if let Some(found) = found? {
                        return Err(being_loaded(Some(&found)));
                    }
                    self.free_at = Some(asked_note);
                }
                () = sleep_until(wakes) => {
                    if Instant::now() >= until {
                        return Ok(false);
                    }
                }
            }
        }
    }
}
