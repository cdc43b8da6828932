//! Parameters, headers and bodies that the descriptions use again and again.

use isobase_http::{Content, Location, Parameter, Shape};
use serde_json::json;

use super::{Document, StoredDocument};

pub(super) fn collection() -> Parameter {
    Parameter::new(
        Location::Path,
        "collection",
        "Name of the collection: 1 to 128 bytes of UTF-8 without '/' and control characters. A \
         collection exists while it has a document.",
    )
    .schema(json!({
        "type": "string",
        "minLength": 1,
        "maxLength": 128,
        "pattern": r"^[^/\u0000-\u001f\u007f-\u009f]+$",
    }))
    .example("orders")
}

pub(super) fn id() -> Parameter {
    Parameter::new(
        Location::Path,
        "id",
        "Id of the document: 1 to 1,500 bytes of UTF-8 without NUL, percent-encoded (`/` as \
         `%2F`, `.` and `..` as `%2E` and `%2E%2E`). Canonical decimal up to 2^63-1 is an integer \
         id, anything else a string id.",
    )
    .schema(json!({
        "oneOf": [
            { "type": "integer", "format": "int64", "minimum": 0 },
            { "type": "string", "minLength": 1, "maxLength": 1_500 },
        ],
    }))
    .example("1")
}

pub(super) fn fields() -> Parameter {
    Parameter::new(
        Location::Query,
        "fields",
        "Only these fields of a document, separated by commas; dots reach into objects. `id` is \
         always there.",
    )
    .example("name,address.city")
}

pub(super) fn expand() -> Parameter {
    Parameter::new(
        Location::Query,
        "expand",
        "References to show as the documents they lead to, separated by commas: `author`, \
         `author.team`; at most 3 levels and 16 references. They are those that the schemas of the \
         collections declare (`x-reference`). A reference that leads nowhere stays an id.",
    )
    .example("author,author.team")
}

pub(super) fn meta() -> Parameter {
    Parameter::new(
        Location::Query,
        "meta",
        "`true` adds `_meta` after the id: `revision`, `createdAt`, `updatedAt`, and `ownId` \
         where another program has given the document a field `id`. A document's own `_meta` \
         gives way to it in this answer.",
    )
    .schema(flag())
    .example(true)
}

pub(super) fn if_match() -> Parameter {
    Parameter::new(
        Location::Header,
        "If-Match",
        "`*`, or a list of revisions as `ETag` gave them: go on only if the document has one of \
         them. Without a document the condition fails.",
    )
    .example("\"12\"")
}

pub(super) fn if_none_match() -> Parameter {
    Parameter::new(
        Location::Header,
        "If-None-Match",
        "`*`, or a list of revisions: a read answers 304 when the document has one of them; a \
         write goes on only when it has none. With `PUT`, `*` creates only.",
    )
    .example("*")
}

pub(super) fn if_unmodified_since() -> Parameter {
    Parameter::new(
        Location::Header,
        "If-Unmodified-Since",
        "A date: go on only if the document was not changed after it. Dates know whole seconds: \
         `If-Match` is the better condition, and beside it the date is not looked at.",
    )
    .example("Fri, 20 Nov 2026 14:09:00 GMT")
}

pub(super) fn if_modified_since() -> Parameter {
    Parameter::new(
        Location::Header,
        "If-Modified-Since",
        "A date: a read answers 304 when the document was not changed after it. Not looked at \
         beside `If-None-Match`.",
    )
    .example("Fri, 20 Nov 2026 14:09:00 GMT")
}

pub(super) fn atomic() -> Parameter {
    Parameter::new(Location::Query, "atomic", "`true`: all or nothing.")
        .schema(flag())
        .example(true)
}

pub(super) fn confirm() -> Parameter {
    Parameter::new(Location::Query, "confirm", "The name of the collection again.")
        .example("orders")
}

pub(super) fn upsert() -> Parameter {
    let description = "`true` stores the document also when there is none.";
    Parameter::new(Location::Query, "upsert", description).schema(flag()).example(true)
}

pub(super) fn sort() -> Parameter {
    Parameter::new(
        Location::Query,
        "sort",
        "Fields to sort by, most significant first; `-` before a field puts large values first. \
         The id decides between equals. Default: by id.",
    )
    .example("-created_at,name")
}

pub(super) fn page_limit() -> Parameter {
    let description = "Most documents of a page. It is required here because the answer is then \
        always a page: without `limit`, `cursor` and `page` the service answers a bare array of \
        every document.";
    Parameter::new(Location::RequiredQuery, "limit", description)
        .schema(json!({ "type": "integer", "minimum": 1, "maximum": 1000 }))
        .example(20)
}

pub(super) fn cursor() -> Parameter {
    Parameter::new(
        Location::Query,
        "cursor",
        "The `next` of the page before, with the same filter and order.",
    )
}

pub(super) fn page() -> Parameter {
    Parameter::new(
        Location::Query,
        "page",
        "The number of the page, from 1. Cursors are faster far from the beginning.",
    )
    .schema(json!({ "type": "integer", "minimum": 1 }))
    .example(1)
}

pub(super) fn count() -> Parameter {
    let description = "`exact` counts all documents that meet the filter.";
    Parameter::new(Location::Query, "count", description)
        .schema(json!({ "type": "string", "enum": ["none", "exact"], "default": "none" }))
        .example("exact")
}

pub(super) fn or() -> Parameter {
    Parameter::new(
        Location::Query,
        "or",
        "Alternatives: `or=(status.eq.open,total.gt.100)`; `and=(…)` and nesting work alike.",
    )
}

pub(super) fn since() -> Parameter {
    Parameter::new(
        Location::Query,
        "since",
        "Only changes after this place: `0`, `now`, or a place as the feed gave it. Another number \
         only in a database into which nothing was ever restored or copied.",
    )
    .schema(json!({ "type": "string", "default": "0" }))
    .example("0")
}

pub(super) fn changes_limit() -> Parameter {
    Parameter::new(Location::Query, "limit", "Most changes of a page.")
        .schema(json!({ "type": "integer", "minimum": 1, "maximum": 1000, "default": 100 }))
        .example(100)
}

pub(super) fn include() -> Parameter {
    Parameter::new(
        Location::Query,
        "include",
        "`body`: with the document as each change left it, where the collection keeps bodies \
         (`changes.bodies_of`). A change whose body is not kept has `body_omitted`.",
    )
    .schema(json!({ "type": "string", "enum": ["body"] }))
    .example("body")
}

pub(super) fn changes_of() -> Parameter {
    Parameter::new(
        Location::Query,
        "id",
        "Only changes of this document. Each answer looks through 1,000 changes of the collection \
         and may be empty while there is `more`: go on at `next`. It never waits.",
    )
    .example("1")
}

pub(super) fn wait() -> Parameter {
    Parameter::new(
        Location::Query,
        "wait",
        "Seconds to wait for a change when there is none yet. The answer may be empty and may \
         come earlier.",
    )
    .schema(json!({ "type": "integer", "minimum": 0, "maximum": 30, "default": 0 }))
    .example(20)
}

pub(super) fn index_fields() -> Parameter {
    let description = "1 to 3 fields with their directions, as in `sort`.";
    Parameter::new(Location::RequiredQuery, "fields", description).example("status,-created_at")
}

pub(super) fn index_unique() -> Parameter {
    let description = "Whether only one document may have the values of the fields.";
    Parameter::new(Location::Query, "unique", description).schema(flag()).example(true)
}

fn flag() -> serde_json::Value {
    json!({ "type": "boolean", "default": false })
}

pub(super) const ETAG: (&str, &str) = ("ETag", "The document's revision, quoted.");
pub(super) const LAST_MODIFIED: (&str, &str) =
    ("Last-Modified", "When the document was last changed, in whole seconds.");
pub(super) const LOCATION: (&str, &str) = ("Location", "The path of the new document.");
pub(super) const REPLAYED: (&str, &str) =
    ("Idempotency-Replayed", "`true` when this is the answer to an earlier request.");
pub(super) const ORIGIN: (&str, &str) =
    ("X-Schema-Origin", "`configuration` or `database`: where the schema comes from.");

pub(super) fn document_in() -> Content {
    Content::of::<Document>().example(json!({ "name": "item1", "price": 9.5 }))
}

pub(super) fn document_out() -> Content {
    Content::of::<StoredDocument>().example(json!({ "name": "item1", "price": 9.5, "id": 1 }))
}

/// One document a line, as bytes: they are as many as a caller likes.
pub(super) fn lines_in(example: &'static str) -> Content {
    let bytes = Shape::Written(json!({ "type": "string", "format": "binary" }));
    Content::shaped(bytes).media_type("application/x-ndjson").example(example)
}
