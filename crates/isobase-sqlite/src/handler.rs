//! Parts that the layer above puts into the writer thread: a handler, and jobs for it.

use isobase_writer::Job;
use rusqlite::Connection;

/// The state that jobs work on inside the writer's transactions. It lives in the writer thread, so
/// it may hold caches and counters without locks, as long as it can undo what was not committed.
///
/// The calls for one batch, in order:
///
/// ```text
/// begin
///   for each job:  job_begins, the job's run, and after a failed run job_undone
/// before_commit
/// committed | rolled_back
/// ```
///
/// A batch may be rolled back and run again, also in smaller batches: what the world should hear
/// belongs in `committed`.
pub trait WriteHandler: Send + 'static {
    /// What a submitter gets when its job was refused and left nothing behind.
    type Refusal: Send + 'static;

    /// Called once per transaction, after BEGIN IMMEDIATE.
    ///
    /// # Errors
    /// Any error rolls the batch back.
    fn begin(&mut self, connection: &Connection) -> rusqlite::Result<()>;

    /// Called before every job: remember what `job_undone` has to restore.
    fn job_begins(&mut self);

    /// Called after every failed job: restore the state of the last `job_begins`.
    fn job_undone(&mut self);

    /// Called once per transaction, before COMMIT: write what is kept once per batch.
    ///
    /// # Errors
    /// Any error rolls the batch back.
    fn before_commit(&mut self, connection: &Connection) -> rusqlite::Result<()>;

    /// The transaction is durable. Called before the submitters get their replies.
    fn committed(&mut self);

    /// The transaction was rolled back: restore the state of the last `committed`.
    fn rolled_back(&mut self);
}

/// Something that the writer does for a submitter.
pub trait WriteJob<H: WriteHandler>: Job {
    /// Rough size of the job in memory, in bytes. It bounds the queue and the batch.
    fn bytes(&self) -> usize {
        256
    }

    /// Whether the job needs a SAVEPOINT of its own (about 1 µs).
    ///
    /// `false` is right for a job that can fail only before its first change. Should such a job
    /// fail after one, the whole batch is rolled back and run again with a savepoint for every
    /// job: slow, but correct. Changes are counted in rows of INSERT, UPDATE and DELETE, so a job
    /// that changes the schema always needs a savepoint.
    fn needs_savepoint(&self) -> bool {
        true
    }

    /// Runs the job. A batch may be rolled back and run again, also in smaller batches, so this
    /// must not act on anything outside the database and the handler's own state.
    ///
    /// # Errors
    /// A failed job leaves nothing in the database; its neighbours are not touched.
    fn run(
        &self,
        handler: &mut H,
        connection: &Connection,
    ) -> Result<Self::Reply, JobFailure<H::Refusal>>;
}

/// Why a job left nothing behind.
#[derive(Debug)]
pub enum JobFailure<R> {
    /// The handler refused it, for a reason of its own.
    Refused(R),
    /// SQLite failed. I/O errors and corruption end all writing.
    Sqlite(rusqlite::Error),
}

impl<R> From<rusqlite::Error> for JobFailure<R> {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}
