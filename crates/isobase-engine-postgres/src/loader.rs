//! The state of loads beside the engine.

use std::{collections::HashSet, sync::Arc};

use isobase_postgres::{Config, Pool};
use parking_lot::{Mutex, MutexGuard};

/// Connections for loads: more do not make one server faster.
const CONNECTIONS_MAX: usize = 4;

/// State of loads.
#[derive(Debug)]
pub(crate) struct Loader {
    pub(crate) pool: Pool,
    /// Collections that had documents which were loaded again: the fast way is not tried there.
    /// Written by the task that meets one.
    replaced: Mutex<HashSet<i32>>,
}

impl Loader {
    pub(crate) fn new(config: &Config) -> Self {
        let size = config.pool_size().min(CONNECTIONS_MAX);
        let pool = Pool::new(Arc::new(config.clone().with_pool_size(size)));
        Self { pool, replaced: Mutex::default() }
    }

    pub(crate) fn close(&self) {
        self.pool.close();
    }

    pub(crate) fn replaces(&self, collection: i32) -> bool {
        self.replaced().contains(&collection)
    }

    pub(crate) fn replaced(&self) -> MutexGuard<'_, HashSet<i32>> {
        self.replaced.lock()
    }
}
