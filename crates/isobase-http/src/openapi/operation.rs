//! One route as an OpenAPI operation.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::text::json_of;
use crate::{
    Answer, BodyLimit, Content, Location, Parameter, Permission, Problem, ProblemCode, Spec, codes,
};

/// The problems every route may answer.
const EVERYWHERE: &[ProblemCode] =
    &[codes::MALFORMED_REQUEST, codes::URI_TOO_LONG, codes::INTERNAL];
/// Those of routes that ask the store.
const OF_STORE: &[ProblemCode] = &[codes::UNAVAILABLE, codes::DEADLINE_EXCEEDED];
/// Those of routes that need a key.
const OF_ACCESS: &[ProblemCode] =
    &[codes::UNAUTHENTICATED, codes::FORBIDDEN, codes::TOO_MANY_FAILURES];
/// Those of routes that read a body.
const OF_BODY: &[ProblemCode] =
    &[codes::BODY_TOO_LARGE, codes::BODY_TIMEOUT, codes::BODY_MALFORMED];
/// Those of routes that write.
const OF_WRITES: &[ProblemCode] = &[codes::OUT_OF_SPACE, codes::OUTCOME_UNKNOWN];

pub(super) fn operation(route: &Spec, schemes: &[&str]) -> Value {
    let doc = &route.doc;
    let mut operation = json!({
        "operationId": route.operation_id,
        "tags": [route.tag],
        "summary": doc.summary,
        "description": doc.description,
        "responses": responses(route),
        "security": security(route.permission, schemes),
        "x-permission": route.permission.as_str(),
    });
    if !doc.parameters.is_empty() {
        operation["parameters"] = doc.parameters.iter().map(parameter).collect();
    }
    if !doc.request.is_empty() {
        operation["requestBody"] = json!({ "required": true, "content": contents(doc.request) });
    }
    operation
}

/// A service in open mode takes no key, hence the empty choice.
fn security(permission: Permission, schemes: &[&str]) -> Value {
    if permission == Permission::Public {
        return json!([]);
    }
    schemes.iter().map(|scheme| json!({ (*scheme): [] })).chain([json!({})]).collect()
}

fn parameter(parameter: &Parameter) -> Value {
    let place = match parameter.location {
        Location::Path => "path",
        Location::Query | Location::RequiredQuery => "query",
        Location::Header => "header",
    };
    let mut value = json!({
        "name": parameter.name,
        "in": place,
        "required": matches!(parameter.location, Location::Path | Location::RequiredQuery),
        "description": parameter.description,
        "schema": json_of(parameter.schema),
    });
    if !parameter.example.is_empty() {
        value["example"] = json_of(parameter.example);
    }
    value
}

fn contents(contents: &[Content]) -> Value {
    let entries = contents.iter().map(|content| (content.media_type.to_owned(), media(content)));
    Value::Object(entries.collect())
}

fn media(content: &Content) -> Value {
    let mut value = json!({ "schema": json_of(content.schema) });
    let is_json = content.media_type.ends_with("json") && !content.media_type.contains("ndjson");
    if !content.example.is_empty() {
        value["example"] =
            if is_json { json_of(content.example) } else { Value::from(content.example) };
    }
    value
}

fn responses(route: &Spec) -> Value {
    let mut responses = Map::new();
    for answer in route.doc.answers {
        responses.insert(answer.status.to_string(), success(answer));
    }
    for (status, codes) in problems(route) {
        responses.insert(status.to_string(), failure(&codes));
    }
    Value::Object(responses)
}

fn success(answer: &Answer) -> Value {
    let mut headers = Map::new();
    headers.insert("X-Request-Id".to_owned(), request_id());
    for (name, description) in answer.headers {
        let header = json!({ "description": description, "schema": { "type": "string" } });
        headers.insert((*name).to_owned(), header);
    }
    let mut value = json!({ "description": answer.description, "headers": headers });
    if !answer.content.is_empty() {
        value["content"] = contents(answer.content);
    }
    value
}

/// The problems of a route by status.
fn problems(route: &Spec) -> BTreeMap<u16, Vec<ProblemCode>> {
    let mut codes = EVERYWHERE.to_vec();
    if route.permission != Permission::Public {
        codes.extend(OF_ACCESS.iter().chain(OF_STORE));
    }
    if route.body != BodyLimit::None {
        codes.extend(OF_BODY);
    }
    if route.permission >= Permission::Write {
        codes.extend(OF_WRITES);
    }
    codes.extend(route.doc.problems);
    let mut by_status: BTreeMap<u16, Vec<ProblemCode>> = BTreeMap::new();
    for code in codes {
        let codes = by_status.entry(code.status().as_u16()).or_default();
        if !codes.contains(&code) {
            codes.push(code);
        }
    }
    by_status
}

/// An answer with one of several problems, each with an example.
fn failure(codes: &[ProblemCode]) -> Value {
    let names: Vec<String> = codes.iter().map(|code| format!("`{}`", code.as_str())).collect();
    let examples = codes.iter().map(|code| {
        let body = Problem::new(*code, code.meaning()).to_json("5f3a1c20-00000001");
        let value: Value = serde_json::from_slice(&body).unwrap_or_default();
        (code.as_str().to_owned(), json!({ "summary": code.title(), "value": value }))
    });
    let examples: Map<String, Value> = examples.collect();
    let mut headers = Map::new();
    headers.insert("X-Request-Id".to_owned(), request_id());
    if codes.iter().any(|code| matches!(code.status().as_u16(), 429 | 503 | 507)) {
        let description = "Seconds to wait before the request is sent again.";
        let header = json!({ "description": description, "schema": { "type": "integer" } });
        headers.insert("Retry-After".to_owned(), header);
    }
    json!({
        "description": format!("Code {}.", names.join(" or ")),
        "headers": headers,
        "content": {
            "application/problem+json": {
                "schema": { "$ref": "#/components/schemas/Problem" },
                "examples": examples,
            },
        },
    })
}

fn request_id() -> Value {
    json!({ "$ref": "#/components/headers/X-Request-Id" })
}
