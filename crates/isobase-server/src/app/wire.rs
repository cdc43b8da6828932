//! Documents of an app on the wire, and how the routes of a collection are described.

use isobase_http::{Answer, Content, Location, Operation, Parameter, Shape};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{
    app_collection::{AppCollection, Field, FieldKind},
    codes,
    request::{filter, idempotency},
};

/// That something was done.
#[derive(Serialize, JsonSchema)]
pub(super) struct Done {
    #[schemars(extend("const" = true))]
    pub(super) ok: bool,
}

/// The text behind the items of a page with the place of the next one.
#[derive(Serialize)]
pub(super) struct CursorPage<'a> {
    pub(super) next: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) total: Option<u64>,
}

/// The text behind the items of a page by its number.
#[derive(Serialize)]
pub(super) struct NumberedPage {
    pub(super) total: u64,
    pub(super) page: u32,
    pub(super) pages: u64,
}

/// A collection as its routes describe it.
pub(super) struct Described<'a> {
    collection: &'a AppCollection,
    fields: Vec<Field>,
    properties: Map<String, Value>,
}

impl<'a> Described<'a> {
    pub(super) fn of(collection: &'a AppCollection) -> Self {
        let schema = collection.schema.as_ref();
        let schema = schema.and_then(|it| serde_json::from_str::<Value>(it.as_text()).ok());
        let properties = schema.and_then(|mut schema| match schema["properties"].take() {
            Value::Object(properties) => Some(properties),
            _ => None,
        });
        let properties = properties.unwrap_or_default();
        Self { collection, fields: collection.fields(), properties }
    }

    pub(super) fn list(&self) -> Operation {
        let name = self.collection.name.as_str();
        let row = self.row();
        let number = json!({ "type": "integer", "format": "int64", "minimum": 0 });
        // Of either kind, so that clients that are made from the description have one shape.
        let page = json!({
            "type": "object",
            "required": ["items"],
            "properties": {
                "items": { "type": "array", "items": row },
                "next": { "type": ["string", "null"] },
                "total": number,
                "page": number,
                "pages": number,
            },
        });
        let order = &self.collection.order;
        let order =
            if order.0.is_empty() { "by id".to_owned() } else { format!("in the order {order}") };
        let (alone, of_limit) = match self.collection.page_size {
            Some(size) => (format!("in pages of {size}"), Location::Query),
            // The answer without it is no page: the description asks for it.
            None => ("as a plain array of everything".to_owned(), Location::RequiredQuery),
        };
        self.operation("list", &format!("List {name}"))
            .description(format!(
                "Without parameters {order}, {alone}. With `page` a numbered page with totals, \
                 with `limit` or `cursor` a page with the `next` cursor. Every other parameter is \
                 a filter on the field of that name: `a=1`, `a[gte]=18`, `or=(…)`; of several \
                 equalities of one field the last one counts.",
            ))
            .parameters([
                query("sort", "Fields to sort by; `-` puts large values first.", "-created_at"),
                query("page", "The number of the page, from 1.", "").schema(positive()),
                Parameter::new(of_limit, "limit", "Most documents of a page.").schema(positive()),
                query("cursor", "The `next` of the page before.", ""),
                query("count", "`exact` counts all that meet the filter.", "exact")
                    .schema(json!({ "type": "string", "enum": ["none", "exact"] })),
                only(),
                expand(),
                filter::parameter(),
            ])
            .answers(Answer::new(200, "The documents.").content(written(page)))
            .problems([codes::INVALID_PARAMETER, codes::INVALID_ARGUMENT, codes::FOREIGN_PLACE])
    }

    pub(super) fn create(&self) -> Operation {
        let summary = format!("Create a document of {}", self.collection.name);
        self.operation("create", &summary)
            .description(
                "Fields that are not declared are dropped, and so are those that a caller does \
                 not set. The answer is the document as it is stored.",
            )
            .parameters([idempotency::parameter()])
            .takes(written(self.body(self.collection.create.as_deref(), true)))
            .answers(self.one())
            .problems([
                codes::FIELDS_REQUIRED,
                codes::FIELD_TOO_LONG,
                codes::INVALID_JSON,
                codes::NOT_AN_OBJECT,
                codes::SCHEMA_VIOLATION,
                codes::NOT_UNIQUE,
                codes::REFERENCE_NOT_FOUND,
                codes::DOCUMENT_UNHOLDABLE,
                codes::IDEMPOTENCY_MISMATCH,
            ])
    }

    pub(super) fn batch(&self) -> Operation {
        let example = json!({ "operations": [{ "method": "delete", "id": 1 }], "atomic": true });
        let operation = json!({
            "type": "object",
            "required": ["method"],
            "properties": {
                "method": { "type": "string", "enum": ["create", "put", "patch", "delete"] },
                "id": any_id(),
                "body": { "type": "object" },
                "patch": { "type": "object" },
                "if_match": { "type": "string" },
            },
        });
        let batch = json!({
            "type": "object",
            "required": ["operations"],
            "properties": {
                "operations": { "type": "array", "items": operation },
                "atomic": { "type": "boolean" },
            },
        });
        let results = json!({
            "type": "object",
            "required": ["results", "committed"],
            "properties": {
                "results": { "type": "array", "items": { "type": "object" } },
                "committed": { "type": "boolean" },
            },
        });
        self.operation("batch", &format!("Carry out several writes of {}", self.collection.name))
            .description(
                "As the batch of the record routes, with the fields and under the rules of the \
                 collection: `put` and `patch` change the fields that are given. Each result has \
                 the status that the operation would have had alone; with `atomic` all are \
                 carried out or none.",
            )
            .parameters([query("atomic", "All are carried out or none.", "")
                .schema(json!({ "type": "boolean", "default": false }))])
            .parameters([idempotency::parameter()])
            .takes(written(batch).example(example))
            .answers(Answer::new(200, "One result per operation.").content(written(results)))
            .problems([
                codes::INVALID_BATCH,
                codes::BATCH_REJECTED,
                codes::IDEMPOTENCY_MISMATCH,
                codes::LIMIT_EXCEEDED,
                codes::UNSUPPORTED,
            ])
    }

    pub(super) fn get(&self) -> Operation {
        self.operation("get", &format!("Read a document of {}", self.collection.name))
            .parameters([id(), only(), expand()])
            .answers(self.one())
            .problems([codes::ITEM_NOT_FOUND, codes::INVALID_ID, codes::REVISION_CONFLICT])
    }

    pub(super) fn update(&self, verb: &str) -> Operation {
        self.operation(verb, &format!("Change a document of {}", self.collection.name))
            .description(
                "The fields that are given change, the others stay; `PUT` and `PATCH` do the \
                 same. With `If-Match` only the revision that is named. A repeat with the same \
                 `Idempotency-Key` changes nothing, and shows the document as it is by then.",
            )
            .parameters([id(), idempotency::parameter()])
            .takes(written(self.body(self.collection.update.as_deref(), false)))
            .answers(self.one())
            .problems([
                codes::NO_FIELDS,
                codes::ITEM_NOT_FOUND,
                codes::FIELD_TOO_LONG,
                codes::INVALID_JSON,
                codes::NOT_AN_OBJECT,
                codes::REVISION_CONFLICT,
                codes::SCHEMA_VIOLATION,
                codes::NOT_UNIQUE,
                codes::REFERENCE_NOT_FOUND,
                codes::IDEMPOTENCY_MISMATCH,
                codes::LIMIT_EXCEEDED,
            ])
    }

    pub(super) fn delete(&self) -> Operation {
        self.operation("delete", &format!("Delete a document of {}", self.collection.name))
            .parameters([id(), idempotency::parameter()])
            .answers(Answer::new(200, "It is gone.").content(Content::like(&Done { ok: true })))
            .problems([
                codes::ITEM_NOT_FOUND,
                codes::REVISION_CONFLICT,
                codes::REFERENCED,
                codes::IDEMPOTENCY_MISMATCH,
            ])
    }

    fn operation(&self, verb: &str, summary: &str) -> Operation {
        let name = self.collection.name.as_str();
        Operation::new(format!("api_{verb}_{name}"), format!("api/{name}"), summary.to_owned())
    }

    fn one(&self) -> Answer {
        Answer::new(200, "The document.")
            .headers([("ETag", "The document's revision, quoted.")])
            .content(written(self.row()))
    }

    /// A document as it is shown.
    fn row(&self) -> Value {
        let mut properties = Map::from_iter([("id".to_owned(), any_id())]);
        for field in self.fields.iter().filter(|field| !field.write_only) {
            let is_flag = field.kind == FieldKind::Boolean && field.as_number;
            let shown = if is_flag { json!({ "enum": [0, 1, null] }) } else { self.sent(field) };
            properties.insert(field.name.clone(), shown);
        }
        json!({ "type": "object", "required": ["id"], "properties": properties })
    }

    /// The input of a caller.
    fn body(&self, allowed: Option<&[String]>, new: bool) -> Value {
        let may = |field: &&Field| {
            !field.read_only && allowed.is_none_or(|allowed| allowed.contains(&field.name))
        };
        let fields: Vec<&Field> = self.fields.iter().filter(may).collect();
        let properties: Map<String, Value> =
            fields.iter().map(|field| (field.name.clone(), self.sent(field))).collect();
        let required: Vec<&str> = fields
            .iter()
            .filter(|field| new && field.required)
            .map(|field| field.name.as_str())
            .collect();
        json!({ "type": "object", "required": required, "properties": properties })
    }

    /// The schema of what is sent for a field, by us or to us: null stands for a field that is not
    /// there.
    fn sent(&self, field: &Field) -> Value {
        let plain = self.plain(field);
        if field.null_is_absent { json!({ "anyOf": [plain, { "type": "null" }] }) } else { plain }
    }

    /// The schema of a field without what only we understand.
    fn plain(&self, field: &Field) -> Value {
        let mut property = self.properties.get(&field.name).cloned().unwrap_or_default();
        if let Value::Object(members) = &mut property {
            members.retain(|keyword, _| !keyword.starts_with("x-") && keyword != "$ref");
        }
        property
    }
}

/// An id that the service gave, or one that a caller chose.
fn any_id() -> Value {
    json!({ "oneOf": [{ "type": "integer", "format": "int64" }, { "type": "string" }] })
}

fn positive() -> Value {
    json!({ "type": "integer", "format": "int32", "minimum": 1 })
}

fn written(schema: Value) -> Content {
    Content::shaped(Shape::Written(schema))
}

fn query(name: &'static str, description: &'static str, example: &'static str) -> Parameter {
    let parameter = Parameter::new(Location::Query, name, description);
    if example.is_empty() { parameter } else { parameter.example(example) }
}

fn only() -> Parameter {
    query("fields", "Only these fields, separated by commas. `id` is always there.", "name")
}

fn expand() -> Parameter {
    query(
        "expand",
        "References whose documents stand in place of their ids; of accounts `id` and `username`.",
        "user_id",
    )
}

fn id() -> Parameter {
    Parameter::new(Location::Path, "id", "Id of the document.").schema(any_id()).example("1")
}
