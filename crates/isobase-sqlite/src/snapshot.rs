//! A connection that stays at one moment.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rusqlite::Connection;

use crate::connection::open_reader;
use crate::database::{Database, scanning, schema_version};
use crate::error::{Error, Outcome};
use crate::watched::{Slot, Watched};

/// The database at one moment, whatever is written meanwhile. Dropping it lets go of the moment.
///
/// Readers and the writer go on. But the log cannot be emptied while it is held: it grows by
/// everything that is written, and is folded into the file only afterwards.
pub struct Snapshot {
    database: Database,
    connection: Arc<Slot>,
}

impl Database {
    /// Holds on to the present moment, on a connection of its own. Blocking, for the time of
    /// opening the file once more.
    ///
    /// # Errors
    /// [`Error::Closed`], or what the file could not be opened with.
    pub fn snapshot(&self) -> Result<Snapshot, Error> {
        let inner = &self.inner;
        let mut snapshots = inner.snapshots.lock();
        let held = snapshots.as_mut().ok_or(Error::Closed)?;
        if let Some(reason) = inner.files.as_ref().and_then(|files| files.moved()) {
            // The path leads to nothing, or to another database.
            return Err(Error::WriterFailed { reason, outcome: Outcome::NotStored });
        }
        let mut connection = open_reader(&inner.path, &scanning(&inner.options))
            .map_err(|error| Error::Reopen(Arc::new(error)))?;
        inner.scans.watch(&mut connection)?;
        connection.execute_batch("BEGIN")?;
        // A transaction has its moment from its first read on.
        schema_version(&connection)?;
        let snapshot = Snapshot::new(self.clone(), connection);
        held.retain(Watched::is_held);
        held.push(snapshot.watched());
        Ok(snapshot)
    }
}

impl Snapshot {
    fn new(database: Database, connection: Connection) -> Self {
        Self { database, connection: Arc::new(Mutex::new(Some(connection))) }
    }

    fn watched(&self) -> Watched {
        Watched(Arc::downgrade(&self.connection))
    }

    /// Reads on one of the threads for long reads, all reads at the same moment. After `timeout`
    /// no one waits for the answer any more; a read that has begun ends before the next one.
    ///
    /// # Errors
    /// As [`Database::read`].
    pub async fn read<T: Send + 'static>(
        &self,
        timeout: Duration,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let slot = Arc::clone(&self.connection);
        // The connection of the thread stays idle meanwhile: what is shared is the processor.
        let on_thread = move |_: &Connection| slot.lock().as_ref().map(read).transpose();
        self.database.read(timeout, on_thread).await?.ok_or(Error::Closed)
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Snapshot").field("database", &self.database).finish_non_exhaustive()
    }
}
