//! The settings of the service: shown, and changed for every service on the database.

mod handlers;
mod problems;
mod state;
mod stored;
mod wire;

use isobase_http::{BodyLimit::Document, Permission::Admin, handler};

use crate::Route;
pub(crate) use state::State;
pub use state::{Offered, RunningSettings};
pub use stored::{SETTINGS_COLLECTION, StoredSettings};

/// The routes of settings.
pub(crate) fn routes() -> Vec<Route<State>> {
    let (all, one) = ("/admin/api/settings", "/admin/api/settings/{setting}");
    vec![
        Route::get(all, Admin, handler(handlers::list_settings), wire::list_settings()),
        Route::put(one, Admin, handler(handlers::put_setting), wire::put_setting()).body(Document),
        Route::delete(one, Admin, handler(handlers::reset_setting), wire::reset_setting()),
        Route::post(
            "/api/v1/mail/test",
            Admin,
            handler(handlers::send_test_mail),
            wire::send_test_mail(),
        ),
    ]
}
