//! Handlers of the routes of keys.

use std::{sync::Arc, time::Duration};

use http::{Response, StatusCode};
use isobase_auth::{KeyInfo, Principal, Scope, Scopes};
use isobase_http::Body;

use super::{
    State, problems,
    wire::{CreatedKey, Key, Keys, NewKey, OVERLAP_S, RotatedKey, Rotation},
};
use crate::{
    Call,
    answer::{json, json_with},
    failure::Failure,
    request::{document, no_parameters, require_json},
};

/// How long a key with an end may last, in days.
const DAYS: std::ops::RangeInclusive<u32> = 1..=3_650;
const DAY_S: u64 = 86_400;

/// `GET /api/v1/keys`
pub(super) async fn list_keys(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let keys = state.keys.list().await?;
    Ok(json(&Keys { keys: keys.iter().map(Key::of).collect() }))
}

/// `POST /api/v1/keys`
pub(super) async fn create_key(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    require_json(&call.headers)?;
    if call.principal == Principal::Open {
        return Err(problems::open().into());
    }
    let body = document(call.take_body()).await?;
    let NewKey { name, scopes, days } = serde_json::from_str(&body)
        .map_err(|_| problems::invalid("", "expected {\"name\": …, \"scopes\": [\"read\"]}"))?;
    let scopes = scopes.iter().map(|text| text.parse::<Scope>()).collect::<Result<Vec<_>, _>>();
    let scopes = Scopes::new(scopes.map_err(|error| problems::invalid_scope(&error))?)
        .ok_or_else(|| problems::invalid("scopes", "expected at least one scope"))?;
    if days.is_some_and(|days| !DAYS.contains(&days)) {
        return Err(problems::invalid("days", "expected 1 to 3650, or null").into());
    }
    let lasts = days.map(|days| Duration::from_secs(u64::from(days) * DAY_S));
    let created = state.keys.create_for(&name, scopes, lasts).await?;
    state.authorizer.refresh().await?;
    state.tell(&call, "key.created", (None, Some(&created.info))).await;
    Ok(json_with(StatusCode::CREATED, &CreatedKey::of(&created)))
}

/// `POST /api/v1/keys/{key}/rotate`
pub(super) async fn rotate_key(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    require_json(&call.headers)?;
    let body = document(call.take_body()).await?;
    let Rotation { overlap_s } = serde_json::from_str(&body)
        .map_err(|_| problems::invalid("", "expected {\"overlap_s\": 86400}"))?;
    let overlap = Duration::from_secs(overlap_s.unwrap_or(OVERLAP_S));
    let (created, former) = state.keys.rotate(call.parameter(0), overlap).await?;
    state.authorizer.refresh().await?;
    state.tell(&call, "key.rotated", (Some(&former), Some(&created.info))).await;
    Ok(json(&RotatedKey { made: CreatedKey::of(&created), former: Key::of(&former) }))
}

/// `DELETE /api/v1/keys/{key}`
pub(super) async fn revoke_key(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let revoked = state.keys.revoke(call.parameter(0)).await?;
    state.authorizer.refresh().await?;
    let before = KeyInfo { revoked_at: None, ..revoked.clone() };
    state.tell(&call, "key.revoked", (Some(&before), Some(&revoked))).await;
    Ok(json(&Key::of(&revoked)))
}
