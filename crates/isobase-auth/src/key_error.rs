//! Errors of keys.

use isobase_store::{Rejection, StoreError};

use crate::NoRandomness;

/// Longest name of a key, in bytes.
pub(crate) const NAME_BYTES_MAX: usize = 100;
/// Longest time that a key goes on beside the one that took its place, in days.
pub(crate) const OVERLAP_DAYS_MAX: u64 = 90;
/// Most valid keys of a database. All of them are in the memory of every service on it.
pub(crate) const KEYS_MAX: usize = 10_000;

/// Why keys cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The database cannot be used.
    #[error("the keys cannot be read or changed: {0}")]
    Store(#[from] StoreError),
    /// The database did not take what a key is.
    #[error("the key was not stored: {0}")]
    Refused(Rejection),
    /// A document among the keys is none.
    #[error("the document {0:?} of the collection isobase_keys is no key")]
    Damaged(String),
    /// The name is empty, too long or holds control characters.
    #[error("a key's name has 1 to {NAME_BYTES_MAX} bytes and no control characters")]
    InvalidName,
    /// A valid key has the name already.
    #[error("there is a valid key named {0:?} already; revoke it first or use another name")]
    NameTaken(String),
    /// No valid key has this id or name.
    #[error("there is no valid key with the id or name {0:?}")]
    NotFound(String),
    /// A former key would go on for too long.
    #[error("a former key goes on for at most {OVERLAP_DAYS_MAX} days")]
    Overlap,
    /// There are as many keys as there can be.
    #[error("there are {KEYS_MAX} valid keys, which is the most; revoke some")]
    TooMany,
    /// The system gave no random bytes.
    #[error(transparent)]
    Random(#[from] NoRandomness),
}
