//! The table of the record routes.

use isobase_http::{
    Answer, BodyLimit, Content, Doc, Location, Method, Parameter, Permission, ProblemCode, handler,
};

use super::{
    State,
    doc::{
        ATOMIC, COLLECTION, DOCUMENT_IN, DOCUMENT_OUT, ETAG, FIELDS, ID, IDEMPOTENCY_KEY, IF_MATCH,
        IF_NONE_MATCH, LAST_MODIFIED, LOCATION, META, REPLAYED,
    },
    handlers::{batch, changes, collections, create, indexes, list, record},
    schema_routes,
};
use crate::{Route, codes};

/// Every route of records.
pub(crate) fn routes() -> Vec<Route<State>> {
    let mut routes = document_routes();
    routes.extend(schema_routes::routes());
    routes
}

fn document_routes() -> Vec<Route<State>> {
    vec![
        Route {
            method: Method::Get,
            path: "/collections",
            operation_id: "list_collections",
            tag: "collections",
            permission: Permission::Read,
            handler: handler(collections::list_collections),
            body: BodyLimit::None,
            doc: Doc {
                summary: "List the collections",
                description: "The names of all collections that have a document, by their bytes.",
                parameters: &[],
                request: &[],
                answers: &[Answer {
                    status: 200,
                    description: "The names.",
                    headers: &[],
                    content: &[json_content!(
                        r#"{"type":"object","required":["collections"],"properties":{"collections":{"type":"array","items":{"type":"string"}}}}"#,
                        r#"{"collections":["orders","users"]}"#,
                    )],
                }],
                problems: &[],
            },
        },
        Route {
            method: Method::Get,
            path: "/stats",
            operation_id: "get_stats",
            tag: "collections",
            permission: Permission::Read,
            handler: handler(collections::get_stats),
            body: BodyLimit::None,
            doc: Doc {
                summary: "Count documents and collections",
                description: "How many documents there are in all collections, and which collections.",
                parameters: &[],
                request: &[],
                answers: &[Answer {
                    status: 200,
                    description: "The counts.",
                    headers: &[],
                    content: &[json_content!(
                        r#"{"type":"object","required":["total_records","collections","collection_names"],"properties":{"total_records":{"type":"integer"},"collections":{"type":"integer"},"collection_names":{"type":"array","items":{"type":"string"}}}}"#,
                        r#"{"total_records":3,"collections":2,"collection_names":["orders","users"]}"#,
                    )],
                }],
                problems: &[],
            },
        },
        Route {
            method: Method::Get,
            path: "/records/{collection}",
            operation_id: "list_records",
            tag: "records",
            permission: Permission::Read,
            handler: handler(list::list_records),
            body: BodyLimit::None,
            doc: Doc {
                summary: "List documents",
                description: "Without `limit`, `cursor` and `page`: every document that meets the \
                filter, as a bare array (or, with `Accept: application/x-ndjson`, one a line), \
                streamed. A stream is not one moment's picture of the collection: documents \
                written meanwhile may or may not be in it. When it fails halfway, the \
                connection is cut. With `limit` or `cursor`: a page with the `cursor` of the \
                next one. With `page`: a numbered page with totals. Every other parameter is a \
                filter on the field of that name: `status=open`, `age[gte]=18`, \
                `or=(…)`; a field named like a parameter is written in quotes, `\"sort\"=x`. \
                An unknown collection is empty.",
                parameters: LIST_PARAMETERS,
                request: &[],
                answers: &[Answer {
                    status: 200,
                    description: "The documents: a bare array; an object with `items` and `next`; or \
                    an object with `items`, `total`, `page` and `pages`.",
                    headers: &[
                        (
                            "X-Total-Count",
                            "How many documents meet the filter, when it was counted.",
                        ),
                        ("Link", "With `rel=\"next\"`: the next page, relative to this one."),
                    ],
                    content: &[
                        json_content!(
                            r##"{"oneOf":[{"type":"array","items":{"$ref":"#/components/schemas/StoredDocument"}},{"$ref":"#/components/schemas/CursorPage"},{"$ref":"#/components/schemas/NumberedPage"}]}"##,
                            r#"[{"name":"item1","id":1},{"name":"item2","id":2}]"#,
                        ),
                        Content {
                            media_type: "application/x-ndjson",
                            schema: r#"{"type":"string"}"#,
                            example: "{\"name\":\"item1\",\"id\":1}\n{\"name\":\"item2\",\"id\":2}\n",
                        },
                    ],
                }],
                problems: &[
                    codes::INVALID_COLLECTION_NAME,
                    codes::INVALID_PARAMETER,
                    codes::INVALID_ARGUMENT,
                    codes::LIMIT_EXCEEDED,
                ],
            },
        },
        Route {
            method: Method::Post,
            path: "/records/{collection}",
            operation_id: "create_record",
            tag: "records",
            permission: Permission::Write,
            handler: handler(create::create_record),
            body: BodyLimit::Stream,
            doc: Doc {
                summary: "Create documents",
                description: "One JSON object becomes a document under the next integer id; a \
                top-level `id` is dropped. A body without `Content-Type` is taken as JSON. With \
                `Content-Type: application/x-ndjson` every line becomes a document: lines are \
                written as they come, refused ones are counted and named and do not stop the \
                others. With `atomic=true` or an `Idempotency-Key` the whole body is read \
                first, within the bounds of a batch, and written at once; with `atomic=true` \
                one refused line refuses all.",
                parameters: &[COLLECTION, ATOMIC, IDEMPOTENCY_KEY],
                request: &[
                    DOCUMENT_IN,
                    Content {
                        media_type: "application/x-ndjson",
                        schema: r#"{"type":"string"}"#,
                        example: "{\"name\":\"item1\"}\n{\"name\":\"item2\"}\n",
                    },
                ],
                answers: &[
                    Answer {
                        status: 201,
                        description: "The document as it was stored: its fields in their order, then \
                        its id.",
                        headers: &[LOCATION, ETAG, LAST_MODIFIED, REPLAYED],
                        content: &[DOCUMENT_OUT],
                    },
                    Answer {
                        status: 200,
                        description: "What became of the lines. `errors` names the first 100 that \
                        were refused; `ids` is null when none became a document, and other \
                        writers' documents may lie between the two.",
                        headers: &[REPLAYED],
                        content: &[json_content!(
                            r##"{"$ref":"#/components/schemas/LoadReport"}"##,
                            r#"{"created":2,"failed":1,"errors":[{"line":3,"code":"not_an_object","detail":"Input should be a valid dictionary, found an array"}],"ids":{"first":1,"last":2}}"#,
                        )],
                    },
                ],
                problems: &[
                    codes::INVALID_COLLECTION_NAME,
                    codes::INVALID_PARAMETER,
                    codes::INVALID_HEADER,
                    codes::INVALID_JSON,
                    codes::NOT_AN_OBJECT,
                    codes::DOCUMENT_UNHOLDABLE,
                    codes::SCHEMA_VIOLATION,
                    codes::IDEMPOTENCY_MISMATCH,
                    codes::BATCH_REJECTED,
                    codes::LIMIT_EXCEEDED,
                ],
            },
        },
        Route {
            method: Method::Delete,
            path: "/records/{collection}",
            operation_id: "delete_collection",
            tag: "collections",
            permission: Permission::Write,
            handler: handler(collections::delete_collection),
            body: BodyLimit::None,
            doc: Doc {
                summary: "Delete a collection",
                description: "Deletes every document of the collection at once. Asks for a \
                confirmation, because a forgotten id makes this of a `DELETE` of one document.",
                parameters: &[
                    COLLECTION,
                    Parameter {
                        name: "confirm",
                        location: Location::Query,
                        description: "The name of the collection again.",
                        schema: r#"{"type":"string"}"#,
                        example: r#""orders""#,
                    },
                ],
                request: &[],
                answers: &[Answer {
                    status: 200,
                    description: "How many documents there were; 0 for an unknown collection.",
                    headers: &[],
                    content: &[json_content!(
                        r#"{"type":"object","required":["message","deleted"],"properties":{"message":{"type":"string"},"deleted":{"type":"integer"}}}"#,
                        r#"{"message":"Collection deleted","deleted":3}"#,
                    )],
                }],
                problems: &[
                    codes::INVALID_COLLECTION_NAME,
                    codes::INVALID_PARAMETER,
                    codes::CONFIRMATION_REQUIRED,
                ],
            },
        },
        Route {
            method: Method::Get,
            path: "/records/{collection}/{id}",
            operation_id: "get_record",
            tag: "records",
            permission: Permission::Read,
            handler: handler(record::get_record),
            body: BodyLimit::None,
            doc: Doc {
                summary: "Read a document",
                description: "The document: its fields in their order, then its id. The `ETag` is \
                the revision of the whole document, whatever `fields` and `meta` leave of it.",
                parameters: &[COLLECTION, ID, FIELDS, META, IF_MATCH, IF_NONE_MATCH],
                request: &[],
                answers: &[
                    Answer {
                        status: 200,
                        description: "The document.",
                        headers: &[ETAG, LAST_MODIFIED],
                        content: &[DOCUMENT_OUT],
                    },
                    Answer {
                        status: 304,
                        description: "The caller has it: its revision is in `If-None-Match`.",
                        headers: &[ETAG, LAST_MODIFIED],
                        content: &[],
                    },
                ],
                problems: &[
                    codes::INVALID_COLLECTION_NAME,
                    codes::INVALID_ID,
                    codes::INVALID_PARAMETER,
                    codes::INVALID_HEADER,
                    codes::RECORD_NOT_FOUND,
                    codes::REVISION_CONFLICT,
                ],
            },
        },
        Route {
            method: Method::Put,
            path: "/records/{collection}/{id}",
            operation_id: "put_record",
            tag: "records",
            permission: Permission::Write,
            handler: handler(record::put_record),
            body: BodyLimit::Document,
            doc: Doc {
                summary: "Replace a document",
                description: "Replaces the whole document; an `id` in the body is ignored. Without a \
                document: 404, unless `upsert=true` or `If-None-Match: *` allow to create it. \
                Only string ids can be created: integer ids are assigned by the service.",
                parameters: &[
                    COLLECTION,
                    ID,
                    Parameter {
                        name: "upsert",
                        location: Location::Query,
                        description: "`true` stores the document also when there is none.",
                        schema: r#"{"type":"boolean","default":false}"#,
                        example: "true",
                    },
                    IF_MATCH,
                    IF_NONE_MATCH,
                ],
                request: &[DOCUMENT_IN],
                answers: &[
                    Answer {
                        status: 200,
                        description: "It was replaced.",
                        headers: &[ETAG, LAST_MODIFIED],
                        content: &[DOCUMENT_OUT],
                    },
                    Answer {
                        status: 201,
                        description: "It is new.",
                        headers: &[LOCATION, ETAG, LAST_MODIFIED],
                        content: &[DOCUMENT_OUT],
                    },
                ],
                problems: WRITE_PROBLEMS,
            },
        },
        Route {
            method: Method::Patch,
            path: "/records/{collection}/{id}",
            operation_id: "patch_record",
            tag: "records",
            permission: Permission::Write,
            handler: handler(record::patch_record),
            body: BodyLimit::Document,
            doc: Doc {
                summary: "Merge into a document",
                description: "Applies a JSON merge patch (RFC 7396): members replace, objects merge, \
                null takes away. An `id` in the patch is ignored.",
                parameters: &[COLLECTION, ID, IF_MATCH, IF_NONE_MATCH],
                request: &[
                    Content {
                        media_type: "application/merge-patch+json",
                        schema: r##"{"$ref":"#/components/schemas/Document"}"##,
                        example: r#"{"price":8.5,"note":null}"#,
                    },
                    DOCUMENT_IN,
                ],
                answers: &[Answer {
                    status: 200,
                    description: "The whole document as it is now.",
                    headers: &[ETAG, LAST_MODIFIED],
                    content: &[DOCUMENT_OUT],
                }],
                problems: WRITE_PROBLEMS,
            },
        },
        Route {
            method: Method::Delete,
            path: "/records/{collection}/{id}",
            operation_id: "delete_record",
            tag: "records",
            permission: Permission::Write,
            handler: handler(record::delete_record),
            body: BodyLimit::None,
            doc: Doc {
                summary: "Delete a document",
                description: "An id is never used again, not even that of the last document.",
                parameters: &[COLLECTION, ID, IF_MATCH, IF_NONE_MATCH],
                request: &[],
                answers: &[Answer {
                    status: 200,
                    description: "It is gone.",
                    headers: &[],
                    content: &[json_content!(MESSAGE, r#"{"message":"Record deleted"}"#)],
                }],
                problems: &[
                    codes::INVALID_COLLECTION_NAME,
                    codes::INVALID_ID,
                    codes::RESERVED_ID,
                    codes::INVALID_PARAMETER,
                    codes::INVALID_HEADER,
                    codes::RECORD_NOT_FOUND,
                    codes::REVISION_CONFLICT,
                ],
            },
        },
        Route {
            method: Method::Post,
            path: "/records/{collection}/batch",
            operation_id: "write_batch",
            tag: "records",
            permission: Permission::Write,
            handler: handler(batch::write_batch),
            body: BodyLimit::Document,
            doc: Doc {
                summary: "Carry out several writes",
                description: "Carries out the operations in their order; a later one sees the \
                effects of an earlier one. All are checked before the first is carried out. \
                Each has its own result, with the status it would have had alone; with \
                `atomic` (in the body or as a parameter) all are carried out or none, and 409 \
                names those that were refused. `if_match` and `if_none_match` take a revision, \
                bare or quoted, a list of quoted ones, or `*`.",
                parameters: &[COLLECTION, ATOMIC, IDEMPOTENCY_KEY],
                request: &[json_content!(
                    r##"{"$ref":"#/components/schemas/Batch"}"##,
                    r#"{"operations":[{"method":"create","body":{"name":"item1"}},{"method":"put","id":"a","body":{"name":"item2"},"upsert":true},{"method":"patch","id":1,"patch":{"price":8.5},"if_match":"\"12\""},{"method":"delete","id":2}],"atomic":false}"#,
                )],
                answers: &[Answer {
                    status: 200,
                    description: "One result per operation. `committed`: something was written.",
                    headers: &[REPLAYED],
                    content: &[json_content!(
                        r##"{"$ref":"#/components/schemas/BatchReport"}"##,
                        r#"{"results":[{"status":201,"id":3,"kind":"created","etag":"\"13\""},{"status":404,"error":{"code":"record_not_found","detail":"Record not found"}}],"committed":true}"#,
                    )],
                }],
                problems: &[
                    codes::INVALID_COLLECTION_NAME,
                    codes::INVALID_PARAMETER,
                    codes::INVALID_HEADER,
                    codes::NOT_AN_OBJECT,
                    codes::INVALID_BATCH,
                    codes::BATCH_REJECTED,
                    codes::IDEMPOTENCY_MISMATCH,
                    codes::LIMIT_EXCEEDED,
                    codes::UNSUPPORTED,
                ],
            },
        },
        Route {
            method: Method::Get,
            path: "/records/{collection}/changes",
            operation_id: "list_collection_changes",
            tag: "changes",
            permission: Permission::Read,
            handler: handler(changes::list_collection_changes),
            body: BodyLimit::None,
            doc: Doc {
                summary: "Follow the changes of a collection",
                description: CHANGES,
                parameters: &[COLLECTION, SINCE, CHANGES_LIMIT, WAIT],
                request: &[],
                answers: &[CHANGES_ANSWER],
                problems: &[
                    codes::INVALID_COLLECTION_NAME,
                    codes::INVALID_PARAMETER,
                    codes::CHANGES_GONE,
                    codes::UNSUPPORTED,
                ],
            },
        },
        Route {
            method: Method::Get,
            path: "/changes",
            operation_id: "list_changes",
            tag: "changes",
            permission: Permission::Read,
            handler: handler(changes::list_changes),
            body: BodyLimit::None,
            doc: Doc {
                summary: "Follow the changes of all collections",
                description: CHANGES,
                parameters: &[SINCE, CHANGES_LIMIT, WAIT],
                request: &[],
                answers: &[CHANGES_ANSWER],
                problems: &[codes::INVALID_PARAMETER, codes::CHANGES_GONE, codes::UNSUPPORTED],
            },
        },
        Route {
            method: Method::Get,
            path: "/indexes/{collection}",
            operation_id: "list_indexes",
            tag: "indexes",
            permission: Permission::Admin,
            handler: handler(indexes::list_indexes),
            body: BodyLimit::None,
            doc: Doc {
                summary: "List the indexes of a collection",
                description: "In the order of their declaration.",
                parameters: &[COLLECTION],
                request: &[],
                answers: &[Answer {
                    status: 200,
                    description: "The indexes.",
                    headers: &[],
                    content: &[json_content!(
                        r##"{"type":"object","required":["indexes"],"properties":{"indexes":{"type":"array","items":{"$ref":"#/components/schemas/Index"}}}}"##,
                        r#"{"indexes":[{"fields":"status,-created_at","state":"ready"}]}"#,
                    )],
                }],
                problems: &[codes::INVALID_COLLECTION_NAME, codes::UNSUPPORTED],
            },
        },
        Route {
            method: Method::Put,
            path: "/indexes/{collection}",
            operation_id: "put_index",
            tag: "indexes",
            permission: Permission::Admin,
            handler: handler(indexes::put_index),
            body: BodyLimit::None,
            doc: Doc {
                summary: "Declare an index",
                description: "Declares an index and builds it. Reads and writes go on meanwhile, and \
                so does the build when the caller leaves or the answer is 202. Declaring an \
                index again is allowed, and waits for the build again.",
                parameters: &[COLLECTION, INDEX_FIELDS],
                request: &[],
                answers: &[
                    Answer {
                        status: 200,
                        description: "It is ready.",
                        headers: &[],
                        content: &[json_content!(
                            r##"{"$ref":"#/components/schemas/Index"}"##,
                            r#"{"fields":"status,-created_at","state":"ready"}"#,
                        )],
                    },
                    Answer {
                        status: 202,
                        description: "It is still being built.",
                        headers: &[],
                        content: &[json_content!(
                            r##"{"$ref":"#/components/schemas/Index"}"##,
                            r#"{"fields":"status,-created_at","state":"building"}"#,
                        )],
                    },
                ],
                problems: &[
                    codes::INVALID_COLLECTION_NAME,
                    codes::INVALID_PARAMETER,
                    codes::UNSUPPORTED,
                ],
            },
        },
        Route {
            method: Method::Delete,
            path: "/indexes/{collection}",
            operation_id: "delete_index",
            tag: "indexes",
            permission: Permission::Admin,
            handler: handler(indexes::delete_index),
            body: BodyLimit::None,
            doc: Doc {
                summary: "Take an index away",
                description: "Documents stay as they are; listings that used it examine more.",
                parameters: &[COLLECTION, INDEX_FIELDS],
                request: &[],
                answers: &[Answer {
                    status: 200,
                    description: "It is gone.",
                    headers: &[],
                    content: &[json_content!(MESSAGE, r#"{"message":"Index deleted"}"#)],
                }],
                problems: &[
                    codes::INVALID_COLLECTION_NAME,
                    codes::INVALID_PARAMETER,
                    codes::INDEX_NOT_FOUND,
                    codes::UNSUPPORTED,
                ],
            },
        },
    ]
}

/// The schemas the record routes refer to: name and JSON text.
pub(crate) static SCHEMAS: &[(&str, &str)] = &[
    (
        "Document",
        r#"{"type":"object","additionalProperties":true,"description":"Any JSON object, nested at most 128 levels deep, without duplicate keys. A top-level `id` is dropped."}"#,
    ),
    (
        "StoredDocument",
        r##"{"type":"object","required":["id"],"additionalProperties":true,"properties":{"id":{"$ref":"#/components/schemas/Id"},"_meta":{"$ref":"#/components/schemas/Meta"}}}"##,
    ),
    (
        "Id",
        r#"{"oneOf":[{"type":"integer","minimum":0},{"type":"string","minLength":1,"maxLength":512}]}"#,
    ),
    (
        "Meta",
        r#"{"type":"object","required":["revision","createdAt","updatedAt"],"properties":{"revision":{"type":"string"},"createdAt":{"type":"string","format":"date-time"},"updatedAt":{"type":"string","format":"date-time"}}}"#,
    ),
    (
        "CursorPage",
        r##"{"type":"object","required":["items","next"],"properties":{"items":{"type":"array","items":{"$ref":"#/components/schemas/StoredDocument"}},"next":{"type":["string","null"]},"total":{"type":"integer"}}}"##,
    ),
    (
        "NumberedPage",
        r##"{"type":"object","required":["items","total","page","pages"],"properties":{"items":{"type":"array","items":{"$ref":"#/components/schemas/StoredDocument"}},"total":{"type":"integer"},"page":{"type":"integer"},"pages":{"type":"integer"}}}"##,
    ),
    (
        "LoadReport",
        r##"{"type":"object","required":["created","failed","errors","ids"],"properties":{"created":{"type":"integer"},"failed":{"type":"integer"},"errors":{"type":"array","maxItems":100,"items":{"type":"object","required":["line","code","detail"],"properties":{"line":{"type":"integer"},"code":{"type":"string"},"detail":{"type":"string"}}}},"ids":{"oneOf":[{"type":"null"},{"type":"object","required":["first","last"],"properties":{"first":{"$ref":"#/components/schemas/Id"},"last":{"$ref":"#/components/schemas/Id"}}}]}}}"##,
    ),
    (
        "Batch",
        r##"{"type":"object","required":["operations"],"additionalProperties":false,"properties":{"operations":{"type":"array","maxItems":10000,"items":{"$ref":"#/components/schemas/BatchOperation"}},"atomic":{"type":"boolean","default":false}}}"##,
    ),
    (
        "BatchOperation",
        r##"{"type":"object","required":["method"],"additionalProperties":false,"properties":{"method":{"enum":["create","put","patch","delete"]},"id":{"$ref":"#/components/schemas/Id"},"body":{"$ref":"#/components/schemas/Document"},"patch":{"$ref":"#/components/schemas/Document"},"if_match":{"type":"string"},"if_none_match":{"type":"string"},"upsert":{"type":"boolean","default":false}}}"##,
    ),
    (
        "BatchReport",
        r##"{"type":"object","required":["results","committed"],"properties":{"results":{"type":"array","items":{"type":"object","required":["status"],"properties":{"status":{"type":"integer"},"id":{"$ref":"#/components/schemas/Id"},"kind":{"enum":["created","updated","deleted"]},"etag":{"type":"string"},"error":{"type":"object","required":["code","detail"],"properties":{"code":{"type":"string"},"detail":{"type":"string"},"errors":{"type":"array","items":{"type":"object","required":["pointer","message"],"properties":{"pointer":{"type":"string"},"message":{"type":"string"}}}}}}}}},"committed":{"type":"boolean"}}}"##,
    ),
    (
        "ChangesPage",
        r##"{"type":"object","required":["changes","next","more"],"properties":{"changes":{"type":"array","items":{"$ref":"#/components/schemas/Change"}},"next":{"type":"integer"},"more":{"type":"boolean"}}}"##,
    ),
    (
        "Change",
        r##"{"type":"object","required":["sequence","collection","id","kind","revision","at"],"properties":{"sequence":{"type":"integer"},"collection":{"type":"string"},"id":{"oneOf":[{"$ref":"#/components/schemas/Id"},{"type":"null"}]},"kind":{"enum":["created","updated","deleted","collection_deleted"]},"revision":{"type":["string","null"]},"at":{"type":"string","format":"date-time"}}}"##,
    ),
    (
        "Index",
        r#"{"type":"object","required":["fields","state"],"properties":{"fields":{"type":"string"},"state":{"enum":["building","ready"]}}}"#,
    ),
];

const MESSAGE: &str =
    r#"{"type":"object","required":["message"],"properties":{"message":{"type":"string"}}}"#;

const WRITE_PROBLEMS: &[ProblemCode] = &[
    codes::INVALID_COLLECTION_NAME,
    codes::INVALID_ID,
    codes::RESERVED_ID,
    codes::INVALID_PARAMETER,
    codes::INVALID_HEADER,
    codes::INVALID_JSON,
    codes::NOT_AN_OBJECT,
    codes::RECORD_NOT_FOUND,
    codes::REVISION_CONFLICT,
    codes::ALREADY_EXISTS,
    codes::DOCUMENT_UNHOLDABLE,
    codes::SCHEMA_VIOLATION,
];

const LIST_PARAMETERS: &[Parameter] = &[
    COLLECTION,
    Parameter {
        name: "sort",
        location: Location::Query,
        description: "Fields to sort by, most significant first; `-` before a field puts large \
            values first. The id decides between equals. Default: by id.",
        schema: r#"{"type":"string"}"#,
        example: r#""-created_at,name""#,
    },
    Parameter {
        name: "limit",
        location: Location::Query,
        description: "Most documents of a page.",
        schema: r#"{"type":"integer","minimum":1,"maximum":1000,"default":100}"#,
        example: "20",
    },
    Parameter {
        name: "cursor",
        location: Location::Query,
        description: "The `next` of the page before, with the same filter and order.",
        schema: r#"{"type":"string"}"#,
        example: "",
    },
    Parameter {
        name: "page",
        location: Location::Query,
        description: "The number of the page, from 1. Cursors are faster far from the beginning.",
        schema: r#"{"type":"integer","minimum":1}"#,
        example: "1",
    },
    Parameter {
        name: "count",
        location: Location::Query,
        description: "`exact` counts all documents that meet the filter.",
        schema: r#"{"enum":["none","exact"],"default":"none"}"#,
        example: r#""exact""#,
    },
    FIELDS,
    META,
    Parameter {
        name: "or",
        location: Location::Query,
        description: "Alternatives: `or=(status.eq.open,total.gt.100)`; `and=(…)` and nesting work \
            alike.",
        schema: r#"{"type":"string"}"#,
        example: "",
    },
    Parameter {
        name: "Accept",
        location: Location::Header,
        description: "`application/x-ndjson` for one document a line.",
        schema: r#"{"type":"string"}"#,
        example: r#""application/x-ndjson""#,
    },
];

const CHANGES: &str = "Committed writes in the order of their commits. Begin with `since=0`, go \
    on with the `next` of each answer. Changes are kept for a while; when those after `since` \
    are gone, the answer is 410 with the oldest place. The deletion of a whole collection is \
    one change of kind `collection_deleted` with a null id. Revisions are the text of the `ETag` \
    without its quotes.";

const SINCE: Parameter = Parameter {
    name: "since",
    location: Location::Query,
    description: "Only changes after this place.",
    schema: r#"{"type":"integer","minimum":0,"default":0}"#,
    example: "0",
};

const CHANGES_LIMIT: Parameter = Parameter {
    name: "limit",
    location: Location::Query,
    description: "Most changes of a page.",
    schema: r#"{"type":"integer","minimum":1,"maximum":1000,"default":100}"#,
    example: "100",
};

const WAIT: Parameter = Parameter {
    name: "wait",
    location: Location::Query,
    description: "Seconds to wait for a change when there is none yet. The answer may be empty \
        and may come earlier.",
    schema: r#"{"type":"integer","minimum":0,"maximum":30,"default":0}"#,
    example: "20",
};

const CHANGES_ANSWER: Answer = Answer {
    status: 200,
    description: "A page of changes; `more` says whether there are more now.",
    headers: &[],
    content: &[json_content!(
        r##"{"$ref":"#/components/schemas/ChangesPage"}"##,
        r#"{"changes":[{"sequence":13,"collection":"orders","id":1,"kind":"created","revision":"13","at":"2026-11-20T14:09:00.000000Z"}],"next":13,"more":false}"#,
    )],
};

const INDEX_FIELDS: Parameter = Parameter {
    name: "fields",
    location: Location::RequiredQuery,
    description: "1 to 3 fields with their directions, as in `sort`.",
    schema: r#"{"type":"string"}"#,
    example: r#""status,-created_at""#,
};
