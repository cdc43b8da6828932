//! The request log of other services.

mod handlers;
mod problems;
mod state;
mod wire;

use isobase_http::{
    BodyLimit::Document,
    Permission::{self},
    handler,
};

use crate::Route;
use handlers::{facet, ingest, items, list, watch};
use state::READ;
pub(crate) use state::State;

/// To change it.
const WRITE: Permission = Permission::WriteOf("requests");

/// The routes of the request log.
pub(crate) fn routes() -> Vec<Route<State>> {
    let (all, one) = ("/api/v1/db/requests", "/api/v1/db/requests/{id}");
    let (batch, stats) = ("/api/v1/db/requests/batch", "/api/v1/db/requests/stats");
    let preview = "/api/v1/db/requests/redaction/preview";
    let (stream, facets) = ("/api/v1/db/requests/stream", "/api/v1/db/requests/facets");
    let (csv, lines) = ("/api/v1/db/requests/export.csv", "/api/v1/db/requests/export.ndjson");
    let (work, by_hash) =
        ("/api/v1/db/extract-action-items", "/api/v1/db/extract-action-items/by-input-hash");
    vec![
        Route::post(all, WRITE, handler(ingest::log_request), wire::log_request()).body(Document),
        Route::post(batch, WRITE, handler(ingest::log_requests), wire::log_requests())
            .body(Document),
        Route::post(preview, READ, handler(ingest::preview_redaction), wire::preview_redaction())
            .body(Document),
        Route::get(all, READ, handler(list::list_requests), wire::list_requests()),
        Route::get(stats, READ, handler(list::get_request_stats), wire::get_request_stats()),
        Route::get(facets, READ, handler(facet::get_request_facets), wire::get_request_facets()),
        Route::get(stream, READ, handler(watch::stream_requests), wire::stream_requests())
            .event_stream(),
        Route::get(csv, READ, handler(list::export_csv), wire::export_csv()),
        Route::get(lines, READ, handler(list::export_lines), wire::export_lines()),
        Route::get(one, READ, handler(list::get_request), wire::get_request()),
        Route::post(work, WRITE, handler(items::create_item), wire::create_item()).body(Document),
        Route::patch(work, WRITE, handler(items::update_item), wire::update_item()).body(Document),
        Route::get(work, READ, handler(items::list_items), wire::list_items()),
        Route::get(by_hash, READ, handler(items::get_item), wire::get_item()),
    ]
}
