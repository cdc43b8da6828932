//! Statements that run now, so that they can be stopped.

use std::collections::HashMap;

use parking_lot::{Mutex, MutexGuard};
use tokio_util::sync::CancellationToken;

/// Statements of one owner at a time.
pub(super) const RUNNING_MAX: usize = 2;

/// By owner and id.
type Map = HashMap<(String, String), CancellationToken>;

/// Statements that run now.
#[derive(Default)]
pub(super) struct Running(Mutex<Map>);

/// A statement that runs; its drop says that it does so no longer.
pub(super) struct Ticket<'a> {
    running: &'a Running,
    key: (String, String),
    pub(super) stopped: CancellationToken,
}

/// Why a statement is not begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotBegun {
    /// As many run as may.
    Busy,
    /// One with this id runs.
    Taken,
}

impl Running {
    pub(super) fn begin(&self, owner: &str, id: String) -> Result<Ticket<'_>, NotBegun> {
        let mut map = self.map();
        let key = (owner.to_owned(), id);
        if map.contains_key(&key) {
            return Err(NotBegun::Taken);
        }
        if of(&map, owner) >= RUNNING_MAX {
            return Err(NotBegun::Busy);
        }
        let stopped = CancellationToken::new();
        map.insert(key.clone(), stopped.clone());
        Ok(Ticket { running: self, key, stopped })
    }

    /// How many statements of an owner run.
    pub(super) fn count(&self, owner: &str) -> usize {
        of(&self.map(), owner)
    }

    /// Stops a statement; says whether it ran.
    pub(super) fn stop(&self, owner: &str, id: &str) -> bool {
        match self.map().get(&(owner.to_owned(), id.to_owned())) {
            Some(token) => {
                token.cancel();
                true
            }
            None => false,
        }
    }

    fn map(&self) -> MutexGuard<'_, Map> {
        self.0.lock()
    }
}

fn of(map: &Map, owner: &str) -> usize {
    map.keys().filter(|(of, _)| of == owner).count()
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.running.map().remove(&self.key);
    }
}
