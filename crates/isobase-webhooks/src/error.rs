//! Why something cannot be done with webhooks.

use isobase_auth::{NoRandomness, SealError};
use isobase_store::{Rejection, StoreError};

/// Why something cannot be done with webhooks.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// There is no such endpoint.
    #[error("there is no webhook {0:?}")]
    NotFound(String),
    /// There is no such delivery.
    #[error("there is no delivery {0:?}")]
    DeliveryNotFound(String),
    /// A member cannot be what it is to be.
    #[error("{field}: {message}")]
    Invalid {
        /// Which one.
        field: &'static str,
        /// Why.
        message: String,
    },
    /// There are as many as there may be.
    #[error("there are {0} webhooks already, and more are not kept")]
    TooMany(usize),
    /// The secret cannot be sealed or opened.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The database refused a write.
    #[error("the database refused the write: {0:?}")]
    Rejected(Rejection),
    /// The system gave no random bytes.
    #[error(transparent)]
    Random(#[from] NoRandomness),
    /// The stored document is none.
    #[error("{0} cannot be read")]
    Unreadable(String),
}
