//! Connections that many short questions share.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use arc_swap::ArcSwapOption;
use tokio::{
    sync::Mutex,
    time::{Instant, timeout_at},
};

use crate::{Config, Connection, Error, ErrorKind};

/// A few connections, each shared by everybody. Questions are pipelined: many travel in one
/// packet, which costs half the processor time of a connection for each, but a slow one keeps
/// those behind it waiting. Only for questions that are answered at once.
#[derive(Debug)]
pub struct Lanes {
    config: Arc<Config>,
    lanes: Vec<Lane>,
    next: AtomicUsize,
    closed: AtomicBool,
}

#[derive(Debug, Default)]
struct Lane {
    current: ArcSwapOption<Connection>,
    /// Held by the task that opens the connection anew.
    opening: Mutex<()>,
}

impl Lanes {
    /// Lanes without connections yet.
    #[must_use]
    pub fn new(config: Arc<Config>, count: usize) -> Self {
        let lanes = std::iter::repeat_with(Lane::default).take(count.max(1)).collect();
        Self { config, lanes, next: AtomicUsize::new(0), closed: AtomicBool::new(false) }
    }

    /// The connection whose turn it is; opens it when there is none.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] when the server cannot be reached until the moment.
    pub async fn connection(&self, deadline: Instant) -> Result<Arc<Connection>, Error> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let lane = &self.lanes[turn % self.lanes.len()];
        match lane.live() {
            Some(connection) => Ok(connection),
            None => self.open(lane, deadline).await,
        }
    }

    async fn open(&self, lane: &Lane, deadline: Instant) -> Result<Arc<Connection>, Error> {
        let opening = timeout_at(deadline, lane.opening.lock()).await;
        let _opening = opening.map_err(|_| {
            let address = self.config.address();
            let message = format!("PostgreSQL at {address} cannot be reached in time");
            Error::new(ErrorKind::Unavailable, message)
        })?;
        if self.closed.load(Ordering::Acquire) {
            return Err(Error::new(ErrorKind::Unavailable, "the database was closed"));
        }
        if let Some(connection) = lane.live() {
            return Ok(connection);
        }
        let connection = Arc::new(Connection::open(&self.config, deadline).await?);
        lane.current.store(Some(Arc::clone(&connection)));
        Ok(connection)
    }

    /// Closes all connections. Used when one did not answer: the others will not either, and
    /// everybody who waits for them learns it now.
    pub fn distrust(&self) {
        for lane in &self.lanes {
            if let Some(connection) = lane.current.swap(None) {
                connection.close();
            }
        }
    }

    /// Closes all connections and opens none any more.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.distrust();
    }
}

impl Lane {
    fn live(&self) -> Option<Arc<Connection>> {
        self.current.load_full().filter(|connection| !connection.is_closed())
    }
}
