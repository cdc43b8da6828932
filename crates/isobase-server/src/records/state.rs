//! What the record routes need.

use isobase_store::Store;

/// What the record routes need.
pub(crate) struct State {
    /// The documents.
    pub(crate) store: Store,
    /// Largest `limit` of a listing.
    pub(crate) page_size_max: u32,
}
