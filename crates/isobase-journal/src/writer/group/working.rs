//! The documents of a group, as they were and as they become.

use isobase_types::{Revision, Timestamp};

use crate::{Cost, DocumentKey, DocumentWrite, NativeDocument};

/// A document of the group.
pub(super) struct Working {
    /// As it was read, also when a deletion of its collection has taken it away.
    pub(super) native: Option<NativeDocument>,
    pub(super) state: State,
}

impl Working {
    /// Its last change; `None` when it is not there.
    pub(super) fn updated_at(&self) -> Option<Timestamp> {
        self.state.content.as_ref().map(|content| content.updated_at)
    }

    /// Its body as it is now; `None` when it is not there.
    pub(super) fn body(&self) -> Option<&str> {
        self.state.content.as_ref().map(|content| &*content.body)
    }
}

/// How a document is now, and what is to be written of it.
#[derive(Default)]
pub(super) struct State {
    pub(super) content: Option<Content>,
    /// An operation of this group changed it.
    pub(super) touched: bool,
    /// The document to be written; `None` when nothing was and nothing is.
    pub(super) write: Option<DocumentWrite>,
    pub(super) cost: Cost,
}

/// The content of a document.
pub(super) struct Content {
    pub(super) revision: Revision,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) body: String,
    /// Natively it stays as another program wrote it.
    pub(super) keeps_native: bool,
}

/// The state of a document before an operation; `None` if the group did not know it.
pub(super) struct Undo {
    pub(super) key: DocumentKey,
    pub(super) before: Option<State>,
}
