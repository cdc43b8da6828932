//! Events as text (HTML standard, server-sent events).
//!
//! Clients differ from the standard, which decides the form: every event has data and an id,
//! because one without either is lost or makes a client forget where it is, and `id:` is the last
//! line, so that a client whose stream is cut in the middle of an event does not take its place
//! for seen.

use bytes::Bytes;
use isobase_store::FeedPlace;
use isobase_types::Change;

use crate::{Topic, interest::Told};

/// Room for the name and the place.
const OVERHEAD: usize = 96;

/// Why something was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GapReason {
    /// The changes are no longer kept, or the database was loaded again.
    PastGone,
    /// The listener took too long.
    TooSlow,
    /// More happened while it was away than is told afterwards.
    TooFar,
    /// Every document of the collection was deleted.
    CollectionDeleted,
}

impl GapReason {
    fn as_str(self) -> &'static str {
        match self {
            Self::PastGone => "past_gone",
            Self::TooSlow => "too_slow",
            Self::TooFar => "too_far",
            Self::CollectionDeleted => "collection_deleted",
        }
    }
}

/// The first event of a stream.
pub(crate) fn connected(place: FeedPlace) -> Bytes {
    text("connected", b"{}", place)
}

/// Nothing else happened.
pub(crate) fn ping(place: FeedPlace) -> Bytes {
    text("ping", b"{}", place)
}

/// Something was left out in these collections.
pub(crate) fn gap<'a>(
    topics: impl IntoIterator<Item = &'a Topic>,
    reason: GapReason,
    place: FeedPlace,
) -> Bytes {
    let mut data = b"{\"topics\":[".to_vec();
    for (index, topic) in topics.into_iter().enumerate() {
        if index > 0 {
            data.push(b',');
        }
        isobase_types::json::write_string(topic.collection.as_str(), &mut data);
    }
    data.extend_from_slice(b"],\"reason\":\"");
    data.extend_from_slice(reason.as_str().as_bytes());
    data.extend_from_slice(b"\"}");
    text("gap", &data, place)
}

/// The event of a change; `body` is that of the document after it.
pub(crate) fn of_change(
    topic: &Topic,
    told: Told,
    change: &Change,
    body: &str,
    place: FeedPlace,
) -> Bytes {
    let end = match told {
        Told::Created => "created",
        Told::Updated => "updated",
        Told::Deleted => "deleted",
        Told::CollectionDeleted => return gap([topic], GapReason::CollectionDeleted, place),
    };
    let mut data = Vec::with_capacity(body.len() + OVERHEAD);
    match (told, &change.id) {
        (Told::Deleted, Some(id)) => {
            data.extend_from_slice(b"{\"id\":");
            id.write_json(&mut data);
            data.push(b'}');
        }
        _ => (topic.render)(change, body, &mut data),
    }
    text(&format!("{}_{end}", topic.event), &data, place)
}

fn text(name: &str, data: &[u8], place: FeedPlace) -> Bytes {
    let mut out = Vec::with_capacity(name.len() + data.len() + OVERHEAD);
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(name.as_bytes());
    for line in data.split(|byte| matches!(byte, b'\n' | b'\r')) {
        out.extend_from_slice(b"\ndata: ");
        out.extend_from_slice(line);
    }
    out.extend_from_slice(b"\nid: ");
    out.extend_from_slice(place.to_string().as_bytes());
    out.extend_from_slice(b"\n\n");
    out.into()
}
