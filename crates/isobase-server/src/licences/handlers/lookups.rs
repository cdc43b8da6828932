//! One licence, found by what is known of it.

use std::sync::Arc;

use http::Response;
use isobase_http::Body;

use super::read;
use crate::{
    Call,
    answer::json,
    failure::Failure,
    licences::{
        State,
        wire::{Detail, Row},
    },
    request::{Parameters, no_parameters},
};
use isobase_licences::{Licence, LicenceError};

/// `GET /api/v1/db/license/by-key`
pub(crate) async fn get_license_by_key(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    let mut parameters = Parameters::parse(call.query());
    let key = read::required(&mut parameters, "license_key");
    parameters.finish()?;
    let found = state.licences.find_by_key(&state.licences.read_key(&key)).await?;
    let usable = |licence: &Licence| licence.deleted_at.is_none() && licence.status() == "active";
    let licence = found.filter(usable).ok_or(LicenceError::NotFound)?;
    Ok(json(&Row::of(&state.licences, &licence)))
}

/// `GET /api/v1/db/license/by-email`
pub(crate) async fn get_license_by_email(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    let mut parameters = Parameters::parse(call.query());
    let email = read::required(&mut parameters, "email");
    parameters.finish()?;
    let licence = state.licences.newest_of(&email).await?.ok_or(LicenceError::NotFound)?;
    Ok(json(&Row::of(&state.licences, &licence)))
}

/// `GET /api/v1/db/license/{id}`
pub(crate) async fn get_license(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let licence = state.licences.get(read::id(&call)?).await?;
    let usage = state.licences.usage(std::slice::from_ref(&licence)).await?;
    Ok(json(&Detail::of(&state.licences, &licence).with_usage(usage.get(&licence.id))))
}
