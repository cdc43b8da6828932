//! Parts of indexes.

use isobase_journal::IndexNumber;
use isobase_types::CollectionName;

/// A part of an index.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Range<'a> {
    pub(crate) collection: &'a CollectionName,
    pub(crate) index: IndexNumber,
    /// The smallest key.
    pub(crate) lower: &'a [u8],
    /// The first key that is too large.
    pub(crate) upper: Option<&'a [u8]>,
}
