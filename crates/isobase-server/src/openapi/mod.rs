//! The OpenAPI 3.1 document, made from the table of routes.

mod operation;
mod text;

use std::sync::LazyLock;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::{data_store, records, service_routes, table};

/// The whole document. It describes every route the service has.
#[must_use]
pub fn openapi() -> Value {
    let mut paths = Map::new();
    for route in table::routes() {
        let path = paths.entry(shown(route.path)).or_insert_with(|| Value::Object(Map::new()));
        let method = route.method.as_str().to_ascii_lowercase();
        path[method] = operation::operation(route);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Isobase",
            "version": env!("CARGO_PKG_VERSION"),
            "description": text::DESCRIPTION,
        },
        "tags": tags(),
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "headers": {
                "X-Request-Id": {
                    "description": "Names the request in the log. One that the request brings is kept.",
                    "schema": { "type": "string" },
                },
            },
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A key as `Authorization: Bearer <key>`.",
                },
                "apiKey": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "X-API-Key",
                    "description": "The same key in a header of its own.",
                },
            },
        },
    })
}

/// A path as the document has it: it does not know parameters of several segments.
fn shown(path: &str) -> String {
    path.replace("{*", "{")
}

/// The document as text, made once.
pub(crate) fn text() -> Bytes {
    static TEXT: LazyLock<Bytes> = LazyLock::new(|| openapi().to_string().into());
    TEXT.clone()
}

/// The groups of routes, in the order of the table.
fn tags() -> Vec<Value> {
    let mut names: Vec<&str> = Vec::new();
    for route in table::routes() {
        if !names.contains(&route.tag) {
            names.push(route.tag);
        }
    }
    names.into_iter().map(|name| json!({ "name": name })).collect()
}

fn schemas() -> Map<String, Value> {
    let mut schemas = Map::new();
    schemas.insert("Problem".to_owned(), text::json_of(text::PROBLEM_SCHEMA));
    for (name, schema) in
        service_routes::SCHEMAS.iter().chain(records::SCHEMAS).chain(data_store::SCHEMAS)
    {
        schemas.insert((*name).to_owned(), text::json_of(schema));
    }
    schemas
}

#[cfg(test)]
mod tests;
