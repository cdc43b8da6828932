use std::collections::HashSet;

use super::*;
use isobase_http::Location;

#[test]
fn every_route_is_described_once() {
    let document = openapi();
    let mut ids = HashSet::new();
    for route in specs() {
        let method = route.method.as_str().to_ascii_lowercase();
        let operation = &document["paths"][&route.path.replace("{*", "{")][&method];
        assert_eq!(operation["operationId"], route.operation_id, "{method} {}", route.path);
        assert!(ids.insert(route.operation_id), "{} twice", route.operation_id);
        assert!(!route.doc.summary.is_empty() && !route.doc.description.is_empty());
        assert!(!route.doc.answers.is_empty(), "{}", route.operation_id);
    }
    let described: usize = document["paths"]
        .as_object()
        .unwrap()
        .values()
        .map(|path| path.as_object().unwrap().len())
        .sum();
    assert_eq!(described, ids.len());
}

#[test]
fn every_path_parameter_is_described() {
    for route in specs() {
        let in_path: Vec<&str> = route
            .path
            .split('/')
            .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
            .map(|name| name.trim_start_matches('*'))
            .collect();
        let described: Vec<&str> = route
            .doc
            .parameters
            .iter()
            .filter(|parameter| parameter.location == Location::Path)
            .map(|parameter| parameter.name)
            .collect();
        assert_eq!(in_path, described, "{}", route.operation_id);
    }
}

#[test]
fn every_reference_resolves() {
    let document = openapi();
    let mut references = Vec::new();
    collect_references(&document, &mut references);
    assert!(!references.is_empty());
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

fn collect_references(value: &Value, out: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get("$ref") {
                out.push(reference.clone());
            }
            fields.values().for_each(|value| collect_references(value, out));
        }
        Value::Array(items) => items.iter().for_each(|value| collect_references(value, out)),
        _ => {}
    }
}

#[test]
fn texts_of_the_table_are_json() {
    let check = |text: &str, owner: &str| {
        let parsed: Result<Value, _> = serde_json::from_str(text);
        assert!(parsed.is_ok(), "{owner}: {text}");
    };
    for route in specs() {
        for parameter in route.doc.parameters {
            check(parameter.schema, parameter.name);
            if !parameter.example.is_empty() {
                check(parameter.example, parameter.name);
            }
        }
        let bodies = route.doc.answers.iter().flat_map(|answer| answer.content);
        for content in bodies.chain(route.doc.request) {
            check(content.schema, route.operation_id);
            if content.media_type == "application/json" && !content.example.is_empty() {
                check(content.example, route.operation_id);
            }
        }
    }
    for (name, schema) in api().schemas {
        check(schema, name);
    }
}

#[test]
fn every_code_is_there_once() {
    let mut seen = HashSet::new();
    for code in codes::every() {
        assert!(seen.insert(code.as_str()), "{} twice", code.as_str());
    }
}
