//! State of the routes of an app's collection.

use isobase_store::View;

use crate::{
    Call,
    app_collection::{AppCollection, Rows},
    views::Views,
};

/// State of the routes of an app's collection.
pub(crate) struct State {
    /// The documents, as far as each caller sees them.
    views: Views,
    /// Its declaration.
    pub(super) collection: AppCollection,
    /// How its documents are shown.
    pub(super) rows: Rows,
    /// Largest `limit` of a listing.
    pub(super) page_size_max: u32,
}

impl State {
    pub(crate) fn new(views: Views, collection: AppCollection, page_size_max: u32) -> Self {
        let rows = Rows::of(&collection);
        Self { views, collection, rows, page_size_max }
    }

    /// The documents as the caller sees them.
    pub(super) fn view(&self, call: &Call) -> View {
        self.views.of(&call.principal)
    }
}
