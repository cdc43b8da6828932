//! Ranges to read, and the indexes they may be of.

use isobase_types::{Order, OrderField};

use super::{place::split, range::Range};

/// Most ranges one listing reads side by side: the values of an `in`, multiplied over fields.
pub(crate) const RANGES_MAX: usize = 64;

/// An index that is complete, as the planner needs to know it.
#[derive(Clone, Debug)]
pub struct ReadyIndex {
    /// The engine's number for it.
    pub id: i64,
    /// Its order.
    pub order: Order,
}

impl ReadyIndex {
    /// The fields whose values stand in the keys, as values: the id stands at their end in a
    /// form of its own, also when the order names it.
    pub(super) fn fields(&self) -> &[OrderField] {
        split(&self.order).0
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Main {
    /// The ranges give documents in the asked order, once merged.
    Ordered { ranges: Vec<PlannedRange>, reverse: bool },
    /// Read everything in the ranges and keep the first documents.
    Sort { ranges: Vec<PlannedRange> },
}

/// A range, and how many bytes at the front of its keys say nothing about the order.
#[derive(Clone, Debug)]
pub(crate) struct PlannedRange {
    pub(crate) range: Range,
    pub(crate) prefix_bytes: usize,
}
