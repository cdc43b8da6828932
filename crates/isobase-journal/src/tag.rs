//! Versions of documents, as their database calls them.

/// A database's name of a version of a document (`_rev`, an update time). Where it has no name
/// for it a hash of the native document does; an empty one leaves only the bookkeeping's revision
/// to compare, and what another program changed between a read and a write is overwritten.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tag(pub String);
