//! A database of the owner's own, which is looked at with statements that only read.

mod handlers;
mod history;
mod problems;
mod running;
mod state;
mod wire;

use isobase_http::{BodyLimit::Document, Permission::Admin, handler};

use crate::Route;
pub use state::SqlOptions;
pub(crate) use state::State;

/// The routes of that database. Their handlers let owners in and nobody else: `Admin` is the scope
/// that owners have.
pub(crate) fn routes() -> Vec<Route<State>> {
    let (root, past) = ("/api/v1/sql", "/api/v1/sql/history");
    let (run, csv, explain) = ("/api/v1/sql/run", "/api/v1/sql/csv", "/api/v1/sql/explain");
    let cancel = "/api/v1/sql/statements/{statement}/cancel";
    let (tables, table) = ("/api/v1/sql/tables", "/api/v1/sql/table");
    let references = "/api/v1/sql/references";
    vec![
        Route::get(root, Admin, handler(handlers::get_database), wire::get_database()),
        Route::post(run, Admin, handler(handlers::run_statement), wire::run_statement())
            .body(Document),
        Route::post(csv, Admin, handler(handlers::export_statement), wire::export_statement())
            .body(Document),
        Route::post(
            explain,
            Admin,
            handler(handlers::explain_statement),
            wire::explain_statement(),
        )
        .body(Document),
        Route::post(cancel, Admin, handler(handlers::cancel_statement), wire::cancel_statement()),
        Route::get(tables, Admin, handler(handlers::list_tables), wire::list_tables()),
        Route::get(table, Admin, handler(handlers::get_table), wire::get_table()),
        Route::get(references, Admin, handler(handlers::list_references), wire::list_references()),
        Route::get(past, Admin, handler(handlers::list_history), wire::list_history()),
        Route::delete(past, Admin, handler(handlers::delete_history), wire::delete_history()),
    ]
}
