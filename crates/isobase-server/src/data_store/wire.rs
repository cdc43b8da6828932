//! Records and namespaces on the wire, and how their routes are described.

use std::{borrow::Cow, collections::BTreeSet};

use isobase_http::{Answer, Content, Location, Operation, Parameter};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::json;

use crate::codes;

/// The records in the namespaces of a user.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Namespaces {
    pub(super) namespaces: Vec<Namespace>,
    pub(super) total_record_count: u64,
    pub(super) total_size_bytes: u64,
}

/// The records of a namespace.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Namespace {
    pub(super) namespace: String,
    pub(super) record_count: u64,
    /// Of the values as JSON text.
    pub(super) size_bytes: u64,
    /// Those that created or last used a record.
    pub(super) agents: BTreeSet<String>,
    pub(super) updated_at: Option<String>,
}

/// How many records a namespace had.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeletedNamespace {
    pub(super) namespace: String,
    pub(super) deleted_count: u64,
}

/// A record. It is a document, so its text is sent as it is stored, with `_id` in front.
struct DataRecord;

impl JsonSchema for DataRecord {
    fn schema_name() -> Cow<'static, str> {
        "DataRecord".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "required": ["_id", "userId", "namespace", "key", "value"],
            "properties": {
                "_id": {
                    "type": "string",
                    "description": "`user:namespace:key`, the key in URL-safe base64.",
                },
                "userId": { "type": "string" },
                "namespace": { "type": "string" },
                "key": { "type": "string" },
                "value": {},
                "metadata": { "type": "object" },
                "createdByAgent": { "type": ["string", "null"] },
                "lastAccessedByAgent": { "type": ["string", "null"] },
                "accessCount": { "type": "integer" },
                "createdAt": { "type": "string" },
                "updatedAt": { "type": "string" },
                "lastAccessedAt": { "type": ["string", "null"] },
            },
        })
    }
}

/// The members of a body that is put.
pub(super) const PUT_MEMBERS: [&str; 2] = ["value", "metadata"];

/// A body that is put. It is read as text: what is in it is stored as it was written.
struct PutRecord;

impl JsonSchema for PutRecord {
    fn schema_name() -> Cow<'static, str> {
        "PutDataRecord".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "required": ["value"],
            "additionalProperties": false,
            "properties": { "value": {}, "metadata": { "type": ["object", "null"] } },
        })
    }
}

fn operation(id: &'static str, summary: &'static str) -> Operation {
    Operation::new(id, "data store", summary)
}

pub(super) fn list_namespaces() -> Operation {
    let example = Namespaces {
        namespaces: vec![Namespace {
            namespace: "default".to_owned(),
            record_count: 1,
            size_bytes: 12,
            agents: BTreeSet::from(["summariser".to_owned()]),
            updated_at: Some("2026-11-20T14:09:00.000000Z".to_owned()),
        }],
        total_record_count: 1,
        total_size_bytes: 12,
    };
    operation("list_namespaces", "List the namespaces of a user")
        .description(
            "What is in each namespace, by name, and in all together. Reads every record of the \
             user. `sizeBytes` is the length of the values as JSON text; `agents` are those that \
             created or last used a record, at most 1,000.",
        )
        .parameters([user()])
        .answers(Answer::new(200, "The namespaces.").content(Content::like(&example)))
        .problems([codes::INVALID_HEADER, codes::LIMIT_EXCEEDED])
}

pub(super) fn get_namespace() -> Operation {
    let example = Namespace { namespace: "default".to_owned(), ..Namespace::default() };
    operation("get_namespace", "Count the records of a namespace")
        .description("What is in one namespace; zeros when it is empty.")
        .parameters([namespace(), user()])
        .answers(Answer::new(200, "The namespace.").content(Content::like(&example)))
        .problems([codes::INVALID_ID, codes::INVALID_HEADER])
}

pub(super) fn delete_namespace() -> Operation {
    let example = DeletedNamespace { namespace: "default".to_owned(), deleted_count: 3 };
    operation("delete_namespace", "Delete the records of a namespace")
        .description(
            "Deletes every record of the user in this namespace; says how many there were. \
             Records that are written meanwhile may stay.",
        )
        .parameters([namespace(), user()])
        .answers(Answer::new(200, "They are gone.").content(Content::like(&example)))
        .problems([codes::INVALID_ID, codes::INVALID_HEADER])
}

pub(super) fn list_data() -> Operation {
    operation("list_data", "List the records of a namespace")
        .description(
            "Every record, streamed, in the order of their ids; no access is counted. An empty \
             namespace is an empty array.",
        )
        .parameters([namespace(), user()])
        .answers(Answer::new(200, "The records.").content(Content::of::<Vec<DataRecord>>()))
        .problems([codes::INVALID_ID, codes::INVALID_HEADER])
}

pub(super) fn get_data() -> Operation {
    operation("get_data", "Read a record")
        .description(
            "With `X-Agent-Id` the access is counted before the answer, exactly once: \
             `accessCount` grows by one and the record names the agent. That writes, so it takes \
             the scope write. Without it nothing changes.",
        )
        .parameters([namespace(), key(), user(), agent()])
        .answers(record())
        .problems([codes::INVALID_ID, codes::INVALID_HEADER, codes::RECORD_NOT_FOUND])
}

pub(super) fn put_data() -> Operation {
    let body = Content::of::<PutRecord>()
        .example(json!({ "value": { "lines": 120 }, "metadata": { "source": "scan" } }));
    operation("put_data", "Write a record")
        .description(
            "Stores a value. Of a record that is there `value` is replaced, the members of \
             `metadata` are merged into those it has, and what tells of its creation and its \
             accesses is kept; writers at the same time lose nothing.",
        )
        .parameters([namespace(), key(), user(), agent()])
        .takes(body)
        .answers(record())
        .problems([
            codes::INVALID_ID,
            codes::INVALID_HEADER,
            codes::INVALID_JSON,
            codes::NOT_AN_OBJECT,
            codes::INVALID_DATA_RECORD,
            codes::DOCUMENT_UNHOLDABLE,
            codes::SCHEMA_VIOLATION,
            codes::NOT_UNIQUE,
        ])
}

pub(super) fn delete_data() -> Operation {
    operation("delete_data", "Delete a record")
        .description("Takes a record away.")
        .parameters([namespace(), key(), user()])
        .answers(Answer::new(204, "It is gone."))
        .problems([codes::INVALID_ID, codes::INVALID_HEADER, codes::RECORD_NOT_FOUND])
}

fn record() -> Answer {
    let example = json!({
        "_id": "local:default:c3JjL21haW4ucHk=",
        "userId": "local",
        "namespace": "default",
        "key": "src/main.py",
        "value": { "lines": 120 },
        "metadata": { "source": "scan" },
        "createdByAgent": "summariser",
        "lastAccessedByAgent": "summariser",
        "accessCount": 0,
        "createdAt": "2026-11-20T14:09:00.000000Z",
        "updatedAt": "2026-11-20T14:09:00.000000Z",
        "lastAccessedAt": "2026-11-20T14:09:00.000000Z",
    });
    Answer::new(200, "The record.").content(Content::of::<DataRecord>().example(example))
}

fn namespace() -> Parameter {
    Parameter::new(
        Location::Path,
        "namespace",
        "Name of the namespace: 1 to 128 bytes of UTF-8 without '/' and control characters.",
    )
    .schema(json!({ "type": "string", "minLength": 1, "maxLength": 128 }))
    .example("default")
}

fn key() -> Parameter {
    Parameter::new(
        Location::Path,
        "key",
        "The rest of the path, slashes included. With the user and the namespace it has room in \
         an id of 512 bytes; a key alone may have about 300.",
    )
    .schema(json!({ "type": "string", "minLength": 1 }))
    .example("src/main.py")
}

fn user() -> Parameter {
    Parameter::new(
        Location::Header,
        "X-User-Id",
        "Whose records. Default: the id of the key, `internal` for the internal key, `local` in \
         open mode. The service in open mode, the internal key and keys with the scope admin may \
         name any user; other keys only their own.",
    )
    .schema(json!({ "type": "string", "minLength": 1, "maxLength": 128 }))
    .example("ann")
}

fn agent() -> Parameter {
    Parameter::new(
        Location::Header,
        "X-Agent-Id",
        "The agent that reads or writes; noted in the record.",
    )
    .schema(json!({ "type": "string", "minLength": 1, "maxLength": 128 }))
    .example("summariser")
}
