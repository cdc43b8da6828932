//! Words the route table uses again and again.

use isobase_http::{Content, Location, Parameter};

pub(super) const COLLECTION: Parameter = Parameter {
    name: "collection",
    location: Location::Path,
    description: "Name of the collection: 1 to 128 bytes of UTF-8 without '/' and control \
                  characters. A collection exists while it has a document.",
    schema: r#"{"type":"string","minLength":1,"maxLength":128}"#,
    example: r#""orders""#,
};

pub(super) const ID: Parameter = Parameter {
    name: "id",
    location: Location::Path,
    description: "Id of the document. Canonical decimal up to 2^63-1 is an integer id, which the \
                  service assigns; anything else is a string id, which the caller chooses: 1 to \
                  512 bytes of UTF-8 without NUL and '/', not beginning with '_', and neither \
                  '.' nor '..'.",
    schema: r#"{"type":"string","minLength":1,"maxLength":512}"#,
    example: r#""1""#,
};

pub(super) const FIELDS: Parameter = Parameter {
    name: "fields",
    location: Location::Query,
    description: "Only these fields of a document, separated by commas; dots reach into objects. \
                  `id` is always there.",
    schema: r#"{"type":"string"}"#,
    example: r#""name,address.city""#,
};

pub(super) const META: Parameter = Parameter {
    name: "meta",
    location: Location::Query,
    description: "`true` adds `_meta` after the id: `revision`, `createdAt`, `updatedAt`. A \
                  document's own `_meta` gives way to it in this answer.",
    schema: r#"{"type":"boolean","default":false}"#,
    example: "true",
};

pub(super) const IF_MATCH: Parameter = Parameter {
    name: "If-Match",
    location: Location::Header,
    description: "`*`, or a list of revisions as `ETag` gave them: go on only if the document \
                  has one of them. Without a document the condition fails.",
    schema: r#"{"type":"string"}"#,
    example: r#""\"12\"""#,
};

pub(super) const IF_NONE_MATCH: Parameter = Parameter {
    name: "If-None-Match",
    location: Location::Header,
    description: "`*`, or a list of revisions: a read answers 304 when the document has one of \
                  them; a write goes on only when it has none. With `PUT`, `*` creates only.",
    schema: r#"{"type":"string"}"#,
    example: r#""*""#,
};

pub(super) const IDEMPOTENCY_KEY: Parameter = Parameter {
    name: "Idempotency-Key",
    location: Location::Header,
    description: "1 to 255 visible ASCII characters of the caller's choice. A repeat of the \
                  request with the same key gives the first answer, with the header \
                  `Idempotency-Replayed: true`, and writes nothing.",
    schema: r#"{"type":"string","minLength":1,"maxLength":255}"#,
    example: r#""0b5e2d3c-order-17""#,
};

pub(super) const ATOMIC: Parameter = Parameter {
    name: "atomic",
    location: Location::Query,
    description: "`true`: all or nothing.",
    schema: r#"{"type":"boolean","default":false}"#,
    example: "true",
};

pub(super) const ETAG: (&str, &str) = ("ETag", "The document's revision, quoted.");
pub(super) const LAST_MODIFIED: (&str, &str) =
    ("Last-Modified", "When the document was last changed, in whole seconds.");
pub(super) const LOCATION: (&str, &str) = ("Location", "The path of the new document.");
pub(super) const REPLAYED: (&str, &str) =
    ("Idempotency-Replayed", "`true` when this is the answer to an earlier request.");

pub(super) const DOCUMENT_IN: Content = Content {
    media_type: "application/json",
    schema: r##"{"$ref":"#/components/schemas/Document"}"##,
    example: r#"{"name":"item1","price":9.5}"#,
};

pub(super) const DOCUMENT_OUT: Content = Content {
    media_type: "application/json",
    schema: r##"{"$ref":"#/components/schemas/StoredDocument"}"##,
    example: r#"{"name":"item1","price":9.5,"id":1}"#,
};
