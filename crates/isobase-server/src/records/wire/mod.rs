//! Records on the wire: what is read and sent, said once, and how the routes are described.

mod batch;
mod batch_shapes;
mod documents;
mod operations;
mod parameters;

use std::{borrow::Cow, fmt::Display};

use isobase_http::ProblemCode;
use isobase_types::{DocumentId, Revision, Timestamp, json::PATCH_OPERATIONS_MAX};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

pub(super) use batch::*;
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
                { "type": "integer", "format": "int64", "minimum": 0 },
                { "type": "string", "minLength": 1, "maxLength": 1_500 },
            ],
        })
    }
}

/// The member that `meta=true` adds to a document.
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

/// A page of a listing with the place of the next one.
#[derive(Serialize)]
pub(super) struct CursorPage<'a> {
    #[serde(skip_serializing_if = "Spliced::is_written_already")]
    pub(super) items: Spliced,
    pub(super) next: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) total: Option<u64>,
}

/// A page of a listing by its number.
#[derive(Serialize)]
pub(super) struct NumberedPage {
    #[serde(skip_serializing_if = "Spliced::is_written_already")]
    pub(super) items: Spliced,
    pub(super) total: u64,
    pub(super) page: u64,
    pub(super) pages: u64,
}

/// A page of a listing, of either kind: clients that are made from the description have one shape.
pub(super) struct Page;

impl JsonSchema for Page {
    fn schema_name() -> Cow<'static, str> {
        "Page".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let number = |description: &str| {
            json_schema!({
                "type": "integer", "format": "int64", "minimum": 0, "description": description,
            })
        };
        json_schema!({
            "type": "object",
            "required": ["items"],
            "properties": {
                "items": generator.subschema_for::<Vec<StoredDocument>>(),
                "next": {
                    "type": ["string", "null"],
                    "description": "The `cursor` of the next page; null on the last one. Not \
                        there where `page` was asked for.",
                },
                "total": number(
                    "How many documents meet the filter, where they were counted: with \
                     `count=exact` and with `page`.",
                ),
                "page": number("The number of this page, where `page` was asked for."),
                "pages": number("How many pages there are, where `page` was asked for."),
            },
        })
    }
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

/// The outcome of lines.
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
    #[schemars(with = "ProblemCode")]
    pub(super) code: &'static str,
    pub(super) detail: String,
}

/// The first and the last id of the new documents.
#[derive(Serialize, JsonSchema)]
pub(super) struct LoadedIds<'a> {
    pub(super) first: Id<'a>,
    pub(super) last: Id<'a>,
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
        let each = |value: serde_json::Value| {
            json_schema!({
                "type": "object",
                "maxProperties": PATCH_OPERATIONS_MAX,
                "additionalProperties": value,
            })
        };
        let list = serde_json::json!({ "type": "array", "items": {} });
        json_schema!({
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "merge": generator.subschema_for::<Document>(),
                "increment": each(serde_json::json!({ "type": "number" })),
                "remove": each(list.clone()),
                "append": each(list),
            },
        })
    }
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
