//! How the record routes are described.

use isobase_http::{Answer, Content, Operation, ProblemCode};
use serde_json::{Map, Value, json};

use super::{
    Batch, BatchError, BatchReport, BatchResult, ChangesPage, Collections, DeletedCollection,
    Document, Id, Index, Indexes, LineError, LoadReport, LoadedIds, Message, Page, Stats,
    parameters::{
        ETAG, LAST_MODIFIED, LOCATION, ORIGIN, REPLAYED, atomic, changes_limit, changes_of,
        collection, confirm, count, cursor, document_in, document_out, expand, fields, id,
        if_match, if_modified_since, if_none_match, if_unmodified_since, include, index_fields,
        index_unique, lines_in, meta, or, page, page_limit, since, sort, upsert, wait,
    },
};
use crate::{
    codes,
    request::{filter, idempotency},
};

pub(in crate::records) fn list_collections() -> Operation {
    let example = Collections { collections: vec!["orders", "users"] };
    Operation::new("list_collections", "collections", "List the collections")
        .description("The names of all collections that have a document, by their bytes.")
        .answers(Answer::new(200, "The names.").content(Content::like(&example)))
}

pub(in crate::records) fn get_stats() -> Operation {
    let collection_names = vec!["orders", "users"];
    let example = Stats { total_records: 3, collections: 2, collection_names };
    Operation::new("get_stats", "collections", "Count documents and collections")
        .description("How many documents there are in all collections, and which collections.")
        .answers(Answer::new(200, "The counts.").content(Content::like(&example)))
}

pub(in crate::records) fn delete_collection() -> Operation {
    let example = DeletedCollection { message: "Collection deleted", deleted: 3 };
    Operation::new("delete_collection", "collections", "Delete a collection")
        .description(
            "Deletes every document of the collection at once. Asks for a confirmation, because a \
             forgotten id makes this of a `DELETE` of one document.",
        )
        .parameters([collection(), confirm()])
        .answers(
            Answer::new(200, "How many documents there were; 0 for an unknown collection.")
                .content(Content::like(&example)),
        )
        .problems([
            codes::INVALID_COLLECTION_NAME,
            codes::INVALID_PARAMETER,
            codes::CONFIRMATION_REQUIRED,
            codes::REFERENCED,
        ])
}

pub(in crate::records) fn list_records() -> Operation {
    let listed = Content::of::<Page>().example(json!({
        "items": [{ "name": "item1", "id": 1 }, { "name": "item2", "id": 2 }],
        "next": null,
    }));
    Operation::new("list_records", "records", "List documents")
        .description(
            "With `limit` or `cursor`: a page with the `cursor` of the next one. With `page`: a \
             numbered page with totals. Every other parameter is a filter on the field of that \
             name: `status=open`, `age[gte]=18`, `or=(…)`; a field named like a parameter is \
             written in quotes, `\"sort\"=x`. An unknown collection is empty.\n\nWithout `limit`, \
             `cursor` and `page` the service streams every document that meets the filter, as a \
             bare array, or, with `Accept: application/x-ndjson`, one a line. A stream is not one \
             moment's picture of the collection: documents written meanwhile may or may not be in \
             it. When it fails halfway, the connection is cut.",
        )
        .parameters([
            collection(),
            sort(),
            page_limit(),
            cursor(),
            page(),
            count(),
            fields(),
            expand(),
            meta(),
            or(),
            filter::parameter(),
        ])
        .answers(
            Answer::new(200, "The page.")
                .headers([
                    ("X-Total-Count", "How many documents meet the filter, when it was counted."),
                    ("Link", "With `rel=\"next\"`: the next page, relative to this one."),
                    (
                        "X-Others-Seen",
                        "On CouchDB, DynamoDB and Firestore: until when the listing has what other \
                     programs wrote into the database; `never` when the service has not looked.",
                    ),
                ])
                .content(listed),
        )
        .problems([
            codes::INVALID_COLLECTION_NAME,
            codes::INVALID_PARAMETER,
            codes::INVALID_ARGUMENT,
            codes::WRITE_ONLY_FIELD,
            codes::FOREIGN_PLACE,
            codes::LIMIT_EXCEEDED,
        ])
}

pub(in crate::records) fn create_record() -> Operation {
    Operation::new("create_record", "records", "Create a document")
        .description(
            "One JSON object becomes a document under the next integer id; a top-level `id` is \
             dropped. A body without `Content-Type` is taken as JSON. With `Content-Type: \
             application/x-ndjson` the body is lines, as `load_records` takes them, and the answer \
             is the same.",
        )
        .parameters([collection(), idempotency::parameter()])
        .takes(document_in())
        .answers(
            Answer::new(
                201,
                "The document as it was stored, with defaults of its schema: its fields in their \
                 order, then its id.",
            )
            .headers([LOCATION, ETAG, LAST_MODIFIED, REPLAYED])
            .content(document_out()),
        )
        .problems([
            codes::INVALID_COLLECTION_NAME,
            codes::INVALID_PARAMETER,
            codes::INVALID_HEADER,
            codes::INVALID_JSON,
            codes::NOT_AN_OBJECT,
            codes::DOCUMENT_UNHOLDABLE,
            codes::SCHEMA_VIOLATION,
            codes::NOT_UNIQUE,
            codes::REFERENCE_NOT_FOUND,
            codes::IDEMPOTENCY_MISMATCH,
            codes::LIMIT_EXCEEDED,
        ])
}

pub(in crate::records) fn load_records() -> Operation {
    let detail = "Input should be a valid dictionary, found an array".to_owned();
    let report = LoadReport {
        created: 2,
        failed: 1,
        errors: &[LineError { line: 3, code: codes::NOT_AN_OBJECT.as_str(), detail }],
        ids: Some(LoadedIds { first: Id::Integer(1), last: Id::Integer(2) }),
    };
    Operation::new("load_records", "records", "Load documents from lines")
        .description(
            "Every line is a JSON object and becomes a document under the next integer id. Lines \
             are written as they come; refused ones are counted and named and do not stop the \
             others. With `atomic=true` or an `Idempotency-Key` the whole body is read first, \
             within the bounds of a batch, and written at once; with `atomic=true` one refused \
             line refuses all. `POST /records/{collection}` takes lines as well.",
        )
        .parameters([collection(), atomic(), idempotency::parameter()])
        .takes(lines_in("{\"name\":\"item1\"}\n{\"name\":\"item2\"}\n"))
        .answers(
            Answer::new(
                200,
                "What became of the lines. `errors` names the first 100 that were refused; `ids` \
                 is null when none became a document, and other writers' documents may lie \
                 between the two.",
            )
            .headers([REPLAYED])
            .content(Content::like(&report)),
        )
        .problems([
            codes::INVALID_COLLECTION_NAME,
            codes::INVALID_PARAMETER,
            codes::INVALID_HEADER,
            codes::INVALID_JSON,
            codes::NOT_AN_OBJECT,
            codes::DOCUMENT_UNHOLDABLE,
            codes::SCHEMA_VIOLATION,
            codes::NOT_UNIQUE,
            codes::REFERENCE_NOT_FOUND,
            codes::IDEMPOTENCY_MISMATCH,
            codes::BATCH_REJECTED,
            codes::LIMIT_EXCEEDED,
        ])
}

pub(in crate::records) fn get_record() -> Operation {
    Operation::new("get_record", "records", "Read a document")
        .description(
            "The document: its fields in their order, then its id. The `ETag` is the revision of \
             the whole document, whatever `fields` and `meta` leave of it. With `expand` there is \
             no 304: what it refers to has revisions of its own.",
        )
        .parameters([collection(), id(), fields(), expand(), meta(), if_match(), if_none_match()])
        .parameters([if_unmodified_since(), if_modified_since()])
        .answers(
            Answer::new(200, "The document.")
                .headers([ETAG, LAST_MODIFIED])
                .content(document_out()),
        )
        .answers(
            Answer::new(
                304,
                "The caller has it: its revision is in `If-None-Match`, or it was not \
                 changed after `If-Modified-Since`.",
            )
            .headers([ETAG, LAST_MODIFIED]),
        )
        .problems([
            codes::INVALID_COLLECTION_NAME,
            codes::INVALID_ID,
            codes::INVALID_PARAMETER,
            codes::INVALID_HEADER,
            codes::WRITE_ONLY_FIELD,
            codes::RECORD_NOT_FOUND,
            codes::REVISION_CONFLICT,
            codes::LIMIT_EXCEEDED,
        ])
}

pub(in crate::records) fn put_record() -> Operation {
    Operation::new("put_record", "records", "Replace a document")
        .description(
            "Replaces the whole document; an `id` in the body is ignored. Without a document: \
             404, unless `upsert=true` or `If-None-Match: *` allow to create it. Integers that \
             the service assigns are then larger than any that was created so, up to 2^53.",
        )
        .parameters([collection(), id(), upsert(), if_match(), if_none_match()])
        .parameters([if_unmodified_since(), idempotency::parameter()])
        .takes(document_in())
        .answers(
            Answer::new(200, "It was replaced.")
                .headers([ETAG, LAST_MODIFIED, REPLAYED])
                .content(document_out()),
        )
        .answers(
            Answer::new(201, "It is new.")
                .headers([LOCATION, ETAG, LAST_MODIFIED, REPLAYED])
                .content(document_out()),
        )
        .problems(WRITE_PROBLEMS)
}

pub(in crate::records) fn patch_record() -> Operation {
    let merge = Content::of::<Document>()
        .media_type("application/merge-patch+json")
        .example(json!({ "price": 8.5, "note": null }));
    Operation::new("patch_record", "records", "Change parts of a document")
        .description(
            "Applies a JSON merge patch (RFC 7396): members replace, objects merge, null removes; an \
             `id` in it is ignored. All is done with what the document is at that moment.\n\nTwo \
             other forms are told apart by `Content-Type`; they are described as the operations \
             `patch` of a batch, where a client that is made from this description can send them. \
             `application/json-patch+json` is a JSON Patch (RFC 6902), an array of operations, all \
             or none: `[{\"op\":\"replace\",\"path\":\"/status\",\"value\":\"paid\"}]`. \
             `application/vnd.isobase.update+json` is an update: `merge` (a merge patch), then \
             `increment` (numbers to add; a missing one begins at 0), `remove` (elements that go, \
             wherever they stand in the array) and `append` (elements to put at its end), by field \
             paths as in filters: `{\"increment\":{\"stock.count\":-1},\"append\":{\"tags\":[\"new\"]}}`. \
             Of two increments both count. Numbers are added exactly, and keep the digits they \
             have.\n\nA repeat with the same `Idempotency-Key` changes nothing, and shows the \
             document as it is by then.",
        )
        .parameters([collection(), id(), if_match(), if_none_match(), if_unmodified_since()])
        .parameters([idempotency::parameter()])
        .takes(merge)
        .takes(document_in())
        .answers(
            Answer::new(200, "The whole document as it is now.")
                .headers([ETAG, LAST_MODIFIED, REPLAYED])
                .content(document_out()),
        )
        .problems(WRITE_PROBLEMS)
        .problems([codes::INVALID_PATCH, codes::PATCH_CONFLICT, codes::WRITE_ONLY_FIELD])
}

pub(in crate::records) fn delete_record() -> Operation {
    Operation::new("delete_record", "records", "Delete a document")
        .description(
            "An id is never used again, not even that of the last document. Documents that refer to \
             it, as the schemas of their collections say, keep it from being deleted, or are changed \
             or deleted with it, all at once.",
        )
        .parameters([collection(), id(), if_match(), if_none_match(), if_unmodified_since()])
        .parameters([idempotency::parameter()])
        .answers(done("It is gone.", "Record deleted").headers([REPLAYED]))
        .problems([
            codes::INVALID_COLLECTION_NAME,
            codes::INVALID_ID,
            codes::RESERVED_ID,
            codes::INVALID_PARAMETER,
            codes::INVALID_HEADER,
            codes::RECORD_NOT_FOUND,
            codes::REVISION_CONFLICT,
            codes::REFERENCED,
            codes::IDEMPOTENCY_MISMATCH,
            codes::LIMIT_EXCEEDED,
        ])
}

pub(in crate::records) fn write_batch() -> Operation {
    let batch = Content::of::<Batch<'_>>().example(json!({
        "operations": [
            { "method": "create", "body": { "name": "item1" } },
            { "method": "put", "id": "a", "body": { "name": "item2" }, "upsert": true },
            { "method": "patch", "id": 1, "patch": { "price": 8.5 }, "if_match": "\"12\"" },
            { "method": "delete", "id": 2 },
        ],
        "atomic": false,
    }));
    let written = BatchResult {
        status: 201,
        id: Some(Id::Integer(3)),
        kind: Some("created"),
        etag: Some("\"13\"".to_owned()),
        ..BatchResult::default()
    };
    let error = BatchError {
        code: codes::RECORD_NOT_FOUND.as_str(),
        detail: "Record not found".to_owned(),
        errors: Vec::new(),
    };
    let refused = BatchResult { status: 404, error: Some(error), ..BatchResult::default() };
    let report = BatchReport { results: vec![written, refused], committed: true };
    Operation::new("write_batch", "records", "Carry out several writes")
        .description(
            "Carries out the operations in their order; a later one sees the effects of an \
             earlier one. All are checked before the first is carried out. Each has its own \
             result, with the status it would have had alone; with `atomic` (in the body or as a \
             parameter) all are carried out or none, and 409 names those that were refused. \
             `if_match` and `if_none_match` take a revision, bare or quoted, a list of quoted \
             ones, or `*`. A `patch` is a merge patch (an object) or a JSON Patch (an array); an \
             `update` takes its place. A batch of `get`s reads documents by their ids, also those \
             that no path leads to; reads and writes are not mixed.",
        )
        .parameters([collection(), atomic(), idempotency::parameter()])
        .takes(batch)
        .answers(
            Answer::new(200, "One result per operation. `committed`: something was written.")
                .headers([REPLAYED])
                .content(Content::like(&report)),
        )
        .problems([
            codes::INVALID_COLLECTION_NAME,
            codes::INVALID_PARAMETER,
            codes::INVALID_HEADER,
            codes::NOT_AN_OBJECT,
            codes::INVALID_BATCH,
            codes::WRITE_ONLY_FIELD,
            codes::BATCH_REJECTED,
            codes::IDEMPOTENCY_MISMATCH,
            codes::LIMIT_EXCEEDED,
            codes::UNSUPPORTED,
        ])
}

pub(in crate::records) fn list_collection_changes() -> Operation {
    changes("list_collection_changes", "Follow the changes of a collection")
        .parameters([collection(), since(), changes_limit(), include(), changes_of(), wait()])
        .problems([codes::INVALID_COLLECTION_NAME])
}

pub(in crate::records) fn list_changes() -> Operation {
    changes("list_changes", "Follow the changes of all collections").parameters([
        since(),
        changes_limit(),
        include(),
        wait(),
    ])
}

fn changes(name: &'static str, summary: &'static str) -> Operation {
    let place = "AQEjRWeJq83vAAAAAAAAAAAAAAAAAAAADQ";
    let page = json!({
        "changes": [{
            "place": place,
            "collection": "orders",
            "id": 1,
            "kind": "created",
            "revision": "13",
            "at": "2026-11-20T14:09:00.000000Z",
        }],
        "next": place,
        "more": false,
    });
    Operation::new(name, "changes", summary)
        .description(
            "Committed writes in the order of their commits. Begin with `since=0`, or with \
             `since=now` after the last write, and go on with the `next` of each answer. Changes \
             are kept for a while; when those after `since` are gone, the answer is 410 with the \
             oldest place. A place of another database, or of before this one was restored or \
             copied into, is 410 with the code `foreign_place`. The deletion of a whole \
             collection is one change of kind `collection_deleted` with a null id. Revisions are \
             the text of the `ETag` without its quotes.",
        )
        .answers(
            Answer::new(200, "A page of changes; `more` says whether there are more now.")
                .content(Content::of::<ChangesPage>().example(page)),
        )
        .problems([
            codes::INVALID_PARAMETER,
            codes::CHANGES_GONE,
            codes::FOREIGN_PLACE,
            codes::UNSUPPORTED,
        ])
}

pub(in crate::records) fn list_indexes() -> Operation {
    let example = Indexes { indexes: vec![index("ready")] };
    Operation::new("list_indexes", "indexes", "List the indexes of a collection")
        .description("In the order of their declaration.")
        .parameters([collection()])
        .answers(Answer::new(200, "The indexes.").content(Content::like(&example)))
        .problems([codes::INVALID_COLLECTION_NAME, codes::UNSUPPORTED])
}

pub(in crate::records) fn put_index() -> Operation {
    Operation::new("put_index", "indexes", "Declare an index")
        .description(
            "Declares an index and builds it. Reads and writes go on meanwhile, and so does the \
             build when the caller leaves or the answer is 202. Declaring an index again is \
             allowed, and waits for the build again.\n\nA unique index keeps two documents from \
             having the same values of its fields, compared whole; of writes that race for one \
             value one succeeds, the others are answered 409. Documents in which a field is missing \
             or null collide with none. Where documents have equal values already, the answer is \
             409, names them, and nothing is declared.",
        )
        .parameters([collection(), index_fields(), index_unique()])
        .answers(Answer::new(200, "It is ready.").content(Content::like(&index("ready"))))
        .answers(
            Answer::new(202, "It is still being built.").content(Content::like(&index("building"))),
        )
        .problems([
            codes::INVALID_COLLECTION_NAME,
            codes::INVALID_PARAMETER,
            codes::NOT_UNIQUE,
            codes::UNSUPPORTED,
        ])
}

pub(in crate::records) fn delete_index() -> Operation {
    Operation::new("delete_index", "indexes", "Drop an index")
        .description("Documents stay as they are; listings that used it examine more.")
        .parameters([collection(), index_fields(), index_unique()])
        .answers(done("It is gone.", "Index deleted"))
        .problems([
            codes::INVALID_COLLECTION_NAME,
            codes::INVALID_PARAMETER,
            codes::INDEX_NOT_FOUND,
            codes::UNSUPPORTED,
        ])
}

pub(in crate::records) fn get_schema() -> Operation {
    Operation::new("get_schema", "collections", "Read the schema of a collection")
        .description(
            "The JSON Schema that documents of the collection must meet when they are written.",
        )
        .parameters([collection()])
        .answers(Answer::new(200, "The schema.").headers([ORIGIN]).content(schema()))
        .problems([codes::INVALID_COLLECTION_NAME, codes::SCHEMA_NOT_FOUND])
}

pub(in crate::records) fn put_schema() -> Operation {
    Operation::new("put_schema", "collections", "Set the schema of a collection")
        .description(
            "From now on every document that is written to the collection, and what a patch makes \
             of one, must meet this JSON Schema; other services on the same database follow \
             within a few seconds. Documents that are there already stay, whether they meet it or \
             not: they are read and deleted as before, and their next write is checked. The \
             schema stays when the collection is deleted. Draft 2020-12 unless `$schema` names \
             another (2019-09, 7, 6, 4); at most 128 KiB; references lead only into the schema \
             itself (`#/$defs/name`, `#anchor`), nothing is fetched; patterns have no \
             look-around; `format` is a note from draft 2019-09 on. A document is checked without \
             its `id`.",
        )
        .parameters([collection()])
        .takes(schema())
        .answers(
            Answer::new(200, "The schema as it is stored.").headers([ORIGIN]).content(schema()),
        )
        .problems([codes::INVALID_COLLECTION_NAME, codes::INVALID_SCHEMA, codes::SCHEMA_DECLARED])
}

pub(in crate::records) fn delete_schema() -> Operation {
    Operation::new("delete_schema", "collections", "Delete the schema of a collection")
        .description("From now on documents of the collection may be any JSON object.")
        .parameters([collection()])
        .answers(done("It is gone.", "Schema deleted"))
        .problems([codes::INVALID_COLLECTION_NAME, codes::SCHEMA_NOT_FOUND, codes::SCHEMA_DECLARED])
}

fn done(description: &'static str, message: &'static str) -> Answer {
    Answer::new(200, description).content(Content::like(&Message { message }))
}

fn index(state: &'static str) -> Index {
    Index { fields: "status,-created_at".to_owned(), state, unique: None }
}

fn schema() -> Content {
    Content::of::<Map<String, Value>>().example(json!({
        "type": "object",
        "required": ["name"],
        "properties": { "name": { "type": "string" } },
    }))
}

const WRITE_PROBLEMS: [ProblemCode; 15] = [
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
    codes::NOT_UNIQUE,
    codes::REFERENCE_NOT_FOUND,
    codes::IDEMPOTENCY_MISMATCH,
];
