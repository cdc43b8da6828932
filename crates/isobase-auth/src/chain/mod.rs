//! The chain of the audit: each entry carries the hash of the one before it, so that one that is
//! changed, deleted or put between is found.
//!
//! Entries are written without it, together with what they tell of, so that no write waits for
//! another one's entry. A little later one process of the database takes those that are not in the
//! chain, gives them numbers and hashes, and writes them into a document, the head, which one
//! comparison of revisions decides; only then each entry gets its seal. Anyone who finds a head whose
//! entries are not sealed yet seals them: to do so twice is the same as once.

mod link;
mod places;
mod sealing;
mod trimming;
mod verifying;

pub use link::{ChainHead, InvalidChainHead};
pub use places::AuditChain;
pub use sealing::AuditKeeper;
pub use verifying::{AuditReport, Fault, FaultKind, Trimmed, VerifyError};
