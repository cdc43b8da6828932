use std::collections::HashSet;

use isobase_http::Location;
use serde_json::Map;

use super::*;

#[test]
fn every_route_is_described_once() {
    let document = openapi();
    let mut ids = HashSet::new();
    for route in specs() {
        let method = route.method.as_str().to_ascii_lowercase();
        let operation = &document["paths"][&route.path.replace("{*", "{")][&method];
        assert_eq!(operation["operationId"], *route.operation.id, "{method} {}", route.path);
        assert!(ids.insert(route.operation.id.clone()), "{} twice", route.operation.id);
        assert!(!route.operation.summary.is_empty() && !route.operation.description.is_empty());
        assert!(!route.operation.answers.is_empty(), "{}", route.operation.id);
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
            .operation
            .parameters
            .iter()
            .filter(|parameter| parameter.location == Location::Path)
            .map(|parameter| &*parameter.name)
            .collect();
        assert_eq!(in_path, described, "{}", route.operation.id);
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

/// A client that was made from the document reads what the examples show.
#[test]
fn examples_are_of_their_shape() {
    let document = openapi();
    let mut checked = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let answers = operation["responses"].as_object().unwrap();
            let bodies = answers.values().chain([&operation["requestBody"]]);
            for media in bodies.filter_map(|body| body["content"].as_object()).flat_map(Map::values)
            {
                let Some(example) = media.get("example") else { continue };
                let mut schema = media["schema"].clone();
                schema["components"] = document["components"].clone();
                let validator = jsonschema::validator_for(&schema).unwrap();
                if let Err(error) = validator.validate(example) {
                    panic!("{method} {path}: {error}: {example}");
                }
                checked += 1;
            }
        }
    }
    assert!(checked > 20, "{checked}");
}

#[test]
fn every_code_is_there_once() {
    let mut seen = HashSet::new();
    for code in codes::every() {
        assert!(seen.insert(code.as_str()), "{} twice", code.as_str());
    }
}
