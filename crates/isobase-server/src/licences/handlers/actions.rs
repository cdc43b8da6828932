//! Actions of people on licences.

use std::sync::Arc;

use http::{HeaderValue, Response, StatusCode};
use isobase_http::{Body, Problem};
use isobase_licences::{Actor, Licence, LicenceError, Period, Terms};

use super::{bulk, read};
use crate::{
    Call,
    actor::actor,
    answer::json,
    failure::Failure,
    licences::{
        State, problems,
        wire::{Created, Detail, Done},
    },
    request::{Members, idempotency, no_parameters},
};

/// For how long a licence file is good when nothing is said.
const FILE_DAYS_DEFAULT: u32 = 30;

/// `POST /api/v1/db/license`
pub(crate) async fn put_license(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let mut members = Members::read(&mut call).await?;
    let (email, key) = (members.text("email"), members.text("license_key"));
    if !members.has("expiry_date") {
        members.fault::<()>("expiry_date", "expected it, it is missing; null is for ever");
    }
    let period = read::period(&mut members).unwrap_or(Period::Unlimited);
    let status = members.optional_text("status").unwrap_or_else(|| "active".to_owned());
    members.finish()?;
    let by = actor(&call);
    let licence = state.licences.upsert((&email, &key), &period, &status, &by).await?;
    Ok(json(&Created::of(None, (email, key), &licence)))
}

/// `POST /api/v1/db/license/create` and `POST /api/v1/license/create`
pub(crate) async fn create_license(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let (mut members, text) = Members::read_with_text(&mut call).await?;
    let new = read::new_licence(&mut members);
    members.finish()?;
    let by = actor(&call);
    let (licence, replayed) = match bulk::mark(&call, &text)? {
        None => (state.licences.create(&new, &by).await?, false),
        mark => {
            let many = state.licences.create_many(std::slice::from_ref(&new), mark, &by).await?;
            let missing = || Problem::internal("one licence did not have one outcome");
            let made = many.licences.into_iter().next().ok_or_else(missing)?;
            (made?, many.replayed)
        }
    };
    let key = state.licences.reveal(&licence).unwrap_or_else(|_| format!("…{}", licence.key_last4));
    let mut response = json(&Created::of(Some(licence.id), (new.email, key), &licence));
    if replayed {
        idempotency::mark_replayed(&mut response);
    }
    Ok(response)
}

/// `PATCH /api/v1/db/license/{id}`
pub(crate) async fn update_license(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let id = read::id(&call)?;
    let mut members = Members::read(&mut call).await?;
    let (email, key) = (members.optional_text("email"), members.optional_text("license_key"));
    let period = read::period(&mut members);
    let terms = read::terms(&mut members);
    if email.is_none() && key.is_none() && period.is_none() && terms == Terms::default() {
        members.fault::<()>(
            "email",
            "expected something to change: email, license_key, expiry_date, …",
        );
    }
    members.finish()?;
    let change = (email.as_deref(), key.as_deref(), period.as_ref());
    match state.licences.edit(id, change, &terms, &actor(&call)).await {
        Ok(_) => Ok(json(&Done::DONE)),
        Err(LicenceError::NotFound) => Err(problems::nothing_to_edit().into()),
        Err(error) => Err(error.into()),
    }
}

/// `DELETE /api/v1/db/license/{id}` and `DELETE /api/v1/license/{id}`
pub(crate) async fn delete_license(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    state.licences.delete(read::id(&call)?, &actor(&call)).await?;
    Ok(json(&Done::DONE))
}

/// `POST /api/v1/db/license/{id}/suspend`
pub(crate) async fn suspend_license(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    let (id, by) = asked(&call)?;
    shown(&state, &state.licences.suspend(id, &by).await?)
}

/// `POST /api/v1/db/license/{id}/reinstate`
pub(crate) async fn reinstate_license(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    let (id, by) = asked(&call)?;
    shown(&state, &state.licences.reinstate(id, &by).await?)
}

/// `POST /api/v1/db/license/{id}/revoke`
pub(crate) async fn revoke_license(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    let (id, by) = asked(&call)?;
    shown(&state, &state.licences.revoke(id, &by).await?)
}

/// `POST /api/v1/db/license/{id}/restore`
pub(crate) async fn restore_license(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    let (id, by) = asked(&call)?;
    shown(&state, &state.licences.restore(id, &by).await?)
}

/// `POST /api/v1/db/license/{id}/rotate-key`
pub(crate) async fn rotate_license_key(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    let (id, by) = asked(&call)?;
    shown(&state, &state.licences.rotate_key(id, &by).await?)
}

/// `POST /api/v1/db/license/{id}/extend`
pub(crate) async fn extend_license(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    let (id, by) = asked(&call)?;
    let mut members = Members::read(&mut call).await?;
    let period = read::period(&mut members);
    if period.is_none() {
        members.fault::<()>("days", "expected days, or expiry_date");
    }
    members.finish()?;
    let period = period.unwrap_or(Period::Unlimited);
    shown(&state, &state.licences.extend(id, &period, &by).await?)
}

/// `POST /api/v1/db/license/{id}/file`
pub(crate) async fn create_license_file(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    let (id, _) = asked(&call)?;
    let mut members = Members::read(&mut call).await?;
    let days = members.integer("days", 1..=3_650).unwrap_or(FILE_DAYS_DEFAULT);
    let installation = members.optional_text("installation_id");
    members.finish()?;
    let licence = state.licences.get(id).await?;
    let file = state.licences.file(&licence, installation.as_deref(), days)?;
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    Ok(Body::full(file).into_response(StatusCode::OK, text))
}

fn asked(call: &Call) -> Result<(i64, Actor), Failure> {
    no_parameters(call)?;
    Ok((read::id(call)?, actor(call)))
}

fn shown(state: &State, licence: &Licence) -> Result<Response<Body>, Failure> {
    Ok(json(&Detail::of(&state.licences, licence)))
}
