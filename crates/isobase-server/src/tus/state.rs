//! State of uploads in several requests.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use isobase_files::{Files, Resumable};
use isobase_store::Store;
use tokio::{runtime::Handle, time::sleep};

/// Between two sweeps.
const SWEEP_EVERY: Duration = Duration::from_secs(600);

/// State of uploads in several requests.
pub(crate) struct State {
    pub(super) resumable: Arc<Resumable>,
    /// Largest file, in bytes.
    pub(super) file_bytes_max: u64,
}

impl State {
    /// Begins to sweep, for as long as this is there, when it is made while a runtime runs.
    pub(crate) fn new(store: &Store, files: Arc<Files>) -> Self {
        let file_bytes_max = files.options().file_bytes_max;
        let resumable = Arc::new(Resumable::new(store, files));
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(sweep(Arc::downgrade(&resumable)));
        }
        Self { resumable, file_bytes_max }
    }
}

async fn sweep(resumable: Weak<Resumable>) {
    while let Some(resumable) = resumable.upgrade() {
        if let Err(error) = resumable.sweep().await {
            tracing::warn!(%error, "unfinished uploads are not deleted yet: {error}");
        }
        drop(resumable);
        sleep(SWEEP_EVERY).await;
    }
}
