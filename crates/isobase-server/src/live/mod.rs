//! Live events: what happens in the collections that make events, as a stream of server-sent
//! events.

mod connections;
mod handlers;
mod problems;
mod state;
mod wire;

use isobase_http::{
    Permission::{Admin, Anyone},
    handler,
};

use crate::Route;
pub use state::LiveConfig;
pub(crate) use state::State;

/// The routes of events, and of those who listen.
pub(crate) fn routes() -> Vec<Route<State>> {
    vec![
        Route::get("/api/events", Anyone, handler(handlers::stream_events), wire::stream_events())
            .event_stream(),
        Route::get(
            "/api/v1/connections",
            Admin,
            handler(connections::list_connections),
            wire::list_connections(),
        ),
        Route::delete(
            "/api/v1/connections/{connection}",
            Admin,
            handler(connections::cut_connection),
            wire::cut_connection(),
        ),
    ]
}
