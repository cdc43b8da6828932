//! Connections for reads on the calling thread.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};
use rusqlite::Connection;

use crate::error::Error;
use crate::metrics::WriterStatus;

/// How long a moment is kept that no commit of ours has ended. Another program may have written.
const MOMENT_MAX: Duration = Duration::from_millis(10);

/// Every thread starts at a slot of its own, so threads seldom meet while there are as many slots
/// as cores.
pub(crate) struct Pool {
    slots: Box<[Slot]>,
    status: Arc<WriterStatus>,
}

/// Aligned so that two slots never share a cache line (128 bytes: the processor fetches pairs).
#[repr(align(128))]
struct Slot {
    /// `None` once the database is closed.
    reader: Mutex<Option<Reader>>,
}

struct Reader {
    connection: Connection,
    /// The moment of the transaction that is open.
    moment: Option<Moment>,
}

/// The view of a transaction.
#[derive(Clone, Copy)]
struct Moment {
    /// At least so many transactions of the writer.
    commits: u64,
    began: Instant,
}

static THREADS: AtomicUsize = AtomicUsize::new(0);
thread_local! {
    static HOME: Cell<usize> = Cell::new(THREADS.fetch_add(1, Ordering::Relaxed));
}

impl Pool {
    pub(crate) fn new(connections: Vec<Connection>, status: Arc<WriterStatus>) -> Self {
        let reader = |connection| Some(Reader { connection, moment: None });
        let slots = connections.into_iter().map(|it| Slot { reader: Mutex::new(reader(it)) });
        Self { slots: slots.collect(), status }
    }

    pub(crate) fn read<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        let mut slot = self.idle_slot();
        let reader = slot.as_mut().ok_or(Error::Closed)?;
        reader.let_go();
        let _tidy = Tidy(&reader.connection);
        Ok(read(&reader.connection)?)
    }

    /// Reads what is committed, in a transaction that stays open for the next read: to begin and to
    /// end one takes locks of the system, which cost as much as a short read.
    pub(crate) fn read_on<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        let mut slot = self.idle_slot();
        let reader = slot.as_mut().ok_or(Error::Closed)?;
        let moment = reader.moment_now(self.status.commits())?;
        let answer = {
            let _tidy = TidyAfterPanic(&reader.connection);
            read(&reader.connection)
        };
        match answer {
            Ok(answer) if !reader.connection.is_autocommit() => {
                reader.moment = Some(moment);
                Ok(answer)
            }
            answer => {
                reader.let_go();
                Ok(answer?)
            }
        }
    }

    /// Ends the transactions that no read is in, so that they do not keep the log from being emptied.
    /// One that is in use ends with the read after the next commit.
    pub(crate) fn let_go(&self) {
        for slot in &self.slots {
            if let Some(mut reader) = slot.reader.try_lock()
                && let Some(reader) = reader.as_mut()
            {
                reader.let_go();
            }
        }
    }

    /// Closes all connections; waits for the reads that run.
    pub(crate) fn close(&self) {
        for slot in &self.slots {
            slot.reader.lock().take();
        }
    }

    fn idle_slot(&self) -> MutexGuard<'_, Option<Reader>> {
        let count = self.slots.len();
        let home = HOME.get() % count;
        for step in 0..count {
            let slot = &self.slots[(home + step) % count];
            if let Some(reader) = slot.reader.try_lock() {
                return reader;
            }
        }
        self.slots[home].reader.lock()
    }
}

impl Reader {
    /// The moment of an open transaction that sees all these commits: the one that is kept, or a new
    /// one. It is not kept yet.
    fn moment_now(&mut self, commits: u64) -> rusqlite::Result<Moment> {
        if let Some(moment) = self.moment.take() {
            if moment.commits == commits && moment.began.elapsed() < MOMENT_MAX {
                return Ok(moment);
            }
            self.end();
        }
        // What it sees begins with its first read, after the commits were counted.
        self.connection.prepare_cached("BEGIN")?.execute([])?;
        Ok(Moment { commits, began: Instant::now() })
    }

    /// Ends what is kept.
    fn let_go(&mut self) {
        self.moment = None;
        self.end();
    }

    fn end(&self) {
        drop(Tidy(&self.connection));
    }
}

/// [`Tidy`] for a closure that panics.
struct TidyAfterPanic<'c>(&'c Connection);

impl Drop for TidyAfterPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            drop(Tidy(self.0));
        }
    }
}

/// Ends a transaction that a closure left open, so that it cannot pin an old snapshot.
pub(crate) struct Tidy<'c>(pub(crate) &'c Connection);

impl Drop for Tidy<'_> {
    fn drop(&mut self) {
        if !self.0.is_autocommit() {
            // A failed rollback leaves nothing to do: reads have no effects to undo.
            let _ = self.0.prepare_cached("ROLLBACK").and_then(|mut it| it.execute([]));
        }
    }
}
