//! A process's memory from request to request.

use isobase_types::CollectionName;

/// A look for old answers that is not at its end.
#[derive(Clone, Debug)]
pub(crate) struct Forgetting {
    /// The first id that was not looked at.
    pub(crate) from: String,
    /// When the oldest of the answers before this place was given, of those that stay.
    pub(crate) oldest_us: Option<i64>,
}

/// A record as it is to be.
pub(crate) struct Stripped {
    pub(crate) id: String,
    pub(crate) revision: String,
    pub(crate) text: Vec<u8>,
}

/// A document that CouchDB does not take from us, whatever we do.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Refused {
    pub(crate) collection: CollectionName,
    pub(crate) id: String,
    pub(crate) reason: String,
}
