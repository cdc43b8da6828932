//! One route as an OpenAPI operation.

use std::collections::BTreeMap;

use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};

use super::schemas::{Schemas, schema};
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
    &[codes::UNAUTHENTICATED, codes::FORBIDDEN, codes::HOST_NOT_ALLOWED, codes::TOO_MANY_FAILURES];
/// Those of routes that read a body.
const OF_BODY: &[ProblemCode] = &[
    codes::BODY_TOO_LARGE,
    codes::BODY_TIMEOUT,
    codes::BODY_MALFORMED,
    codes::UNSUPPORTED_ENCODING,
];
/// Those of routes that write.
const OF_WRITES: &[ProblemCode] = &[codes::OUT_OF_SPACE, codes::OUTCOME_UNKNOWN];

pub(super) fn operation(spec: &Spec, schemes: &[&str], schemas: &mut Schemas) -> Value {
    let described = &spec.operation;
    let mut operation = json!({
        "operationId": described.id,
        "tags": [described.tag],
        "summary": described.summary,
        "description": described.description,
        "responses": responses(spec, &mut schemas.given),
        "security": security(spec.permission, schemes),
        "x-permission": spec.permission.to_string(),
    });
    if !described.parameters.is_empty() {
        operation["parameters"] = described.parameters.iter().map(parameter).collect();
    }
    if !described.request.is_empty() {
        let content = contents(&described.request, &mut schemas.taken);
        operation["requestBody"] = json!({ "required": true, "content": content });
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
        "schema": parameter.schema,
    });
    if parameter.exploded {
        value["style"] = "form".into();
        value["explode"] = true.into();
    }
    if let Some(example) = &parameter.example {
        value["example"] = example.clone();
    }
    value
}

fn contents(contents: &[Content], generator: &mut SchemaGenerator) -> Value {
    let entry = |content: &Content| (content.media_type.to_string(), media(content, generator));
    Value::Object(contents.iter().map(entry).collect())
}

fn media(content: &Content, generator: &mut SchemaGenerator) -> Value {
    let mut value = json!({ "schema": schema(&content.shape, generator) });
    if let Some(example) = &content.example {
        value["example"] = example.clone();
    }
    value
}

fn responses(spec: &Spec, generator: &mut SchemaGenerator) -> Value {
    let mut responses = Map::new();
    for answer in &spec.operation.answers {
        responses.insert(answer.status.to_string(), success(answer, generator));
    }
    for (status, codes) in problems(spec) {
        responses.insert(status.to_string(), failure(&codes));
    }
    if spec.operation.answers.iter().all(|answer| answer.status >= 300) {
        // An operation that only redirects has no other answer that tools take as its success.
        responses.insert("default".to_owned(), failure(&[codes::INTERNAL]));
    }
    Value::Object(responses)
}

fn success(answer: &Answer, generator: &mut SchemaGenerator) -> Value {
    let mut headers = Map::new();
    headers.insert("X-Request-Id".to_owned(), request_id());
    for (name, description) in &answer.headers {
        let header = json!({ "description": description, "schema": { "type": "string" } });
        headers.insert((*name).to_owned(), header);
    }
    let mut value = json!({ "description": answer.description, "headers": headers });
    if !answer.content.is_empty() {
        value["content"] = contents(&answer.content, generator);
    }
    value
}

/// The problems of a route by status.
fn problems(spec: &Spec) -> BTreeMap<u16, Vec<ProblemCode>> {
    let mut codes = EVERYWHERE.to_vec();
    if spec.permission != Permission::Public {
        codes.extend(OF_ACCESS.iter().chain(OF_STORE));
    }
    if spec.body != BodyLimit::None {
        codes.extend(OF_BODY);
    }
    if spec.writes() {
        codes.extend(OF_WRITES);
    }
    codes.extend(&spec.operation.problems);
    let mut by_status: BTreeMap<u16, Vec<ProblemCode>> = BTreeMap::new();
    for code in codes {
        let codes = by_status.entry(code.status().as_u16()).or_default();
        if !codes.contains(&code) {
            codes.push(code);
        }
    }
    by_status
}

/// Each problem of these routes, as an example that their answers refer to: a route has some
/// twenty, and the same ones everywhere.
pub(super) fn examples(specs: &[Spec]) -> Map<String, Value> {
    let codes = specs.iter().flat_map(problems).flat_map(|(_, codes)| codes);
    let example = |code: ProblemCode| {
        let body = Problem::new(code, code.meaning()).to_json("5f3a1c20-00000001");
        let value: Value = serde_json::from_slice(&body).unwrap_or_default();
        (code.as_str().to_owned(), json!({ "summary": code.title(), "value": value }))
    };
    codes.map(example).collect()
}

/// An answer with one of several problems, each with an example.
fn failure(codes: &[ProblemCode]) -> Value {
    let names: Vec<String> = codes.iter().map(|code| format!("`{}`", code.as_str())).collect();
    let examples = codes.iter().map(|code| {
        let place = format!("#/components/examples/{}", code.as_str());
        (code.as_str().to_owned(), json!({ "$ref": place }))
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
