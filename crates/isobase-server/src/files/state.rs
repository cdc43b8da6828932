//! What uploads need.

use isobase_files::{Files, FilesOptions};
use isobase_store::Store;

/// What uploads need.
pub(crate) struct State {
    pub(super) files: Files,
}

impl State {
    pub(crate) fn new(store: &Store, options: FilesOptions) -> Self {
        Self { files: Files::new(store, options) }
    }
}
