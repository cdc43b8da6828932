//! The admin site and what only it asks for.
//!
//! The files are public, as those of any site: what they show comes from the API, with the rights
//! of who is signed in.

mod audit;
mod handlers;
mod machine;
mod problems;
mod saved;
mod state;
mod warnings;
mod wire;

use isobase_http::{
    BodyLimit::Document,
    Permission::{Public, ReadOf},
    handler,
};

use crate::Route;
pub use machine::{Machine, Space};
pub use state::AdminFacts;
pub(crate) use state::State;

/// The routes of the admin site.
pub(crate) fn routes() -> Vec<Route<State>> {
    let view = "/admin/api/views/{view}";
    vec![
        Route::get("/admin", Public, handler(handlers::get_screen), wire::get_hub()),
        Route::get("/admin/{*screen}", Public, handler(handlers::get_screen), wire::get_screen()),
        Route::get(
            "/admin/assets/{*file}",
            Public,
            handler(handlers::get_asset),
            wire::get_asset(),
        ),
        Route::get(
            "/admin/api/overview",
            ReadOf("overview"),
            handler(handlers::get_overview),
            wire::get_overview(),
        ),
        Route::get(
            "/admin/api/parts",
            ReadOf("overview"),
            handler(handlers::list_parts),
            wire::list_parts(),
        ),
        // They are of the one who asks, who may be one who only looks.
        Route::get(
            "/admin/api/views",
            ReadOf("overview"),
            handler(saved::list_views),
            wire::list_views(),
        ),
        Route::put(view, ReadOf("overview"), handler(saved::put_view), wire::put_view())
            .body(Document),
        Route::delete(view, ReadOf("overview"), handler(saved::delete_view), wire::delete_view()),
        Route::get(
            "/api/v1/audit",
            ReadOf("audit"),
            handler(audit::list_audit),
            wire::list_audit(),
        ),
    ]
}
