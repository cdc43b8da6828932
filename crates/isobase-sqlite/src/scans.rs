//! Threads for reads that may take long. Each has a connection and stops at the deadline.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use isobase_writer::block_on;
use parking_lot::{Condvar, Mutex};
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::error::{Error, SqliteFailure, classify};
use crate::pool::Tidy;

/// Instructions of SQLite's virtual machine between two looks at the clock: some 10 µs of work.
const INSTRUCTIONS_PER_CHECK: i32 = 1000;

pub(crate) struct Scans {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

struct Shared {
    queue: Mutex<VecDeque<Scan>>,
    wake: Condvar,
    /// Set by `close`, read by all threads and by the scans that run.
    closing: Arc<AtomicBool>,
    waiting_max: usize,
}

struct Scan {
    deadline: Instant,
    /// Set when no one waits for the answer any more.
    cancelled: Arc<AtomicBool>,
    /// Sends the answer itself, as only it knows its type.
    run: Box<dyn FnOnce(&Connection) + Send>,
}

impl Scans {
    /// Starts one thread per connection.
    pub(crate) fn start(
        connections: Vec<Connection>,
        waiting_max: usize,
    ) -> Result<Self, std::io::Error> {
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            wake: Condvar::new(),
            closing: Arc::default(),
            waiting_max,
        });
        let scans = Self { shared, threads: Mutex::default() };
        for (number, connection) in connections.into_iter().enumerate() {
            let shared = Arc::clone(&scans.shared);
            let thread = thread::Builder::new()
                .name(format!("sqlite-scan-{number}"))
                .spawn(move || serve(connection, &shared));
            match thread {
                Ok(thread) => scans.threads.lock().push(thread),
                Err(error) => {
                    scans.close();
                    return Err(error);
                }
            }
        }
        Ok(scans)
    }

    pub(crate) async fn read<T: Send + 'static>(
        &self,
        timeout: Duration,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let deadline = Instant::now() + timeout;
        let (receiver, _cancel) = self.enqueue(deadline, read)?;
        match tokio::time::timeout_at(deadline.into(), receiver).await {
            Ok(answer) => answer.unwrap_or_else(|_| Err(self.shared.stopped())),
            Err(_) => Err(Error::TimedOut),
        }
    }

    pub(crate) fn read_blocking<T: Send + 'static>(
        &self,
        timeout: Duration,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let deadline = Instant::now() + timeout;
        let (receiver, _cancel) = self.enqueue(deadline, read)?;
        match block_on(receiver, Some(deadline)) {
            Some(answer) => answer.unwrap_or_else(|_| Err(self.shared.stopped())),
            None => Err(Error::TimedOut),
        }
    }

    /// Makes a connection of its own stop when the threads end.
    pub(crate) fn watch(&self, connection: &mut Connection) -> rusqlite::Result<()> {
        let closing = Arc::clone(&self.shared.closing);
        let stops = move || closing.load(Relaxed);
        connection.progress_handler(INSTRUCTIONS_PER_CHECK, Some(stops))
    }

    pub(crate) fn waiting(&self) -> u64 {
        self.shared.queue.lock().len() as u64
    }

    /// Stops the reads that run, refuses the ones that wait, and joins the threads.
    pub(crate) fn close(&self) {
        {
            let mut queue = self.shared.queue.lock();
            self.shared.closing.store(true, Relaxed);
            queue.clear();
        }
        self.shared.wake.notify_all();
        for thread in self.threads.lock().drain(..) {
            // The last handle may be dropped by a read itself, and no thread can join itself.
            if thread.thread().id() != thread::current().id() {
                // A thread ends without a panic: reads run inside `catch_unwind`.
                let _ = thread.join();
            }
        }
    }

    fn enqueue<T: Send + 'static>(
        &self,
        deadline: Instant,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<(oneshot::Receiver<Result<T, Error>>, CancelOnDrop), Error> {
        let (sender, receiver) = oneshot::channel();
        let cancelled = Arc::new(AtomicBool::new(false));
        let shared = Arc::clone(&self.shared);
        let run = Box::new(move |connection: &Connection| {
            let answer = match catch_unwind(AssertUnwindSafe(|| read(connection))) {
                Ok(Ok(value)) => Ok(value),
                Ok(Err(error)) if classify(&error) == SqliteFailure::Interrupted => {
                    Err(shared.stopped())
                }
                Ok(Err(error)) => Err(error.into()),
                Err(_) => Err(Error::Panicked),
            };
            // No one waits any more when this fails.
            let _ = sender.send(answer);
        });
        let scan = Scan { deadline, cancelled: Arc::clone(&cancelled), run };
        {
            let mut queue = self.shared.queue.lock();
            if self.shared.closing.load(Relaxed) {
                return Err(Error::Closed);
            }
            if queue.len() >= self.shared.waiting_max {
                return Err(Error::Busy);
            }
            queue.push_back(scan);
        }
        self.shared.wake.notify_one();
        Ok((receiver, CancelOnDrop(cancelled)))
    }
}

impl Shared {
    /// Why a read ended before its time.
    fn stopped(&self) -> Error {
        if self.closing.load(Relaxed) { Error::Closed } else { Error::TimedOut }
    }

    /// The next read; `None` when the database closes.
    fn next(&self) -> Option<Scan> {
        let mut queue = self.queue.lock();
        loop {
            if self.closing.load(Relaxed) {
                return None;
            }
            if let Some(scan) = queue.pop_front() {
                return Some(scan);
            }
            self.wake.wait(&mut queue);
        }
    }
}

struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

/// What the progress handler of a connection looks at.
struct Limit {
    deadline: Instant,
    cancelled: Arc<AtomicBool>,
}

impl Limit {
    fn reached(&self) -> bool {
        self.cancelled.load(Relaxed) || Instant::now() >= self.deadline
    }
}

fn serve(mut connection: Connection, shared: &Arc<Shared>) {
    let limit: Arc<Mutex<Option<Limit>>> = Arc::default();
    let watched = Arc::clone(&limit);
    let closing = Arc::clone(shared);
    let handler = connection.progress_handler(
        INSTRUCTIONS_PER_CHECK,
        Some(move || {
            closing.closing.load(Relaxed) || watched.lock().as_ref().is_some_and(Limit::reached)
        }),
    );
    if let Err(error) = handler {
        // Reads still end for the caller, at the deadline; only the thread works on.
        tracing::error!(%error, "cannot watch the deadline of reads: {error}");
    }
    while let Some(scan) = shared.next() {
        let next = Limit { deadline: scan.deadline, cancelled: scan.cancelled };
        if next.reached() {
            continue;
        }
        *limit.lock() = Some(next);
        let tidy = Tidy(&connection);
        (scan.run)(&connection);
        // The rollback of what the read left open must not be interrupted by its own deadline.
        *limit.lock() = None;
        drop(tidy);
    }
}
