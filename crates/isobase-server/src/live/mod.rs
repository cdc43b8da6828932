//! Live events: what happens in the collections that make events, as a stream of server-sent
//! events.

mod handlers;
mod problems;
mod state;
mod wire;

use isobase_http::{Permission::Anyone, handler};

use crate::Route;
pub use state::LiveConfig;
pub(crate) use state::State;

/// The route of events.
pub(crate) fn routes() -> Vec<Route<State>> {
    vec![
        Route::get("/api/events", Anyone, handler(handlers::stream_events), wire::stream_events())
            .event_stream(),
    ]
}
