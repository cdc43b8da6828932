//! One attempt to deliver, and what is remembered of it.

use std::time::{Duration, Instant};

use isobase_store::{Action, ErrorKind, Precondition, Rejection, StoreError};
use isobase_types::{DocumentId, json::Patch};
use rand::RngExt;
use serde_json::{Value, json};

use crate::{
    Attempt, Delivery, DeliveryState, Outgoing, Sender, Sent, WebhookError, Webhooks,
    delivery::{ATTEMPTS_KEPT, retry_after},
    endpoint::StoredEndpoint,
    sign,
    webhooks::micros,
};

/// A delivery that waits.
#[derive(Clone, Debug)]
pub(crate) struct Due {
    pub(crate) endpoint: String,
    pub(crate) next_us: i64,
}

/// A 410 says that no one listens there any more (Standard Webhooks, "Receiving webhooks").
const GONE: u16 = 410;

/// Characters that are kept of an answer.
const TOLD_MAX: usize = 300;

/// Sends a delivery once, and writes what became of it; gives when it is due again.
///
/// The endpoint is read anew: a change that was answered holds for each delivery that is sent after it,
/// also a change by another process.
pub(crate) async fn attempt(
    webhooks: &Webhooks,
    sender: &dyn Sender,
    id: &str,
    due: Due,
) -> Result<Option<Due>, WebhookError> {
    let mut delivery = match webhooks.delivery(id).await {
        Ok(delivery) if delivery.state == DeliveryState::Pending => delivery,
        Ok(_) | Err(WebhookError::DeliveryNotFound(_)) => return Ok(None),
        Err(error) => return Err(error),
    };
    let endpoint = match webhooks.find(&due.endpoint).await {
        Ok((_, endpoint)) => Some(endpoint),
        Err(WebhookError::NotFound(_)) => None,
        Err(error) => return Err(error),
    };
    if endpoint.as_ref().is_some_and(|endpoint| endpoint.disabled.is_some()) {
        webhooks.0.changed.notify_one();
        return Ok(Some(due));
    }
    let Some(endpoint) = endpoint else {
        delivery.state = DeliveryState::Failed;
        remember(&mut delivery, webhooks, Duration::ZERO, None, "the webhook was deleted");
        write_delivery(webhooks, &delivery).await?;
        return Ok(None);
    };
    let started = Instant::now();
    let sent = send(webhooks, sender, id, &delivery, &endpoint).await;
    delivery.attempts += 1;
    let (status, told, wished) = match &sent {
        Sent::Answered { status, text, retry_after } => (Some(*status), &**text, *retry_after),
        Sent::Failed(error) => (None, &**error, None),
    };
    remember(&mut delivery, webhooks, started.elapsed(), status, told);
    let arrived = status.is_some_and(|status| (200..300).contains(&status));
    let pause = match arrived || status == Some(GONE) {
        true => None,
        false => retry_after(delivery.attempts, wished, rand::rng().random()),
    };
    delivery.state = match (arrived, pause) {
        (true, _) => DeliveryState::Delivered,
        (false, Some(_)) => DeliveryState::Pending,
        (false, None) => DeliveryState::Failed,
    };
    let now = webhooks.now();
    let next_us = now.unix_us.saturating_add(micros(pause.unwrap_or_default()));
    delivery.next_us = next_us;
    write_delivery(webhooks, &delivery).await?;
    let change = match (arrived, &endpoint.failing_since, status) {
        (_, _, Some(GONE)) => Some(json!({ "disabled": "it answered 410: nobody listens there" })),
        (true, Some(_), _) => Some(json!({ "failing_since": null })),
        (false, None, _) => Some(json!({ "failing_since": now.to_string() })),
        _ => None,
    };
    if let Some(change) = change {
        change_endpoint(webhooks, &delivery.endpoint, change).await?;
    }
    let endpoint = delivery.endpoint;
    Ok(pause.map(|_| Due { endpoint, next_us }))
}

/// Signs a delivery and sends it.
async fn send(
    webhooks: &Webhooks,
    sender: &dyn Sender,
    id: &str,
    delivery: &Delivery,
    endpoint: &StoredEndpoint,
) -> Sent {
    let secrets = match webhooks.secrets(&delivery.endpoint, endpoint) {
        Ok(secrets) => secrets,
        Err(error) => return Sent::Failed(error.to_string()),
    };
    let timestamp = webhooks.now().unix_us / 1_000_000;
    let signature = sign(&secrets, id, timestamp, &delivery.body);
    let headers = vec![
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", timestamp.to_string()),
        ("webhook-signature", signature),
    ];
    let (url, body) = (endpoint.url.clone(), delivery.body.clone());
    sender.send(Outgoing { url, headers, body }).await
}

/// Notes of an endpoint how it answered, unless it was deleted meanwhile.
async fn change_endpoint(webhooks: &Webhooks, id: &str, change: Value) -> Result<(), WebhookError> {
    match webhooks.patch(id, change).await {
        Ok(()) => webhooks.0.changed.notify_one(),
        Err(WebhookError::NotFound(_)) => {}
        Err(error) => return Err(error),
    }
    Ok(())
}

fn remember(
    delivery: &mut Delivery,
    webhooks: &Webhooks,
    took: Duration,
    status: Option<u16>,
    told: &str,
) {
    delivery.log.push(Attempt {
        at: webhooks.now().to_string(),
        ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        status,
        told: told.chars().take(TOLD_MAX).collect(),
    });
    let old = delivery.log.len().saturating_sub(ATTEMPTS_KEPT);
    delivery.log.drain(..old);
}

/// Writes how far a delivery is, unless it was deleted.
async fn write_delivery(webhooks: &Webhooks, delivery: &Delivery) -> Result<(), WebhookError> {
    let patch = json!({
        "state": delivery.state, "attempts": delivery.attempts, "next_us": delivery.next_us,
        "log": delivery.log,
    });
    let patch = Patch::merge(patch.to_string().as_bytes())
        .map_err(|error| WebhookError::Unreadable(error.to_string()))?;
    let id = DocumentId::Text(delivery.id.as_str().into());
    let action = Action::Patch { id, patch };
    match webhooks.0.deliveries.write(action, Precondition::None).await? {
        Ok(_) | Err(Rejection::NotFound) => Ok(()),
        Err(rejection) => Err(WebhookError::Rejected(rejection)),
    }
}

pub(crate) fn is_gone(error: &StoreError) -> bool {
    matches!(error, StoreError::ForeignPlace(_))
        || matches!(error.kind(), ErrorKind::ChangesGone { .. })
}
