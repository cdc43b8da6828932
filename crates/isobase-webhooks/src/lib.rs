//! Webhooks: what happens in the database, told to other services in signed deliveries.
//!
//! An endpoint has its own place in the change feed. What it wants to hear becomes a delivery, a
//! document that is written before the place moves on, under an id that follows from the place: a
//! process that is killed loses nothing and writes nothing twice. Of several processes on one
//! database one delivers, as a document says that all of them see.
//!
//! Signatures have the form of Standard Webhooks (<https://www.standardwebhooks.com>).
//!
//! Reading order: [`Topic`], `event` (what is told of a change), [`sign`], [`Endpoint`],
//! [`Delivery`], [`Sender`] (the way out), [`Webhooks`], `work` (the one task that delivers).

mod attempt;
mod delivery;
mod endpoint;
mod error;
mod event;
mod places;
mod queries;
mod sender;
mod signature;
mod topic;
mod webhooks;
mod work;

pub use delivery::{Attempt, DELIVERIES_COLLECTION, Delivery, DeliveryState, RETRIES, retry_after};
pub use endpoint::{ENDPOINTS_MAX, Endpoint, EndpointChange, NewEndpoint, WEBHOOKS_COLLECTION};
pub use error::WebhookError;
pub use places::is_public;
pub use sender::{Outgoing, Sender, Sent};
pub use signature::{SECRET_PREFIX, sign};
pub use topic::{InvalidTopic, Topic};
pub use webhooks::{DeliveryPage, PENDING_MAX, Webhooks, WebhooksOptions};
