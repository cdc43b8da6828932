//! Events as they are sent.

use bytes::Bytes;

/// Whole events as they are sent, in the order in which they happened. Cheap to clone: all who are
/// told the same share the bytes, so that many events cost each of them one write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Their text.
    pub text: Bytes,
    /// How many there are.
    pub events: usize,
}

impl Piece {
    /// Events that follow each other.
    pub(crate) fn of(events: &[Bytes]) -> Self {
        let text = match events {
            [event] => event.clone(),
            events => events.concat().into(),
        };
        Self { text, events: events.len() }
    }
}

/// One event.
impl From<Bytes> for Piece {
    fn from(text: Bytes) -> Self {
        Self { text, events: 1 }
    }
}
