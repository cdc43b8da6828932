//! Named keys: made, listed and revoked by those who may do everything.

mod handlers;
mod problems;
mod state;
mod wire;

use isobase_http::{BodyLimit, Permission::Admin, handler};

use crate::Route;
pub(crate) use state::State;

/// The routes of keys.
pub(crate) fn routes() -> Vec<Route<State>> {
    let all = "/api/v1/keys";
    let one = "/api/v1/keys/{key}";
    vec![
        Route::get(all, Admin, handler(handlers::list_keys), wire::list_keys()),
        Route::post(all, Admin, handler(handlers::create_key), wire::create_key())
            .body(BodyLimit::Document),
        Route::post(
            "/api/v1/keys/{key}/rotate",
            Admin,
            handler(handlers::rotate_key),
            wire::rotate_key(),
        )
        .body(BodyLimit::Document),
        Route::delete(one, Admin, handler(handlers::revoke_key), wire::revoke_key()),
    ]
}
