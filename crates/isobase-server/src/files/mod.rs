//! Uploaded files.

mod handlers;
mod link;
mod manage;
mod problems;
mod state;
mod wire;

use isobase_http::{
    BodyLimit,
    Permission::{Anyone, ReadOf, WriteOf},
    handler,
};

use crate::Route;
pub(crate) use link::Links;
pub(crate) use state::State;

/// The routes of files.
pub(crate) fn routes() -> Vec<Route<State>> {
    let one = "/api/v1/uploads/{name}";
    let (link, sweep) = ("/api/upload/{name}/link", "/api/v1/uploads/sweep");
    vec![
        Route::post("/api/upload", Anyone, handler(handlers::upload_file), wire::upload_file())
            .body(BodyLimit::Pieces),
        Route::post(link, Anyone, handler(handlers::link_file), wire::link_file()),
        Route::post(sweep, WriteOf("uploads"), handler(manage::sweep_files), wire::sweep_files()),
        Route::get(
            "/api/v1/uploads",
            ReadOf("uploads"),
            handler(manage::list_files),
            wire::list_files(),
        ),
        Route::delete(one, WriteOf("uploads"), handler(manage::delete_file), wire::delete_file()),
        Route::get("/uploads/{name}", Anyone, handler(handlers::get_file), wire::get_file()),
    ]
}
