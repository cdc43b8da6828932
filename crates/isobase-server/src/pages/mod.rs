//! The pages of an app: `index.html` and `public/` of its folder, at every path that no route has.
//!
//! Nothing else of the folder is ever served, and of these two no dot file and nothing that a link
//! leads to outside.

mod handlers;
mod problems;
mod state;
mod wire;

use isobase_http::{Permission::Public, handler};

use crate::Route;
pub use state::PagesConfig;
pub(crate) use state::State;

/// The route of the pages.
pub(crate) fn route() -> Route<State> {
    Route::get("/{*path}", Public, handler(handlers::get_page), wire::get_page())
}
