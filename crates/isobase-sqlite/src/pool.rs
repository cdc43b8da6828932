//! Connections for reads on the calling thread.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, TryLockError};

use rusqlite::Connection;

use crate::error::Error;
use crate::wait::lock;

/// Every thread starts at a slot of its own, so threads seldom meet while there are as many slots
/// as cores.
pub(crate) struct Pool {
    slots: Box<[Slot]>,
}

/// Aligned so that two slots never share a cache line (128 bytes: the processor fetches pairs).
#[repr(align(128))]
struct Slot {
    /// `None` once the database is closed.
    connection: Mutex<Option<Connection>>,
}

static THREADS: AtomicUsize = AtomicUsize::new(0);
thread_local! {
    static HOME: Cell<usize> = Cell::new(THREADS.fetch_add(1, Ordering::Relaxed));
}

impl Pool {
    pub(crate) fn new(connections: Vec<Connection>) -> Self {
        let slots = connections
            .into_iter()
            .map(|connection| Slot { connection: Mutex::new(Some(connection)) })
            .collect();
        Self { slots }
    }

    pub(crate) fn read<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        let slot = self.idle_slot();
        let connection = slot.as_ref().ok_or(Error::Closed)?;
        let _tidy = Tidy(connection);
        Ok(read(connection)?)
    }

    /// Closes all connections; waits for the reads that run.
    pub(crate) fn close(&self) {
        for slot in &self.slots {
            lock(&slot.connection).take();
        }
    }

    fn idle_slot(&self) -> MutexGuard<'_, Option<Connection>> {
        let count = self.slots.len();
        let home = HOME.get() % count;
        for step in 0..count {
            let slot = &self.slots[(home + step) % count];
            match slot.connection.try_lock() {
                Ok(connection) => return connection,
                // A closure panicked. `Tidy` has brought the connection in order.
                Err(TryLockError::Poisoned(poisoned)) => return poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => {}
            }
        }
        lock(&self.slots[home].connection)
    }
}

/// Ends a transaction that a closure left open, so that it cannot pin an old snapshot.
pub(crate) struct Tidy<'c>(pub(crate) &'c Connection);

impl Drop for Tidy<'_> {
    fn drop(&mut self) {
        if !self.0.is_autocommit() {
            // A failed rollback leaves nothing to do: reads have no effects to undo.
            let _ = self.0.execute_batch("ROLLBACK");
        }
    }
}
