//! Webhooks: other services that are told what happens.

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
pub(crate) use state::State;

/// To see endpoints and deliveries, which hold what happened.
const READ: Permission = Permission::ReadOf("webhooks");
/// To change them.
const WRITE: Permission = Permission::WriteOf("webhooks");

/// The routes of webhooks.
pub(crate) fn routes() -> Vec<Route<State>> {
    let (all, one) = ("/api/v1/webhooks", "/api/v1/webhooks/{webhook}");
    let (rotate, test) = ("/api/v1/webhooks/{webhook}/rotate", "/api/v1/webhooks/{webhook}/test");
    let (sent, of_one) = ("/api/v1/deliveries", "/api/v1/deliveries/{delivery}");
    let again = "/api/v1/deliveries/{delivery}/resend";
    vec![
        Route::get(all, READ, handler(handlers::list_webhooks), wire::list_webhooks()),
        Route::post(all, WRITE, handler(handlers::create_webhook), wire::create_webhook())
            .body(Document),
        Route::get(one, READ, handler(handlers::get_webhook), wire::get_webhook()),
        Route::patch(one, WRITE, handler(handlers::change_webhook), wire::change_webhook())
            .body(Document),
        Route::delete(one, WRITE, handler(handlers::delete_webhook), wire::delete_webhook()),
        Route::post(rotate, WRITE, handler(handlers::rotate_secret), wire::rotate_secret()),
        Route::post(test, WRITE, handler(handlers::test_webhook), wire::test_webhook()),
        Route::get(sent, READ, handler(handlers::list_deliveries), wire::list_deliveries()),
        Route::get(of_one, READ, handler(handlers::get_delivery), wire::get_delivery()),
        Route::post(again, WRITE, handler(handlers::resend_delivery), wire::resend_delivery()),
    ]
}
