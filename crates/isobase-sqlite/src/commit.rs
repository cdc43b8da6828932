//! One batch of jobs: one transaction, and an answer for each job.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use isobase_writer::Taken;
use rusqlite::{Connection, Statement};

use crate::error::{Error, Outcome, SqliteFailure, classify};
use crate::handler::{JobFailure, WriteHandler};
use crate::metrics::WriterStatus;
use crate::moved::OpenFiles;
use crate::work::{Answer, AnyJob, Work};

/// Runs batches. What it answers is decided here and nowhere else.
pub(crate) struct Committer<'c, H: WriteHandler> {
    connection: &'c Connection,
    statements: Statements<'c>,
    handler: H,
    status: &'c WriterStatus,
    files: Option<&'c OpenFiles>,
    /// How the jobs of the current batch ended, in their order; each keeps its reply itself.
    answers: Vec<Answer<H, ()>>,
    /// How many of `answers` are settled: their transaction has ended.
    settled: usize,
}

/// Prepared once: they run for every batch, the savepoint ones for every job.
struct Statements<'c> {
    begin: Statement<'c>,
    commit: Statement<'c>,
    savepoint: Statement<'c>,
    release: Statement<'c>,
    rollback_to: Statement<'c>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Savepoints {
    /// Only for jobs that ask for one.
    AsAsked,
    /// For every job.
    Always,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Begin,
    Jobs,
    Commit,
}

/// Why a transaction was rolled back.
enum Abort {
    /// A job without a savepoint failed after a change.
    Rerun,
    /// The open file is no longer the one that the path leads to.
    Moved(Arc<str>),
    Sqlite(Stage, rusqlite::Error),
}

/// Writing ends. The jobs of the transaction that failed get `outcome`; later ones of the batch
/// were not tried.
pub(crate) struct Stopped {
    pub(crate) reason: Arc<str>,
    outcome: Outcome,
    jobs: usize,
}

impl<'c, H: WriteHandler> Committer<'c, H> {
    pub(crate) fn new(
        connection: &'c Connection,
        handler: H,
        status: &'c WriterStatus,
        files: Option<&'c OpenFiles>,
    ) -> rusqlite::Result<Self> {
        let statements = Statements {
            begin: connection.prepare("BEGIN IMMEDIATE")?,
            commit: connection.prepare("COMMIT")?,
            savepoint: connection.prepare("SAVEPOINT job")?,
            release: connection.prepare("RELEASE job")?,
            rollback_to: connection.prepare("ROLLBACK TO job")?,
        };
        let (answers, settled) = (Vec::new(), 0);
        Ok(Self { connection, statements, handler, status, files, answers, settled })
    }

    /// Settles an answer for every job of the batch, unless writing has to stop.
    pub(crate) fn commit(&mut self, batch: &mut [Taken<Work<H>>]) -> Option<Stopped> {
        self.answers.clear();
        self.settled = 0;
        let jobs = batch.len();
        // The handler's state may be torn after a panic. That is harmless: it never runs again.
        let result = catch_unwind(AssertUnwindSafe(|| self.commit_batch(batch)));
        let stopped = match result {
            Ok(result) => result.err()?,
            Err(panic) => {
                self.roll_back_database();
                let reason = format!("the writer panicked: {}", panic_message(&*panic)).into();
                Stopped { reason, outcome: Outcome::NotStored, jobs }
            }
        };
        self.answers.truncate(self.settled);
        Some(stopped)
    }

    /// Sends the answers of a batch, and empties it.
    pub(crate) fn answer(&mut self, batch: &mut Vec<Taken<Work<H>>>, stopped: Option<&Stopped>) {
        let mut failing = stopped.map_or(0, |stopped| stopped.jobs);
        let mut answers = self.answers.drain(..);
        for taken in batch.drain(..) {
            let answer = answers.next().unwrap_or_else(|| {
                let (reason, outcome) = match stopped {
                    Some(stopped) if failing > 0 => (Arc::clone(&stopped.reason), stopped.outcome),
                    Some(stopped) => (Arc::clone(&stopped.reason), Outcome::NotStored),
                    None => ("the job got no answer".into(), Outcome::Unknown),
                };
                failing = failing.saturating_sub(1);
                Err(Error::WriterFailed { reason, outcome })
            });
            taken.work.answer(answer);
        }
    }

    fn commit_batch(&mut self, jobs: &mut [Taken<Work<H>>]) -> Result<(), Stopped> {
        let mut result = self.attempt(jobs, Savepoints::AsAsked);
        if let Err(Abort::Rerun) = result {
            result = self.attempt(jobs, Savepoints::Always);
        }
        match result {
            Ok(()) => Ok(()),
            // One job spoils the transaction, for example by a constraint checked at COMMIT. Alone
            // it harms no one else. A failed BEGIN is no one's fault and would fail again.
            Err(Abort::Sqlite(stage, error))
                if jobs.len() > 1 && stage != Stage::Begin && may_be_one_job(&error) =>
            {
                jobs.iter_mut().try_for_each(|job| self.commit_alone(std::slice::from_mut(job)))
            }
            Err(abort) => self.settle_abort(jobs.len(), abort),
        }
    }

    fn commit_alone(&mut self, job: &mut [Taken<Work<H>>]) -> Result<(), Stopped> {
        match self.attempt(job, Savepoints::Always) {
            Ok(()) => Ok(()),
            Err(abort) => self.settle_abort(job.len(), abort),
        }
    }

    /// Answers all jobs of a transaction that was rolled back with its error.
    fn settle_abort(&mut self, jobs: usize, abort: Abort) -> Result<(), Stopped> {
        let (stage, error) = match abort {
            Abort::Sqlite(stage, error) => (stage, error),
            Abort::Moved(reason) => {
                return Err(Stopped { reason, outcome: Outcome::NotStored, jobs });
            }
            // A job with a savepoint never asks for another run.
            Abort::Rerun => (Stage::Jobs, rusqlite::Error::InvalidQuery),
        };
        if classify(&error).ends_writing() {
            let outcome = match stage {
                Stage::Begin | Stage::Jobs => Outcome::NotStored,
                // The log may hold the whole transaction, synced or not.
                Stage::Commit => Outcome::Unknown,
            };
            return Err(Stopped { reason: error.to_string().into(), outcome, jobs });
        }
        let error = Error::from(error);
        self.answers.extend((0..jobs).map(|_| Err(error.clone())));
        self.settled = self.answers.len();
        Ok(())
    }

    /// One transaction. Either its answers are settled, or it has left no trace.
    fn attempt(
        &mut self,
        jobs: &mut [Taken<Work<H>>],
        savepoints: Savepoints,
    ) -> Result<(), Abort> {
        if let Err(error) = self.statements.begin.execute([]) {
            // Another program holds the file. Nothing has begun that the handler could take back:
            // it is as after its last batch.
            self.answers.truncate(self.settled);
            return Err(Abort::Sqlite(Stage::Begin, error));
        }
        let mut result = self.run_jobs(jobs, savepoints);
        let start = Instant::now();
        if result.is_ok()
            && let Some(reason) = self.files.and_then(OpenFiles::moved_in_transaction)
        {
            result = Err(Abort::Moved(reason));
        }
        if result.is_ok() {
            let commit = self.statements.commit.execute([]);
            result = commit.map(drop).map_err(|error| Abort::Sqlite(Stage::Commit, error));
        }
        match result {
            Ok(()) => {
                self.settled = self.answers.len();
                self.status.count_batch(jobs.len(), start.elapsed());
                self.handler.committed();
                Ok(())
            }
            Err(abort) => {
                self.answers.truncate(self.settled);
                self.roll_back_database();
                self.status.rollbacks.fetch_add(1, Relaxed);
                self.handler.rolled_back();
                Err(abort)
            }
        }
    }

    fn run_jobs(
        &mut self,
        jobs: &mut [Taken<Work<H>>],
        savepoints: Savepoints,
    ) -> Result<(), Abort> {
        let at = |stage| move |error| Abort::Sqlite(stage, error);
        self.handler.begin(self.connection).map_err(at(Stage::Begin))?;
        for taken in jobs {
            let answer = self.run_job(&mut *taken.work, savepoints)?;
            self.answers.push(answer);
        }
        self.handler.before_commit(self.connection).map_err(at(Stage::Jobs))
    }

    fn run_job(
        &mut self,
        job: &mut dyn AnyJob<H>,
        savepoints: Savepoints,
    ) -> Result<Answer<H, ()>, Abort> {
        let failed = |error| Abort::Sqlite(Stage::Jobs, error);
        self.handler.job_begins();
        let own_savepoint = savepoints == Savepoints::Always || job.needs_savepoint();
        let changes = self.connection.total_changes();
        if own_savepoint {
            self.statements.savepoint.execute([]).map_err(failed)?;
        }
        let result = job.run(&mut self.handler, self.connection);
        // SQLite may have rolled everything back by itself, whatever the handler made of that.
        let lost = self.connection.is_autocommit();
        let failure = match result {
            Err(JobFailure::Sqlite(error)) if lost || fails_batch(&error) => {
                return Err(failed(error));
            }
            _ if lost => return Err(failed(rolled_back_by_sqlite())),
            Ok(()) => {
                if own_savepoint {
                    self.statements.release.execute([]).map_err(failed)?;
                }
                return Ok(Ok(Ok(())));
            }
            Err(failure) => failure,
        };
        if own_savepoint {
            self.statements.rollback_to.execute([]).map_err(failed)?;
            self.statements.release.execute([]).map_err(failed)?;
        } else if self.connection.total_changes() != changes {
            // A failing statement undoes its own changes and does not count them; these are of an
            // earlier one.
            return Err(Abort::Rerun);
        }
        self.handler.job_undone();
        Ok(match failure {
            JobFailure::Refused(refusal) => Ok(Err(refusal)),
            JobFailure::Sqlite(error) => Err(error.into()),
        })
    }

    fn roll_back_database(&self) {
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            // The next BEGIN fails then, and every job gets that error.
            tracing::error!(%error, "cannot roll back: {error}");
        }
    }
}

/// Whether an error of one job is one of the whole transaction.
fn fails_batch(error: &rusqlite::Error) -> bool {
    let failure = classify(error);
    failure.ends_writing() || failure == SqliteFailure::DiskFull
}

/// Whether an error may come from one job and not from the state of the file or the disk.
fn may_be_one_job(error: &rusqlite::Error) -> bool {
    !fails_batch(error) && classify(error) != SqliteFailure::Busy
}

fn rolled_back_by_sqlite() -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(
        rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ABORT),
        Some("the transaction was rolled back inside a job".to_owned()),
    )
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}
