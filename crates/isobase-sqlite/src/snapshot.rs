//! A connection that stays at one moment.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use rusqlite::Connection;

use crate::database::Database;
use crate::error::Error;

/// The database at one moment, whatever is written meanwhile. Dropping it lets go of the moment.
///
/// Readers and the writer go on. But the log cannot be emptied while it is held: it grows by
/// everything that is written, and is folded into the file only afterwards.
pub struct Snapshot {
    database: Database,
    connection: Arc<Slot>,
}

/// `None` once the database is closed. Held for the time of a read.
type Slot = Mutex<Option<Connection>>;

impl Snapshot {
    pub(crate) fn new(database: Database, connection: Connection) -> Self {
        Self { database, connection: Arc::new(Mutex::new(Some(connection))) }
    }

    pub(crate) fn watched(&self) -> Watched {
        Watched(Arc::downgrade(&self.connection))
    }

    /// Reads on one of the threads for long reads, all reads at the same moment. After `timeout`
    /// nobody waits for the answer any more; a read that has begun ends before the next one.
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

/// What the database needs to end a snapshot.
pub(crate) struct Watched(Weak<Slot>);

impl Watched {
    pub(crate) fn is_held(&self) -> bool {
        self.0.strong_count() > 0
    }

    /// Closes the connection. No read runs on it any more.
    pub(crate) fn close(&self) {
        if let Some(connection) = self.0.upgrade() {
            connection.lock().take();
        }
    }
}
