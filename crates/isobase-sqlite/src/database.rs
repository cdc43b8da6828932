//! The handle on one open file.

use std::fmt;
use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use parking_lot::Mutex;
use rusqlite::{Connection, Transaction};

use crate::connection::{check_version, open_reader, open_writer};
use crate::error::{Error, OpenError};
use crate::file;
use crate::lock::FileLock;
use crate::metrics::{Metrics, WriterState, WriterStatus};
use crate::moved::OpenFiles;
use crate::options::Options;
use crate::pool::Pool;
use crate::scans::Scans;
use crate::watched::Watched;
use crate::writer_thread;

/// Most page cache of a connection for long reads: a scan meets a page once, so a large cache
/// only fills memory during an export.
const SCAN_CACHE_KIB_MAX: u32 = 4_096;

/// One open SQLite file. Clones share it; the last one dropped closes it, which blocks. A
/// [`Writer`](crate::Writer) holds one, so a handler must not.
#[derive(Clone)]
pub struct Database {
    pub(crate) inner: Arc<Inner>,
}

/// State that the clones of a [`Database`] share.
pub(crate) struct Inner {
    pub(crate) path: PathBuf,
    pub(crate) options: Options,
    pub(crate) pool: Arc<Pool>,
    pub(crate) scans: Scans,
    /// Snapshots that may still be held. Written by who begins one; `None` once closed.
    pub(crate) snapshots: Mutex<Option<Vec<Watched>>>,
    pub(crate) status: Arc<WriterStatus>,
    pub(crate) writer: Mutex<WriterSlot>,
    /// `None` once closed. Dropped after all connections.
    lock: Mutex<Option<FileLock>>,
    /// `None` for a reader beside another process. Dropped after all connections.
    pub(crate) files: Option<Arc<OpenFiles>>,
}

pub(crate) enum WriterSlot {
    /// No one writes yet.
    Idle(Box<Connection>),
    Running {
        /// Takes no more jobs; the thread ends after the ones it has.
        close: Box<dyn Fn() + Send>,
        thread: JoinHandle<Result<(), Error>>,
    },
    Closed,
}

impl Database {
    /// Opens or creates the file. Blocking.
    ///
    /// Takes the lock, checks the file and sets all connections up. `prepare` runs in a
    /// transaction with the one that marks the file as ours: it creates or migrates the schema,
    /// and may ask [`schema_version`] what it finds. When it fails, the file is as before.
    ///
    /// # Errors
    /// See [`OpenError`]; each names the file.
    pub fn open(
        options: Options,
        prepare: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()>,
    ) -> Result<Self, OpenError> {
        file::create_folder(&options.path)?;
        let path = file::resolve(&options.path).map_err(|source| OpenError::Io {
            action: "find",
            path: options.path.clone(),
            source,
        })?;
        let file_lock = FileLock::acquire(&path)?;
        let writer = match open_writer(&path, &options, prepare) {
            Ok(writer) => writer,
            Err(error) => {
                if error.is_foreign() {
                    file_lock.withdraw();
                }
                return Err(error);
            }
        };
        let files = OpenFiles::new(&path)?;
        let writer = WriterSlot::Idle(Box::new(writer));
        Self::assemble(path, options, writer, Some((file_lock, Arc::new(files))))
    }

    /// Opens a file that another process has open, to read it and nothing else. Blocking.
    ///
    /// It takes no lock: beside the writer of a write-ahead log there may be readers, also in
    /// other processes. Source: <https://sqlite.org/wal.html#concurrency>. A long snapshot keeps
    /// that writer from emptying the log.
    ///
    /// # Errors
    /// See [`OpenError`]; each names the file. The file must be there, and have the schema version
    /// that the caller knows.
    pub fn open_beside(options: Options) -> Result<Self, OpenError> {
        let path = file::resolve(&options.path).map_err(|source| OpenError::Io {
            action: "find",
            path: options.path.clone(),
            source,
        })?;
        file::check(&path)?;
        check_version(&path, &options)?;
        Self::assemble(path, options, WriterSlot::Closed, None)
    }

    fn assemble(
        path: PathBuf,
        options: Options,
        writer: WriterSlot,
        own: Option<(FileLock, Arc<OpenFiles>)>,
    ) -> Result<Self, OpenError> {
        let (file_lock, files) = own.unzip();
        let readers = |count: usize, options: &Options| {
            (0..count.max(1)).map(|_| open_reader(&path, options)).collect::<Result<Vec<_>, _>>()
        };
        let status = Arc::<WriterStatus>::default();
        let pool = Arc::new(Pool::new(readers(options.readers, &options)?, status.clone()));
        let scanning = scanning(&options);
        let scans =
            Scans::start(readers(options.scan_threads, &scanning)?, options.scans_waiting_max)
                .map_err(|source| OpenError::Io {
                    action: "start threads for",
                    path: path.clone(),
                    source,
                })?;
        let inner = Inner {
            path,
            options,
            pool,
            scans,
            snapshots: Mutex::new(Some(Vec::new())),
            status,
            writer: Mutex::new(writer),
            lock: Mutex::new(file_lock),
            files,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The real path of the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Reads on the calling thread, for point reads and short bounded ones: there is no hop to
    /// another thread, and no deadline. When all connections are in use it waits for one; so do
    /// not call it from inside the closure, and keep the closure short.
    ///
    /// Several statements see one snapshot only inside a transaction of the closure. One that is
    /// left open is ended.
    ///
    /// # Errors
    /// The result of the closure, or [`Error::Closed`].
    pub fn read_inline<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        self.inner.pool.read(read)
    }

    /// As [`Database::read_inline`], in a transaction that the reads of a connection share until the
    /// writer commits again, at most for 10 ms. So it sees every commit that was answered, and what
    /// another program wrote up to 10 ms later; to begin and end a transaction costs as much as a
    /// short read does. The closure begins none of its own, and its statements see one snapshot.
    ///
    /// A file that another process writes ([`Database::open_beside`]) is read by
    /// [`Database::read_inline`].
    ///
    /// # Errors
    /// The result of the closure, or [`Error::Closed`].
    pub fn read_short<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        self.inner.pool.read_on(read)
    }

    /// Reads on one of the threads for long reads. It is stopped when `timeout` has passed, the
    /// wait for a thread included, or when the future is dropped; a closure that computes instead
    /// of stepping a statement goes on until it does.
    ///
    /// # Errors
    /// The result of the closure, [`Error::TimedOut`], [`Error::Busy`] when too many wait,
    /// [`Error::Panicked`], [`Error::Closed`].
    pub async fn read<T: Send + 'static>(
        &self,
        timeout: Duration,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        self.inner.scans.read(timeout, read).await
    }

    /// As [`Database::read`], blocking the thread. Not for threads of an async runtime.
    ///
    /// # Errors
    /// As [`Database::read`].
    pub fn read_blocking<T: Send + 'static>(
        &self,
        timeout: Duration,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        self.inner.scans.read_blocking(timeout, read)
    }

    /// Whether writes are taken. Looks where the path leads, so that a file that was deleted or
    /// replaced is known before the next write.
    #[must_use]
    pub fn state(&self) -> WriterState {
        let Inner { status, files, .. } = &*self.inner;
        if status.state() == WriterState::Running
            && let Some(reason) = files.as_ref().and_then(|files| files.moved())
        {
            writer_thread::stop(status, &reason);
        }
        status.state()
    }

    /// The counters now.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        self.inner.status.snapshot(self.inner.scans.waiting())
    }

    /// Notes in the lock file where this process serves, for [`lock_holder`](crate::lock_holder).
    ///
    /// # Errors
    /// The lock file could not be written.
    pub fn set_address(&self, address: &str) -> io::Result<()> {
        match &*self.inner.lock.lock() {
            Some(file_lock) => file_lock.write(Some(address)),
            None => Err(io::Error::other("the database is closed")),
        }
    }

    /// Takes no more work, commits what is queued, stops the reads that run, folds the log into
    /// the file, joins the threads and releases the lock. Blocking. Later calls do nothing.
    ///
    /// # Errors
    /// [`Error::WriterFailed`] when writing had ended before, or what the last checkpoint failed
    /// with; a full disk is no failure, as the log stays. The file is closed and the lock released
    /// all the same.
    pub fn close(&self) -> Result<(), Error> {
        self.inner.close()
    }
}

impl Inner {
    fn close(&self) -> Result<(), Error> {
        let mut slot = self.writer.lock();
        let snapshots = self.snapshots.lock().take().unwrap_or_default();
        self.scans.close();
        snapshots.iter().for_each(Watched::close);
        self.pool.close();
        // The writer goes last, and is told last: only the last connection removes the log.
        if let WriterSlot::Running { close, .. } = &*slot {
            close();
        }
        let result = match mem::replace(&mut *slot, WriterSlot::Closed) {
            WriterSlot::Idle(connection) => {
                writer_thread::finish(*connection, &self.status, self.files.as_deref())
            }
            WriterSlot::Running { thread, .. } => join(thread),
            WriterSlot::Closed => Ok(()),
        };
        if let Some(lock) = self.lock.lock().take()
            && !self.path.exists()
        {
            lock.withdraw();
        }
        result
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            tracing::error!(
                path = %self.path.display(), %error,
                "database {} was not closed cleanly: {error}", self.path.display()
            );
        }
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Database").field("path", &self.inner.path).finish_non_exhaustive()
    }
}

/// How connections for long reads are opened.
pub(crate) fn scanning(options: &Options) -> Options {
    Options { cache_kib: options.cache_kib.min(SCAN_CACHE_KIB_MAX), ..options.clone() }
}

/// The schema version of the file, for `prepare`; 0 in a new file.
///
/// # Errors
/// SQLite could not read the header.
pub fn schema_version(connection: &Connection) -> rusqlite::Result<i32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

fn join(thread: JoinHandle<Result<(), Error>>) -> Result<(), Error> {
    if thread.thread().id() == thread::current().id() {
        // A handler dropped the last handle. The thread ends by itself.
        return Ok(());
    }
    thread.join().unwrap_or(Err(Error::Panicked))
}
