//! State of the record routes.

use isobase_store::View;

use crate::{Call, views::Views};

/// State of the record routes.
pub(crate) struct State {
    /// The documents, as far as each caller sees them.
    pub(crate) views: Views,
    /// Largest `limit` of a listing.
    pub(crate) page_size_max: u32,
}

impl State {
    /// The documents as the caller sees them.
    pub(crate) fn view(&self, call: &Call) -> View {
        self.views.of(&call.principal)
    }
}
