//! Where the search for what other programs wrote goes on.

use isobase_types::Timestamp;

/// How far this process has looked at a collection for what other programs wrote.
#[derive(Debug)]
pub(crate) struct Looked {
    /// When the last look began.
    pub(crate) at: Timestamp,
    /// The place of [`crate::DocumentDatabase::written_since`] at that time.
    pub(crate) place: Option<String>,
}
