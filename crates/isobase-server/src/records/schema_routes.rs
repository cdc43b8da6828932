//! The table of the routes of schemas.

use isobase_http::{Answer, BodyLimit, Content, Doc, Method, Permission, handler};

use super::{State, doc::COLLECTION, handlers::schemas};
use crate::{Route, codes};

/// The routes of schemas.
pub(super) fn routes() -> Vec<Route<State>> {
    vec![
        Route {
            method: Method::Get,
            path: "/collections/{collection}/schema",
            operation_id: "get_schema",
            tag: "collections",
            permission: Permission::Read,
            handler: handler(schemas::get_schema),
            body: BodyLimit::None,
            doc: Doc {
                summary: "Read the schema of a collection",
                description: "The JSON Schema that documents of the collection must meet when they \
                are written.",
                parameters: &[COLLECTION],
                request: &[],
                answers: &[Answer {
                    status: 200,
                    description: "The schema.",
                    headers: &[ORIGIN],
                    content: &[SCHEMA],
                }],
                problems: &[codes::INVALID_COLLECTION_NAME, codes::SCHEMA_NOT_FOUND],
            },
        },
        Route {
            method: Method::Put,
            path: "/collections/{collection}/schema",
            operation_id: "put_schema",
            tag: "collections",
            permission: Permission::Admin,
            handler: handler(schemas::put_schema),
            body: BodyLimit::Document,
            doc: Doc {
                summary: "Set the schema of a collection",
                description: "From now on every document that is written to the collection, and what \
                a patch makes of one, must meet this JSON Schema; other services on the same \
                database follow within a few seconds. Documents that are there already stay, \
                whether they meet it or not: they are read and deleted as before, and their next \
                write is checked. The schema stays when the collection is deleted. Draft \
                2020-12 unless `$schema` names another (2019-09, 7, 6, 4); at most 128 KiB; \
                references lead only into the schema itself (`#/$defs/name`, `#anchor`), nothing \
                is fetched; patterns have no look-around; `format` is a note from draft 2019-09 \
                on. A document is checked without its `id`.",
                parameters: &[COLLECTION],
                request: &[SCHEMA],
                answers: &[Answer {
                    status: 200,
                    description: "The schema as it is stored.",
                    headers: &[ORIGIN],
                    content: &[SCHEMA],
                }],
                problems: &[
                    codes::INVALID_COLLECTION_NAME,
                    codes::INVALID_SCHEMA,
                    codes::SCHEMA_DECLARED,
                ],
            },
        },
        Route {
            method: Method::Delete,
            path: "/collections/{collection}/schema",
            operation_id: "delete_schema",
            tag: "collections",
            permission: Permission::Admin,
            handler: handler(schemas::delete_schema),
            body: BodyLimit::None,
            doc: Doc {
                summary: "Take the schema of a collection away",
                description: "From now on documents of the collection may be any JSON object.",
                parameters: &[COLLECTION],
                request: &[],
                answers: &[Answer {
                    status: 200,
                    description: "It is gone.",
                    headers: &[],
                    content: &[json_content!(
                        r#"{"type":"object","required":["message"],"properties":{"message":{"type":"string"}}}"#,
                        r#"{"message":"Schema deleted"}"#,
                    )],
                }],
                problems: &[
                    codes::INVALID_COLLECTION_NAME,
                    codes::SCHEMA_NOT_FOUND,
                    codes::SCHEMA_DECLARED,
                ],
            },
        },
    ]
}

const ORIGIN: (&str, &str) =
    ("X-Schema-Origin", "`configuration` or `database`: where the schema comes from.");

const SCHEMA: Content = json_content!(
    r#"{"type":"object"}"#,
    r#"{"type":"object","required":["name"],"properties":{"name":{"type":"string"}}}"#,
);
