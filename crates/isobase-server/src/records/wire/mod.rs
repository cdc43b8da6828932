//! Records on the wire: what is read and sent, said once, and how the routes are described.

mod documents;
mod operations;
mod parameters;

use std::{borrow::Cow, fmt::Display};

use isobase_types::{DocumentId, Revision, Timestamp, json::PATCH_OPERATIONS_MAX};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

pub(super) use documents::View;
pub(super) use operations::*;

/// A document that is sent to the service. Documents are text from one end to the other; this is
/// only their shape.
pub(super) struct Document;

impl JsonSchema for Document {
    fn schema_name() -> Cow<'static, str> {
        "Document".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "additionalProperties": true,
            "description": "Any JSON object, nested at most 128 levels deep, without duplicate \
                keys. A top-level `id` is dropped.",
        })
    }
}

/// A document that the service sends.
pub(super) struct StoredDocument;

impl JsonSchema for StoredDocument {
    fn schema_name() -> Cow<'static, str> {
        "StoredDocument".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "required": ["id"],
            "additionalProperties": true,
            "properties": {
                "id": generator.subschema_for::<Id<'_>>(),
                "_meta": generator.subschema_for::<Meta<'_>>(),
            },
        })
    }
}

/// An id: an integer that the service gave, or a text that a caller chose.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Id<'a> {
    Integer(i64),
    Text(&'a str),
}

impl<'a> From<&'a DocumentId> for Id<'a> {
    fn from(id: &'a DocumentId) -> Self {
        match id {
            DocumentId::Integer(integer) => Self::Integer(*integer),
            DocumentId::Text(text) => Self::Text(text),
        }
    }
}

impl JsonSchema for Id<'_> {
    fn schema_name() -> Cow<'static, str> {
        "Id".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "oneOf": [
                { "type": "integer", "minimum": 0 },
                { "type": "string", "minLength": 1, "maxLength": 1_500 },
            ],
        })
    }
}

/// What `meta=true` adds to a document.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Meta<'a> {
    #[serde(serialize_with = "as_text")]
    #[schemars(with = "String")]
    pub(super) revision: &'a Revision,
    #[serde(serialize_with = "as_text")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub(super) created_at: Timestamp,
    #[serde(serialize_with = "as_text")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub(super) updated_at: Timestamp,
    /// A field `id` that another program has given the document.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "serde_json::Value")]
    pub(super) own_id: Option<&'a RawValue>,
}

/// Documents that stand in an answer as text: the rest of the answer is spliced behind them.
pub(super) struct Spliced;

impl Spliced {
    #[expect(clippy::unused_self, reason = "the form that serde asks for")]
    fn is_written_already(&self) -> bool {
        true
    }
}

impl Serialize for Spliced {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

impl JsonSchema for Spliced {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "StoredDocuments".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<Vec<StoredDocument>>()
    }
}

/// A page of a listing with the place of the next one.
#[derive(Serialize, JsonSchema)]
#[schemars(extend("required" = ["items", "next"]))]
pub(super) struct CursorPage<'a> {
    #[serde(skip_serializing_if = "Spliced::is_written_already")]
    pub(super) items: Spliced,
    pub(super) next: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u64")]
    pub(super) total: Option<u64>,
}

/// A page of a listing by its number.
#[derive(Serialize, JsonSchema)]
#[schemars(extend("required" = ["items", "total", "page", "pages"]))]
pub(super) struct NumberedPage {
    #[serde(skip_serializing_if = "Spliced::is_written_already")]
    pub(super) items: Spliced,
    pub(super) total: u64,
    pub(super) page: u64,
    pub(super) pages: u64,
}

/// What a listing answers.
#[derive(JsonSchema)]
#[schemars(untagged, inline)]
#[expect(dead_code, reason = "only its schema is used: each form is sent by itself")]
pub(super) enum List<'a> {
    Documents(Vec<StoredDocument>),
    Cursor(CursorPage<'a>),
    Numbered(NumberedPage),
}

/// The names of all collections.
#[derive(Serialize, JsonSchema)]
pub(super) struct Collections<'a> {
    pub(super) collections: Vec<&'a str>,
}

/// How many documents there are.
#[derive(Serialize, JsonSchema)]
pub(super) struct Stats<'a> {
    pub(super) total_records: u64,
    pub(super) collections: usize,
    pub(super) collection_names: Vec<&'a str>,
}

/// That something was done.
#[derive(Serialize, JsonSchema)]
pub(super) struct Message {
    pub(super) message: &'static str,
}

/// How many documents a deleted collection had.
#[derive(Serialize, JsonSchema)]
pub(super) struct DeletedCollection {
    pub(super) message: &'static str,
    pub(super) deleted: u64,
}

/// What became of lines.
#[derive(Serialize, JsonSchema)]
pub(super) struct LoadReport<'a> {
    pub(super) created: u64,
    pub(super) failed: u64,
    /// The first that were refused.
    #[schemars(length(max = 100))]
    pub(super) errors: &'a [LineError],
    /// Null when no line became a document.
    pub(super) ids: Option<LoadedIds<'a>>,
}

/// A line that was refused.
#[derive(Serialize, JsonSchema)]
pub(super) struct LineError {
    pub(super) line: u64,
    pub(super) code: &'static str,
    pub(super) detail: String,
}

/// The first and the last id of the new documents.
#[derive(Serialize, JsonSchema)]
pub(super) struct LoadedIds<'a> {
    pub(super) first: Id<'a>,
    pub(super) last: Id<'a>,
}

// Operations are cut out as text and read one by one; what a caller can get wrong stays text, so
// that the answer can name the member.

/// A merge patch, or a JSON Patch.
pub(super) struct Patch;

impl JsonSchema for Patch {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Patch".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "oneOf": [
                generator.subschema_for::<Document>(),
                generator.subschema_for::<JsonPatch>(),
            ],
        })
    }
}

/// A JSON Patch (RFC 6902).
pub(super) struct JsonPatch;

impl JsonSchema for JsonPatch {
    fn schema_name() -> Cow<'static, str> {
        "JsonPatch".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "array",
            "maxItems": PATCH_OPERATIONS_MAX,
            "items": {
                "type": "object",
                "required": ["op", "path"],
                "properties": {
                    "op": { "enum": ["add", "remove", "replace", "move", "copy", "test"] },
                    "path": { "type": "string" },
                    "from": { "type": "string" },
                    "value": true,
                },
            },
        })
    }
}

/// Increments, and elements of arrays.
pub(super) struct Update;

impl JsonSchema for Update {
    fn schema_name() -> Cow<'static, str> {
        "Update".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let each = |value: &str| {
            json_schema!({
                "type": "object",
                "maxProperties": PATCH_OPERATIONS_MAX,
                "additionalProperties": { "type": value },
            })
        };
        json_schema!({
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "merge": generator.subschema_for::<Document>(),
                "increment": each("number"),
                "remove": each("array"),
                "append": each("array"),
            },
        })
    }
}

/// Several writes, or several reads.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Batch<'a> {
    #[serde(borrow)]
    #[schemars(with = "Vec<BatchOperation<'_>>", length(max = 10_000))]
    pub(super) operations: Vec<&'a RawValue>,
    /// All or nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "bool", extend("default" = false))]
    pub(super) atomic: Option<bool>,
}

/// One of several writes or reads.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BatchOperation<'a> {
    pub(super) method: BatchMethod,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Id<'_>")]
    pub(super) id: Option<&'a RawValue>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Document")]
    pub(super) body: Option<&'a RawValue>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Patch")]
    pub(super) patch: Option<&'a RawValue>,
    /// In place of a patch.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Update")]
    pub(super) update: Option<&'a RawValue>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub(super) if_match: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub(super) if_none_match: Option<String>,
    /// A `put` stores the document also when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "bool", extend("default" = false))]
    pub(super) upsert: Option<bool>,
}

/// What an operation does.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub(super) enum BatchMethod {
    Create,
    Put,
    Patch,
    Delete,
    Get,
}

/// What became of several writes: one result per operation, in their order.
#[derive(Serialize, JsonSchema)]
pub(super) struct BatchReport<'a> {
    pub(super) results: Vec<BatchResult<'a>>,
    /// Something was written.
    pub(super) committed: bool,
}

/// What became of one operation, with the status it would have had alone.
#[derive(Default, Serialize, JsonSchema)]
pub(super) struct BatchResult<'a> {
    pub(super) status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Id<'_>")]
    pub(super) id: Option<Id<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("enum" = ["created", "updated", "deleted"]))]
    pub(super) kind: Option<&'static str>,
    /// A tag as the header has it, quotes included: it can be sent back as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub(super) etag: Option<String>,
    /// The document, of a `get`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "StoredDocument")]
    pub(super) record: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "BatchError<'_>")]
    pub(super) error: Option<BatchError<'a>>,
}

/// Why an operation was refused.
#[derive(Serialize, JsonSchema)]
pub(super) struct BatchError<'a> {
    pub(super) code: &'static str,
    pub(super) detail: String,
    /// The places that do not meet a schema or do not fit a patch, as `errors` of a problem has them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) errors: Vec<BatchFault<'a>>,
}

/// A place that is refused: by a schema or a unique index, or because a patch does not fit there.
#[derive(Serialize, JsonSchema)]
pub(super) struct BatchFault<'a> {
    pub(super) pointer: Cow<'a, str>,
    pub(super) message: &'a str,
}

/// Changes that stand in an answer as text.
pub(super) struct SplicedChanges;

/// The document of a change, which stands in it as text.
pub(super) struct SplicedBody;

/// Declares what stands in an answer as text already, and what it is like in the schema.
macro_rules! spliced {
    ($name:ident, $schema:ty) => {
        impl $name {
            fn is_written_already(&self) -> bool {
                true
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_unit()
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                generator.subschema_for::<$schema>()
            }
        }
    };
}

spliced!(SplicedChanges, Vec<Change<'static>>);
spliced!(SplicedBody, StoredDocument);

/// A page of changes.
#[derive(Serialize, JsonSchema)]
#[schemars(extend("required" = ["changes", "next", "more"]))]
pub(super) struct ChangesPage {
    #[serde(skip_serializing_if = "SplicedChanges::is_written_already")]
    pub(super) changes: SplicedChanges,
    /// Where the next page begins. Opaque: compare it with nothing, and hand it back as `since`.
    pub(super) next: String,
    /// Whether there are more now.
    pub(super) more: bool,
}

/// One committed write.
#[derive(Serialize, JsonSchema)]
pub(super) struct Change<'a> {
    /// Where to go on after this change; opaque.
    pub(super) place: String,
    pub(super) collection: &'a str,
    pub(super) id: Option<Id<'a>>,
    #[schemars(extend("enum" = ["created", "updated", "deleted", "collection_deleted"]))]
    pub(super) kind: &'static str,
    pub(super) revision: Option<String>,
    #[serde(serialize_with = "as_text")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub(super) at: Timestamp,
    /// The document as the change left it, with `include=body`.
    #[serde(skip_serializing_if = "SplicedBody::is_written_already")]
    pub(super) body: SplicedBody,
    /// The document was asked for and is not kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "bool")]
    pub(super) body_omitted: Option<bool>,
}

/// The indexes of a collection.
#[derive(Serialize, JsonSchema)]
pub(super) struct Indexes {
    pub(super) indexes: Vec<Index>,
}

/// A declared index.
#[derive(Serialize, JsonSchema)]
pub(super) struct Index {
    pub(super) fields: String,
    #[schemars(extend("enum" = ["building", "ready"]))]
    pub(super) state: &'static str,
    /// Only one document may have the values of the fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "bool")]
    pub(super) unique: Option<bool>,
}

fn as_text<S: Serializer>(value: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}
