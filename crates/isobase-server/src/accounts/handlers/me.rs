//! Routes for people's own accounts.

use std::sync::Arc;

use http::{Response, header};
use isobase_http::Body;

use super::{body, caller::Caller};
use crate::{
    Call,
    accounts::{
        State, problems,
        wire::{Done, Me},
    },
    answer::json,
    failure::Failure,
    request::no_parameters,
    session_cookie,
};

/// `GET /api/me`
pub(crate) async fn get_me(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let account = Caller::of(&call)?.account(&state).await?;
    let mut me = Me::of(&account);
    me.impersonated_by = call.principal.impersonator().map(|owner| owner.name.to_string());
    Ok(json(&me))
}

/// `PUT /api/me/password`. The session that asks goes on, all others end.
pub(crate) async fn change_password(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let caller = Caller::of(&call)?;
    let body = body::Body::read(&mut call).await?;
    let (current, new) = (body.text("current_password")?, body.text("new_password")?);
    let new = new.ok_or_else(problems::passwords_missing)?;
    let current = match current {
        None if state.accounts.has_password(&caller.account(&state).await?).await? => {
            return Err(problems::passwords_missing().into());
        }
        current => current.unwrap_or_default(),
    };
    let account = caller.confirmed(&state, &call, &current).await?;
    state.accounts.set_password(&account, &new, Some(&caller.session)).await?;
    Ok(json(&Done::OK))
}

/// `DELETE /api/me`
pub(crate) async fn delete_me(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let caller = Caller::of(&call)?;
    let body = body::Body::read(&mut call).await?;
    let password = body.text("password")?.unwrap_or_default();
    let account = caller.confirmed(&state, &call, &password).await?;
    state.accounts.delete(&account).await?;
    let mut response = json(&Done::OK);
    for cookie in session_cookie::clear(&call.headers) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}
