//! Documents that a target cannot hold.

use serde::Serialize;

/// A document that the target cannot hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// Its collection.
    pub collection: String,
    /// Its id.
    pub id: String,
    /// The place in it, empty for the whole.
    pub path: String,
    /// The limit it breaks.
    pub reason: String,
}
