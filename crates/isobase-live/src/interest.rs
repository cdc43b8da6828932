//! The interest of a listener.

use std::{fmt, sync::Arc};

use isobase_types::{Change, ChangeKind, Filter, Timestamp};

use crate::{Sight, Topic};

/// A topic as one listener follows it.
#[derive(Clone)]
pub struct Interest {
    /// The topic.
    pub topic: Arc<Topic>,
    /// Only documents that meet this.
    pub filter: Filter,
    /// The filter as it was written; equal texts are evaluated together.
    pub written: Box<str>,
    /// The view of the listener.
    pub sight: Sight,
}

/// The event made of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Created,
    Updated,
    Deleted,
    /// Every document is gone.
    CollectionDeleted,
}

impl Interest {
    /// A whole topic.
    #[must_use]
    pub fn whole(topic: Arc<Topic>, sight: Sight) -> Self {
        Self { topic, filter: Filter::all(), written: Box::default(), sight }
    }

    /// The event of a change of the topic's collection, if anything. `body` is that of the
    /// document after it.
    ///
    /// Whether the document met the filter before is not known, so a document that does not meet
    /// it after an update, or was deleted, is told as deleted to those who could see it.
    pub(crate) fn told(&self, change: &Change, body: Option<&str>, now: Timestamp) -> Option<Told> {
        let seen = self.sight.of(change, body, now);
        let meets = match (body, &change.id) {
            (Some(body), Some(id)) => self.filter.matches(body, id),
            _ => false,
        };
        let (before, after) = (seen.before, seen.after && meets);
        match change.kind {
            ChangeKind::Created => after.then_some(Told::Created),
            ChangeKind::Updated if body.is_none() => None,
            ChangeKind::Updated => match (before, after) {
                (Some(false), true) => Some(Told::Created),
                (_, true) => Some(Told::Updated),
                (Some(true), false) => Some(Told::Deleted),
                (_, false) => None,
            },
            ChangeKind::Deleted => (before == Some(true)).then_some(Told::Deleted),
            // Told to all who might have seen a document of it.
            ChangeKind::CollectionDeleted => {
                (!self.sight.is_blind(now)).then_some(Told::CollectionDeleted)
            }
        }
    }
}

impl fmt::Debug for Interest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interest")
            .field("topic", &self.topic)
            .field("written", &self.written)
            .finish_non_exhaustive()
    }
}
