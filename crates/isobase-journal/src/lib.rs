//! The common part of the document databases.
//!
//! CouchDB, DynamoDB and Firestore keep documents natively, one by one, and differ in how they
//! write several things at once. [`JournalEngine`] is the engine over any of them: it groups
//! writes, decides them by the shared rules, keeps the journal (numbers, change feed,
//! idempotency keys, catalogue) and answers listings. A [`DocumentDatabase`] is what one database does
//! for it.

mod adopt;
mod attached;
mod catalogue;
mod codec;
mod core;
mod database;
mod deletion;
mod engine;
mod error;
mod feed;
mod indexes;
mod keys;
mod looked;
mod maintenance;
mod native_ids;
mod options;
mod others;
mod read;
mod reader;
mod shared;
mod tag;
mod terms;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod transfer;
mod unique;
mod untold;
mod whole;
mod writer;

pub use codec::{InvalidTree, META_FIELD, Meta, NativeDocument, NativeRules, Tree, WRAPPED_FIELD};
pub use database::{
    After, BEYOND_SEQUENCES, Before, Budget, CatalogueEntry, Commit, CommitError, Cost,
    DocumentDatabase, DocumentKey, DocumentWrite, Head, IndexEntry, IndexKey, IndexNumber,
    KeptBody, KeyFetch, KeyFetched, KeyedDocument, KeysOf, LogRecord, ScanPage, StoredAnswer,
    WrittenPage, is_purged,
};
pub use engine::JournalEngine;
pub use isobase_writer::Pauses;
pub use native_ids::NativeIds;
pub use options::JournalOptions;
pub use reader::JournalReader;
pub use tag::Tag;
