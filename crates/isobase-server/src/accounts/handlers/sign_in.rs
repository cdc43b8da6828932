//! Registering, signing in and out.

use std::sync::Arc;

use http::{Response, header};
use isobase_http::Body;

use super::{
    body::{self, Credentials, Registration},
    caller, second_factor,
};
use crate::{
    Call,
    accounts::{
        State, problems,
        wire::{Done, Named},
    },
    answer::json,
    failure::Failure,
    request::no_parameters,
    session_cookie,
};
use isobase_auth::AccountError;

/// `POST /api/register`
pub(crate) async fn register(state: Arc<State>, mut call: Call) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let body = body::Body::read(&mut call).await?;
    let registration = Registration::of(&body)?;
    let address = caller::address(&call);
    let account = state.accounts.register(registration.new_account(), &address).await?;
    state.authorizer.refresh().await?;
    if let Some(email) = &account.email
        && let Err(error) = state.accounts.send_verification(&account, email, &address)
    {
        // It can be asked for again.
        tracing::debug!(%error, "no letter about the address of a new account: {error}");
    }
    let mut response = json(&Named::of(&account));
    caller::begin_in_browser(&state, &call, &account, &mut response).await?;
    Ok(response)
}

/// `POST /api/login`
pub(crate) async fn login(state: Arc<State>, mut call: Call) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let body = body::Body::read(&mut call).await?;
    let account = sign_in(&state, &call, &body).await?;
    let mut response = json(&Named::of(&account));
    caller::begin_in_browser(&state, &call, &account, &mut response).await?;
    Ok(response)
}

/// Who a body's name and password belong to, or a challenge and the code of the second step.
pub(super) async fn sign_in(
    state: &State,
    call: &Call,
    body: &body::Body,
) -> Result<isobase_auth::Account, Failure> {
    let address = caller::address(call);
    if let Some(challenge) = body.text("challenge")? {
        let code = second_factor::code(body)?;
        return Ok(state.accounts.second_step(&challenge, &code, &address).await?);
    }
    if let Some((email, code)) = code(body)? {
        return Ok(state.accounts.sign_in_by_code(&email, &code, &address).await?);
    }
    let Some(Credentials { identifier, password }) = Credentials::of(body)? else {
        return Err(AccountError::WrongCredentials.into());
    };
    Ok(state.accounts.sign_in(&identifier, &password, &address).await?)
}

/// An address with the code of a letter, in place of a password.
fn code(body: &body::Body) -> Result<Option<(String, String)>, isobase_http::Problem> {
    if body.text("password")?.is_some() {
        return Ok(None);
    }
    let email = match body.text("email")? {
        Some(email) => Some(email),
        None => body.text("username")?,
    };
    Ok(email.zip(body.text("code")?))
}

/// `POST /api/logout`. A session that is over already is no reason to complain.
pub(crate) async fn logout(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let by_cookie = session_cookie::token(&call.headers);
    let public_url = state.public_url.as_deref();
    let has_cookie = by_cookie.or(session_cookie::own_token(&call.headers)).is_some();
    if has_cookie && !crate::origin::is_own_page(&call.headers, public_url) {
        return Err(problems::foreign_page().into());
    }
    let sessions = state.accounts.sessions();
    // Anyone who acts as somebody else leaves altogether.
    let own = session_cookie::own_token(&call.headers);
    for token in by_cookie.into_iter().chain(own).chain(crate::gate::credentials(&call.headers)) {
        if let Some(session) = sessions.resolve(token).await? {
            sessions.end(&session.account, &session.id).await?;
        }
    }
    let mut response = json(&Done::OK);
    for cookie in session_cookie::clear(&call.headers) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}
