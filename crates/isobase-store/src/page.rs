//! Pages of documents.

use isobase_engine::Place;
use isobase_types::Document;

/// A part of a listing.
#[derive(Clone, Debug, PartialEq)]
pub struct DocumentPage {
    /// The documents, in order, whole: fields are chosen when they are written out.
    pub documents: Vec<Document>,
    /// Where the listing goes on; none at its end.
    pub next: Option<PagePosition>,
    /// Totals, when the query asked for them.
    pub totals: Option<Totals>,
}

/// Where a listing goes on. Opaque; [`PagePosition::cursor`] gives the text for callers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PagePosition {
    pub(crate) place: Place,
    pub(crate) cursor: String,
}

impl PagePosition {
    /// The cursor: URL-safe text that belongs to this query.
    #[must_use]
    pub fn cursor(&self) -> &str {
        &self.cursor
    }
}

/// Totals of a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Totals {
    /// Documents that meet the filter.
    pub documents: u64,
    /// The asked page, when pages are numbered.
    pub page: Option<u32>,
    /// Pages of the asked size, when pages are numbered.
    pub pages: Option<u64>,
}
