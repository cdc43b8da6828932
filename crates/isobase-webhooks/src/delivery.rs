//! One delivery to an endpoint.

use std::time::Duration;

use isobase_types::{Document, DocumentId, json::canonicalise_document};
use serde::{Deserialize, Serialize};

use crate::WebhookError;

/// The system collection of the deliveries.
pub const DELIVERIES_COLLECTION: &str = "isobase_deliveries";

/// The pauses after attempts that failed. After the last one the delivery has failed; somebody may
/// send it again. Source: Standard Webhooks, "Retry schedule".
pub const RETRIES: [Duration; 9] = [
    Duration::from_secs(5),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 3_600),
    Duration::from_secs(5 * 3_600),
    Duration::from_secs(10 * 3_600),
    Duration::from_secs(14 * 3_600),
    Duration::from_secs(20 * 3_600),
    Duration::from_secs(24 * 3_600),
];
/// Attempts that are remembered, the latest.
pub(crate) const ATTEMPTS_KEPT: usize = 10;

/// How far a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It is to be sent, perhaps again.
    Pending,
    /// It arrived.
    Delivered,
    /// It was given up.
    Failed,
}

/// An attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When.
    pub at: String,
    /// How long it took, in milliseconds.
    pub ms: u64,
    /// The status of the answer; `None` when there was none.
    pub status: Option<u16>,
    /// The beginning of the answer, or why there was none.
    pub told: String,
}

/// One delivery to an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The `webhook-id`: the same at every attempt. Later ones are greater.
    #[serde(skip_deserializing)]
    pub id: String,
    /// Who is told.
    pub endpoint: String,
    /// The event: `license.revoked`.
    pub kind: String,
    /// How far it is.
    pub state: DeliveryState,
    /// When it happened.
    pub created_at: String,
    /// Attempts so far.
    pub attempts: u32,
    /// When the next attempt is due, in microseconds since 1970.
    pub next_us: i64,
    /// The last attempts.
    pub log: Vec<Attempt>,
    /// The body: JSON as text.
    pub body: String,
}

impl Delivery {
    pub(crate) fn read(document: &Document) -> Result<Self, WebhookError> {
        let unreadable = || WebhookError::Unreadable(format!("delivery {}", document.id));
        let DocumentId::Text(id) = &document.id else { return Err(unreadable()) };
        let delivery: Self = serde_json::from_str(&document.body).map_err(|_| unreadable())?;
        Ok(Self { id: id.to_string(), ..delivery })
    }

    pub(crate) fn stored(&self) -> String {
        let text = serde_json::to_vec(self).expect("texts and numbers always serialise");
        canonicalise_document(&text).expect("a struct is an object, and its texts are valid")
    }
}

/// How long to wait after so many attempts that failed; `None` when it is given up. The other side may
/// wish for longer, up to the longest pause. `chance`, from 0 to 1, spreads those that failed together.
#[must_use]
pub fn retry_after(attempts: u32, wished: Option<Duration>, chance: f64) -> Option<Duration> {
    let index = usize::try_from(attempts).unwrap_or(usize::MAX).saturating_sub(1);
    let pause = RETRIES.get(index)?;
    let longest = RETRIES.last().copied().unwrap_or_default();
    let spread = pause.mul_f64(1.0 + 0.1 * chance.clamp(0.0, 1.0));
    Some(spread.max(wished.unwrap_or_default().min(longest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end() {
        let seconds = |attempts| retry_after(attempts, None, 0.0).map(|pause| pause.as_secs());
        assert_eq!((seconds(1), seconds(2), seconds(9)), (Some(5), Some(300), Some(86_400)));
        assert_eq!(seconds(10), None);
        let wished = |seconds| retry_after(1, Some(Duration::from_secs(seconds)), 0.0);
        assert_eq!(wished(60), Some(Duration::from_secs(60)));
        assert_eq!(wished(1), Some(Duration::from_secs(5)));
        // No one makes us wait for a year.
        assert_eq!(wished(31_536_000), Some(Duration::from_secs(86_400)));
        assert!(retry_after(1, None, 1.0) > retry_after(1, None, 0.0));
    }
}
