//! An owner acts as somebody else, for a short while.

use std::sync::Arc;

use http::{HeaderValue, Response, header};
use isobase_auth::{AuditEntry, CreatedSession, IMPERSONATION_LIFETIME, SessionKind};
use isobase_http::Body;
use serde_json::{Value, json as object};

use super::{
    caller::{self, Caller},
    manage,
};
use crate::{
    Call,
    accounts::{
        State, problems,
        wire::{Done, Impersonation},
    },
    actor::actor,
    answer::json,
    failure::Failure,
    origin,
    request::no_parameters,
    session_cookie,
};

/// `POST /api/v1/accounts/{account}/impersonate`
pub(crate) async fn impersonate_account(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let owner = Caller::of(&call).map_err(|_| problems::cannot_impersonate())?;
    let account = manage::find(&state, &call).await?;
    let sessions = state.accounts.sessions();
    let program = (owner.kind, caller::agent(&call));
    let begun =
        sessions.impersonate(&account, &owner.session, (program.0, program.1.as_deref())).await?;
    let CreatedSession { session, token } = begun.ok_or_else(problems::cannot_impersonate)?;
    let by = &actor(&call);
    let (object_id, after) = (account.id.to_string(), object!({ "session": &*session.id }));
    let (action, object_type, object_id) = ("account.impersonated", "account", &*object_id);
    let entry = AuditEntry { by, action, object_type, object_id, before: Value::Null, after };
    state.audit.write(&entry).await?;
    let is_browser = owner.kind == SessionKind::Cookie;
    let mut response = json(&Impersonation {
        username: account.name,
        role: account.role.to_string(),
        impersonated_by: session.by.as_ref().map(|by| by.name.to_string()).unwrap_or_default(),
        expires_at: session.expires_at.to_string(),
        token: (!is_browser).then(|| token.clone()),
    });
    if let Some(own) = session_cookie::token(&call.headers).filter(|_| is_browser) {
        let secure = session_cookie::is_secure(&call.headers, state.public_url.as_deref());
        keep(&mut response, session_cookie::set(&token, IMPERSONATION_LIFETIME, secure));
        keep(&mut response, session_cookie::set_own(own, sessions.lifetime(), secure));
    }
    Ok(response)
}

/// `POST /api/impersonation/end`
pub(crate) async fn end_impersonation(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    if session_cookie::own_token(&call.headers).is_some() && !has_session(&state, &call).await? {
        return come_back(&state, &call).await;
    }
    let caller = Caller::of_any(&call)?;
    let owner = call.principal.impersonator().ok_or_else(problems::not_impersonating)?;
    let sessions = state.accounts.sessions();
    sessions.end(&caller.account, &caller.session).await?;
    let (object_id, before) = (caller.account.to_string(), object!({ "session": caller.session }));
    let (action, object_type, object_id) = ("account.impersonation_ended", "account", &*object_id);
    let by = &actor(&call);
    let entry = AuditEntry { by, action, object_type, object_id, before, after: Value::Null };
    state.audit.write(&entry).await?;
    let mut response = json(&Done::OK);
    if caller.kind == SessionKind::Bearer {
        return Ok(response);
    }
    let own = match session_cookie::own_token(&call.headers) {
        Some(token) => sessions.resolve(token).await?.map(|session| (token, session)),
        None => None,
    };
    match own.filter(|(_, session)| session.id == owner.session) {
        Some((token, _)) => {
            let secure = session_cookie::is_secure(&call.headers, state.public_url.as_deref());
            keep(&mut response, session_cookie::set(token, sessions.lifetime(), secure));
            for cookie in session_cookie::clear_own(&call.headers) {
                keep(&mut response, cookie);
            }
        }
        None => {
            for cookie in session_cookie::clear(&call.headers) {
                keep(&mut response, cookie);
            }
        }
    }
    Ok(response)
}

/// Whether the session by which a browser acts goes on: its time may be over.
async fn has_session(state: &State, call: &Call) -> Result<bool, Failure> {
    let Some(token) = session_cookie::token(&call.headers) else { return Ok(false) };
    Ok(state.accounts.sessions().resolve(token).await?.is_some())
}

/// Gives the owner's browser its own session back when the time to act as somebody else is over.
async fn come_back(state: &State, call: &Call) -> Result<Response<Body>, Failure> {
    let public_url = state.public_url.as_deref();
    if !origin::is_own_page(&call.headers, public_url) {
        return Err(problems::sign_in_required().into());
    }
    let token = session_cookie::own_token(&call.headers).unwrap_or_default();
    let sessions = state.accounts.sessions();
    let own = sessions.resolve(token).await?;
    let is_owners = own.is_some_and(|session| session.role.is_owner() && session.by.is_none());
    let mut response = match is_owners {
        true => json(&Done::OK),
        false => return Err(problems::sign_in_required().into()),
    };
    let secure = session_cookie::is_secure(&call.headers, public_url);
    keep(&mut response, session_cookie::set(token, sessions.lifetime(), secure));
    for cookie in session_cookie::clear_own(&call.headers) {
        keep(&mut response, cookie);
    }
    Ok(response)
}

fn keep(response: &mut Response<Body>, cookie: HeaderValue) {
    response.headers_mut().append(header::SET_COOKIE, cookie);
}
