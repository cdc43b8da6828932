//! The handle users hold: checks names, values and abilities, then asks the engine once.
//!
//! Nothing above this crate knows which engine there is.

mod cascade;
mod changes;
mod cursor;
mod error;
mod expand;
mod expand_limits;
mod feed;
mod file_fields;
mod file_names;
mod file_uses;
mod indexing;
mod listing;
mod options;
mod page;
mod rules;
mod schema;
mod shown;
mod store;
mod told;
mod view;
mod writing;

pub use error::{ForeignPlace, StoreError};
pub use expand::Expansion;
pub use expand_limits::{EXPAND_LEVELS_MAX, EXPAND_REFERENCES_MAX};
pub use feed::{FeedPage, FeedRequest, InvalidSince, Since};
pub use file_fields::is_upload_name;
pub use file_names::UPLOADS_COLLECTION;
pub use file_uses::{FileReplaced, FileUse, FileUses};
pub use isobase_engine::{
    Action, CollectionInfo, Current, EngineError, ErrorKind, FeedPlace, Idempotency, IfMissing,
    IndexDefinition, IndexInfo, IndexState, InvalidIndex, Keep, Limits, Others, OthersSeen,
    Precondition, ProposedWrite, Referred, Rejection, Terms, Violation, WRITING_STOPPED,
    WriteBatch, WriteCheck, WriteOperation, WriteOutcome, WriteReport, Written,
};
pub use isobase_types::User;
pub use options::StoreOptions;
pub use page::{DocumentPage, PagePosition, Totals};
pub use rules::{Caller, InvalidRule, Right, Rule, RuleAction, RuleBook, Rules, Unruled};
pub use schema::{
    FieldDefault, FieldInfo, FieldKind, FileField, InvalidSchema, OnDelete, Reference,
    SCHEMA_BYTES_MAX, SCHEMAS_COLLECTION, Schema, SchemaInfo, SchemaOrigin,
};
pub use store::{SYSTEM_PREFIX, Store};
pub use view::{Shown, View};
pub use writing::Atomicity;
