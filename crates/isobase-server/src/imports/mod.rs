//! Files that are sent to be brought into a collection, and the job that does it.

mod handlers;
mod problems;
mod read;
mod state;
mod wire;

use isobase_http::{
    BodyLimit::{Document, Pieces},
    Permission::Write,
    handler,
};

use crate::Route;
pub(crate) use state::State;

/// The routes of imports.
pub(crate) fn routes() -> Vec<Route<State>> {
    let (all, one) = ("/api/v1/imports", "/api/v1/imports/{file}");
    let (preview, refused) = ("/api/v1/imports/{file}/preview", "/api/v1/imports/{file}/refused");
    vec![
        Route::get(all, Write, handler(handlers::list_imports), wire::list_imports()),
        Route::post(all, Write, handler(handlers::send_import), wire::send_import()).body(Pieces),
        Route::get(one, Write, handler(handlers::get_import), wire::get_import()),
        Route::delete(one, Write, handler(handlers::delete_import), wire::delete_import()),
        Route::post(preview, Write, handler(handlers::preview_import), wire::preview_import())
            .body(Document),
        Route::get(refused, Write, handler(handlers::get_refused), wire::get_refused()),
        Route::post(
            "/api/v1/jobs/import",
            Write,
            handler(handlers::start_import),
            wire::start_import(),
        )
        .body(Document),
    ]
}
