//! The connections of snapshots, which the database ends when it is closed.

use std::sync::Weak;

use parking_lot::Mutex;
use rusqlite::Connection;

/// `None` once the database is closed. Held for the time of a read.
pub(crate) type Slot = Mutex<Option<Connection>>;

/// What the database needs to end a snapshot.
pub(crate) struct Watched(pub(crate) Weak<Slot>);

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
