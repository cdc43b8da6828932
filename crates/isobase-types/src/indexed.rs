//! A document as conditions and orders look at it.

use crate::{Document, DocumentId, FieldPath, Timestamp};

/// A document as filters, orders and indexes look at it.
#[derive(Clone, Copy, Debug)]
pub struct Indexed<'a> {
    /// Its body.
    pub body: &'a str,
    /// Its id.
    pub id: &'a DocumentId,
    /// When it was first written.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

impl<'a> From<&'a Document> for Indexed<'a> {
    fn from(document: &'a Document) -> Self {
        let Document { id, created_at, updated_at, body, .. } = document;
        Self { body, id, created_at: *created_at, updated_at: *updated_at }
    }
}

/// The object in which a document is shown with what the store knows of it.
const META: &str = "_meta";

/// A time that the store keeps of a document. Where a filter or an order names one, it is a string
/// of RFC 3339 with six digits, as [`Timestamp`] displays it: such strings sort as the times do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentTime {
    /// `_meta.createdAt`
    Created,
    /// `_meta.updatedAt`
    Updated,
}

impl DocumentTime {
    /// The time of a document.
    #[must_use]
    pub fn of(self, document: Indexed<'_>) -> Timestamp {
        match self {
            Self::Created => document.created_at,
            Self::Updated => document.updated_at,
        }
    }
}

impl FieldPath {
    /// The time that the path names: `_meta.createdAt` or `_meta.updatedAt`. A document's own field
    /// of that path is not reached by it.
    #[must_use]
    #[inline]
    pub fn time(&self) -> Option<DocumentTime> {
        match self.steps() {
            [meta, time] if **meta == *META => match &**time {
                "createdAt" => Some(DocumentTime::Created),
                "updatedAt" => Some(DocumentTime::Updated),
                _ => None,
            },
            _ => None,
        }
    }
}
