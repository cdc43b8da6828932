//! Connections for questions that take a while, one question at a time on each.

use std::{
    ops::Deref,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, timeout_at},
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
    slots: Semaphore,
    idle: Mutex<Idle>,
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
    /// Open connections that nobody uses.
    pub idle: usize,
}

/// A connection for a while. Unless it is given back with [`Lease::finish`], it is closed and
/// what it was doing is cancelled: its next answer would belong to somebody else's question.
#[derive(Debug)]
pub struct Lease<'p> {
    pool: &'p Pool,
    connection: Option<Connection>,
    generation: u64,
    _slot: SemaphorePermit<'p>,
}

impl Pool {
    /// A pool without connections yet.
    #[must_use]
    pub fn new(config: Arc<Config>) -> Self {
        let size = config.pool_size();
        Self { config, size, slots: Semaphore::new(size), idle: Mutex::default() }
    }

    /// A connection; waits for one until a moment.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] when none gets free in time, the server cannot be reached, or
    /// the pool is closed.
    pub async fn lease(&self, deadline: Instant) -> Result<Lease<'_>, Error> {
        let slot = match timeout_at(deadline, self.slots.acquire()).await {
            Ok(Ok(slot)) => slot,
            Ok(Err(_)) => return Err(Error::new(ErrorKind::Unavailable, "the pool is closed")),
            Err(_) => {
                let message = format!("all {} connections of the pool are busy", self.size);
                return Err(Error::new(ErrorKind::Unavailable, message));
            }
        };
        let (idle, generation) = self.take_idle();
        let connection = match idle {
            Some(connection) => connection,
            None => Connection::open(&self.config, deadline).await?,
        };
        Ok(Lease { pool: self, connection: Some(connection), generation, _slot: slot })
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
        PoolStatus { size: self.size, leased, idle: self.idle().connections.len() }
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
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lease<'_> {
    /// Gives the connection back: every question was answered.
    pub fn finish(mut self) {
        let Some(connection) = self.connection.take() else { return };
        let mut idle = self.pool.idle();
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
