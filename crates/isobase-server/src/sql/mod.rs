//! A database of the owner's own, which is looked at with statements that only read, and changed where a
//! setting says so.

mod handlers;
mod history;
mod problems;
mod running;
mod state;
mod wire;

use isobase_http::{BodyLimit::Document, Permission::Admin, handler};

use self::{
    handlers::{read, rows, write},
    wire::{read as of_read, rows as of_rows, write as of_write},
};
use crate::Route;
pub use state::SqlOptions;
pub(crate) use state::State;

/// The routes of that database. Their handlers let owners in and no one else: `Admin` is the scope
/// that owners have.
pub(crate) fn routes() -> Vec<Route<State>> {
    let (root, past) = ("/api/v1/sql", "/api/v1/sql/history");
    let (run, csv, json) = ("/api/v1/sql/run", "/api/v1/sql/csv", "/api/v1/sql/json");
    let (explain, some) = ("/api/v1/sql/explain", "/api/v1/sql/rows");
    let (writing, changes) = ("/api/v1/sql/write", "/api/v1/sql/changes");
    let schema = "/api/v1/sql/schema";
    let cancel = "/api/v1/sql/statements/{statement}/cancel";
    let (tables, table) = ("/api/v1/sql/tables", "/api/v1/sql/table");
    let references = "/api/v1/sql/references";
    vec![
        Route::get(root, Admin, handler(read::get_database), of_read::get_database()),
        Route::post(run, Admin, handler(read::run_statement), of_read::run_statement())
            .body(Document),
        Route::post(csv, Admin, handler(read::export_statement), of_read::export_statement())
            .body(Document),
        Route::post(json, Admin, handler(read::export_json), of_read::export_json()).body(Document),
        Route::post(explain, Admin, handler(read::explain_statement), of_read::explain_statement())
            .body(Document),
        Route::post(cancel, Admin, handler(read::cancel_statement), of_read::cancel_statement()),
        Route::get(tables, Admin, handler(read::list_tables), of_read::list_tables()),
        Route::get(table, Admin, handler(read::get_table), of_read::get_table()),
        Route::get(references, Admin, handler(read::list_references), of_read::list_references()),
        Route::post(some, Admin, handler(rows::list_rows), of_rows::list_rows()).body(Document),
        Route::post(changes, Admin, handler(rows::change_rows), of_rows::change_rows())
            .body(Document),
        Route::post(writing, Admin, handler(write::write_statement), of_write::write_statement())
            .body(Document),
        Route::post(schema, Admin, handler(write::change_schema), of_write::change_schema())
            .body(Document),
        Route::get(past, Admin, handler(read::list_history), of_read::list_history()),
        Route::delete(past, Admin, handler(read::delete_history), of_read::delete_history()),
    ]
}
