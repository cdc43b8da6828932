//! Collections that make events.

use std::{fmt, sync::Arc};

use isobase_types::{Change, CollectionName};

/// Writes the row of an event as JSON without a line break: the change, and the body of the
/// document after it.
pub type Render = Arc<dyn Fn(&Change, &str, &mut Vec<u8>) + Send + Sync>;

/// A collection whose changes are told as events.
#[derive(Clone)]
pub struct Topic {
    /// The collection.
    pub collection: CollectionName,
    /// The name of its events: `item` makes `item_created`, `item_updated`, `item_deleted`.
    pub event: Box<str>,
    /// How a row looks.
    pub render: Render,
}

impl Topic {
    /// A topic whose rows are documents as the store shows them: the fields, then `id`.
    #[must_use]
    pub fn plain(collection: CollectionName, event: impl Into<Box<str>>) -> Self {
        let render: Render = Arc::new(|change, body, out| {
            let open = body.strip_suffix('}').unwrap_or(body);
            out.extend_from_slice(open.as_bytes());
            if let Some(id) = &change.id {
                out.extend_from_slice(if open.len() > 1 { b",\"id\":" } else { b"\"id\":" });
                id.write_json(out);
            }
            out.push(b'}');
        });
        Self { collection, event: event.into(), render }
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Topic")
            .field("collection", &self.collection)
            .field("event", &self.event)
            .finish_non_exhaustive()
    }
}
