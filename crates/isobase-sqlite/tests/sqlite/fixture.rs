//! A small table, a handler with every kind of job, and the folder they live in.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use isobase_sqlite::rusqlite::{self, Connection, ffi};
use isobase_sqlite::{Database, Error, JobFailure, Options, WriteHandler, WriteJob, Writer};
use tempfile::TempDir;

/// The number of rows, or the setting asked for.
pub(crate) type Answer = isobase_sqlite::Answer<Rows, i64>;

/// Long enough for a busy machine; reached only when a test fails.
pub(crate) const LONG: Duration = Duration::from_secs(30);

pub(crate) struct Fixture {
    pub(crate) folder: TempDir,
    pub(crate) database: Database,
    pub(crate) writer: Writer<Rows>,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut Options)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = Options::new(folder.path().join("data.db"));
        options.readers = 2;
        options.scan_threads = 1;
        change(&mut options);
        let database = Database::open(options, create_table).unwrap();
        let writer = database.start_writer(Rows::load).unwrap();
        Self { folder, database, writer }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("data.db")
    }

    pub(crate) async fn submit(&self, job: Job) -> Answer {
        self.writer.submit(job, LONG).await
    }

    pub(crate) async fn insert(&self, id: i64) -> Answer {
        self.submit(Job::Insert(id)).await
    }

    /// Keeps the writer inside a batch of its own until the sender is dropped.
    pub(crate) async fn hold_writer(&self) -> Sender<()> {
        let (release, gate) = channel();
        let (entered, inside) = channel();
        let job = Job::Hold { entered, gate };
        // The receipt is not needed: the job has no effect.
        drop(self.writer.enqueue(job, LONG).await.unwrap());
        inside.recv_timeout(LONG).unwrap();
        release
    }

    /// Runs the jobs in one batch and gives their answers.
    pub(crate) async fn batch(&self, jobs: impl IntoIterator<Item = Job>) -> Vec<Answer> {
        let hold = self.hold_writer().await;
        let mut receipts = Vec::new();
        for job in jobs {
            receipts.push(self.writer.enqueue(job, LONG).await.unwrap());
        }
        drop(hold);
        let mut answers = Vec::new();
        for receipt in receipts {
            answers.push(receipt.answer().await);
        }
        answers
    }

    pub(crate) fn ids(&self) -> Vec<i64> {
        self.database.read_inline(ids).unwrap()
    }
}

pub(crate) fn create_table(transaction: &rusqlite::Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch(
        "CREATE TABLE IF NOT EXISTS rows (id INTEGER PRIMARY KEY, body BLOB) STRICT;
         CREATE TABLE IF NOT EXISTS children (
             parent INTEGER REFERENCES rows DEFERRABLE INITIALLY DEFERRED
         ) STRICT;",
    )
}

pub(crate) fn ids(connection: &Connection) -> rusqlite::Result<Vec<i64>> {
    connection
        .prepare_cached("SELECT id FROM rows ORDER BY id")?
        .query_map([], |row| row.get(0))?
        .collect()
}

/// Keeps the number of rows in memory, to see whether it is told of everything undone.
#[derive(Debug)]
pub(crate) struct Rows {
    count: usize,
    before_job: usize,
    committed: usize,
    fail_commit: bool,
}

impl Rows {
    pub(crate) fn load(connection: &Connection) -> rusqlite::Result<Self> {
        let count = ids(connection)?.len();
        Ok(Self { count, before_job: count, committed: count, fail_commit: false })
    }
}

#[derive(Debug)]
pub(crate) enum Job {
    Insert(i64),
    /// Refused before any change, and says that it needs no savepoint.
    Refuse,
    /// Inserts, then is refused.
    InsertThenRefuse {
        id: i64,
        savepoint: bool,
    },
    /// Violates a constraint that is only checked at COMMIT.
    Orphan(i64),
    /// As if the system had failed to write when the batch ends.
    FailBatch,
    Panic,
    /// Fills this many bytes.
    Fill {
        id: i64,
        bytes: usize,
    },
    /// Forbids the file to grow beyond this many pages; 0 frees it.
    PagesMax(u32),
    /// Reads back a setting of the writer's connection.
    Setting(&'static str),
    Hold {
        entered: Sender<()>,
        gate: Receiver<()>,
    },
}

impl isobase_writer::Job for Job {
    type Reply = i64;
}

impl WriteJob<Rows> for Job {
    fn bytes(&self) -> usize {
        match self {
            Job::Fill { bytes, .. } => *bytes,
            _ => 0,
        }
    }

    fn needs_savepoint(&self) -> bool {
        matches!(self, Job::InsertThenRefuse { savepoint: true, .. })
    }

    fn run(
        &self,
        rows: &mut Rows,
        connection: &Connection,
    ) -> Result<i64, JobFailure<&'static str>> {
        let mut insert = |id: i64, body: &[u8]| {
            rows.count += 1;
            connection
                .prepare_cached("INSERT INTO rows (id, body) VALUES (?1, ?2)")?
                .execute((id, body))
        };
        match self {
            Job::Insert(id) => {
                insert(*id, b"")?;
            }
            Job::Refuse => return Err(JobFailure::Refused("no")),
            Job::InsertThenRefuse { id, .. } => {
                insert(*id, b"")?;
                return Err(JobFailure::Refused("no"));
            }
            Job::Orphan(parent) => {
                connection.execute("INSERT INTO children VALUES (?1)", [parent])?;
            }
            Job::FailBatch => rows.fail_commit = true,
            Job::Panic => panic!("as the test wants it"),
            Job::Fill { id, bytes } => {
                insert(*id, &vec![7; *bytes])?;
            }
            Job::PagesMax(pages) => {
                let pages = if *pages == 0 { 1_000_000 } else { *pages };
                connection.query_row(&format!("PRAGMA max_page_count={pages}"), [], |_| Ok(()))?;
            }
            Job::Setting(name) => {
                return Ok(connection.pragma_query_value(None, name, |row| row.get(0))?);
            }
            Job::Hold { entered, gate } => {
                // Fails in a second run, when the test has already gone on.
                let _ = entered.send(());
                let _ = gate.recv();
            }
        }
        Ok(i64::try_from(rows.count).unwrap())
    }
}

impl WriteHandler for Rows {
    type Refusal = &'static str;

    fn begin(&mut self, _: &Connection) -> rusqlite::Result<()> {
        assert_eq!(self.count, self.committed, "a batch begins where the last one was committed");
        Ok(())
    }

    fn job_begins(&mut self) {
        self.before_job = self.count;
    }

    fn job_undone(&mut self) {
        self.count = self.before_job;
    }

    fn before_commit(&mut self, _: &Connection) -> rusqlite::Result<()> {
        if self.fail_commit { Err(io_error()) } else { Ok(()) }
    }

    fn committed(&mut self) {
        self.committed = self.count;
    }

    fn rolled_back(&mut self) {
        self.count = self.committed;
    }
}

pub(crate) fn io_error() -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_IOERR_FSYNC), None)
}

/// A short name of each answer, so that a whole batch compares at once.
pub(crate) fn names(answers: &[Answer]) -> Vec<&'static str> {
    answers
        .iter()
        .map(|answer| match answer {
            Ok(Ok(_)) => "stored",
            Ok(Err(_)) => "refused",
            Err(Error::Sqlite(_)) => "sqlite",
            Err(Error::DiskFull) => "full",
            Err(Error::Busy) => "busy",
            Err(Error::Closed) => "closed",
            Err(Error::WriterFailed { .. }) => "failed",
            Err(_) => "other",
        })
        .collect()
}
