//! Handlers of the routes of webhooks.

use std::sync::Arc;

use http::{Response, StatusCode};
use isobase_http::Body;
use isobase_webhooks::{EndpointChange, NewEndpoint, Topic};

use super::{
    State,
    wire::{Deliveries, Summary, Webhooks, WithSecret},
};
use crate::{
    Call,
    actor::actor,
    answer::{json, json_with},
    failure::Failure,
    request::{Members, Parameters, no_parameters},
};

/// `GET /api/v1/webhooks`
pub(super) async fn list_webhooks(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    Ok(json(&Webhooks { webhooks: state.webhooks.list().await? }))
}

/// `POST /api/v1/webhooks`
pub(super) async fn create_webhook(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let mut members = Members::read(&mut call).await?;
    let url = members.text("url");
    let topics = topics(&mut members).unwrap_or_default();
    let description = members.optional_text("description").unwrap_or_default();
    members.finish()?;
    let new = NewEndpoint { url, topics, description };
    let (webhook, secret) = state.webhooks.create(new, &actor(&call)).await?;
    Ok(json_with(StatusCode::CREATED, &WithSecret { webhook, secret }))
}

/// `GET /api/v1/webhooks/{webhook}`
pub(super) async fn get_webhook(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    Ok(json(&state.webhooks.get(call.parameter(0)).await?))
}

/// `PATCH /api/v1/webhooks/{webhook}`
pub(super) async fn change_webhook(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let mut members = Members::read(&mut call).await?;
    let change = EndpointChange {
        url: members.optional_text("url"),
        topics: topics(&mut members),
        description: members.optional_text("description"),
        disabled: members.has("disabled").then(|| members.flag("disabled")),
    };
    members.finish()?;
    let changed = state.webhooks.change(call.parameter(0), change, &actor(&call)).await?;
    Ok(json(&changed))
}

/// `DELETE /api/v1/webhooks/{webhook}`
pub(super) async fn delete_webhook(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    Ok(json(&state.webhooks.delete(call.parameter(0), &actor(&call)).await?))
}

/// `POST /api/v1/webhooks/{webhook}/rotate`
pub(super) async fn rotate_secret(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let (webhook, secret) = state.webhooks.rotate(call.parameter(0), &actor(&call)).await?;
    Ok(json(&WithSecret { webhook, secret }))
}

/// `POST /api/v1/webhooks/{webhook}/test`
pub(super) async fn test_webhook(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let delivery = state.webhooks.test(call.parameter(0), &actor(&call)).await?;
    Ok(json_with(StatusCode::ACCEPTED, &delivery))
}

/// `GET /api/v1/deliveries`
pub(super) async fn list_deliveries(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    let mut parameters = Parameters::parse(call.query());
    let (endpoint, wanted) = (parameters.take("endpoint"), parameters.take("state"));
    let cursor = parameters.take("cursor");
    let limit = parameters.take_number("limit", 50, (1, 200));
    parameters.finish()?;
    let (endpoint, wanted) = (endpoint.as_deref(), wanted.as_deref());
    let page = state.webhooks.deliveries(endpoint, wanted, cursor.as_deref(), Some(limit)).await?;
    let deliveries = page.deliveries.iter().map(Summary::of).collect();
    Ok(json(&Deliveries { deliveries, next: page.next }))
}

/// `GET /api/v1/deliveries/{delivery}`
pub(super) async fn get_delivery(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    Ok(json(&state.webhooks.delivery(call.parameter(0)).await?))
}

/// `POST /api/v1/deliveries/{delivery}/resend`
pub(super) async fn resend_delivery(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let delivery = state.webhooks.resend(call.parameter(0), &actor(&call)).await?;
    Ok(json_with(StatusCode::ACCEPTED, &delivery))
}

/// The topics of a body; `None` if it names none.
fn topics(members: &mut Members) -> Option<Vec<Topic>> {
    let named = members.array("topics")?;
    let mut topics = Vec::new();
    for name in named {
        match name.as_str().map(str::parse::<Topic>) {
            Some(Ok(topic)) => topics.push(topic),
            Some(Err(error)) => members.fault("topics", &error.to_string()),
            None => members.fault("topics", "expected names of topics"),
        }
    }
    Some(topics)
}
