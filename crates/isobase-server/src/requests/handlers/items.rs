//! Work that is done once for the same input.

use std::sync::Arc;

use http::Response;
use isobase_http::Body;
use isobase_requests::{ItemQuery, ItemUpdate, NewItem};
use serde_json::Value;

use crate::{
    Call,
    answer::json,
    failure::Failure,
    request::{Members, Parameters, no_parameters},
    requests::{
        State,
        wire::{CreatedItem, FoundItem, ItemPage, Updated},
    },
};

/// `POST /api/v1/db/extract-action-items`
pub(crate) async fn create_item(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let mut members = Members::read(&mut call).await?;
    let mut given = |name: &str| members.optional_text(name).filter(|text| !text.is_empty());
    let (license_key, installation_id) = (given("license_key"), given("installation_id"));
    let (input_json, input_hash) = (given("input_json"), given("input_hash"));
    let correlation_id = members.text("correlation_id");
    members.finish()?;
    let new = NewItem { correlation_id, license_key, installation_id, input_json, input_hash };
    let (item, created) = state.items.create(&new).await?;
    Ok(json(&CreatedItem::of(item, created)))
}

/// `PATCH /api/v1/db/extract-action-items`
pub(crate) async fn update_item(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let mut members = Members::read(&mut call).await?;
    let duration_ms = match members.any("duration_ms") {
        None | Some(Value::Null) => None,
        Some(Value::Number(number)) => number.as_f64(),
        Some(_) => members.fault("duration_ms", "expected a number"),
    };
    let update = ItemUpdate {
        correlation_id: members.text("correlation_id"),
        output_json: members.optional_text("output_json"),
        status: members.optional_text("status").unwrap_or_else(|| "completed".to_owned()),
        error_message: members.optional_text("error_message"),
        http_status_code: members.integer("http_status_code", 0..=999),
        duration_ms,
    };
    members.finish()?;
    Ok(json(&Updated { ok: state.items.update(&update).await? }))
}

/// `GET /api/v1/db/extract-action-items`
pub(crate) async fn list_items(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    let mut parameters = Parameters::parse(call.query());
    let limit = parameters.take_number("limit", 20_usize, (1, 200));
    let offset = parameters.take_number("offset", 0_usize, (0, 10_000));
    let query = ItemQuery {
        status: parameters.take("status").filter(|text| !text.is_empty()),
        search: parameters.take("search").filter(|text| !text.is_empty()),
    };
    parameters.finish()?;
    Ok(json(&ItemPage::of(state.items.list(&query, (offset, limit)).await?)))
}

/// `GET /api/v1/db/extract-action-items/by-input-hash`
pub(crate) async fn get_item(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    let mut parameters = Parameters::parse(call.query());
    let hash = parameters.take("hash").unwrap_or_default();
    if hash.is_empty() {
        parameters.fault("hash", "", "expected it, it is missing");
    }
    parameters.finish()?;
    Ok(json(&FoundItem::of(state.items.by_input_hash(&hash).await?)))
}
