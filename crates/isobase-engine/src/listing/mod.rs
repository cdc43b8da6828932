//! Listings: planning and running them, the same on every engine.
//!
//! An engine fetches ranges of documents by id and ranges of index entries; everything else is
//! here and does no input or output: `plan::choose` picks an index and its ranges,
//! [`ListRun`] asks for ranges, checks the filter on each document, orders, skips and stops.

mod by_id;
mod by_index;
mod constraints;
mod count;
mod place;
mod plan;
mod planned;
mod range;
mod run;
mod sieve;
mod stored;

use isobase_types::{Document, Filter, Order};

pub use count::{CountRun, CountStep};
pub use isobase_types::Indexed;
pub(crate) use place::age_index_key;
pub use place::{Place, id_key, index_key};
use planned::Main;
pub use planned::ReadyIndex;
pub use range::{IdRange, KeyRange, Range};
pub use run::{Fetch, Fetched, ListRun, Row, Step};
pub use sieve::Sieve;
pub use stored::StoredKeys;

/// Whether a listing reads at most so many documents, whatever the collection holds: no more than
/// its page has.
#[must_use]
pub fn reads_at_most(request: &ListRequest, indexes: &[ReadyIndex], documents: u64) -> bool {
    let ListRequest { filter, order, after, skip, limit, .. } = request;
    let rows = skip.saturating_add(u64::from(*limit));
    if rows > documents {
        return false;
    }
    let plan = plan::choose(filter, order, after.as_ref(), indexes);
    // Of each range as many are read as the page has.
    let most = |ranges: usize| rows.saturating_mul(ranges as u64);
    plan.covers
        && matches!(plan.main, Main::Ordered { ranges, .. } if most(ranges.len()) <= documents)
}

/// Which documents, in which order, and how many.
#[derive(Clone, Debug)]
pub struct ListRequest {
    /// Only documents that meet this.
    pub filter: Filter,
    /// Their order; the id decides between equals.
    pub order: Order,
    /// Only documents after this place.
    pub after: Option<Place>,
    /// Leave out this many first.
    pub skip: u64,
    /// At most this many documents.
    pub limit: u32,
    /// Stop, with at least one document, when the bodies have this many bytes.
    pub bytes_max: usize,
    /// Examine at most this many documents or index entries.
    pub scan_max: u64,
}

/// One page of a listing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listing {
    /// The documents, in order.
    pub documents: Vec<Document>,
    /// Where the next page begins; `None` at the end. A page may be short or even empty and still
    /// have a next one.
    pub next: Option<Place>,
}

/// Most documents that an order without an index may hold back before the first is given out.
///
/// Ours: 100,000 documents of 1 KiB are 100 MiB, about what a small machine can spare.
pub const SORT_DOCUMENTS_MAX: u64 = 100_000;

/// Most bytes of documents that an order without an index may hold back.
pub const SORT_BYTES_MAX: usize = 64 << 20;

/// Sizes of the parts in which a run asks for documents.
pub(crate) const FETCH_ROWS_MAX: u32 = 4_096;
pub(crate) const FETCH_ROWS_FIRST: u32 = 128;
/// Bytes after which an engine should end a part, though it has fewer rows than asked.
pub const FETCH_BYTES_MAX: usize = 4 << 20;
