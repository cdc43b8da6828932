//! Uploaded files.

mod handlers;
mod manage;
mod problems;
mod state;
mod wire;

use isobase_http::{
    BodyLimit,
    Permission::{Admin, Anyone, Public},
    handler,
};

use crate::Route;
pub(crate) use state::State;

/// The routes of files.
pub(crate) fn routes() -> Vec<Route<State>> {
    let one = "/api/v1/uploads/{name}";
    vec![
        Route::post("/api/upload", Anyone, handler(handlers::upload_file), wire::upload_file())
            .body(BodyLimit::Pieces),
        Route::get("/api/v1/uploads", Admin, handler(manage::list_files), wire::list_files()),
        Route::delete(one, Admin, handler(manage::delete_file), wire::delete_file()),
        Route::get("/uploads/{name}", Public, handler(handlers::get_file), wire::get_file()),
    ]
}
