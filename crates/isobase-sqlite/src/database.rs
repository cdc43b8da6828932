//! The handle on one open file.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, Transaction};

use crate::error::{Error, OpenError};
use crate::handler::WriteHandler;
use crate::metrics::{Metrics, WriterState};
use crate::options::Options;
use crate::writer::Writer;

/// One open SQLite file. Clones share it; the last one dropped closes it.
#[derive(Debug, Clone)]
pub struct Database {
    inner: Arc<()>,
}

impl Database {
    /// Opens or creates the file. Blocking.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(
        options: Options,
        prepare: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()>,
    ) -> Result<Self, OpenError> {
        let _ = (options, prepare);
        Ok(Self { inner: Arc::new(()) })
    }

    /// Starts the writer. `build` makes the handler; it may read the file.
    ///
    /// # Errors
    /// [`Error::WriterStarted`] on the second call, and what `build` returns.
    pub fn start_writer<H: WriteHandler>(
        &self,
        build: impl FnOnce(&Connection) -> rusqlite::Result<H>,
    ) -> Result<Writer<H>, Error> {
        let _ = (build, &self.inner);
        Err(Error::Closed)
    }

    /// Reads on the calling thread.
    ///
    /// # Errors
    /// What the closure returns, or [`Error::Closed`].
    pub fn read_inline<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        let _ = read;
        Err(Error::Closed)
    }

    /// Reads on a thread of its own.
    ///
    /// # Errors
    /// What the closure returns, [`Error::TimedOut`], [`Error::Busy`], [`Error::Closed`].
    pub async fn read<T: Send + 'static>(
        &self,
        deadline: Duration,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let _ = (deadline, read);
        Err(Error::Closed)
    }

    /// Whether writes are taken.
    #[must_use]
    pub fn state(&self) -> WriterState {
        WriterState::Running
    }

    /// The counters.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        Metrics::default()
    }

    /// Notes in the lock file where this process serves.
    ///
    /// # Errors
    /// The lock file could not be written.
    pub fn set_address(&self, address: &str) -> io::Result<()> {
        let _ = address;
        Ok(())
    }

    /// Drains the queue, checkpoints, joins the threads and releases the lock. Blocking.
    ///
    /// # Errors
    /// The checkpoint failed, or writing had failed before.
    pub fn close(&self) -> Result<(), Error> {
        Ok(())
    }
}

/// The schema version of the file, for `prepare`; 0 in a new file.
///
/// # Errors
/// SQLite could not read the header.
pub fn schema_version(connection: &Connection) -> rusqlite::Result<i32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}
