//! How processes tell each other of commits.

use isobase_engine::{Identity, Waiting};

/// Those of this process who wait for changes, and the words by which other processes tell of
/// theirs.
///
/// A commit notifies only while somebody listens: a caller that does holds a shared advisory lock, and a
/// transaction that gets the lock for itself alone tells no one. A notification costs a lock of the
/// whole server at the commit, which programs beside us need not pay for nothing.
#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) waiting: Waiting,
    /// Of `LISTEN`; plain letters and digits.
    pub(crate) name: String,
    /// Of the advisory lock.
    pub(crate) lock: i64,
}

impl Channel {
    /// That of a schema: names of channels are shorter than those of schemas may be.
    pub(crate) fn of(schema: &str) -> Self {
        let number = Identity::derived(&["postgres", schema]).database;
        let name = format!("isobase_{number:016x}");
        Self { waiting: Waiting::default(), name, lock: number.cast_signed() }
    }
}
