//! Accounts and sessions: people register, sign in and out, see and end their sessions; those who
//! may do everything make, change and delete accounts.

mod handlers;
mod problems;
mod state;
mod wire;

use isobase_http::{
    BodyLimit::Document,
    Permission::{self, Anyone, Public},
    handler,
};

use crate::Route;
use handlers::{impersonate, mail, manage, me, providers, second_factor, sessions, setup, sign_in};
pub(crate) use state::State;

/// To see the accounts of others.
const READ: Permission = Permission::ReadOf("accounts");
/// To change them. The handlers allow less to those who may not do everything.
const WRITE: Permission = Permission::WriteOf("accounts");

/// The routes of accounts.
pub(crate) fn routes() -> Vec<Route<State>> {
    let parts = [
        sign_in_routes(),
        me_routes(),
        session_routes(),
        mail_routes(),
        provider_routes(),
        second_factor_routes(),
        page_routes(),
        manage_routes(),
        impersonation_routes(),
        managed_session_routes(),
    ];
    parts.into_iter().flatten().collect()
}

/// To register, sign in and sign out.
fn sign_in_routes() -> Vec<Route<State>> {
    vec![
        Route::post("/api/register", Public, handler(sign_in::register), wire::register())
            .body(Document),
        Route::post("/api/login", Public, handler(sign_in::login), wire::login()).body(Document),
        Route::post("/api/logout", Public, handler(sign_in::logout), wire::logout()),
    ]
}

/// The account of the caller.
fn me_routes() -> Vec<Route<State>> {
    let me_ = "/api/me";
    let password = "/api/me/password";
    vec![
        Route::get(me_, Anyone, handler(me::get_me), wire::get_me()),
        Route::delete(me_, Anyone, handler(me::delete_me), wire::delete_me()).body(Document),
        Route::put(password, Anyone, handler(me::change_password), wire::change_password())
            .body(Document),
    ]
}

/// Sessions of the caller.
fn session_routes() -> Vec<Route<State>> {
    let sessions_ = "/api/sessions";
    let renewed = "/api/sessions/renew";
    let session = "/api/sessions/{session}";
    vec![
        Route::post(sessions_, Public, handler(sessions::create_session), wire::create_session())
            .body(Document),
        Route::get(sessions_, Anyone, handler(sessions::list_sessions), wire::list_sessions()),
        Route::delete(sessions_, Anyone, handler(sessions::end_sessions), wire::end_sessions()),
        Route::post(renewed, Anyone, handler(sessions::renew_session), wire::renew_session()),
        Route::delete(session, Anyone, handler(sessions::end_session), wire::end_session()),
    ]
}

/// Letters.
fn mail_routes() -> Vec<Route<State>> {
    let verification = "/api/me/verification";
    let email = "/api/me/email";
    let verified = "/api/register/verify";
    let reset = "/api/login/reset";
    let code = "/api/login/code";
    vec![
        Route::post(
            verification,
            Anyone,
            handler(mail::send_verification),
            wire::send_verification(),
        ),
        Route::put(email, Anyone, handler(mail::change_email), wire::change_email()).body(Document),
        Route::post(verified, Public, handler(mail::verify_email), wire::verify_email())
            .body(Document),
        Route::post(reset, Public, handler(mail::send_reset), wire::send_reset()).body(Document),
        Route::put(reset, Public, handler(mail::reset_password), wire::reset_password())
            .body(Document),
        Route::post(code, Public, handler(mail::send_code), wire::send_code()).body(Document),
    ]
}

/// Signing in with other services.
fn provider_routes() -> Vec<Route<State>> {
    let listed = "/api/login/providers";
    let begun = "/api/login/with/{provider}";
    let back = "/api/login/with/{provider}/callback";
    let identities = "/api/me/identities";
    let identity = "/api/me/identities/{provider}";
    vec![
        Route::get(listed, Public, handler(providers::list_providers), wire::list_providers()),
        Route::get(begun, Public, handler(providers::begin_sign_in), wire::begin_sign_in()),
        Route::get(back, Public, handler(providers::finish_sign_in), wire::finish_sign_in()),
        Route::get(
            identities,
            Anyone,
            handler(providers::list_identities),
            wire::list_identities(),
        ),
        Route::post(identities, Anyone, handler(providers::begin_link), wire::begin_link())
            .body(Document),
        Route::delete(
            identity,
            Anyone,
            handler(providers::unlink_identity),
            wire::unlink_identity(),
        ),
    ]
}

/// The second factor of the caller.
fn second_factor_routes() -> Vec<Route<State>> {
    let factor = "/api/me/second-factor";
    let recovery = "/api/me/second-factor/recovery";
    vec![
        Route::get(
            factor,
            Anyone,
            handler(second_factor::get_second_factor),
            wire::get_second_factor(),
        ),
        Route::post(
            factor,
            Anyone,
            handler(second_factor::offer_second_factor),
            wire::offer_second_factor(),
        )
        .body(Document),
        Route::put(
            factor,
            Anyone,
            handler(second_factor::confirm_second_factor),
            wire::confirm_second_factor(),
        )
        .body(Document),
        Route::delete(
            factor,
            Anyone,
            handler(second_factor::remove_second_factor),
            wire::remove_second_factor(),
        )
        .body(Document),
        Route::post(
            recovery,
            Anyone,
            handler(second_factor::renew_recovery_codes),
            wire::renew_recovery_codes(),
        )
        .body(Document),
    ]
}

/// Pages behind links, and the first owner.
fn page_routes() -> Vec<Route<State>> {
    vec![
        Route::get("/confirm", Public, handler(mail::get_confirm), wire::get_confirm()),
        Route::get("/setup", Public, handler(setup::get_setup), wire::get_setup()),
        Route::post("/setup", Public, handler(setup::create_owner), wire::create_owner())
            .body(Document),
    ]
}

/// Accounts, for administrators.
fn manage_routes() -> Vec<Route<State>> {
    let all = "/api/v1/accounts";
    let one = "/api/v1/accounts/{account}";
    vec![
        Route::get(all, READ, handler(manage::list_accounts), wire::list_accounts()),
        Route::post(all, WRITE, handler(manage::create_account), wire::create_account())
            .body(Document),
        Route::get(one, READ, handler(manage::get_account), wire::get_account()),
        Route::patch(one, WRITE, handler(manage::change_account), wire::change_account())
            .body(Document),
        Route::delete(one, WRITE, handler(manage::delete_account), wire::delete_account()),
    ]
}

/// Acting as another account.
fn impersonation_routes() -> Vec<Route<State>> {
    let as_them = "/api/v1/accounts/{account}/impersonate";
    let ended = "/api/impersonation/end";
    vec![
        Route::post(
            as_them,
            WRITE,
            handler(impersonate::impersonate_account),
            wire::impersonate_account(),
        ),
        Route::post(
            ended,
            Anyone,
            handler(impersonate::end_impersonation),
            wire::end_impersonation(),
        ),
    ]
}

/// Sessions of accounts, for administrators.
fn managed_session_routes() -> Vec<Route<State>> {
    let theirs = "/api/v1/accounts/{account}/sessions";
    let one_of_theirs = "/api/v1/accounts/{account}/sessions/{session}";
    vec![
        Route::get(
            theirs,
            READ,
            handler(manage::list_account_sessions),
            wire::list_account_sessions(),
        ),
        Route::delete(
            theirs,
            WRITE,
            handler(manage::end_account_sessions),
            wire::end_account_sessions(),
        ),
        Route::delete(
            one_of_theirs,
            WRITE,
            handler(manage::end_account_session),
            wire::end_account_session(),
        ),
    ]
}
