//! Changes that the feed does not tell.
//!
//! A commit leaves a record in the log whatever it writes, and places follow each other without a
//! gap. So a write of a collection that has no changes has an entry, too: one that names nothing.

use isobase_types::{Change, ChangeKind, CollectionName, Kept, Sequence, Timestamp};

/// Stands for whatever collection was written. No collection of a caller or of the service.
const UNTOLD: &str = "isobase_untold";

/// The entry of such a write.
pub(crate) fn untold(sequence: Sequence, at: Timestamp) -> Option<Change> {
    let collection = CollectionName::new(UNTOLD).ok()?;
    let (kind, kept) = (ChangeKind::CollectionDeleted, Kept::default());
    Some(Change { sequence, collection, id: None, kind, revision: None, at, kept })
}

/// Whether an entry of the log is one.
pub(crate) fn is_untold(change: &Change) -> bool {
    change.collection.as_str() == UNTOLD
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_that_name_nothing_are_known() {
        let change = untold(Sequence(1), Timestamp::default()).unwrap();
        assert!(is_untold(&change) && change.id.is_none());
    }
}
