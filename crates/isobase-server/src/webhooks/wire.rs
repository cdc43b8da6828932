//! Webhooks and deliveries as they are told, and how their routes are described.

use isobase_http::{Answer, Content, Location, Operation, Parameter};
use isobase_webhooks::{Delivery, DeliveryState, Endpoint};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::codes;

/// A list of webhooks.
#[derive(Serialize)]
pub(super) struct Webhooks {
    pub(super) webhooks: Vec<Endpoint>,
}

/// A webhook with its secret, which is shown this once.
#[derive(Serialize)]
pub(super) struct WithSecret {
    #[serde(flatten)]
    pub(super) webhook: Endpoint,
    pub(super) secret: String,
}

/// A part of the list of deliveries.
#[derive(Serialize)]
pub(super) struct Deliveries<'a> {
    pub(super) deliveries: Vec<Summary<'a>>,
    pub(super) next: Option<String>,
}

/// A delivery in a list.
#[derive(Serialize)]
pub(super) struct Summary<'a> {
    id: &'a str,
    endpoint: &'a str,
    kind: &'a str,
    state: DeliveryState,
    created_at: &'a str,
    attempts: u32,
    next_us: i64,
    /// The status of the last answer.
    status: Option<u16>,
}

impl<'a> Summary<'a> {
    pub(super) fn of(delivery: &'a Delivery) -> Self {
        Self {
            id: &delivery.id,
            endpoint: &delivery.endpoint,
            kind: &delivery.kind,
            state: delivery.state,
            created_at: &delivery.created_at,
            attempts: delivery.attempts,
            next_us: delivery.next_us,
            status: delivery.log.last().and_then(|attempt| attempt.status),
        }
    }
}

/// A webhook.
#[derive(JsonSchema, Serialize)]
struct WebhookShape {
    id: &'static str,
    url: &'static str,
    topics: Vec<&'static str>,
    description: &'static str,
    /// Why it is told nothing; null while it is told.
    disabled: Option<&'static str>,
    created_at: &'static str,
    /// Until when deliveries are signed with the former secret too.
    former_secret_until: Option<&'static str>,
    /// When deliveries began to fail; null while they arrive.
    failing_since: Option<&'static str>,
}

impl WebhookShape {
    fn example() -> Self {
        Self {
            id: "wh_1f0a5d3c9b7e2468",
            url: "https://example.com/hook",
            topics: vec!["licences", "documents:orders"],
            description: "The shop",
            disabled: None,
            created_at: "2026-11-20T14:09:00.000000Z",
            former_secret_until: None,
            failing_since: None,
        }
    }
}

/// A list of webhooks.
#[derive(JsonSchema, Serialize)]
struct WebhooksShape {
    webhooks: Vec<WebhookShape>,
}

/// A webhook with its secret.
#[derive(JsonSchema, Serialize)]
struct WithSecretShape {
    #[serde(flatten)]
    webhook: WebhookShape,
    /// The secret by which deliveries are signed, shown this once.
    secret: &'static str,
}

impl WithSecretShape {
    fn example() -> Self {
        Self { webhook: WebhookShape::example(), secret: "whsec_…" }
    }
}

/// A delivery in a list.
#[derive(JsonSchema, Serialize)]
struct SummaryShape {
    id: &'static str,
    endpoint: &'static str,
    kind: &'static str,
    /// `pending`, `delivered` or `failed`.
    state: &'static str,
    created_at: &'static str,
    attempts: u32,
    /// When the next attempt is due, in microseconds since 1970.
    next_us: i64,
    /// The status of the last answer.
    status: Option<u16>,
}

/// A part of the list of deliveries.
#[derive(JsonSchema, Serialize)]
struct DeliveriesShape {
    deliveries: Vec<SummaryShape>,
    next: Option<&'static str>,
}

/// A delivery.
#[derive(JsonSchema, Serialize)]
struct DeliveryShape {
    id: &'static str,
    endpoint: &'static str,
    kind: &'static str,
    state: &'static str,
    created_at: &'static str,
    attempts: u32,
    next_us: i64,
    log: Vec<AttemptShape>,
    /// The body: JSON as text.
    body: &'static str,
}

/// An attempt.
#[derive(JsonSchema, Serialize)]
struct AttemptShape {
    at: &'static str,
    ms: u64,
    status: Option<u16>,
    /// The beginning of the answer, or why there was none.
    told: &'static str,
}

impl DeliveryShape {
    fn example() -> Self {
        Self {
            id: "msg_000644cc1f0a5d3c9b7e24681f0a5d3c",
            endpoint: "wh_1f0a5d3c9b7e2468",
            kind: "license.revoked",
            state: "delivered",
            created_at: "2026-11-20T14:09:00.000000Z",
            attempts: 1,
            next_us: 1_764_510_000_000_000,
            log: vec![AttemptShape {
                at: "2026-11-20T14:09:00.100000Z",
                ms: 84,
                status: Some(204),
                told: "",
            }],
            body: r#"{"type":"license.revoked","timestamp":"…","data":{"id":"42"}}"#,
        }
    }
}

/// A webhook that is to be.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used: members are read one by one")]
struct NewWebhook {
    /// Where deliveries go: `https`, an address of the public network.
    url: String,
    /// `licences`, `accounts`, `uploads`, `operations`, `documents:NAME`.
    topics: Vec<String>,
    /// For people.
    description: Option<String>,
}

/// A change of a webhook.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used: members are read one by one")]
struct WebhookChange {
    url: Option<String>,
    topics: Option<Vec<String>>,
    description: Option<String>,
    /// Whether it is told nothing.
    disabled: Option<bool>,
}

fn operation(id: &'static str, summary: &'static str) -> Operation {
    Operation::new(id, "webhooks", summary)
}

fn webhook() -> Parameter {
    Parameter::new(Location::Path, "webhook", "The id of a webhook.").example("wh_1f0a5d3c9b7e2468")
}

fn delivery() -> Parameter {
    Parameter::new(Location::Path, "delivery", "The id of a delivery.")
        .example("msg_000644cc1f0a5d3c9b7e24681f0a5d3c")
}

pub(super) fn list_webhooks() -> Operation {
    let example = WebhooksShape { webhooks: vec![WebhookShape::example()] };
    operation("list_webhooks", "List the webhooks")
        .description("Without their secrets.")
        .answers(Answer::new(200, "The webhooks.").content(Content::like(&example)))
        .problems([codes::INVALID_PARAMETER])
}

pub(super) fn create_webhook() -> Operation {
    operation("create_webhook", "Make a webhook")
        .description(
            "It is told what happens from now on. The answer is the only place where its secret is \
             shown. Deliveries are signed in the form of Standard Webhooks: `webhook-id`, \
             `webhook-timestamp`, `webhook-signature`.",
        )
        .takes(Content::of::<NewWebhook>().example(json!({
            "url": "https://example.com/hook", "topics": ["licences", "documents:orders"],
        })))
        .answers(
            Answer::new(201, "It was made.").content(Content::like(&WithSecretShape::example())),
        )
        .problems([
            codes::INVALID_PARAMETER,
            codes::INVALID_JSON,
            codes::NOT_AN_OBJECT,
            codes::INVALID_BODY,
            codes::LIMIT_EXCEEDED,
        ])
}

pub(super) fn get_webhook() -> Operation {
    operation("get_webhook", "Read a webhook")
        .description("Without its secret.")
        .parameters([webhook()])
        .answers(Answer::new(200, "The webhook.").content(Content::like(&WebhookShape::example())))
        .problems([codes::INVALID_PARAMETER, codes::WEBHOOK_NOT_FOUND])
}

pub(super) fn change_webhook() -> Operation {
    operation("change_webhook", "Change a webhook")
        .description(
            "What is not named stays. What happens while it is disabled it never hears; let in again \
             it hears what happens from then on.",
        )
        .parameters([webhook()])
        .takes(Content::of::<WebhookChange>().example(json!({ "disabled": true })))
        .answers(Answer::new(200, "As it is now.").content(Content::like(&WebhookShape::example())))
        .problems([
            codes::INVALID_PARAMETER,
            codes::INVALID_JSON,
            codes::NOT_AN_OBJECT,
            codes::INVALID_BODY,
            codes::WEBHOOK_NOT_FOUND,
        ])
}

pub(super) fn delete_webhook() -> Operation {
    operation("delete_webhook", "Delete a webhook")
        .description("Deliveries that wait are given up; the list of deliveries keeps them.")
        .parameters([webhook()])
        .answers(Answer::new(200, "As it was.").content(Content::like(&WebhookShape::example())))
        .problems([codes::INVALID_PARAMETER, codes::WEBHOOK_NOT_FOUND])
}

pub(super) fn rotate_secret() -> Operation {
    operation("rotate_webhook_secret", "Give a webhook another secret")
        .description("For a day deliveries are signed with the former secret too.")
        .parameters([webhook()])
        .answers(
            Answer::new(200, "The new secret, shown this once.")
                .content(Content::like(&WithSecretShape::example())),
        )
        .problems([codes::INVALID_PARAMETER, codes::WEBHOOK_NOT_FOUND])
}

pub(super) fn test_webhook() -> Operation {
    operation("test_webhook", "Send a test to a webhook")
        .description("A delivery of the type `webhook.test`.")
        .parameters([webhook()])
        .answers(
            Answer::new(202, "The delivery.").content(Content::like(&DeliveryShape::example())),
        )
        .problems([codes::INVALID_PARAMETER, codes::WEBHOOK_NOT_FOUND])
}

pub(super) fn list_deliveries() -> Operation {
    let parameter = |name, description| Parameter::new(Location::Query, name, description);
    let example = DeliveriesShape {
        deliveries: vec![SummaryShape {
            id: "msg_000644cc1f0a5d3c9b7e24681f0a5d3c",
            endpoint: "wh_1f0a5d3c9b7e2468",
            kind: "license.revoked",
            state: "delivered",
            created_at: "2026-11-20T14:09:00.000000Z",
            attempts: 1,
            next_us: 1_764_510_000_000_000,
            status: Some(204),
        }],
        next: None,
    };
    operation("list_deliveries", "List deliveries")
        .description(
            "The latest first. Those that wait are kept until they arrive or are given up after ten \
             attempts in about three days; of the others the latest 2,000.",
        )
        .parameters([
            parameter("endpoint", "Only those to a webhook."),
            parameter("state", "Only `pending`, `delivered` or `failed` ones."),
            parameter("cursor", "The `next` of the page before."),
            parameter("limit", "Most deliveries. Default 50.")
                .schema(json!({ "type": "integer", "minimum": 1, "maximum": 200 })),
        ])
        .answers(Answer::new(200, "A page.").content(Content::like(&example)))
        .problems([codes::INVALID_PARAMETER])
}

pub(super) fn get_delivery() -> Operation {
    operation("get_delivery", "Read a delivery")
        .description("With what is sent, and what became of the last attempts.")
        .parameters([delivery()])
        .answers(Answer::new(200, "It.").content(Content::like(&DeliveryShape::example())))
        .problems([codes::INVALID_PARAMETER, codes::DELIVERY_NOT_FOUND])
}

pub(super) fn resend_delivery() -> Operation {
    operation("resend_delivery", "Send a delivery again")
        .description("Under the same `webhook-id`, with all its attempts before it.")
        .parameters([delivery()])
        .answers(Answer::new(202, "It waits.").content(Content::like(&DeliveryShape::example())))
        .problems([codes::INVALID_PARAMETER, codes::DELIVERY_NOT_FOUND, codes::WEBHOOK_NOT_FOUND])
}
