//! The one task that writes.
//!
//! Jobs queue up; the task takes what is there, commits it as one transaction and answers. What
//! cannot travel with others (a whole collection, an index) has a transaction of its own.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::future::BoxFuture;
use isobase_engine::{EngineError, ErrorKind, SteadyTime, WriteBatch, WriteReport, reading_only};
use isobase_postgres::{Config, Connection, Error, ErrorKind as NativeKind, Pooling};
use isobase_writer::{Asked, Bounds, GroupBounds, Job, Jobs, Patience, Pauses, Queue, Size};
use tokio::time::{Instant, timeout, timeout_at};

use crate::{
    PostgresOptions,
    batch::WriteJob,
    catalogue::Catalogue,
    error::{again, engine_error, not_done},
    index_jobs::Housekeeping,
    special::{self, Special},
    sql::Statements,
    transaction::{Retention, Session, is_fault_of_job},
};

/// The cost of one transaction: beyond it the share of a commit in a job is negligible.
const GROUP: GroupBounds = GroupBounds { jobs: 512, operations: 4_096, bytes: 4 << 20 };
/// A job with more than this may take its time.
const LARGE_OPERATIONS: usize = 4_096;
const LARGE_BYTES: usize = 4 << 20;
/// A batch has to fit the messages of the protocol: 1 GiB each.
const JOB_BYTES_MAX: usize = 512 << 20;
/// Jobs of a usual size in the queue, and bytes of all: at most 128 MiB.
const QUEUE: Bounds = Bounds { places: 8_192, place_bytes: 16 << 10 };
/// Time for one round trip of a usual batch. Longer than the lock of another process may last.
const ROUND_TRIP: Duration = Duration::from_millis(4_500);
/// How long a write waits for the lock of the clock before it gives way to an error.
const LOCK_TIMEOUT: Duration = Duration::from_secs(4);
/// Pauses after failed attempts to connect: the first, and the longest.
const BACKOFF_MIN: Duration = Duration::from_millis(50);
const BACKOFF_MAX: Duration = Duration::from_secs(1);
/// Longest time between two looks for old changes.
const TRIM_INTERVAL_MAX: Duration = Duration::from_secs(60);
/// How often leftovers of dropped indexes are looked for when there are some.
const HOUSEKEEPING_INTERVAL: Duration = Duration::from_secs(5);

/// The way to the writing task.
#[derive(Debug)]
pub(crate) struct Writer {
    queue: Queue<Work>,
    timeouts: Timeouts,
    status: Arc<WriterStatus>,
    /// Nothing may be written.
    read_only: bool,
}

#[derive(Clone, Copy, Debug)]
struct Timeouts {
    queue: Duration,
    write: Duration,
    long_write: Duration,
}

/// Facts that the writing task tells about itself. Written by the task, read for metrics.
#[derive(Debug, Default)]
pub(crate) struct WriterStatus {
    pub(crate) is_connected: AtomicBool,
    pub(crate) batches: AtomicU64,
    pub(crate) jobs: AtomicU64,
    pub(crate) failed_batches: AtomicU64,
    pub(crate) reconnects: AtomicU64,
}

/// A request to the writing task.
enum Work {
    Write(Asked<Write, EngineError>),
    /// It has a transaction of its own.
    Special(Box<dyn AnySpecial>),
}

/// Writes a batch.
struct Write {
    batch: WriteBatch,
    /// All of it or nothing.
    atomic: bool,
}

impl Job for Write {
    type Reply = WriteReport;
}

impl From<Asked<Write, EngineError>> for Work {
    fn from(asked: Asked<Write, EngineError>) -> Self {
        Self::Write(asked)
    }
}

impl<J: Special> From<Asked<J, EngineError>> for Work {
    fn from(asked: Asked<J, EngineError>) -> Self {
        Self::Special(Box::new(asked))
    }
}

/// A special job whose type only it knows itself.
trait AnySpecial: Send {
    /// Carries it out and answers it.
    fn run<'t>(self: Box<Self>, task: &'t mut Task) -> BoxFuture<'t, ()>;
}

impl<J: Special> AnySpecial for Asked<J, EngineError> {
    fn run<'t>(self: Box<Self>, task: &'t mut Task) -> BoxFuture<'t, ()> {
        Box::pin(async move {
            let answer = task.special(&self.job).await;
            self.answer(answer.map_err(engine_error));
        })
    }
}

impl Writer {
    /// Starts the writing task on a connection.
    pub(crate) fn start(
        connection: Connection,
        config: Config,
        options: &PostgresOptions,
        statements: Arc<Statements>,
        catalogue: Arc<Catalogue>,
        time: Arc<SteadyTime>,
    ) -> Self {
        let (queue, jobs) = Queue::new("PostgreSQL", QUEUE);
        let status = Arc::new(WriterStatus::default());
        let timeouts = Timeouts {
            queue: options.queue_timeout,
            write: options.write_timeout,
            long_write: options.long_write_timeout,
        };
        let usual = settings_sql(ROUND_TRIP, true);
        let long = settings_sql(options.long_write_timeout, true);
        let task = Task {
            jobs,
            connection: Some(connection),
            begin: format!("{BEGIN}; {usual}"),
            begin_long: format!("{BEGIN}; {long}"),
            long_write: options.long_write_timeout,
            config,
            statements,
            catalogue,
            time,
            retention: RetentionOptions::of(options),
            trimmed_at: None,
            housekept_at: Instant::now(),
            status: Arc::clone(&status),
            read_only: options.read_only,
        };
        tokio::spawn(task.run());
        Self { queue, timeouts, status, read_only: options.read_only }
    }

    /// Has a batch written.
    pub(crate) async fn write(
        &self,
        batch: WriteBatch,
        atomic: bool,
    ) -> Result<WriteReport, EngineError> {
        let bytes: usize = batch.operations.iter().map(|operation| operation.action.bytes()).sum();
        if bytes > JOB_BYTES_MAX {
            let message = format!("the batch has {bytes} bytes, at most {JOB_BYTES_MAX} are taken");
            return Err(EngineError::new(ErrorKind::LimitExceeded, message));
        }
        self.check_open_to_write()?;
        let operations = batch.operations.len();
        let is_large = operations > LARGE_OPERATIONS || bytes > LARGE_BYTES;
        let limit = if is_large { self.timeouts.long_write } else { self.timeouts.write };
        self.ask(Write { batch, atomic }, Size { bytes, operations }, limit).await
    }

    /// Has something else done.
    pub(crate) async fn special<J: Special>(&self, job: J) -> Result<J::Reply, EngineError> {
        self.check_open_to_write()?;
        let limit = self.timeouts.long_write + self.timeouts.queue;
        self.ask(job, Size::default(), limit).await
    }

    fn check_open_to_write(&self) -> Result<(), EngineError> {
        if self.read_only {
            return Err(reading_only());
        }
        Ok(())
    }

    /// Finishes what is queued and ends the task.
    pub(crate) async fn close(&self) -> Result<(), EngineError> {
        self.queue.close();
        timeout(self.timeouts.write, self.queue.ended()).await.map_err(|_| {
            let message = "PostgreSQL did not finish what was queued in time";
            EngineError::new(ErrorKind::OutcomeUnknown, message)
        })
    }

    /// Whether it can write now, as far as it knows.
    pub(crate) fn is_ready(&self) -> bool {
        !self.queue.is_closed() && self.status.is_connected.load(Ordering::Relaxed)
    }

    /// Places of the queue in use.
    pub(crate) fn queued(&self) -> usize {
        self.queue.places_used()
    }

    pub(crate) fn status(&self) -> &WriterStatus {
        &self.status
    }

    async fn ask<J: Job>(
        &self,
        job: J,
        size: Size,
        limit: Duration,
    ) -> Result<J::Reply, EngineError>
    where
        Work: From<Asked<J, EngineError>>,
    {
        let asked = Instant::now();
        let patience = Patience::until(asked + self.timeouts.queue, asked + limit);
        self.queue.ask(job, size, patience).await.map_err(not_done)?
    }
}

/// In lower case where it can be: who cuts the connection at the word COMMIT, as tests do, must
/// not meet it here.
const BEGIN: &str = "BEGIN ISOLATION LEVEL read committed READ WRITE";

/// The settings of the writing session; only for the transaction when `is_local`.
///
/// The server ends what we abandoned: a transaction whose connection broke would otherwise hold
/// the lock of the clock until the server notices, which is hours by default.
fn settings_sql(statement_timeout: Duration, is_local: bool) -> String {
    let set = if is_local { "SET LOCAL" } else { "SET" };
    let plans = if is_local { "" } else { "SET plan_cache_mode = force_generic_plan; " };
    format!(
        "{plans}{set} statement_timeout = {}; {set} lock_timeout = {}; \
         {set} idle_in_transaction_session_timeout = {}; {set} jit = off; \
         {set} enable_seqscan = off; {set} enable_hashjoin = off; {set} enable_mergejoin = off",
        statement_timeout.as_millis(),
        LOCK_TIMEOUT.as_millis(),
        ROUND_TRIP.as_millis(),
    )
}

/// The settings of the writing connection.
pub(crate) fn session_settings() -> String {
    settings_sql(ROUND_TRIP, false)
}

#[derive(Clone, Copy, Debug)]
struct RetentionOptions {
    changes: Duration,
    changes_max: i64,
    answers: Duration,
}

impl RetentionOptions {
    fn of(options: &PostgresOptions) -> Self {
        Self {
            changes: options.changes_retention,
            changes_max: i64::try_from(options.changes_max).unwrap_or(i64::MAX),
            answers: options.idempotency_retention,
        }
    }

    /// Looking for old changes costs a little; it is done this often.
    fn trim_interval(&self) -> Duration {
        (self.changes / 100).min(TRIM_INTERVAL_MAX)
    }
}

/// The writing task.
struct Task {
    jobs: Jobs<Work>,
    /// `None` after it broke.
    connection: Option<Connection>,
    config: Config,
    begin: String,
    begin_long: String,
    long_write: Duration,
    statements: Arc<Statements>,
    catalogue: Arc<Catalogue>,
    time: Arc<SteadyTime>,
    retention: RetentionOptions,
    /// When there was nothing old left, by the monotonic clock.
    trimmed_at: Option<Duration>,
    housekept_at: Instant,
    status: Arc<WriterStatus>,
    read_only: bool,
}

/// The next step.
enum Next {
    Writes { writes: Vec<Asked<Write, EngineError>>, is_large: bool },
    Special(Box<dyn AnySpecial>),
    Housekeeping,
    End,
}

impl Task {
    async fn run(mut self) {
        while self.connect().await {
            match self.next().await {
                Next::Writes { writes, is_large } => {
                    Box::pin(self.write(writes, is_large)).await;
                }
                Next::Special(job) => job.run(&mut self).await,
                Next::Housekeeping => {
                    // It is tried again later anyway.
                    let _ = Box::pin(self.special(&Housekeeping)).await;
                    self.housekept_at = Instant::now();
                }
                Next::End => return,
            }
        }
    }

    /// Connects unless connected; tries until it succeeds. False when the engine is closed
    /// meanwhile: without a connection what is queued cannot be done.
    async fn connect(&mut self) -> bool {
        let mut pauses = Pauses::new(BACKOFF_MIN, BACKOFF_MAX);
        while self.connection.as_ref().is_none_or(Connection::is_closed) {
            self.connection = None;
            self.status.is_connected.store(false, Ordering::Relaxed);
            match open(&self.config, &self.statements).await {
                Ok(connection) => {
                    self.status.reconnects.fetch_add(1, Ordering::Relaxed);
                    self.connection = Some(connection);
                }
                Err(error) => {
                    tracing::warn!(%error, "the writer cannot connect: {error}");
                    let until = Instant::now() + pauses.next_pause();
                    if self.jobs.is_closing() || !self.jobs.gather_until(until).await {
                        return false;
                    }
                    self.jobs.forget_given_up();
                }
            }
        }
        self.status.is_connected.store(true, Ordering::Relaxed);
        true
    }

    /// Waits for work and takes as much as fits one transaction.
    async fn next(&mut self) -> Next {
        loop {
            if self.jobs.is_empty() {
                match self.wait_for_job().await {
                    Some(true) => {}
                    Some(false) => return Next::End,
                    None => return Next::Housekeeping,
                }
                // Those who were just answered ask again: let them, and commit together.
                tokio::task::yield_now().await;
            }
            self.jobs.gather(0).await;
            if let Some(next) = self.take() {
                return next;
            }
        }
    }

    /// Whether there is a job, or will be none any more; `None` when it is time for housekeeping.
    async fn wait_for_job(&mut self) -> Option<bool> {
        if self.read_only || !self.catalogue.indexes().has_dropped {
            return Some(self.jobs.wait().await);
        }
        let due = self.housekept_at + HOUSEKEEPING_INTERVAL;
        timeout_at(due, self.jobs.wait()).await.ok()
    }

    fn take(&mut self) -> Option<Next> {
        let mut group = Vec::new();
        self.jobs.take_group(GROUP, |work| matches!(work, Work::Write(_)), &mut group);
        let (mut writes, mut operations, mut bytes) = (Vec::with_capacity(group.len()), 0, 0);
        for taken in group {
            match taken.work {
                // No one waits for it, and nothing was written.
                Work::Write(asked) if !asked.reply.is_wanted() => {}
                Work::Write(asked) => {
                    operations += taken.size.operations;
                    bytes += taken.size.bytes;
                    writes.push(asked);
                }
                Work::Special(job) => return Some(Next::Special(job)),
            }
        }
        let is_large = operations > LARGE_OPERATIONS || bytes > LARGE_BYTES;
        (!writes.is_empty()).then_some(Next::Writes { writes, is_large })
    }

    async fn write(&mut self, writes: Vec<Asked<Write, EngineError>>, is_large: bool) {
        let jobs: Vec<WriteJob<'_>> = writes
            .iter()
            .map(|Asked { job, .. }| WriteJob { batch: &job.batch, atomic: job.atomic })
            .collect();
        self.status.jobs.fetch_add(jobs.len() as u64, Ordering::Relaxed);
        let begun = Instant::now();
        let reports = match self.commit_or_reconnect(&jobs, is_large).await {
            Ok(reports) => reports,
            Err(error) if jobs.len() > 1 && is_fault_of_job(&error) => {
                // One of them cannot be done; the others must not suffer from it.
                let mut reports = Vec::with_capacity(jobs.len());
                for job in &jobs {
                    let alone = self.commit_or_reconnect(std::slice::from_ref(job), is_large).await;
                    reports.extend(alone.unwrap_or_else(|error| vec![Err(engine_error(error))]));
                }
                reports
            }
            Err(error) => {
                let error = engine_error(error);
                let rest: Vec<_> = jobs.iter().skip(1).map(|_| Err(again(&error))).collect();
                std::iter::once(Err(error)).chain(rest).collect()
            }
        };
        self.jobs.answered(writes.len(), begun.elapsed());
        for (asked, report) in writes.into_iter().zip(reports) {
            asked.answer(report);
        }
    }

    /// Commits; once more on another connection when this one turns out to be dead before
    /// anything was sent to be committed (a server that restarted, an idle link that was cut).
    async fn commit_or_reconnect(
        &mut self,
        jobs: &[WriteJob<'_>],
        is_large: bool,
    ) -> Result<Vec<Result<WriteReport, EngineError>>, Error> {
        let failed = match self.commit(jobs, is_large).await {
            Err(error) if error.kind == NativeKind::Unavailable && self.is_broken() => error,
            done => return done,
        };
        self.reconnect(failed).await?;
        self.commit(jobs, is_large).await
    }

    async fn commit(
        &mut self,
        jobs: &[WriteJob<'_>],
        is_large: bool,
    ) -> Result<Vec<Result<WriteReport, EngineError>>, Error> {
        let (now, passed) = (self.time.now(), self.time.monotonic());
        let retention = self.retention_now();
        let session = self.session(is_large)?;
        let written = session.write(jobs, now, retention).await;
        self.status.batches.fetch_add(1, Ordering::Relaxed);
        match written {
            Ok(committed) => {
                if retention.changes_from.is_some() {
                    self.trimmed_at = committed.is_trimmed.then_some(passed);
                }
                Ok(committed.reports)
            }
            Err(error) => {
                self.failed(&error).await;
                Err(error)
            }
        }
    }

    async fn special<J: Special>(&mut self, job: &J) -> Result<J::Reply, Error> {
        let failed = match self.special_once(job).await {
            Err(error) if error.kind == NativeKind::Unavailable && self.is_broken() => error,
            done => return done,
        };
        self.reconnect(failed).await?;
        self.special_once(job).await
    }

    async fn special_once<J: Special>(&mut self, job: &J) -> Result<J::Reply, Error> {
        let now = self.time.now();
        let session = self.session(true)?;
        match special::carry_out(job, &session, now).await {
            Ok(reply) => Ok(reply),
            Err(error) => {
                self.failed(&error).await;
                Err(error)
            }
        }
    }

    /// Replaces a connection that turned out to be dead; `failed` when that fails, too.
    async fn reconnect(&mut self, failed: Error) -> Result<(), Error> {
        self.connection = Some(open(&self.config, &self.statements).await.map_err(|_| failed)?);
        self.status.reconnects.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Makes the connection usable again, or gives it up.
    async fn failed(&mut self, error: &Error) {
        self.status.failed_batches.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(%error, "a transaction failed: {error}");
        if error.kind == NativeKind::OutcomeUnknown {
            self.connection = None;
        }
        if let Ok(session) = self.session(false) {
            // It closes the connection when it fails.
            let _ = session.rollback().await;
        }
    }

    fn is_broken(&self) -> bool {
        self.connection.as_ref().is_none_or(Connection::is_closed)
    }

    fn session(&self, is_large: bool) -> Result<Session<'_>, Error> {
        let connection = self.connection.as_ref().ok_or_else(|| {
            let message = format!("PostgreSQL at {} cannot be reached", self.config.address());
            Error::new(NativeKind::Unavailable, message)
        })?;
        let usual = match self.config.pooling() {
            // The session has the settings already.
            Pooling::Session => BEGIN,
            Pooling::Transaction => &self.begin,
        };
        Ok(Session {
            connection,
            statements: &self.statements,
            catalogue: &self.catalogue,
            begin: if is_large { &self.begin_long } else { usual },
            round_trip: if is_large { self.long_write } else { ROUND_TRIP },
        })
    }

    fn retention_now(&self) -> Retention {
        let passed = self.time.monotonic();
        let interval = self.retention.trim_interval();
        let is_due = self.trimmed_at.is_none_or(|at| passed.saturating_sub(at) >= interval);
        Retention {
            changes_max: self.retention.changes_max,
            answers_from: self.time.oldest(self.retention.answers),
            changes_from: is_due.then(|| self.time.oldest(self.retention.changes)),
        }
    }
}

/// Opens a connection for the writer, with the statements of batches prepared.
pub(crate) async fn open(config: &Config, statements: &Statements) -> Result<Connection, Error> {
    let deadline = Instant::now() + ROUND_TRIP;
    let connection = Connection::open(config, deadline).await?;
    isobase_postgres::within(deadline, "preparing statements", async {
        let prepared = statements.of_batches().map(|sql| connection.prepare(sql));
        futures_util::future::try_join_all(prepared).await
    })
    .await?;
    Ok(connection)
}
