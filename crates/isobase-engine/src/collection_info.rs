//! A collection and its size.

use isobase_types::CollectionName;

/// A collection and its size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectionInfo {
    /// Its name.
    pub name: CollectionName,
    /// How many documents it has; at least 1.
    pub documents: u64,
}
