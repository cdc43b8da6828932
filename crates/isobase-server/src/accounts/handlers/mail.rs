//! Accounts by mail.

use std::sync::Arc;

use http::Response;
use isobase_http::Body;

use super::{
    body,
    caller::{self, Caller},
    page,
};
use crate::{
    Call,
    accounts::{State, problems, wire::Done},
    answer::json,
    failure::Failure,
    request::no_parameters,
};

/// The page behind the links of letters.
const PAGE: &str = include_str!("confirm.html");

/// `GET /confirm`
pub(crate) async fn get_confirm(_: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    Ok(page::answer(PAGE))
}

/// `POST /api/me/verification`: a letter to the account's own address.
pub(crate) async fn send_verification(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let account = Caller::of(&call)?.account(&state).await?;
    let email = account.email.clone().ok_or_else(|| problems::missing("email"))?;
    state.accounts.send_verification(&account, &email, &caller::address(&call))?;
    Ok(json(&Done::OK))
}

/// `PUT /api/me/email`: a letter to the address that is to be the account's.
pub(crate) async fn change_email(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let caller = Caller::of(&call)?;
    let body = body::Body::read(&mut call).await?;
    let email = body.needed("email")?;
    let password = body.text("password")?.unwrap_or_default();
    let account = caller.confirmed(&state, &call, &password).await?;
    state.accounts.send_verification(&account, &email, &caller::address(&call))?;
    Ok(json(&Done::OK))
}

/// `POST /api/register/verify`
pub(crate) async fn verify_email(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let body = body::Body::read(&mut call).await?;
    let token = body.needed("token")?;
    state.accounts.verify_email(&token).await?;
    Ok(json(&Done::OK))
}

/// `POST /api/login/reset`
pub(crate) async fn send_reset(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let body = body::Body::read(&mut call).await?;
    let email = body.needed("email")?;
    state.accounts.send_reset(&email, &caller::address(&call))?;
    Ok(json(&Done::OK))
}

/// `PUT /api/login/reset`
pub(crate) async fn reset_password(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let body = body::Body::read(&mut call).await?;
    let token = body.needed("token")?;
    let password = body.needed("password")?;
    state.accounts.reset_password(&token, &password).await?;
    Ok(json(&Done::OK))
}

/// `POST /api/login/code`
pub(crate) async fn send_code(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let body = body::Body::read(&mut call).await?;
    let email = body.needed("email")?;
    state.accounts.send_code(&email, &caller::address(&call))?;
    Ok(json(&Done::OK))
}
