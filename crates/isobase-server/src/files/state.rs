//! State of uploads.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use isobase_auth::{Audit, Clock};
use isobase_files::{FileTotals, Files, FilesError};
use isobase_store::Store;
use tokio::{runtime::Handle, time::sleep};

use super::link::Links;
use crate::{counted::Counted, views::Views};

/// Between two sweeps.
const SWEEP_EVERY: Duration = Duration::from_secs(1_800);

/// State of uploads.
pub(crate) struct State {
    pub(super) files: Arc<Files>,
    /// The right of callers to documents that name files.
    pub(super) views: Views,
    /// `None` if there is no secret to sign with.
    pub(super) links: Option<Links>,
    pub(super) audit: Audit,
    totals: Counted<FileTotals>,
}

impl State {
    /// Begins to sweep, for as long as the files are there, when it is made while a runtime runs.
    pub(crate) fn new(
        store: &Store,
        files: Arc<Files>,
        views: Views,
        links: Option<Links>,
    ) -> Self {
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(sweep(Arc::downgrade(&files)));
        }
        let audit = Audit::new(store, Clock::default());
        Self { files, views, links, audit, totals: Counted::default() }
    }

    /// The total size of the files, counted now or not long ago.
    pub(super) async fn totals(&self) -> Result<FileTotals, FilesError> {
        self.totals.get(self.files.totals()).await
    }
}

async fn sweep(files: Weak<Files>) {
    loop {
        sleep(SWEEP_EVERY).await;
        let Some(files) = files.upgrade() else { return };
        if let Err(error) = files.sweep_unused().await {
            tracing::warn!(%error, "files that nothing names are not deleted yet: {error}");
        }
    }
}
