//! The documents of the journal, and where they lie.
//!
//! - `isobase_journal/head`: the state that every commit moves on; every commit is conditioned
//!   on its last version, so that of two commits for one state exactly one happens.
//! - `isobase_journal/unfinished`: the note of a load, while there is one.
//! - `isobase_log/{last sequence, 20 digits}`: what each commit wrote.
//! - `isobase_bodies/{sequence, 20 digits}`: large bodies that changes keep.
//! - `isobase_answers/{key in hexadecimal}`: first answers to idempotency keys.
//! - `isobase_collections/{name}`: the catalogue.
//!
//! The prefix stands before each. Nothing is ever searched by a field but the times of the log
//! and the answers (`at`).

use isobase_engine::{EngineError, ErrorKind};

/// The document of the head.
pub(crate) const HEAD: &str = "head";
/// The document of an unfinished load.
pub(crate) const UNFINISHED: &str = "unfinished";

/// When the record of a commit or an answer was written.
pub(crate) const AT: &str = "at";

/// Values that only our own code writes have another form.
pub(crate) fn corrupted(what: &str) -> EngineError {
    EngineError::new(ErrorKind::Corrupted, format!("{what} cannot be read"))
}
