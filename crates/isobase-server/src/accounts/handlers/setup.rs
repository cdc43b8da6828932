//! The first owner, by the link that is printed at the start.

use std::sync::Arc;

use http::Response;
use isobase_http::Body;

use super::{
    body::{self, Registration},
    caller, page,
};
use crate::{
    Call,
    accounts::{State, problems, wire::Named},
    answer::json,
    failure::Failure,
    request::no_parameters,
};

/// The page behind the link. The token stands behind a `#`, which browsers keep to themselves: it
/// is in no log of a proxy.
const PAGE: &str = include_str!("setup.html");

/// `GET /setup`
pub(crate) async fn get_setup(_: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    Ok(page::answer(PAGE))
}

/// `POST /setup`
pub(crate) async fn create_owner(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let body = body::Body::read(&mut call).await?;
    let Some(token) = body.text("token")? else { return Err(problems::token_missing().into()) };
    let registration = Registration::of(&body)?;
    let address = caller::address(&call);
    let owner = state.accounts.set_up(&token, registration.new_account(), &address).await?;
    state.authorizer.refresh().await?;
    let mut response = json(&Named::of(&owner));
    caller::begin_in_browser(&state, &call, &owner, &mut response).await?;
    Ok(response)
}
