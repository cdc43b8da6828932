//! Batches: operations in, results out.

use std::borrow::Cow;

use isobase_http::ProblemCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Id, StoredDocument, batch_shapes::BatchShape};

/// Several writes, or several reads.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::records) struct Batch<'a> {
    #[serde(borrow)]
    #[schemars(with = "Vec<BatchShape>", length(max = 10_000))]
    pub(in crate::records) operations: Vec<&'a RawValue>,
    /// All or nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "bool", extend("default" = false))]
    pub(in crate::records) atomic: Option<bool>,
}

/// One of several writes or reads.
///
/// It is cut out as text and read by itself; a member that a caller can get wrong stays text, so
/// that the answer can name it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::records) struct BatchOperation<'a> {
    pub(in crate::records) method: BatchMethod,
    #[serde(borrow, default)]
    pub(in crate::records) id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(in crate::records) body: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(in crate::records) patch: Option<&'a RawValue>,
    /// In place of a patch.
    #[serde(borrow, default)]
    pub(in crate::records) update: Option<&'a RawValue>,
    #[serde(default)]
    pub(in crate::records) if_match: Option<String>,
    #[serde(default)]
    pub(in crate::records) if_none_match: Option<String>,
    /// A `put` stores the document also when there is none.
    #[serde(default)]
    pub(in crate::records) upsert: Option<bool>,
}

/// The effect of an operation.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::records) enum BatchMethod {
    Create,
    Put,
    Patch,
    Delete,
    Get,
}

/// The outcome of several writes: one result per operation, in their order.
#[derive(Serialize, JsonSchema)]
pub(in crate::records) struct BatchReport<'a> {
    pub(in crate::records) results: Vec<BatchResult<'a>>,
    /// Something was written.
    pub(in crate::records) committed: bool,
}

/// The outcome of one operation, with the status it would have had alone.
#[derive(Default, Serialize, JsonSchema)]
pub(in crate::records) struct BatchResult<'a> {
    pub(in crate::records) status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Id<'_>")]
    pub(in crate::records) id: Option<Id<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("enum" = ["created", "updated", "deleted"]))]
    pub(in crate::records) kind: Option<&'static str>,
    /// A tag as the header has it, quotes included: it can be sent back as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub(in crate::records) etag: Option<String>,
    /// The document, of a `get`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "StoredDocument")]
    pub(in crate::records) record: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "BatchError<'_>")]
    pub(in crate::records) error: Option<BatchError<'a>>,
}

/// Why an operation was refused.
#[derive(Serialize, JsonSchema)]
pub(in crate::records) struct BatchError<'a> {
    #[schemars(with = "ProblemCode")]
    pub(in crate::records) code: &'static str,
    pub(in crate::records) detail: String,
    /// The places that do not meet a schema or do not fit a patch, as `errors` of a problem has them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in crate::records) errors: Vec<BatchFault<'a>>,
}

/// A place that is refused: by a schema or a unique index, or because a patch does not fit there.
#[derive(Serialize, JsonSchema)]
pub(in crate::records) struct BatchFault<'a> {
    pub(in crate::records) pointer: Cow<'a, str>,
    pub(in crate::records) message: Cow<'a, str>,
}
