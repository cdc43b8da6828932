//! The indexing by the database itself.

/// The fields that Firestore indexes beside our keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Indexing {
    /// Every field, as it does by itself: other programs may query them.
    Everything,
    /// Nothing: writes are cheaper and faster, and large documents fit.
    KeysOnly,
}
