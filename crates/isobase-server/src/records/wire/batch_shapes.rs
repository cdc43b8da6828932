//! The operations of a batch as the description has them: a shape for each method, told apart by
//! the constant `method`, so that a compiler knows which members belong to it.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use super::{Document, Id, JsonPatch, Update};

/// One of the operations.
pub(super) struct BatchShape;

impl JsonSchema for BatchShape {
    fn schema_name() -> Cow<'static, str> {
        "BatchOperation".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "One of several writes or reads.",
            "oneOf": [
                generator.subschema_for::<BatchCreate>(),
                generator.subschema_for::<BatchPut>(),
                generator.subschema_for::<BatchPatch>(),
                generator.subschema_for::<BatchUpdate>(),
                generator.subschema_for::<BatchDelete>(),
                generator.subschema_for::<BatchGet>(),
            ],
        })
    }
}

/// Makes the schema of an operation: its method, the members that it must have, and those that it
/// may have.
fn operation(method: &str, about: &str, must: Members, may: Members) -> Schema {
    let required: Vec<&str> =
        ["method"].into_iter().chain(must.iter().map(|(name, _)| *name)).collect();
    let mut properties = Map::new();
    properties.insert("method".to_owned(), json!({ "type": "string", "const": method }));
    for (name, schema) in must.into_iter().chain(may) {
        properties.insert(name.to_owned(), schema.to_value());
    }
    json_schema!({
        "type": "object",
        "description": about,
        "required": required,
        "properties": Value::Object(properties),
        "additionalProperties": false,
    })
}

type Members = Vec<(&'static str, Schema)>;

/// Conditions on the revision of a document.
fn conditions() -> Members {
    let text = |description: &str| json_schema!({ "type": "string", "description": description });
    vec![
        (
            "if_match",
            text("A revision, a list of quoted ones, or `*`: go on only with one of them."),
        ),
        ("if_none_match", text("A revision, a list of quoted ones, or `*`: go on only with none.")),
    ]
}

/// Declares operations, each with a schema of its own in the description.
macro_rules! operations {
    ($($name:ident = $method:literal, $about:literal,
        |$generator:ident| $must:expr, $may:expr;)+) => { $(
        struct $name;

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema($generator: &mut SchemaGenerator) -> Schema {
                operation($method, $about, $must, $may)
            }
        }
    )+ };
}

operations! {
    BatchCreate = "create", "Creates a document under the next integer id.",
        |generator| vec![("body", generator.subschema_for::<Document>())], Vec::new();
    BatchPut = "put", "Replaces a document; with `upsert` also when there is none.",
        |generator| vec![
            ("id", generator.subschema_for::<Id<'_>>()),
            ("body", generator.subschema_for::<Document>()),
        ], [conditions(), vec![("upsert", json_schema!({ "type": "boolean", "default": false }))]].concat();
    BatchPatch = "patch", "Applies a merge patch (an object) or a JSON Patch (an array).",
        |generator| {
            let merge = generator.subschema_for::<Document>();
            let json = generator.subschema_for::<JsonPatch>();
            vec![
                ("id", generator.subschema_for::<Id<'_>>()),
                ("patch", json_schema!({ "oneOf": [merge, json] })),
            ]
        }, conditions();
    BatchUpdate = "patch", "Applies increments, and changes elements of arrays.",
        |generator| vec![
            ("id", generator.subschema_for::<Id<'_>>()),
            ("update", generator.subschema_for::<Update>()),
        ], conditions();
    BatchDelete = "delete", "Deletes a document.",
        |generator| vec![("id", generator.subschema_for::<Id<'_>>())], conditions();
    BatchGet = "get", "Reads a document. Reads and writes are not mixed.",
        |generator| vec![("id", generator.subschema_for::<Id<'_>>())], Vec::new();
}
