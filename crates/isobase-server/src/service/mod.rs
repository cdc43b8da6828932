//! The service itself: what it is, whether it works, what it has counted, how it is used.

mod handlers;
mod problems;
mod state;
mod wire;

use isobase_http::{
    Permission::{Public, Read},
    handler,
};

use crate::Route;
pub(crate) use state::State;

/// The routes of the service itself.
pub(crate) fn routes() -> Vec<Route<State>> {
    vec![
        Route::get("/", Public, handler(handlers::get_service), wire::get_service()),
        Route::get("/health", Public, handler(handlers::get_health), wire::get_health()),
        Route::get("/livez", Public, handler(handlers::get_liveness), wire::get_liveness()),
        Route::get("/readyz", Public, handler(handlers::get_readiness), wire::get_readiness()),
        Route::get("/metrics", Read, handler(handlers::get_metrics), wire::get_metrics()),
        Route::get("/openapi.json", Public, handler(handlers::get_openapi), wire::get_openapi()),
        Route::get("/docs", Public, handler(handlers::get_docs), wire::get_docs()),
        Route::get(
            "/docs/rapidoc.js",
            Public,
            handler(handlers::get_docs_viewer),
            wire::get_docs_viewer(),
        ),
        Route::get(
            "/docs/errors",
            Public,
            handler(handlers::get_docs_errors),
            wire::get_docs_errors(),
        ),
        Route::get("/isobase.js", Public, handler(handlers::get_client), wire::get_client()),
        Route::get(
            "/isobase.d.ts",
            Public,
            handler(handlers::get_client_types),
            wire::get_client_types(),
        ),
    ]
}
