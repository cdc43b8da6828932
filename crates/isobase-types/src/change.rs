//! Changes of documents.

use crate::{CollectionName, DocumentId, Revision, Sequence, Timestamp};

/// One committed write, as the change feed tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its place in the feed.
    pub sequence: Sequence,
    /// The collection it happened in.
    pub collection: CollectionName,
    /// The document it happened to; `None` when the whole collection was deleted.
    pub id: Option<DocumentId>,
    /// The event.
    pub kind: ChangeKind,
    /// The revision the write gave the document; `None` when it took the document away.
    pub revision: Option<Revision>,
    /// When it happened, by the clock of the service.
    pub at: Timestamp,
    /// The parts of the document that the entry keeps.
    pub kept: Kept,
}

/// The parts of its document that an entry of the change feed keeps, where the collection asks for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// A JSON object with the fields of the document before the write that the collection names.
    pub former: KeptText,
    /// The document after the write, without `id`.
    pub body: KeptText,
}

impl Kept {
    /// The same for a caller that did not ask for bodies.
    #[must_use]
    pub fn without_body(self) -> Self {
        let body = match self.body {
            KeptText::None => KeptText::None,
            KeptText::Text(_) | KeptText::Omitted => KeptText::Omitted,
        };
        Self { body, ..self }
    }

    /// Bytes of its texts.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.former.bytes() + self.body.bytes()
    }
}

/// A text that an entry keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum KeptText {
    /// None was to be kept, or there is none: a new document has no former fields, and a deleted
    /// one no body.
    #[default]
    None,
    /// This one.
    Text(Box<str>),
    /// It was to be kept and could not be, or was not asked for.
    Omitted,
}

impl KeptText {
    /// The text, if it is here.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::None | Self::Omitted => None,
        }
    }

    /// Bytes of the text.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.text().map_or(0, str::len)
    }

    /// The form in which databases keep it: nothing, the text, or an empty one for what was
    /// omitted. (A JSON object is never empty.)
    #[must_use]
    pub fn stored(&self) -> Option<&str> {
        match self {
            Self::None => None,
            Self::Text(text) => Some(text),
            Self::Omitted => Some(""),
        }
    }

    /// Reads the text that [`KeptText::stored`] made.
    #[must_use]
    pub fn of_stored(stored: Option<impl Into<Box<str>>>) -> Self {
        match stored.map(Into::into) {
            None => Self::None,
            Some(text) if text.is_empty() => Self::Omitted,
            Some(text) => Self::Text(text),
        }
    }
}

/// The effect of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// The document is new.
    Created,
    /// The document was there and has another revision now.
    Updated,
    /// The document is gone.
    Deleted,
    /// Every document of the collection is gone.
    CollectionDeleted,
}

impl ChangeKind {
    /// The word on the wire: `created`, `updated`, `deleted` or `collection_deleted`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
            Self::CollectionDeleted => "collection_deleted",
        }
    }

    /// The stable number engines store: 1 to 4.
    #[must_use]
    pub fn code(self) -> i64 {
        self as i64 + 1
    }

    /// The kind of a stored number.
    #[must_use]
    pub fn from_code(code: i64) -> Option<Self> {
        [Self::Created, Self::Updated, Self::Deleted, Self::CollectionDeleted]
            .into_iter()
            .find(|kind| kind.code() == code)
    }
}
