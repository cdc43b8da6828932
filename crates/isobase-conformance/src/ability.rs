//! What an engine can do.

use isobase_engine::Engine;

/// The optional parts of the contract an engine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Abilities {
    /// Batches that are all or nothing.
    pub atomic_batches: bool,
    /// The change feed.
    pub change_feed: bool,
    /// Declared indexes.
    pub indexes: bool,
}

impl Abilities {
    /// The abilities of an engine: the same fact as its code.
    #[must_use]
    pub fn of(engine: &dyn Engine) -> Self {
        Self {
            atomic_batches: engine.atomic_batches().is_some(),
            change_feed: engine.change_feed().is_some(),
            indexes: engine.indexes().is_some(),
        }
    }
}
