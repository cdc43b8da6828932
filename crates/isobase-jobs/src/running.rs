//! A job from its place in the queue to its end.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use futures_util::FutureExt;
use isobase_auth::Actor;
use isobase_store::{Action, IfMissing, Precondition, StoreError};
use isobase_types::DocumentId;
use serde_json::{Value, json};
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval, sleep},
};
use tokio_util::sync::CancellationToken;

use crate::{
    Job, JobState, Work,
    ended::Ended,
    jobs::{Jobs, RESTS_MAX, Running},
    live::Board,
    perform::Means,
};

/// How often a running job tells the database that its process is there.
const BEATS_EVERY: Duration = Duration::from_secs(4);

/// How often, and after which pauses, the end of a job is written to a database that fails.
const END_TRIES: u32 = 10;

const END_PAUSE: Duration = Duration::from_secs(2);

/// How long work may take to stop in order.
const STOPS_WITHIN: Duration = Duration::from_secs(30);

impl Jobs {
    /// Does the work when it is its turn, and writes its end.
    pub(crate) async fn run(&self, work: Work, running: Running) {
        let Running { mut job, board, stop, pause, cancelled, .. } = running;
        let ended = {
            let turn = tokio::select! {
                turn = self.0.turns.acquire() => turn.ok(),
                () = stop.cancelled() => None,
            };
            match turn {
                None => Err(Ended::Stopped),
                Some(_turn) => {
                    job.state = JobState::Running;
                    job.started_at = Some(self.0.clock.now().to_string());
                    if let Some(running) = self.running().get_mut(&job.id) {
                        running.job = job.clone();
                    }
                    self.work(&work, &mut job, &board, (stop, &pause)).await
                }
            }
        };
        job.ended_at = Some(self.0.clock.now().to_string());
        (job.progress, job.paused) = (None, false);
        let ended = match ended {
            Err(Ended::After(ended, report)) => {
                job.result = Some(report);
                Err(*ended)
            }
            ended => ended,
        };
        match ended {
            Ok(result) => {
                job.state = JobState::Succeeded;
                job.result = Some(result);
            }
            Err(Ended::Stopped | Ended::After(..)) if cancelled.load(Ordering::SeqCst) => {
                job.state = JobState::Cancelled;
            }
            Err(Ended::Stopped | Ended::After(..)) => job.state = JobState::Interrupted,
            Err(Ended::Failed(error)) => {
                tracing::error!(
                    job = job.id,
                    kind = job.kind,
                    "the job {} failed: {error}",
                    job.kind
                );
                job.state = JobState::Failed;
                job.error = Some(error);
            }
        }
        if job.kind == "backup" {
            if job.state == JobState::Failed {
                self.0.failed_backups.fetch_add(1, Ordering::Relaxed);
            }
            let mut last = self.0.last_failure.lock();
            (*last).clone_from(&job.error);
        }
        self.write_end(&mut job).await;
        self.running().remove(&job.id);
        self.0.over.notify_waiters();
    }

    /// Does the work, and tells the database now and then that somebody does.
    async fn work(
        &self,
        work: &Work,
        job: &mut Job,
        board: &Board,
        (stop, pause): (CancellationToken, &watch::Sender<bool>),
    ) -> Result<Value, Ended> {
        let id = job.id.clone();
        let means = Means {
            store: &self.0.store,
            source: &self.0.options.source,
            backups: self.0.options.backups.as_ref(),
            imports: self.0.options.imports.as_ref(),
            databases: self.0.options.databases.as_deref(),
            files: self.0.options.files.as_ref(),
            board,
            samples: (&self.0.samples, &id),
            control: board.control(stop.clone()).resting(pause.subscribe()),
            stop: stop.clone(),
        };
        // Work stops in order; what hangs is given up.
        let given_up = async {
            stop.cancelled().await;
            sleep(STOPS_WITHIN).await;
        };
        let mut given_up = std::pin::pin!(given_up);
        // A fault in the work must not leave a job that never ends.
        let doing = std::panic::AssertUnwindSafe(means.carry_out(work)).catch_unwind();
        let mut doing = std::pin::pin!(doing);
        let mut rests_since: Option<Instant> = None;
        let mut beats = interval(BEATS_EVERY);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                done = &mut doing => {
                    return done.unwrap_or_else(|_| {
                        Err(Ended::Failed("the work ended by a fault of the program".to_owned()))
                    });
                }
                () = &mut given_up => return Err(Ended::Stopped),
                _ = beats.tick() => {
                    job.progress = Some(board.read());
                    job.paused = *pause.borrow();
                    rests_since = job.paused.then(|| rests_since.unwrap_or_else(Instant::now));
                    if rests_since.is_some_and(|since| since.elapsed() > RESTS_MAX) {
                        tracing::warn!(job = job.id, "the job rested too long and is stopped");
                        stop.cancel();
                    }
                    if let Err(error) = self.write(job).await {
                        tracing::warn!(job = job.id, %error, "the job cannot be noted: {error}");
                    }
                }
            }
        }
    }

    async fn write_end(&self, job: &mut Job) {
        for attempt in 1..=END_TRIES {
            match self.write(job).await {
                Ok(()) => break,
                Err(error) if attempt == END_TRIES || self.0.stop.is_cancelled() => {
                    tracing::error!(job = job.id, %error, "the end of the job is not noted: {error}");
                }
                Err(_) => sleep(END_PAUSE).await,
            }
        }
        let after = json!({ "state": job.state, "error": job.error });
        self.tell(&Actor::part("jobs"), "job.ended", job, after).await;
    }

    pub(crate) async fn write(&self, job: &mut Job) -> Result<(), StoreError> {
        job.beat(self.0.clock.now());
        let action = Action::Put {
            id: DocumentId::Text(job.id.as_str().into()),
            body: job.body(),
            if_missing: IfMissing::Create,
        };
        let outcome = self.0.documents.write(action, Precondition::None).await?;
        if let Err(rejection) = outcome {
            tracing::warn!(job = job.id, ?rejection, "the job cannot be noted");
        }
        Ok(())
    }
}
