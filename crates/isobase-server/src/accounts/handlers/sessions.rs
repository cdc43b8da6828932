//! The sessions of the one who asks.

use std::sync::Arc;

use http::{Response, header};
use isobase_auth::SessionKind;
use isobase_http::Body;

use super::{
    body,
    caller::{self, Caller},
    sign_in::sign_in,
};
use crate::{
    Call,
    accounts::{
        State, problems,
        wire::{BegunSession, Done, ListedSession, ListedSessions, Renewed},
    },
    answer::json,
    failure::Failure,
    request::no_parameters,
    session_cookie,
};

/// `POST /api/sessions`
pub(crate) async fn create_session(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let body = body::Body::read(&mut call).await?;
    let account = sign_in(&state, &call, &body).await?;
    let created = caller::begin(&state, &call, &account, SessionKind::Bearer).await?;
    Ok(json(&BegunSession::of(&created, &account)))
}

/// `GET /api/sessions`
pub(crate) async fn list_sessions(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let caller = Caller::of(&call)?;
    let account = caller.account(&state).await?;
    let sessions = state.accounts.sessions().list(&account).await?;
    let listed = sessions.iter().map(|session| ListedSession::of(session, &caller.session));
    Ok(json(&ListedSessions { sessions: listed.collect() }))
}

/// `DELETE /api/sessions`: all but the one that asks.
pub(crate) async fn end_sessions(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let caller = Caller::of(&call)?;
    let account = caller.account(&state).await?;
    state.accounts.end_sessions(&account, Some(&caller.session)).await?;
    Ok(json(&Done::OK))
}

/// `DELETE /api/sessions/{session}`
pub(crate) async fn end_session(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let caller = Caller::of(&call)?;
    let id = call.parameter(0);
    match state.accounts.sessions().end(&caller.account, id).await? {
        true => Ok(json(&Done::OK)),
        false => Err(problems::session_not_found(id).into()),
    }
}

/// `POST /api/sessions/renew`
pub(crate) async fn renew_session(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let caller = Caller::of(&call)?;
    let sessions = state.accounts.sessions();
    let until = sessions.renew(&caller.session).await?.ok_or_else(problems::sign_in_required)?;
    let mut response = json(&Renewed { expires_at: until.to_string() });
    if caller.kind == SessionKind::Cookie
        && let Some(token) = session_cookie::token(&call.headers)
    {
        let secure = session_cookie::is_secure(&call.headers, state.public_url.as_deref());
        let cookie = session_cookie::set(token, sessions.lifetime(), secure);
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}
