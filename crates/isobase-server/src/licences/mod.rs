//! Licences and installations: what the services of an application ask of the older licence and
//! database services, and what people do to licences.
//!
//! `/api/v1/license` is for the products themselves, whose only credential is the key of their
//! licence: activation and validation are public and bounded by address and licence.
//! `/api/v1/db` is for services with keys. An outage is 503 everywhere, never an invalid licence.

mod handlers;
mod problems;
mod state;
mod wire;

use isobase_http::{
    BodyLimit::{Document, Pieces},
    Permission::{self, Public},
    handler,
};

use crate::Route;
use handlers::{actions, bulk, flows, installations, lists, lookups};
pub use state::ReadLicenceFile;
pub(crate) use state::State;

/// To read what this feature keeps.
const READ: Permission = Permission::ReadOf("licences");
/// To change it.
const WRITE: Permission = Permission::WriteOf("licences");

/// The routes of licences.
pub(crate) fn routes() -> Vec<Route<State>> {
    let mut routes = for_products();
    routes.extend(of_licences());
    routes.extend(of_one_licence());
    routes.extend(of_its_installations());
    routes.extend(of_installations());
    routes
}

fn for_products() -> Vec<Route<State>> {
    let (activate, validate) = ("/api/v1/license/activate", "/api/v1/license/validate");
    let (list, create) = ("/api/v1/license/list", "/api/v1/license/create");
    let (one, of_email) = ("/api/v1/license/{id}", "/api/v1/license/installations/{email}");
    let public_key = "/api/v1/license/public-key";
    vec![
        Route::post(activate, Public, handler(flows::activate_license), wire::activate_license())
            .body(Document),
        Route::post(validate, Public, handler(flows::validate_license), wire::validate_license())
            .body(Document),
        Route::get(validate, Public, handler(flows::check_license), wire::check_license()),
        Route::get(public_key, Public, handler(flows::get_public_key), wire::get_public_key()),
        Route::get(
            list,
            READ,
            handler(lists::list_all_licenses),
            wire::list_all_licenses("list_issued_licenses"),
        ),
        Route::post(
            create,
            WRITE,
            handler(actions::create_license),
            wire::create_license("issue_license"),
        )
        .body(Document),
        Route::delete(
            one,
            WRITE,
            handler(actions::delete_license),
            wire::delete_license("withdraw_license"),
        ),
        Route::get(of_email, READ, handler(installations::list_of_email), wire::list_of_email()),
    ]
}

fn of_licences() -> Vec<Route<State>> {
    let (by_key, by_email) = ("/api/v1/db/license/by-key", "/api/v1/db/license/by-email");
    let (all, list) = ("/api/v1/db/license", "/api/v1/db/license/list");
    let (create, csv) = ("/api/v1/db/license/create", "/api/v1/db/license/export.csv");
    let (import, explain) = ("/api/v1/db/license/import", "/api/v1/db/license/explain");
    let (activate, validate) = ("/api/v1/db/license/activate", "/api/v1/db/license/validate");
    let read = "/api/v1/db/license/read";
    let (many, stats) = ("/api/v1/db/license/bulk", "/api/v1/db/license/stats");
    vec![
        Route::get(by_key, READ, handler(lookups::get_license_by_key), wire::get_license_by_key()),
        Route::get(
            by_email,
            READ,
            handler(lookups::get_license_by_email),
            wire::get_license_by_email(),
        ),
        Route::get(
            list,
            READ,
            handler(lists::list_all_licenses),
            wire::list_all_licenses("list_all_licenses"),
        ),
        Route::get(all, READ, handler(lists::list_licenses), wire::list_licenses()),
        Route::get(stats, READ, handler(lists::get_totals), wire::get_totals()),
        Route::get(csv, READ, handler(lists::export_licenses), wire::export_licenses()),
        Route::post(all, WRITE, handler(actions::put_license), wire::put_license()).body(Document),
        Route::post(
            create,
            WRITE,
            handler(actions::create_license),
            wire::create_license("create_license"),
        )
        .body(Document),
        Route::post(many, WRITE, handler(bulk::create_licenses), wire::create_licenses())
            .body(Document),
        Route::post(import, WRITE, handler(bulk::import_licenses), wire::import_licenses())
            .body(Document),
        Route::post(read, WRITE, handler(bulk::read_license_file), wire::read_license_file())
            .body(Pieces),
        Route::post(explain, READ, handler(flows::explain_license), wire::explain_license())
            .body(Document),
        Route::post(activate, WRITE, handler(flows::activate_for), wire::activate_for())
            .body(Document),
        Route::post(validate, WRITE, handler(flows::validate_for), wire::validate_for())
            .body(Document),
    ]
}

fn of_one_licence() -> Vec<Route<State>> {
    let one = "/api/v1/db/license/{id}";
    let action = |name: &str| format!("/api/v1/db/license/{{id}}/{name}");
    vec![
        Route::get(one, READ, handler(lookups::get_license), wire::get_license()),
        Route::patch(one, WRITE, handler(actions::update_license), wire::update_license())
            .body(Document),
        Route::delete(
            one,
            WRITE,
            handler(actions::delete_license),
            wire::delete_license("delete_license"),
        ),
        Route::post(
            action("suspend"),
            WRITE,
            handler(actions::suspend_license),
            wire::suspend_license(),
        ),
        Route::post(
            action("reinstate"),
            WRITE,
            handler(actions::reinstate_license),
            wire::reinstate_license(),
        ),
        Route::post(
            action("revoke"),
            WRITE,
            handler(actions::revoke_license),
            wire::revoke_license(),
        ),
        Route::post(
            action("restore"),
            WRITE,
            handler(actions::restore_license),
            wire::restore_license(),
        ),
        Route::post(
            action("extend"),
            WRITE,
            handler(actions::extend_license),
            wire::extend_license(),
        )
        .body(Document),
        Route::post(
            action("rotate-key"),
            WRITE,
            handler(actions::rotate_license_key),
            wire::rotate_license_key(),
        ),
        Route::post(
            action("file"),
            WRITE,
            handler(actions::create_license_file),
            wire::create_license_file(),
        )
        .body(Document),
    ]
}

fn of_its_installations() -> Vec<Route<State>> {
    let all = "/api/v1/db/license/{id}/installations";
    let one = "/api/v1/db/license/{id}/installations/{installation}";
    vec![
        Route::get(all, READ, handler(installations::list_of_license), wire::list_of_license()),
        Route::delete(one, WRITE, handler(installations::free_of_license), wire::free_of_license()),
    ]
}

fn of_installations() -> Vec<Route<State>> {
    let all = "/api/v1/db/installations";
    let (last_seen, replace) =
        ("/api/v1/db/installations/last-seen", "/api/v1/db/installations/replace-oldest");
    vec![
        Route::get(
            all,
            READ,
            handler(installations::list_installations),
            wire::list_installations(),
        ),
        Route::post(
            all,
            WRITE,
            handler(installations::create_installation),
            wire::create_installation(),
        )
        .body(Document),
        Route::patch(
            all,
            WRITE,
            handler(installations::touch_installation),
            wire::touch_installation("touch_installation"),
        ),
        Route::patch(
            last_seen,
            WRITE,
            handler(installations::touch_installation),
            wire::touch_installation("update_last_seen"),
        ),
        Route::delete(
            all,
            WRITE,
            handler(installations::delete_installation),
            wire::delete_installation(),
        ),
        Route::post(replace, WRITE, handler(installations::replace_oldest), wire::replace_oldest())
            .body(Document),
    ]
}
