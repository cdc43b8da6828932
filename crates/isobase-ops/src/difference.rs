//! Documents that are not the same on both sides.

use serde::Serialize;

/// A document that is not the same on both sides.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Difference {
    /// Its collection.
    pub collection: String,
    /// Its id.
    pub id: String,
    /// The difference.
    pub kind: DifferenceKind,
}

/// The difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DifferenceKind {
    /// The target does not have it.
    Missing,
    /// The target has it, the source has not.
    Extra,
    /// The text of the body.
    Body,
    /// The time of the first or last write.
    Times,
    /// The revision.
    Revision,
}
