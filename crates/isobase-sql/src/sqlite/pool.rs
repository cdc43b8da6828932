//! Connections to one SQLite database, each used by one statement or transaction at a time.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use isobase_sqlite::rusqlite::{Connection, InterruptHandle, config::DbConfig};
use parking_lot::{Mutex, MutexGuard};
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
    task::spawn_blocking,
    time::{Instant, timeout_at},
};

use super::{
    access::{open_to_change, open_to_read},
    failure::refused,
};
use crate::{Error, ErrorKind};

/// How long a statement waits for another program that has the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// SQLite has one writer; more connections only read beside it.
const CONNECTIONS_MAX: usize = 4;

/// Where the database is, and the connections that no one uses.
#[derive(Debug)]
pub(crate) struct SqlitePool {
    /// `None` is memory, which lives in its one connection.
    path: Option<PathBuf>,
    access: Access,
    slots: Arc<Semaphore>,
    size: usize,
    idle: Mutex<Vec<Slot>>,
}

/// The rights of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    /// Everything, and a file that is not there is made.
    Write,
    /// Nothing but reading.
    Read,
    /// What is in the file, which is there.
    Change,
}

/// Locked by the thread that runs a statement on it.
type Slot = Arc<Mutex<Connection>>;

/// A connection for a while. Its drop interrupts what runs on it and rolls back.
pub(crate) struct SqliteLease {
    pool: Arc<SqlitePool>,
    slot: Slot,
    interrupt: Arc<InterruptHandle>,
    permit: Option<OwnedSemaphorePermit>,
}

impl SqlitePool {
    pub(crate) fn new(path: Option<PathBuf>, size: usize) -> Self {
        let size = if path.is_some() { size.clamp(1, CONNECTIONS_MAX) } else { 1 };
        let slots = Arc::new(Semaphore::new(size));
        Self { path, access: Access::Write, slots, size, idle: Mutex::default() }
    }

    /// Connections that only read a file, which is there.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for memory, which holds nothing to be read.
    pub(crate) fn reading(path: Option<PathBuf>, size: usize) -> Result<Self, Error> {
        match path {
            Some(_) => Ok(Self { access: Access::Read, ..Self::new(path, size) }),
            None => Err(Error::invalid("there is nothing to read in a database in memory")),
        }
    }

    /// One connection that changes what is in a file, which is there.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for memory, which nothing else reads.
    pub(crate) fn changing(path: Option<PathBuf>) -> Result<Self, Error> {
        match path {
            Some(_) => Ok(Self { access: Access::Change, ..Self::new(path, 1) }),
            None => Err(Error::invalid("there is nothing to change in a database in memory")),
        }
    }

    /// Where the file is.
    pub(crate) fn path(&self) -> Option<PathBuf> {
        self.path.clone()
    }

    /// A connection; waits for one until a moment.
    pub(crate) async fn lease(self: &Arc<Self>, deadline: Instant) -> Result<SqliteLease, Error> {
        let acquire = Arc::clone(&self.slots).acquire_owned();
        let permit = match timeout_at(deadline, acquire).await {
            Ok(Ok(permit)) => permit,
            Ok(Err(_)) => return Err(Error::new(ErrorKind::Connection, "the pool is closed")),
            Err(_) => {
                let message = format!("all {} connections of the pool are busy", self.size);
                return Err(Error::new(ErrorKind::Connection, message));
            }
        };
        let idle = self.idle().pop();
        let slot = match idle {
            Some(slot) => slot,
            None => {
                let (path, access) = (self.path.clone(), self.access);
                let opened = spawn_blocking(move || open(path, access)).await;
                let connection = opened.map_err(|error| failed_thread(&error))??;
                Arc::new(Mutex::new(connection))
            }
        };
        let interrupt = Arc::new(slot.lock().get_interrupt_handle());
        Ok(SqliteLease { pool: Arc::clone(self), slot, interrupt, permit: Some(permit) })
    }

    /// Gives no connections any more.
    pub(crate) fn close(&self) {
        self.slots.close();
        self.idle().clear();
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Slot>> {
        self.idle.lock()
    }
}

impl SqliteLease {
    /// Runs a job on a thread that may wait. When no one waits for the job any more, it is
    /// interrupted.
    pub(crate) async fn call<T: Send + 'static>(
        &self,
        deadline: Instant,
        job: impl FnOnce(&mut Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let watch = Watch { interrupt: Arc::clone(&self.interrupt), left: Arc::default() };
        let left = Arc::clone(&watch.left);
        let slot = Arc::clone(&self.slot);
        let task = spawn_blocking(move || {
            let mut connection = slot.lock();
            if left.load(Ordering::Acquire) {
                return Err(Error::new(ErrorKind::TimedOut, "the statement was cancelled"));
            }
            job(&mut connection)
        });
        match timeout_at(deadline, task).await {
            Ok(result) => {
                watch.end();
                result.map_err(|error| failed_thread(&error))?
            }
            Err(_) => Err(Error::new(ErrorKind::TimedOut, "the statement took too long")),
        }
    }
}

impl Drop for SqliteLease {
    fn drop(&mut self) {
        let (pool, slot) = (Arc::clone(&self.pool), Arc::clone(&self.slot));
        let permit = self.permit.take();
        let clean = self.slot.try_lock().is_some_and(|connection| connection.is_autocommit());
        let give_back = move || {
            let connection = slot.lock();
            let usable = connection.is_autocommit() || connection.execute_batch("ROLLBACK").is_ok();
            drop(connection);
            // A statement of a person finds the file that is there now, and no session of another one.
            let kept = pool.access == Access::Write;
            if usable && kept && !pool.slots.is_closed() {
                pool.idle().push(slot);
            }
            drop(permit);
        };
        match Handle::try_current() {
            // Waits for the statement that was interrupted.
            Ok(runtime) if !clean => drop(runtime.spawn_blocking(give_back)),
            _ => give_back(),
        }
    }
}

/// Interrupts a job when it is dropped before the end.
struct Watch {
    interrupt: Arc<InterruptHandle>,
    /// Written here, read by the job before it begins.
    left: Arc<AtomicBool>,
}

impl Watch {
    fn end(self) {
        self.left.store(true, Ordering::Release);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if !self.left.swap(true, Ordering::AcqRel) {
            self.interrupt.interrupt();
        }
    }
}

fn open(path: Option<PathBuf>, access: Access) -> Result<Connection, Error> {
    let opened = match &path {
        Some(path) => match access {
            Access::Read => open_to_read(path),
            Access::Change => open_to_change(path),
            Access::Write => Connection::open(path),
        },
        None => Connection::open_in_memory(),
    };
    let set_up = |connection: Connection| {
        connection.busy_timeout(BUSY_TIMEOUT)?;
        if access != Access::Read {
            connection.pragma_update(None, "foreign_keys", true)?;
        }
        // A misspelt name in double quotes would else become a text.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
        Ok(connection)
    };
    opened.and_then(set_up).map_err(|error| {
        let place = path.map_or_else(|| "memory".to_owned(), |path| path.display().to_string());
        let error = refused(error, "");
        let message = format!("SQLite at {place} cannot be used: {}", error.message);
        Error { kind: ErrorKind::Connection, message, ..error }
    })
}

fn failed_thread(error: &tokio::task::JoinError) -> Error {
    Error::new(ErrorKind::Query, format!("the thread of the statement failed: {error}"))
}

impl std::fmt::Debug for SqliteLease {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteLease").field("pool", &self.pool).finish_non_exhaustive()
    }
}
