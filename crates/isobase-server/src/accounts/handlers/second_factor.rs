//! The second factor of the one who asks.

use std::sync::Arc;

use http::Response;
use isobase_auth::Account;
use isobase_http::{Body, Problem};

use super::{body, caller::Caller};
use crate::{
    Call,
    accounts::{
        State,
        wire::{Done, Offered, RecoveryCodes, ShownSecondFactor},
    },
    answer::json,
    failure::Failure,
    request::no_parameters,
};

/// The name in apps of a service whose address is not configured.
const ISSUER: &str = "Isobase";

/// `GET /api/me/second-factor`
pub(crate) async fn get_second_factor(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let account = Caller::of(&call)?.account(&state).await?;
    Ok(json(&ShownSecondFactor::of(state.accounts.second_factor(&account).await?.as_ref())))
}

/// `POST /api/me/second-factor`: a secret for an app, which counts once it is confirmed.
pub(crate) async fn offer_second_factor(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    let account = confirmed(&state, &mut call).await?;
    let issuer = state.public_url.as_deref().and_then(host).unwrap_or(ISSUER);
    Ok(json(&Offered::of(state.accounts.offer_second_factor(&account, issuer).await?)))
}

/// `PUT /api/me/second-factor`: the app shows the right code.
pub(crate) async fn confirm_second_factor(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let caller = Caller::of(&call)?;
    let body = body::Body::read(&mut call).await?;
    let code = code(&body)?;
    let account = caller.account(&state).await?;
    let codes = state.accounts.confirm_second_factor(&account, &code).await?;
    Ok(json(&RecoveryCodes { recovery_codes: codes }))
}

/// `DELETE /api/me/second-factor`
pub(crate) async fn remove_second_factor(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    let account = confirmed(&state, &mut call).await?;
    state.accounts.remove_second_factor(&account).await?;
    Ok(json(&Done::OK))
}

/// `POST /api/me/second-factor/recovery`
pub(crate) async fn renew_recovery_codes(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    let account = confirmed(&state, &mut call).await?;
    let codes = state.accounts.renew_recovery_codes(&account).await?;
    Ok(json(&RecoveryCodes { recovery_codes: codes }))
}

/// The account of a caller who shows its password again; one without a password has just signed in.
async fn confirmed(state: &State, call: &mut Call) -> Result<Account, Failure> {
    no_parameters(call)?;
    let caller = Caller::of(call)?;
    let body = body::Body::read(call).await?;
    let password = body.text("password")?.unwrap_or_default();
    caller.confirmed(state, call, &password).await
}

/// The code of a body, which must be there.
pub(super) fn code(body: &body::Body) -> Result<String, Problem> {
    body.needed("code")
}

/// The host of an address, as people know the service.
fn host(url: &str) -> Option<&str> {
    let rest = url.split_once("://")?.1;
    rest.split(['/', '?', '#']).next().filter(|host| !host.is_empty())
}
