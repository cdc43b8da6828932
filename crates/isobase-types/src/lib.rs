//! The nouns of Isobase. Values only: nothing here opens a file, a socket or a thread.
//!
//! Reading order: names ([`CollectionName`], [`DocumentId`], [`Revision`], [`Sequence`]), the
//! document ([`json`], [`Document`]), questions ([`FieldPath`], [`Filter`], [`Order`], [`Query`]),
//! the order of values ([`key`]), and what happened ([`Change`]).

mod change;
mod collection;
mod document;
mod field_path;
mod filter;
mod hex;
mod id;
mod indexed;
pub mod json;
pub mod key;
mod like;
mod order;
mod query;
mod revision;
mod timestamp;

pub use change::{Change, ChangeKind, Kept, KeptText};
pub use collection::{COLLECTION_NAME_BYTES_MAX, CollectionName, InvalidCollectionName};
pub use document::Document;
pub use field_path::{
    FIELD_PATH_BYTES_MAX, FIELD_PATH_STEPS_MAX, FieldPath, InvalidFieldPath, PathStep,
};
pub use filter::{
    Comparison, FILTER_CONDITIONS_MAX, FILTER_DEPTH_MAX, FILTER_LIST_MAX, FILTER_PATTERN_BYTES_MAX,
    Filter, Literal, Operator,
};
pub use hex::hex;
pub use id::{COUNTED_ID_MAX, DOCUMENT_ID_BYTES_MAX, DocumentId, InvalidDocumentId};
pub use indexed::{DocumentTime, Indexed};
pub use like::{like_contains, like_escaped};
pub use order::{Direction, InvalidOrder, ORDER_FIELDS_MAX, Order, OrderField};
pub use query::{
    Count, FIELDS_MAX, Facts, FilterTemplate, InvalidParameter, InvalidTemplate, NewDocument,
    PageRequest, Query, QueryLimits, TEMPLATE_BYTES_MAX, User,
};
pub use revision::{InvalidRevision, Revision, Sequence};
pub use timestamp::Timestamp;
