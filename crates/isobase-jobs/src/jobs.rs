//! The jobs of a database, and those that run in this process.

use std::{
    collections::BTreeMap,
    fmt,
    sync::Arc,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, SystemTime},
};

use isobase_auth::{Actor, Audit, AuditEntry, Clock, Documents, random_text};
use isobase_ops::{FilePlace, Sample};
use isobase_store::{Action, Idempotency, IfMissing, Precondition, Rejection, Store};
use isobase_types::{DocumentId, Literal, Timestamp, hex};
use parking_lot::{Mutex, MutexGuard};
use serde_json::{Value, json};
use tokio::{
    sync::{Notify, Semaphore, watch},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use crate::{
    Backups, Databases, Imports, JOBS_COLLECTION, Job, JobState, JobsError, Work, live::Board,
    samples::SamplesKept,
};

/// Jobs that run at the same time in one process: each reads a whole database.
pub const RUNNING_MAX: usize = 2;
/// Jobs that wait in one process.
pub const JOBS_WAITING_MAX: usize = 16;
/// Jobs that a database remembers; the oldest of those that are over are forgotten.
pub const JOBS_KEPT: usize = 200;

/// A job whose process has not told so for this long is interrupted.
const SILENCE_MAX: Duration = Duration::from_secs(20);

/// How long a job may rest: its source is held as it was meanwhile.
pub(crate) const RESTS_MAX: Duration = Duration::from_secs(3_600);

/// The field of the mark of the request that asked for a job.
const ASKED: &str = "asked";
/// Random bytes in an id, beside the time.
const MARK_BYTES: usize = 3;

/// The means of jobs.
#[derive(Clone, Default)]
pub struct JobsOptions {
    /// Where backups are; `None` where there is no folder for them.
    pub backups: Option<Backups>,
    /// Where files are that were sent to be imported; `None` where there is no folder for them.
    pub imports: Option<Imports>,
    /// Opens other databases; `None` where no one can.
    pub databases: Option<Arc<dyn Databases>>,
    /// Where its uploaded files are; `None` when copies leave them where they are.
    pub files: Option<Arc<dyn FilePlace>>,
    /// The name of this database in reports, without secrets.
    pub source: String,
    /// How often backups are due by the schedule, for those who look.
    pub backups_every: Option<Duration>,
}

impl fmt::Debug for JobsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { backups, imports, databases, files, source, backups_every } = self;
        f.debug_struct("JobsOptions")
            .field("backups", backups)
            .field("imports", imports)
            .field("databases", &databases.is_some())
            .field("files", files)
            .field("source", source)
            .field("backups_every", backups_every)
            .finish()
    }
}

/// Who asks for a job.
#[derive(Clone, Debug)]
pub struct Asked<'a> {
    /// Who.
    pub by: &'a Actor,
    /// Whether the caller needed no credentials.
    pub by_anybody: bool,
    /// The mark of a request that may be sent again: the same one begins one job.
    pub once: Option<Idempotency>,
}

/// A job that was begun.
#[derive(Clone, Debug, PartialEq)]
pub struct Begun {
    /// The job.
    pub job: Job,
    /// A former request with the same mark began it.
    pub before: bool,
}

/// The jobs of a database. Cheap to clone; clones share the jobs that run.
#[derive(Clone)]
pub struct Jobs(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) documents: Documents,
    pub(crate) store: Store,
    audit: Audit,
    pub(crate) clock: Clock,
    pub(crate) options: JobsOptions,
    /// Those of this process that are not over, by their ids. Anyone who begins a job puts it in; the
    /// job takes itself out when its end is written.
    pub(crate) running: Mutex<BTreeMap<String, Running>>,
    pub(crate) turns: Semaphore,
    /// Cancelled when the service stops.
    pub(crate) stop: CancellationToken,
    /// Told whenever one is over.
    pub(crate) over: Notify,
    pub(crate) failed_backups: AtomicU64,
    /// How often backups are due by the schedule. Written when the settings change.
    backups_every: Mutex<Option<Duration>>,
    /// The samples that the last copies of this process read of both sides. Written by the jobs.
    pub(crate) samples: SamplesKept,
    /// Why the last backup of this process failed; `None` when it did not. Set when a backup ends.
    pub(crate) last_failure: Mutex<Option<String>>,
}

#[derive(Clone)]
pub(crate) struct Running {
    pub(crate) job: Job,
    pub(crate) board: Board,
    pub(crate) stop: CancellationToken,
    /// Whether it is to rest, and whether it can.
    pub(crate) pause: watch::Sender<bool>,
    can_rest: bool,
    /// Whether somebody asked for its end; else it ends because the service stops.
    pub(crate) cancelled: Arc<AtomicBool>,
}

impl fmt::Debug for Jobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jobs").field("options", &self.0.options).finish_non_exhaustive()
    }
}

impl Jobs {
    /// The jobs of a store's database.
    #[must_use]
    pub fn new(store: &Store, options: JobsOptions) -> Self {
        let clock = Clock::default();
        Self(Arc::new(Inner {
            documents: Documents::new(store, JOBS_COLLECTION, &[ASKED], &[]),
            store: store.system(),
            audit: Audit::new(store, clock.clone()),
            clock,
            backups_every: Mutex::new(options.backups_every),
            options,
            running: Mutex::default(),
            turns: Semaphore::new(RUNNING_MAX),
            stop: CancellationToken::new(),
            over: Notify::new(),
            failed_backups: AtomicU64::new(0),
            samples: SamplesKept::default(),
            last_failure: Mutex::default(),
        }))
    }

    /// The folder of backups, if there is one.
    #[must_use]
    pub fn backups(&self) -> Option<&Backups> {
        self.0.options.backups.as_ref()
    }

    /// The folder of files that were sent to be imported, if there is one.
    #[must_use]
    pub fn imports(&self) -> Option<&Imports> {
        self.0.options.imports.as_ref()
    }

    /// How often backups are due by the schedule; `None` without one.
    #[must_use]
    pub fn backups_every(&self) -> Option<Duration> {
        *self.0.backups_every.lock()
    }

    /// The schedule is another one from now on.
    pub fn set_backups_every(&self, every: Option<Duration>) {
        *self.0.backups_every.lock() = every;
    }

    /// Begins a job, which runs in this process as soon as it has its turn. Its answer means that the
    /// database knows of it. A request with a mark that came before, as far back as jobs are remembered,
    /// is given the job that it began.
    ///
    /// # Errors
    /// [`JobsError::Invalid`], [`JobsError::TooMany`], [`JobsError::Stopping`], [`JobsError::Backup`]
    /// for one that is not there, [`JobsError::AskedBefore`], and when the database fails.
    pub async fn start(&self, work: Work, asked: Asked<'_>) -> Result<Begun, JobsError> {
        let Asked { by, by_anybody, once } = asked;
        if let Some(job) = self.begun_by(once.as_ref()).await? {
            return Ok(Begun { job, before: true });
        }
        let shown = self.check(&work, by_anybody).await?;
        let inner = &self.0;
        let now = inner.clock.now();
        let id = format!("j{:013}{}", now.unix_us / 1_000, random_text::<MARK_BYTES>()?);
        let job = Job {
            id: id.clone(),
            kind: work.kind().to_owned(),
            state: JobState::Queued,
            by: by.actor.clone(),
            parameters: work.parameters(shown.as_deref()),
            created_at: now.to_string(),
            started_at: None,
            ended_at: None,
            paused: false,
            progress: None,
            result: None,
            error: None,
            beat_us: now.unix_us,
            asked: once.as_ref().map(|once| hex(&once.key)),
            said: once.as_ref().map(|once| hex(&once.fingerprint)),
        };
        let running = self.admit(&job, &work)?;
        if let Err(error) = self.store_new(&job, by).await {
            self.running().remove(&id);
            // Of two at the same time the other one was faster.
            let is_second = matches!(error, JobsError::Rejected(Rejection::NotUnique { .. }));
            return match self.begun_by(once.as_ref().filter(|_| is_second)).await? {
                Some(job) => Ok(Begun { job, before: true }),
                None => Err(error),
            };
        }
        let this = self.clone();
        tokio::spawn(async move { this.run(work, running).await });
        self.forget_old().await;
        Ok(Begun { job: job.shown(), before: false })
    }

    /// The job that a former request with the same mark began.
    async fn begun_by(&self, once: Option<&Idempotency>) -> Result<Option<Job>, JobsError> {
        let Some(once) = once else { return Ok(None) };
        let asked = Literal::Text(hex(&once.key));
        let Some(document) = self.0.documents.find(Some((ASKED, asked))).await? else {
            return Ok(None);
        };
        let job = Job::read(&document)?;
        match job.said.as_deref() == Some(&hex(&once.fingerprint)) {
            true => Ok(Some(self.as_it_is(job).shown())),
            false => Err(JobsError::AskedBefore),
        }
    }

    /// The jobs that the database remembers, the latest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list(&self) -> Result<Vec<Job>, JobsError> {
        let documents = self.0.documents.list(None).await?;
        let jobs = documents.iter().map(Job::read).filter_map(Result::ok);
        let mut jobs: Vec<_> = jobs.map(|job| self.as_it_is(job).shown()).collect();
        jobs.sort_by(|a, b| b.id.cmp(&a.id));
        Ok(jobs)
    }

    /// A job.
    ///
    /// # Errors
    /// [`JobsError::NotFound`], and when the database fails.
    pub async fn get(&self, id: &str) -> Result<Job, JobsError> {
        let missing = || JobsError::NotFound(id.chars().take(100).collect());
        let key = DocumentId::parse(id).map_err(|_| missing())?;
        let document = self.0.documents.get(&key).await?.ok_or_else(missing)?;
        Ok(self.as_it_is(Job::read(&document)?).shown())
    }

    /// Tells a job of this process to stop. It is over a moment later.
    ///
    /// # Errors
    /// [`JobsError::NotFound`], [`JobsError::Over`], [`JobsError::Elsewhere`], and when the database
    /// fails.
    pub async fn cancel(&self, id: &str, by: &Actor) -> Result<Job, JobsError> {
        let job = self.get(id).await?;
        if !job.state.is_open() {
            return Err(JobsError::Over { id: job.id, state: job.state.phrase() });
        }
        let running = self.running().get(id).cloned();
        let Some(running) = running else { return Err(JobsError::Elsewhere(job.id)) };
        running.cancelled.store(true, Ordering::SeqCst);
        running.stop.cancel();
        self.tell(by, "job.cancelled", &job, Value::Null).await;
        Ok(job)
    }

    /// Lets a copy of this process rest in the middle, for an hour at most: its target stays marked
    /// as unfinished, and its source as it was. One may rest at a time, since others wait for its turn.
    ///
    /// # Errors
    /// As [`Jobs::cancel`]; [`JobsError::CannotPause`].
    pub async fn pause(&self, id: &str, by: &Actor) -> Result<Job, JobsError> {
        self.set_paused(id, by, true).await
    }

    /// Lets a copy that rests go on.
    ///
    /// # Errors
    /// As [`Jobs::pause`].
    pub async fn resume(&self, id: &str, by: &Actor) -> Result<Job, JobsError> {
        self.set_paused(id, by, false).await
    }

    async fn set_paused(&self, id: &str, by: &Actor, paused: bool) -> Result<Job, JobsError> {
        let job = self.get(id).await?;
        if !job.state.is_open() {
            return Err(JobsError::Over { id: job.id, state: job.state.phrase() });
        }
        let others = self.running().values().any(|it| it.job.id != id && *it.pause.borrow());
        let running = self.running().get(id).cloned();
        let Some(running) = running else { return Err(JobsError::Elsewhere(job.id)) };
        let refused = |reason| Err(JobsError::CannotPause { id: job.id.clone(), reason });
        match (paused, *running.pause.borrow()) {
            _ if !running.can_rest => return refused("cannot rest: only copies can"),
            (true, _) if others => return refused("cannot rest while another one does"),
            (true, true) => return refused("rests already"),
            (false, false) => return refused("does not rest"),
            _ => {}
        }
        running.pause.send_replace(paused);
        let action = if paused { "job.paused" } else { "job.continued" };
        self.tell(by, action, &job, Value::Null).await;
        self.get(id).await
    }

    /// Documents of both sides that a copy of this process read when it was done.
    ///
    /// # Errors
    /// [`JobsError::NotFound`], [`JobsError::NoSamples`], and when the database fails.
    pub async fn samples(&self, id: &str) -> Result<Vec<Sample>, JobsError> {
        let job = self.get(id).await?;
        self.0.samples.of(&job.id).ok_or(JobsError::NoSamples(job.id))
    }

    /// Notes which jobs were left by processes that ended.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn note_interrupted(&self) -> Result<(), JobsError> {
        for document in self.0.documents.list(None).await? {
            let Ok(job) = Job::read(&document) else { continue };
            let seen = self.as_it_is(job.clone());
            if !job.state.is_open() || seen.state != JobState::Interrupted {
                continue;
            }
            let body = Job { ended_at: Some(self.0.clock.now().to_string()), ..seen }.body();
            let action = Action::Put { id: document.id, body, if_missing: IfMissing::Refuse };
            // Anyone who changed it meanwhile knows better.
            let unchanged = Precondition::RevisionIn(vec![document.revision]);
            self.0.documents.write(action, unchanged).await?.ok();
            tracing::warn!(job = job.id, kind = job.kind, "a job was interrupted: {}", job.id);
        }
        Ok(())
    }

    /// Whether a job of a kind waits or runs in this process.
    #[must_use]
    pub fn has_open(&self, kind: &str) -> bool {
        self.running().values().any(|running| running.job.kind == kind)
    }

    /// Jobs that wait or run in this process.
    #[must_use]
    pub fn open(&self) -> usize {
        self.running().len()
    }

    /// Why the last backup of this process failed; `None` when it did not.
    #[must_use]
    pub fn backup_failure(&self) -> Option<String> {
        self.0.last_failure.lock().clone()
    }

    /// Counters for metrics.
    #[must_use]
    pub fn gauges(&self) -> Vec<(&'static str, f64)> {
        vec![
            ("jobs_open", self.open() as f64),
            ("backups_failed", self.0.failed_backups.load(Ordering::Relaxed) as f64),
        ]
    }

    /// Stops the jobs of this process, which are interrupted then, and waits until the database
    /// knows, though not longer than so long.
    pub async fn close(&self, patience: Duration) {
        self.0.stop.cancel();
        let ended = async {
            loop {
                let over = self.0.over.notified();
                if self.running().is_empty() {
                    return;
                }
                over.await;
            }
        };
        if timeout(patience, ended).await.is_err() {
            tracing::warn!("a job did not stop in time; it counts as interrupted");
        }
    }

    /// What a work asks for, checked before anything is written; gives the other database as it may
    /// be shown.
    async fn check(&self, work: &Work, by_anybody: bool) -> Result<Option<String>, JobsError> {
        let options = &self.0.options;
        let needs_folder = matches!(work, Work::Backup { .. }) || work.backup().is_some();
        if needs_folder && options.backups.is_none() {
            return Err(JobsError::Unsupported("there is no folder of backups".to_owned()));
        }
        if let (Some(name), Some(backups)) = (work.backup(), &options.backups) {
            backups.get(name).await?;
        }
        if let Some(file) = work.file() {
            let none =
                || JobsError::Unsupported("there is no folder for files to be imported".to_owned());
            options.imports.as_ref().ok_or_else(none)?.get(file).await?;
        }
        let Some(to) = work.to() else { return Ok(None) };
        let Some(databases) = &options.databases else {
            let message = "this service opens no other databases".to_owned();
            return Err(JobsError::Unsupported(message));
        };
        let invalid = |message| JobsError::Invalid { field: "to", message };
        databases.check(to, by_anybody).map(Some).map_err(invalid)
    }

    /// Takes a job among those of this process.
    fn admit(&self, job: &Job, work: &Work) -> Result<Running, JobsError> {
        if self.0.stop.is_cancelled() {
            return Err(JobsError::Stopping);
        }
        let running = Running {
            job: job.clone(),
            board: Board::default(),
            stop: self.0.stop.child_token(),
            pause: watch::Sender::new(false),
            can_rest: work.can_rest(),
            cancelled: Arc::default(),
        };
        let mut all = self.running();
        if all.len() >= RUNNING_MAX + JOBS_WAITING_MAX {
            return Err(JobsError::TooMany(all.len()));
        }
        all.insert(job.id.clone(), running.clone());
        Ok(running)
    }

    async fn store_new(&self, job: &Job, by: &Actor) -> Result<(), JobsError> {
        let entry = AuditEntry {
            by,
            action: "job.started",
            object_type: "job",
            object_id: &job.id,
            before: Value::Null,
            after: json!({ "kind": job.kind, "parameters": job.parameters }),
        };
        let told = vec![self.0.audit.operation(&entry)?];
        let action = Action::Put {
            id: DocumentId::Text(job.id.as_str().into()),
            body: job.body(),
            if_missing: IfMissing::Create,
        };
        let stored = self.0.documents.write_with(action, Precondition::Missing, told).await?;
        stored.map(|_| ()).map_err(JobsError::Rejected)
    }

    /// Writes an entry of the audit. The job goes on without it: what it tells stands in the job.
    pub(crate) async fn tell(&self, by: &Actor, action: &str, job: &Job, after: Value) {
        let (object_id, before) = (job.id.as_str(), json!({ "kind": job.kind }));
        let entry = AuditEntry { by, action, object_type: "job", object_id, before, after };
        if let Err(error) = self.0.audit.write(&entry).await {
            tracing::warn!(%error, "an entry of the audit is missing: {error}");
        }
    }

    /// Forgets the oldest jobs that are over, beyond those that are kept.
    async fn forget_old(&self) {
        let Ok(jobs) = self.list().await else { return };
        let old = jobs.into_iter().skip(JOBS_KEPT).filter(|job| !job.state.is_open());
        for job in old {
            let id = DocumentId::Text(job.id.as_str().into());
            // The next job forgets it, if not this one.
            let _ = self.0.documents.write(Action::Delete { id }, Precondition::None).await;
        }
    }

    /// A stored job as it is now: of this process what it tells, of a silent one interrupted.
    fn as_it_is(&self, stored: Job) -> Job {
        if let Some(running) = self.running().get(&stored.id) {
            let (progress, paused) = (Some(running.board.read()), *running.pause.borrow());
            let open = Job { progress, paused, ..running.job.clone() };
            return if stored.state.is_open() { open } else { stored };
        }
        let beat = Timestamp { unix_us: stored.beat_us }.to_system_time();
        let silence = SystemTime::now().duration_since(beat).unwrap_or_default();
        match stored.state.is_open() && silence > SILENCE_MAX {
            true => Job { state: JobState::Interrupted, ..stored },
            false => stored,
        }
    }

    pub(crate) fn running(&self) -> MutexGuard<'_, BTreeMap<String, Running>> {
        self.0.running.lock()
    }
}
