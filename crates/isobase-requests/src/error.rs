//! Why something could not be done with the log.

use isobase_store::{Rejection, StoreError};

/// A request that was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum RequestsError {
    /// There is no such entry.
    #[error("Request not found")]
    NotFound,
    /// There is no such item.
    #[error("Not found")]
    ItemNotFound,
    /// Another item has the correlation id.
    #[error("an item with the correlation id {0:?} exists already")]
    ItemExists(String),
    /// A value cannot be what it is given for.
    #[error("{field}: {message}")]
    Invalid {
        /// Which value: the name of a member of a request.
        field: &'static str,
        /// The expectation.
        message: String,
    },
    /// The database failed, or refused the request.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The database cannot hold it.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// Too many others write the same thing at once.
    #[error("the item is changed by too many others at once; nothing was written")]
    Busy,
}
