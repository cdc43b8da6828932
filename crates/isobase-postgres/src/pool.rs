//! Connections for questions that take a while, one question at a time on each.

use std::{
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use parking_lot::{Mutex, MutexGuard};
use tokio::{
    sync::{AcquireError, OwnedSemaphorePermit, Semaphore, SemaphorePermit},
    time::{Instant, error::Elapsed, timeout_at},
};

use crate::{Config, Connection, Error, ErrorKind};

/// A bounded number of connections, opened when they are needed and kept.
///
/// It never asks a connection whether it lives: a connection that does not answer costs one
/// question its deadline, and then all idle ones are given up together with it.
#[derive(Debug)]
pub struct Pool {
    config: Arc<Config>,
    size: usize,
    slots: Arc<Semaphore>,
    /// Who waits for a connection. Written by those who begin and end to wait.
    waiting: AtomicUsize,
    idle: Mutex<Idle>,
}

/// Counts somebody who waits, until it is dropped.
struct Waiting<'p>(&'p AtomicUsize);

impl<'p> Waiting<'p> {
    fn new(waiting: &'p AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Debug, Default)]
struct Idle {
    /// The last used is the first to be used again, so that few stay busy.
    connections: Vec<Connection>,
    /// Counts how often all connections were given up. One leased before is not taken back.
    generation: u64,
}

/// How busy a pool is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolStatus {
    /// Most connections at a time.
    pub size: usize,
    /// Connections in use.
    pub leased: usize,
    /// Open connections that no one uses.
    pub idle: usize,
    /// Questions that wait for a connection.
    pub waiting: usize,
}

/// A connection for a while. Unless it is given back with [`Lease::finish`], it is closed and
/// what it was doing is cancelled: its next answer would belong to somebody else's question.
#[derive(Debug)]
pub struct Lease<'p> {
    pool: Held<'p>,
    connection: Option<Connection>,
    generation: u64,
}

/// The pool of a lease, and its place in it.
#[derive(Debug)]
enum Held<'p> {
    Borrowed(
        &'p Pool,
        #[expect(dead_code, reason = "its drop frees the place")] SemaphorePermit<'p>,
    ),
    Owned(
        Arc<Pool>,
        #[expect(dead_code, reason = "its drop frees the place")] OwnedSemaphorePermit,
    ),
}

impl Pool {
    /// A pool without connections yet.
    #[must_use]
    pub fn new(config: Arc<Config>) -> Self {
        let size = config.pool_size();
        let (slots, waiting) = (Arc::new(Semaphore::new(size)), AtomicUsize::new(0));
        Self { config, size, slots, waiting, idle: Mutex::default() }
    }

    /// A connection; waits for one until a moment.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] when none gets free in time, the server cannot be reached, or
    /// the pool is closed.
    pub async fn lease(&self, deadline: Instant) -> Result<Lease<'_>, Error> {
        let waiting = Waiting::new(&self.waiting);
        let slot = self.slot(timeout_at(deadline, self.slots.acquire()).await)?;
        drop(waiting);
        let (connection, generation) = self.connection(deadline).await?;
        let pool = Held::Borrowed(self, slot);
        Ok(Lease { pool, connection: Some(connection), generation })
    }

    /// As [`Pool::lease`], for a lease that outlives its caller.
    ///
    /// # Errors
    /// As [`Pool::lease`].
    pub async fn lease_owned(self: &Arc<Self>, deadline: Instant) -> Result<Lease<'static>, Error> {
        let acquire = Arc::clone(&self.slots).acquire_owned();
        let waiting = Waiting::new(&self.waiting);
        let slot = self.slot(timeout_at(deadline, acquire).await)?;
        drop(waiting);
        let (connection, generation) = self.connection(deadline).await?;
        let pool = Held::Owned(Arc::clone(self), slot);
        Ok(Lease { pool, connection: Some(connection), generation })
    }

    fn slot<T>(&self, acquired: Result<Result<T, AcquireError>, Elapsed>) -> Result<T, Error> {
        match acquired {
            Ok(Ok(slot)) => Ok(slot),
            Ok(Err(_)) => Err(Error::new(ErrorKind::Unavailable, "the pool is closed")),
            Err(_) => {
                let message = format!("all {} connections of the pool are busy", self.size);
                Err(Error::new(ErrorKind::Unavailable, message))
            }
        }
    }

    async fn connection(&self, deadline: Instant) -> Result<(Connection, u64), Error> {
        let (idle, generation) = self.take_idle();
        let connection = match idle {
            Some(connection) => connection,
            None => Connection::open(&self.config, deadline).await?,
        };
        Ok((connection, generation))
    }

    /// Gives up all connections: one of them did not answer, so the others will not either.
    pub fn distrust(&self) {
        let mut idle = self.idle();
        idle.generation += 1;
        idle.connections.clear();
    }

    /// Gives no connections any more and closes the idle ones.
    pub fn close(&self) {
        self.slots.close();
        self.distrust();
    }

    /// How busy it is.
    #[must_use]
    pub fn status(&self) -> PoolStatus {
        let leased = self.size.saturating_sub(self.slots.available_permits());
        let (idle, waiting) = (self.idle().connections.len(), self.waiting.load(Ordering::Relaxed));
        PoolStatus { size: self.size, leased, idle, waiting }
    }

    fn take_idle(&self) -> (Option<Connection>, u64) {
        let mut idle = self.idle();
        let generation = idle.generation;
        while let Some(connection) = idle.connections.pop() {
            if !connection.is_closed() {
                return (Some(connection), generation);
            }
        }
        (None, generation)
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock()
    }
}

impl Lease<'_> {
    /// Gives the connection back: every question was answered.
    pub fn finish(mut self) {
        let Some(connection) = self.connection.take() else { return };
        let pool = match &self.pool {
            Held::Borrowed(pool, _) => *pool,
            Held::Owned(pool, _) => pool.as_ref(),
        };
        let mut idle = pool.idle();
        if idle.generation == self.generation && !connection.is_closed() {
            idle.connections.push(connection);
        }
    }
}

impl Deref for Lease<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection.as_ref().expect("taken only by finish, which ends the lease")
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.cancel();
        }
    }
}
