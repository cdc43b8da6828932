//! The table of the routes of the data store.

use isobase_http::{Answer, BodyLimit, Doc, Location, Method, Parameter, Permission, handler};

use super::{
    State,
    handlers::{namespaces, record, records},
};
use crate::{Route, codes};

/// The routes of the data store.
pub(crate) fn routes() -> Vec<Route<State>> {
    vec![
        Route {
            method: Method::Get,
            path: "/data-store/namespaces",
            operation_id: "list_namespaces",
            tag: "data store",
            permission: Permission::Read,
            handler: handler(namespaces::list_namespaces),
            body: BodyLimit::None,
            doc: Doc {
                summary: "List the namespaces of a user",
                description: "What is in each namespace, by name, and in all together. Reads every \
                record of the user. `sizeBytes` is the length of the values as JSON text; \
                `agents` are those that created or last used a record, at most 1,000.",
                parameters: &[USER],
                request: &[],
                answers: &[Answer {
                    status: 200,
                    description: "The namespaces.",
                    headers: &[],
                    content: &[json_content!(
                        r##"{"$ref":"#/components/schemas/Namespaces"}"##,
                        r#"{"namespaces":[{"namespace":"default","recordCount":1,"sizeBytes":12,"agents":["summariser"],"updatedAt":"2026-11-20T14:09:00.000000Z"}],"totalRecordCount":1,"totalSizeBytes":12}"#,
                    )],
                }],
                problems: &[codes::INVALID_HEADER, codes::LIMIT_EXCEEDED],
            },
        },
        Route {
            method: Method::Get,
            path: "/data-store/namespaces/{namespace}",
            operation_id: "get_namespace",
            tag: "data store",
            permission: Permission::Read,
            handler: handler(namespaces::get_namespace),
            body: BodyLimit::None,
            doc: Doc {
                summary: "Count the records of a namespace",
                description: "What is in one namespace; zeros when it is empty.",
                parameters: &[NAMESPACE, USER],
                request: &[],
                answers: &[Answer {
                    status: 200,
                    description: "The namespace.",
                    headers: &[],
                    content: &[json_content!(
                        r##"{"$ref":"#/components/schemas/Namespace"}"##,
                        r#"{"namespace":"default","recordCount":0,"sizeBytes":0,"agents":[],"updatedAt":null}"#,
                    )],
                }],
                problems: &[codes::INVALID_ID, codes::INVALID_HEADER],
            },
        },
        Route {
            method: Method::Delete,
            path: "/data-store/namespaces/{namespace}",
            operation_id: "delete_namespace",
            tag: "data store",
            permission: Permission::Write,
            handler: handler(namespaces::delete_namespace),
            body: BodyLimit::None,
            doc: Doc {
                summary: "Delete the records of a namespace",
                description: "Deletes every record of the user in this namespace; says how many there \
                were. Records that are written meanwhile may stay.",
                parameters: &[NAMESPACE, USER],
                request: &[],
                answers: &[Answer {
                    status: 200,
                    description: "They are gone.",
                    headers: &[],
                    content: &[json_content!(
                        r#"{"type":"object","required":["namespace","deletedCount"],"properties":{"namespace":{"type":"string"},"deletedCount":{"type":"integer"}}}"#,
                        r#"{"namespace":"default","deletedCount":3}"#,
                    )],
                }],
                problems: &[codes::INVALID_ID, codes::INVALID_HEADER],
            },
        },
        Route {
            method: Method::Get,
            path: "/data-store/namespaces/{namespace}/records",
            operation_id: "list_data",
            tag: "data store",
            permission: Permission::Read,
            handler: handler(records::list_data),
            body: BodyLimit::None,
            doc: Doc {
                summary: "List the records of a namespace",
                description: "Every record, streamed, in the order of their ids; no access is \
                counted. An empty namespace is an empty array.",
                parameters: &[NAMESPACE, USER],
                request: &[],
                answers: &[Answer {
                    status: 200,
                    description: "The records.",
                    headers: &[],
                    content: &[json_content!(
                        r##"{"type":"array","items":{"$ref":"#/components/schemas/DataRecord"}}"##,
                        "",
                    )],
                }],
                problems: &[codes::INVALID_ID, codes::INVALID_HEADER],
            },
        },
        Route {
            method: Method::Get,
            path: "/data-store/namespaces/{namespace}/records/{*key}",
            operation_id: "get_data",
            tag: "data store",
            permission: Permission::Read,
            handler: handler(record::get_data),
            body: BodyLimit::None,
            doc: Doc {
                summary: "Read a record",
                description: "With `X-Agent-Id` the access is counted before the answer, exactly once: \
                `accessCount` grows by one and the record names the agent. That writes, so it \
                takes the scope write. Without it nothing changes.",
                parameters: &[NAMESPACE, KEY, USER, AGENT],
                request: &[],
                answers: &[RECORD],
                problems: &[codes::INVALID_ID, codes::INVALID_HEADER, codes::RECORD_NOT_FOUND],
            },
        },
        Route {
            method: Method::Put,
            path: "/data-store/namespaces/{namespace}/records/{*key}",
            operation_id: "put_data",
            tag: "data store",
            permission: Permission::Write,
            handler: handler(record::put_data),
            body: BodyLimit::Document,
            doc: Doc {
                summary: "Write a record",
                description: "Stores a value. Of a record that is there `value` is replaced, the \
                members of `metadata` are merged into those it has, and what tells of its \
                creation and its accesses is kept; writers at the same time lose nothing.",
                parameters: &[NAMESPACE, KEY, USER, AGENT],
                request: &[json_content!(
                    r#"{"type":"object","required":["value"],"additionalProperties":false,"properties":{"value":{},"metadata":{"type":["object","null"]}}}"#,
                    r#"{"value":{"lines":120},"metadata":{"source":"scan"}}"#,
                )],
                answers: &[RECORD],
                problems: &[
                    codes::INVALID_ID,
                    codes::INVALID_HEADER,
                    codes::INVALID_JSON,
                    codes::NOT_AN_OBJECT,
                    codes::INVALID_DATA_RECORD,
                    codes::DOCUMENT_UNHOLDABLE,
                    codes::SCHEMA_VIOLATION,
                ],
            },
        },
        Route {
            method: Method::Delete,
            path: "/data-store/namespaces/{namespace}/records/{*key}",
            operation_id: "delete_data",
            tag: "data store",
            permission: Permission::Write,
            handler: handler(record::delete_data),
            body: BodyLimit::None,
            doc: Doc {
                summary: "Delete a record",
                description: "Takes a record away.",
                parameters: &[NAMESPACE, KEY, USER],
                request: &[],
                answers: &[Answer {
                    status: 204,
                    description: "It is gone.",
                    headers: &[],
                    content: &[],
                }],
                problems: &[codes::INVALID_ID, codes::INVALID_HEADER, codes::RECORD_NOT_FOUND],
            },
        },
    ]
}

/// The schemas that the routes refer to.
pub(crate) static SCHEMAS: &[(&str, &str)] = &[
    (
        "Namespaces",
        r##"{"type":"object","required":["namespaces","totalRecordCount","totalSizeBytes"],"properties":{"namespaces":{"type":"array","items":{"$ref":"#/components/schemas/Namespace"}},"totalRecordCount":{"type":"integer"},"totalSizeBytes":{"type":"integer"}}}"##,
    ),
    (
        "Namespace",
        r#"{"type":"object","required":["namespace","recordCount","sizeBytes","agents","updatedAt"],"properties":{"namespace":{"type":"string"},"recordCount":{"type":"integer"},"sizeBytes":{"type":"integer"},"agents":{"type":"array","items":{"type":"string"}},"updatedAt":{"type":["string","null"]}}}"#,
    ),
    (
        "DataRecord",
        r#"{"type":"object","required":["_id","userId","namespace","key","value"],"properties":{"_id":{"type":"string","description":"`user:namespace:key`, the key in URL-safe base64."},"userId":{"type":"string"},"namespace":{"type":"string"},"key":{"type":"string"},"value":{},"metadata":{"type":"object"},"createdByAgent":{"type":["string","null"]},"lastAccessedByAgent":{"type":["string","null"]},"accessCount":{"type":"integer"},"createdAt":{"type":"string"},"updatedAt":{"type":"string"},"lastAccessedAt":{"type":["string","null"]}}}"#,
    ),
];

const RECORD: Answer = Answer {
    status: 200,
    description: "The record.",
    headers: &[],
    content: &[json_content!(
        r##"{"$ref":"#/components/schemas/DataRecord"}"##,
        r#"{"_id":"local:default:c3JjL21haW4ucHk=","userId":"local","namespace":"default","key":"src/main.py","value":{"lines":120},"metadata":{"source":"scan"},"createdByAgent":"summariser","lastAccessedByAgent":"summariser","accessCount":0,"createdAt":"2026-11-20T14:09:00.000000Z","updatedAt":"2026-11-20T14:09:00.000000Z","lastAccessedAt":"2026-11-20T14:09:00.000000Z"}"#,
    )],
};

const NAMESPACE: Parameter = Parameter {
    name: "namespace",
    location: Location::Path,
    description: "Name of the namespace: 1 to 128 bytes of UTF-8 without '/' and control \
                  characters.",
    schema: r#"{"type":"string","minLength":1,"maxLength":128}"#,
    example: r#""default""#,
};

const KEY: Parameter = Parameter {
    name: "key",
    location: Location::Path,
    description: "The rest of the path, slashes included. With the user and the namespace it has \
                  room in an id of 512 bytes; a key alone may have about 300.",
    schema: r#"{"type":"string","minLength":1}"#,
    example: r#""src/main.py""#,
};

const USER: Parameter = Parameter {
    name: "X-User-Id",
    location: Location::Header,
    description: "Whose records. Default: the id of the key, `internal` for the internal key, \
                  `local` in open mode. The service in open mode, the internal key and keys with \
                  the scope admin may name any user; other keys only their own.",
    schema: r#"{"type":"string","minLength":1,"maxLength":128}"#,
    example: r#""ann""#,
};

const AGENT: Parameter = Parameter {
    name: "X-Agent-Id",
    location: Location::Header,
    description: "The agent that reads or writes; noted in the record.",
    schema: r#"{"type":"string","minLength":1,"maxLength":128}"#,
    example: r#""summariser""#,
};
