//! Uploaded files.

mod handlers;
mod problems;
mod state;
mod wire;

use isobase_http::{
    BodyLimit,
    Permission::{Anyone, Public},
    handler,
};

use crate::Route;
pub(crate) use state::State;

/// The routes of files.
pub(crate) fn routes() -> Vec<Route<State>> {
    vec![
        Route::post("/api/upload", Anyone, handler(handlers::upload_file), wire::upload_file())
            .body(BodyLimit::Pieces),
        Route::get("/uploads/{name}", Public, handler(handlers::get_file), wire::get_file()),
    ]
}
