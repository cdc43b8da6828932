//! JSON Schema as types of TypeScript, as far as types can say it.

use serde_json::{Map, Value};

/// Schemas in schemas that are followed; what lies deeper, or refers to itself, is `unknown`.
const DEPTH_MAX: usize = 8;

/// Where the `$ref` of a schema lead, and how deep it lies.
#[derive(Clone, Copy)]
pub(super) struct Schemas<'a> {
    whole: &'a Value,
    depth: usize,
}

impl<'a> Schemas<'a> {
    pub(super) fn of(whole: &'a Value) -> Self {
        Self { whole, depth: 0 }
    }
}

/// The type of what a schema allows; wider where TypeScript has no words for it.
pub(super) fn type_of(schema: &Value, schemas: Schemas<'_>) -> String {
    let Value::Object(keywords) = schema else { return "unknown".to_owned() };
    if schemas.depth > DEPTH_MAX {
        return "unknown".to_owned();
    }
    let inner = Schemas { depth: schemas.depth + 1, ..schemas };
    if let Some(Value::Array(values)) = keywords.get("enum") {
        return union(values.iter().map(Value::to_string));
    }
    if let Some(value) = keywords.get("const") {
        return value.to_string();
    }
    if let Some(Value::String(reference)) = keywords.get("$ref") {
        let target = reference.strip_prefix('#').and_then(|path| schemas.whole.pointer(path));
        return target.map_or_else(|| "unknown".to_owned(), |target| type_of(target, inner));
    }
    for keyword in ["anyOf", "oneOf"] {
        if let Some(Value::Array(branches)) = keywords.get(keyword) {
            return union(branches.iter().map(|branch| type_of(branch, inner)));
        }
    }
    match keywords.get("type") {
        Some(Value::String(name)) => named(name, keywords, inner),
        Some(Value::Array(names)) => {
            union(names.iter().filter_map(Value::as_str).map(|name| named(name, keywords, inner)))
        }
        _ => "unknown".to_owned(),
    }
}

/// The type of one of the names that `type` may have.
fn named(name: &str, keywords: &Map<String, Value>, schemas: Schemas<'_>) -> String {
    match name {
        "string" => "string".to_owned(),
        "integer" | "number" => "number".to_owned(),
        "boolean" => "boolean".to_owned(),
        "null" => "null".to_owned(),
        "array" => {
            let items = keywords.get("items").map(|items| type_of(items, schemas));
            format!("Array<{}>", items.unwrap_or_else(|| "unknown".to_owned()))
        }
        "object" => object(keywords, schemas),
        _ => "unknown".to_owned(),
    }
}

fn object(keywords: &Map<String, Value>, schemas: Schemas<'_>) -> String {
    let required = keywords.get("required").and_then(Value::as_array);
    let is_required =
        |name: &str| required.is_some_and(|names| names.iter().any(|other| other == name));
    let properties = keywords.get("properties").and_then(Value::as_object);
    let mut members: Vec<String> = properties
        .into_iter()
        .flatten()
        .map(|(name, property)| {
            let optional = if is_required(name) { "" } else { "?" };
            format!("{}{optional}: {}", property_name(name), type_of(property, schemas))
        })
        .collect();
    if members.is_empty() {
        let others = keywords.get("additionalProperties").filter(|it| it.is_object());
        let others = others.map_or_else(|| "unknown".to_owned(), |it| type_of(it, schemas));
        members.push(format!("[name: string]: {others}"));
    }
    format!("{{ {} }}", members.join("; "))
}

/// Each type once. `unknown` is all of them.
fn union(types: impl Iterator<Item = String>) -> String {
    let mut all: Vec<String> = Vec::new();
    for one in types {
        if !all.contains(&one) {
            all.push(one);
        }
    }
    if all.is_empty() || all.iter().any(|one| one == "unknown") {
        return "unknown".to_owned();
    }
    all.join(" | ")
}

/// A name as it stands before a type.
pub(super) fn property_name(name: &str) -> String {
    let is_letter = |byte: u8| byte.is_ascii_alphabetic() || b"_$".contains(&byte);
    let is_plain = name.bytes().next().is_some_and(is_letter)
        && name.bytes().all(|byte| is_letter(byte) || byte.is_ascii_digit());
    if is_plain { name.to_owned() } else { Value::from(name).to_string() }
}

/// A text of others as a comment that it cannot end.
pub(super) fn comment(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("/** {} */", line.replace("*/", "*\u{2215}"))
}
