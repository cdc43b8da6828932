//! What uploads need.

use std::sync::Arc;

use isobase_files::Files;

/// What uploads need.
pub(crate) struct State {
    pub(super) files: Arc<Files>,
}

impl State {
    pub(crate) fn new(files: Arc<Files>) -> Self {
        Self { files }
    }
}
