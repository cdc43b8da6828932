//! The one task that writes.
//!
//! Jobs queue up; the task takes what is there, commits it as one transaction and answers. What
//! cannot travel with others (a whole collection, an index) has a transaction of its own.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use isobase_engine::{EngineError, ErrorKind, SteadyTime, WriteBatch, WriteReport};
use isobase_postgres::{Config, Connection, Error, ErrorKind as NativeKind, Pooling};
use isobase_queue::{Bounds, Gathering, Job, Jobs, Patience, Queue, action_bytes};
use tokio::{
    sync::oneshot,
    time::{Instant, timeout_at},
};

use crate::{
    PostgresOptions,
    batch::WriteJob,
    catalogue::Catalogue,
    error::{again, engine_error},
    indexes::{SpecialAnswer, SpecialJob},
    sql::Statements,
    transaction::{Retention, Session, is_fault_of_job},
};

/// Jobs of one transaction: beyond it the share of a commit in a job is negligible.
const BATCH_JOBS_MAX: usize = 512;
/// Operations and bytes after which a transaction takes no further job.
const BATCH_OPERATIONS_MAX: usize = 4_096;
const BATCH_BYTES_MAX: usize = 4 << 20;
/// A job with more than this may take its time.
const LARGE_OPERATIONS: usize = 4_096;
const LARGE_BYTES: usize = 4 << 20;
/// A batch has to fit the messages of the protocol: 1 GiB each.
const JOB_BYTES_MAX: usize = 512 << 20;
/// Jobs of a usual size in the queue, and bytes of all: at most 128 MiB.
const QUEUE: Bounds = Bounds { slots: 8_192, slot_bytes: 16 << 10 };
/// Time for one round trip of a usual batch. Longer than the lock of another process may last.
const ROUND_TRIP: Duration = Duration::from_millis(4_500);
/// How long a write waits for the lock of the clock before it gives way to an error.
const LOCK_TIMEOUT: Duration = Duration::from_secs(4);
/// Pause after a failed attempt to connect; doubles up to the second.
const BACKOFF_MIN: Duration = Duration::from_millis(50);
const BACKOFF_MAX: Duration = Duration::from_secs(1);
/// Longest time between two looks for old changes.
const TRIM_INTERVAL_MAX: Duration = Duration::from_secs(60);
/// How often leftovers of dropped indexes are looked for when there are some.
const HOUSEKEEPING_INTERVAL: Duration = Duration::from_secs(5);

/// The way to the writing task.
#[derive(Debug)]
pub(crate) struct Writer {
    queue: Queue<Asked>,
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

/// What the writing task tells about itself. Written by the task, read for metrics.
#[derive(Debug, Default)]
pub(crate) struct WriterStatus {
    pub(crate) is_connected: AtomicBool,
    pub(crate) batches: AtomicU64,
    pub(crate) jobs: AtomicU64,
    pub(crate) failed_batches: AtomicU64,
    pub(crate) reconnects: AtomicU64,
}

/// What is asked of the writing task.
#[derive(Debug)]
enum Work {
    Write {
        batch: WriteBatch,
        atomic: bool,
        reply: oneshot::Sender<Result<WriteReport, EngineError>>,
    },
    Special {
        job: SpecialJob,
        reply: oneshot::Sender<Result<SpecialAnswer, EngineError>>,
    },
    /// Take no more jobs; answered when all are done.
    Close {
        reply: oneshot::Sender<Result<(), EngineError>>,
    },
}

/// A job, and how large it is.
#[derive(Debug)]
struct Asked {
    work: Work,
    operations: usize,
    bytes: usize,
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
            queue: jobs,
            pending: VecDeque::new(),
            gathering: Gathering::default(),
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
        let bytes: usize =
            batch.operations.iter().map(|operation| action_bytes(&operation.action)).sum();
        if bytes > JOB_BYTES_MAX {
            let message = format!("the batch has {bytes} bytes, at most {JOB_BYTES_MAX} are taken");
            return Err(EngineError::new(ErrorKind::LimitExceeded, message));
        }
        self.check_open_to_write()?;
        let operations = batch.operations.len();
        let is_large = operations > LARGE_OPERATIONS || bytes > LARGE_BYTES;
        let limit = if is_large { self.timeouts.long_write } else { self.timeouts.write };
        let work = |reply| Work::Write { batch, atomic, reply };
        self.submit(work, operations, bytes, limit).await
    }

    /// Has something else done.
    pub(crate) async fn special(&self, job: SpecialJob) -> Result<SpecialAnswer, EngineError> {
        self.check_open_to_write()?;
        let work = |reply| Work::Special { job, reply };
        self.submit(work, 0, 0, self.timeouts.long_write + self.timeouts.queue).await
    }

    fn check_open_to_write(&self) -> Result<(), EngineError> {
        if self.read_only {
            let message = "the database was opened to be read, and for nothing else";
            return Err(EngineError::new(ErrorKind::Unsupported, message));
        }
        Ok(())
    }

    /// Finishes what is queued and ends the task.
    pub(crate) async fn close(&self) -> Result<(), EngineError> {
        if self.queue.is_closed() {
            return Ok(());
        }
        let limit = self.timeouts.write;
        self.submit(|reply| Work::Close { reply }, 0, 0, limit).await
    }

    /// Whether it can write now, as far as it knows.
    pub(crate) fn is_ready(&self) -> bool {
        !self.queue.is_closed() && self.status.is_connected.load(Ordering::Relaxed)
    }

    /// Slots of the queue in use.
    pub(crate) fn queued(&self) -> usize {
        self.queue.queued()
    }

    pub(crate) fn status(&self) -> &WriterStatus {
        &self.status
    }

    async fn submit<T>(
        &self,
        work: impl FnOnce(oneshot::Sender<Result<T, EngineError>>) -> Work,
        operations: usize,
        bytes: usize,
        limit: Duration,
    ) -> Result<T, EngineError> {
        let asked = Instant::now();
        let patience = Patience { taken: asked + self.timeouts.queue, answered: asked + limit };
        let work = |reply| Asked { work: work(reply), operations, bytes };
        self.queue.submit(bytes, patience, work).await
    }
}

/// In lower case where it can be: who cuts the connection at the word COMMIT, as tests do, must
/// not meet it here.
const BEGIN: &str = "BEGIN ISOLATION LEVEL read committed READ WRITE";

/// What the writing session must be told; only for the transaction when `is_local`.
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
    queue: Jobs<Asked>,
    /// Taken off the queue, not begun.
    pending: VecDeque<Job<Asked>>,
    gathering: Gathering,
    /// None after it broke.
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

/// A write that was taken off the queue.
struct Taken {
    batch: WriteBatch,
    atomic: bool,
    reply: oneshot::Sender<Result<WriteReport, EngineError>>,
}

/// What to do next.
enum Next {
    Writes { taken: Vec<Taken>, is_large: bool },
    Special(SpecialJob, oneshot::Sender<Result<SpecialAnswer, EngineError>>),
    Housekeeping,
    End(Option<oneshot::Sender<Result<(), EngineError>>>),
}

impl Task {
    async fn run(mut self) {
        loop {
            self.connect().await;
            match self.next().await {
                Next::Writes { taken, is_large } => {
                    Box::pin(self.write(taken, is_large)).await;
                }
                Next::Special(job, reply) => {
                    let answer = Box::pin(self.special(&job)).await;
                    // Whoever asked may have gone.
                    let _ = reply.send(answer.map_err(engine_error));
                }
                Next::Housekeeping => {
                    // It is tried again later anyway.
                    let _ = Box::pin(self.special(&SpecialJob::Housekeeping)).await;
                    self.housekept_at = Instant::now();
                }
                Next::End(reply) => {
                    self.queue.close();
                    if let Some(reply) = reply {
                        let _ = reply.send(Ok(()));
                    }
                    return;
                }
            }
        }
    }

    /// Connects unless connected; tries until it succeeds or nobody can want it any more.
    async fn connect(&mut self) {
        let mut pause = BACKOFF_MIN;
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
                    if self.queue.is_closed() || self.closes_while_waiting(pause).await {
                        return;
                    }
                    pause = (pause * 2).min(BACKOFF_MAX);
                }
            }
        }
        self.status.is_connected.store(true, Ordering::Relaxed);
    }

    /// Waits; whether the engine is to be closed meanwhile. Jobs gather.
    async fn closes_while_waiting(&mut self, pause: Duration) -> bool {
        let until = Instant::now() + pause;
        loop {
            match timeout_at(until, self.queue.recv()).await {
                Ok(Some(job)) => {
                    let closes = matches!(job.work.work, Work::Close { .. });
                    self.pending.push_back(job);
                    if closes {
                        // Without a connection what is queued cannot be done.
                        self.pending.retain(|job| matches!(job.work.work, Work::Close { .. }));
                        return true;
                    }
                }
                Ok(None) => return true,
                Err(_) => break,
            }
        }
        self.pending.retain(|job| !job.is_given_up());
        false
    }

    /// Waits for work and takes as much as fits one transaction.
    async fn next(&mut self) -> Next {
        loop {
            if self.pending.is_empty() {
                match self.wait_for_job().await {
                    Some(job) => self.pending.push_back(job),
                    None if self.queue.is_closed() => return Next::End(None),
                    None => return Next::Housekeeping,
                }
                // Those who were just answered ask again: let them, and commit together.
                tokio::task::yield_now().await;
            }
            while let Some(job) = self.one_more().await {
                self.pending.push_back(job);
            }
            if let Some(next) = self.take() {
                return next;
            }
        }
    }

    /// Another job that is queued, or is soon.
    async fn one_more(&mut self) -> Option<Job<Asked>> {
        if let Ok(job) = self.queue.try_recv() {
            return Some(job);
        }
        let until = self.gathering.until(self.pending.len())?;
        timeout_at(until, self.queue.recv()).await.ok().flatten()
    }

    /// The next job; none when the queue is closed or it is time for housekeeping.
    async fn wait_for_job(&mut self) -> Option<Job<Asked>> {
        if self.read_only || !self.catalogue.indexes().has_dropped {
            return self.queue.recv().await;
        }
        let due = self.housekept_at + HOUSEKEEPING_INTERVAL;
        timeout_at(due, self.queue.recv()).await.unwrap_or_default()
    }

    fn take(&mut self) -> Option<Next> {
        let mut taken = Vec::new();
        let (mut operations, mut bytes) = (0, 0);
        while let Some(job) = self.pending.pop_front() {
            let asked = &job.work;
            let is_full = taken.len() >= BATCH_JOBS_MAX
                || operations + asked.operations > BATCH_OPERATIONS_MAX
                || bytes + asked.bytes > BATCH_BYTES_MAX;
            let travels = matches!(asked.work, Work::Write { .. });
            if !taken.is_empty() && (is_full || !travels) {
                self.pending.push_front(job);
                break;
            }
            // Its place is free for the next one.
            let Some((asked, _)) = job.take() else { continue };
            match asked.work {
                // Nobody waits for it, and nothing was written.
                Work::Write { reply, .. } if reply.is_closed() => {}
                Work::Write { batch, atomic, reply } => {
                    operations += asked.operations;
                    bytes += asked.bytes;
                    taken.push(Taken { batch, atomic, reply });
                }
                Work::Special { job, reply } => return Some(Next::Special(job, reply)),
                Work::Close { reply } => return Some(Next::End(Some(reply))),
            }
        }
        let is_large = operations > LARGE_OPERATIONS || bytes > LARGE_BYTES;
        (!taken.is_empty()).then_some(Next::Writes { taken, is_large })
    }

    async fn write(&mut self, taken: Vec<Taken>, is_large: bool) {
        let (jobs, replies): (Vec<_>, Vec<_>) =
            taken.into_iter().map(|taken| ((taken.batch, taken.atomic), taken.reply)).unzip();
        let jobs: Vec<WriteJob<'_>> =
            jobs.iter().map(|(batch, atomic)| WriteJob { batch, atomic: *atomic }).collect();
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
        self.gathering.answered(replies.len(), begun.elapsed());
        for (reply, report) in replies.into_iter().zip(reports) {
            // Whoever asked may have gone.
            let _ = reply.send(report);
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

    async fn special(&mut self, job: &SpecialJob) -> Result<SpecialAnswer, Error> {
        let failed = match self.special_once(job).await {
            Err(error) if error.kind == NativeKind::Unavailable && self.is_broken() => error,
            done => return done,
        };
        self.reconnect(failed).await?;
        self.special_once(job).await
    }

    async fn special_once(&mut self, job: &SpecialJob) -> Result<SpecialAnswer, Error> {
        let now = self.time.now();
        let session = self.session(true)?;
        let answer = job.carry_out(&session, now).await;
        if let Err(error) = &answer {
            self.failed(error).await;
        }
        answer
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
