//! The contract for engines, and the rules all engines share.
//!
//! [`Engine`] is what a database must do, with [`ChangeFeed`], [`Indexes`], [`Snapshots`],
//! [`BulkLoad`] and [`CollectionTerms`] as its parts; [`Reconcile`] is what it may do besides. [`decide`] holds the rules of a write, [`listing`] the planning of a listing,
//! so that all engines follow the same ones.

mod age_index;
mod change_feed;
mod check;
mod clock;
mod collection_info;
mod decide;
mod engine;
mod error;
mod feed_place;
mod identity;
mod index;
mod keeping;
mod limits;
pub mod listing;
mod loading;
mod others;
mod outcomes;
mod prepare_load;
mod reading_only;
mod reconcile;
mod rejection;
mod steady_time;
mod sweep;
mod terms;
#[cfg(feature = "testing")]
pub mod testing;
mod transfer;
mod unique;
mod waiting;
mod write;

pub use age_index::settle_age_index;
pub use change_feed::{ChangeFeed, ChangesPage, ChangesRequest};
pub use check::{Current, ProposedWrite, WriteCheck};
pub use clock::{Clock, SystemClock};
pub use collection_info::CollectionInfo;
pub use decide::{BATCH_BYTES_MAX, BatchProgress, Effect, decide};
pub use engine::Engine;
pub use error::{EngineError, ErrorKind, WRITING_STOPPED};
pub use feed_place::{FeedPlace, InvalidPlace};
pub use identity::{Identity, InvalidIdentity};
pub use index::{INDEX_FIELDS_MAX, IndexDefinition, IndexInfo, IndexState, Indexes, InvalidIndex};
pub use keeping::{KEPT_BYTES_MAX, Keep, Keeping};
pub use limits::{Limit, Limits};
pub use listing::{Indexed, ListRequest, Listing, Place};
pub use loading::{Loading, being_loaded};
pub use others::{
    NoOthers, Others, Referred, finds_referrers, referrer_keys, referrer_keys_are_whole, refers,
};
pub use outcomes::{decode_outcomes, encode_outcomes};
pub use prepare_load::prepare_load;
pub use reading_only::{ReadOnly, Reader, reading_only};
pub use reconcile::{OthersSeen, Reconcile, Reconciled, UNREADABLE_NAMED_MAX};
pub use rejection::{Rejection, VIOLATIONS_MAX, Violation};
pub use steady_time::SteadyTime;
pub use sweep::{sweep, sweep_collection};
pub use terms::{AllTerms, CollectionTerms, Cutoff, Terms};
pub use transfer::{
    BulkLoad, Counters, NOTE_BYTES_MAX, NotRead, Snapshot, Snapshots, Unreadable, check_note,
    next_id, revision_number,
};
pub use unique::{DUPLICATES_MAX, Duplicates, UniqueHolders, UniqueKey, not_unique};
pub use waiting::Waiting;
pub use write::{
    Action, Idempotency, IfMissing, Precondition, WriteBatch, WriteOperation, WriteOutcome,
    WriteReport, Written,
};
