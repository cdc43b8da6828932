//! Parts of a collection that an engine reads.

use std::ops::Bound;

use isobase_types::DocumentId;

/// The range that an engine reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Range {
    /// Documents by their ids.
    Ids(IdRange),
    /// Documents by the entries of an index.
    Index {
        /// The engine's number of the index.
        index: i64,
        /// Which entries.
        keys: KeyRange,
    },
}

/// Documents whose ids lie between two bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdRange {
    /// Smallest id. (`Text("")` stands for the place before the first string id.)
    pub lower: Bound<DocumentId>,
    /// Largest id.
    pub upper: Bound<DocumentId>,
}

/// Index entries whose keys lie between two bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRange {
    /// Smallest key.
    pub lower: Vec<u8>,
    /// The first key that is too large; `None` when nothing is.
    pub upper: Option<Vec<u8>>,
}
