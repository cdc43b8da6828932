//! Uploads that come in several requests: the protocol tus 1.0.0.

mod handlers;
mod problems;
mod request;
mod state;
mod wire;

use isobase_http::{
    BodyLimit,
    Permission::{Anyone, Public},
    handler,
};

use crate::Route;
pub(crate) use state::State;

/// The routes of uploads in several requests. Anyone who knows the address of one may go on with it:
/// it outlives the session that has begun it, which clients do not expect to end.
pub(crate) fn routes() -> Vec<Route<State>> {
    let one = "/api/uploads/tus/{id}";
    vec![
        Route::options(wire::PATH, Public, handler(handlers::describe_tus), wire::describe_tus())
            .with_slash(),
        Route::post(wire::PATH, Anyone, handler(handlers::begin_upload), wire::begin_upload())
            .body(BodyLimit::Pieces)
            .with_slash(),
        Route::options(one, Public, handler(handlers::describe_tus), wire::describe_tus_upload()),
        Route::get(one, Public, handler(handlers::get_upload), wire::get_upload()),
        Route::patch(one, Public, handler(handlers::continue_upload), wire::continue_upload())
            .body(BodyLimit::Pieces),
        Route::post(one, Public, handler(handlers::override_method), wire::override_method())
            .body(BodyLimit::Pieces),
        Route::delete(one, Public, handler(handlers::end_upload), wire::end_upload()),
    ]
}
