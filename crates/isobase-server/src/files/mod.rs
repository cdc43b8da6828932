//! Uploaded files.

mod handlers;
mod link;
mod manage;
mod problems;
mod state;
mod stray;
mod uses;
mod wire;

use isobase_http::{
    BodyLimit::{self, Document},
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
    let (stats, strays) = ("/api/v1/uploads/stats", "/api/v1/uploads/strays");
    let (named_by, replace) =
        ("/api/v1/uploads/{name}/documents", "/api/v1/uploads/{name}/replace");
    let (read, write) = (ReadOf("uploads"), WriteOf("uploads"));
    vec![
        Route::post("/api/upload", Anyone, handler(handlers::upload_file), wire::upload_file())
            .body(BodyLimit::Pieces),
        Route::post(link, Anyone, handler(handlers::link_file), wire::link_file()),
        Route::post(sweep, write, handler(manage::sweep_files), wire::sweep_files()),
        Route::get("/api/v1/uploads", read, handler(manage::list_files), wire::list_files()),
        Route::get(stats, read, handler(manage::get_totals), wire::get_totals()),
        Route::get(strays, read, handler(stray::list_strays), wire::list_strays()),
        Route::delete(strays, write, handler(stray::delete_strays), wire::delete_strays()),
        Route::get(one, read, handler(manage::get_listed), wire::get_listed()),
        Route::patch(one, write, handler(manage::rename_file), wire::rename_file()).body(Document),
        Route::delete(one, write, handler(manage::delete_file), wire::delete_file()),
        Route::get(named_by, read, handler(uses::list_uses), wire::list_uses()),
        Route::post(replace, write, handler(uses::replace_file), wire::replace_file())
            .body(Document),
        Route::get("/uploads/{name}", Anyone, handler(handlers::get_file), wire::get_file()),
    ]
}
