//! The schemas of bodies: those of types, collected once, and written ones.

use schemars::{
    Schema, SchemaGenerator,
    generate::{Contract, SchemaSettings},
};
use serde_json::{Map, Value};

use crate::Shape;

/// Makes schemas and keeps those that others refer to.
pub(super) struct Schemas {
    /// Of what is read: a member with a default may be missing.
    pub(super) taken: SchemaGenerator,
    /// Of what is sent: a member with a default is there.
    pub(super) given: SchemaGenerator,
}

impl Default for Schemas {
    fn default() -> Self {
        Self { taken: generator(Contract::Deserialize), given: generator(Contract::Serialize) }
    }
}

impl Schemas {
    /// All that were referred to, by name.
    pub(super) fn into_components(mut self) -> Map<String, Value> {
        let mut components = self.taken.take_definitions(true);
        components.extend(self.given.take_definitions(true));
        components.values_mut().for_each(standardise);
        components
    }
}

fn generator(contract: Contract) -> SchemaGenerator {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
        settings.contract = contract;
    });
    settings.into_generator()
}

/// The schema of a shape.
pub(super) fn schema(shape: &Shape, generator: &mut SchemaGenerator) -> Value {
    let mut schema = match shape {
        Shape::Of(make) => Schema::to_value(make(generator)),
        Shape::Written(schema) => schema.clone(),
    };
    // `true` takes anything, which linters know as the empty schema only.
    if schema == Value::Bool(true) {
        schema = Value::Object(Map::new());
    }
    standardise(&mut schema);
    schema
}

/// Says what tools of OpenAPI know: the formats `int32` and `int64` instead of Rust's integers, of an
/// object without known members that it may have any, and defaults in words.
/// Source: OpenAPI Specification 3.1, "Data Type Format".
fn standardise(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            let format = members.get("format").and_then(Value::as_str).and_then(integer_format);
            if let Some(format) = format {
                members.insert("format".to_owned(), format.into());
            }
            if is_bare_object(members) {
                members.insert("additionalProperties".to_owned(), true.into());
            }
            tell_defaults(members);
            for (name, value) in members.iter_mut() {
                // Values are values, not schemas.
                if !matches!(name.as_str(), "const" | "enum" | "default" | "example" | "examples") {
                    standardise(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(standardise),
        _ => {}
    }
}

/// Whether a schema says of an object nothing but that it is one: some tools take it for one that
/// has no members.
fn is_bare_object(members: &Map<String, Value>) -> bool {
    let is_object = match members.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "object"),
        Some(kind) => kind == "object",
        None => false,
    };
    let said = ["properties", "additionalProperties", "oneOf", "anyOf", "allOf"];
    is_object && !said.iter().any(|name| members.contains_key(*name))
}

/// Says the defaults of members that may be missing in words: some tools take a member with a
/// default for one that is always there, and ask for it.
fn tell_defaults(members: &mut Map<String, Value>) {
    let required: Vec<String> = match members.get("required") {
        Some(Value::Array(names)) => {
            names.iter().filter_map(|name| Some(name.as_str()?.to_owned())).collect()
        }
        _ => Vec::new(),
    };
    let Some(Value::Object(properties)) = members.get_mut("properties") else { return };
    for (name, property) in properties {
        // `true` is a schema, too, but not all tools know that.
        if *property == Value::Bool(true) {
            *property = Value::Object(Map::new());
        }
        let Value::Object(property) = property else { continue };
        if required.contains(name) {
            continue;
        }
        // That nothing is there when nothing is said goes without saying.
        let Some(default) = property.remove("default").filter(|default| !default.is_null()) else {
            continue;
        };
        let about = property.get("description").and_then(Value::as_str).unwrap_or_default();
        let about = format!("{about} Default: `{default}`.").trim_start().to_owned();
        property.insert("description".to_owned(), about.into());
    }
}

/// The format of the narrowest integer that holds every value of one of Rust's.
fn integer_format(rust: &str) -> Option<&'static str> {
    match rust {
        "int8" | "int16" | "int32" | "uint8" | "uint16" => Some("int32"),
        "int" | "int64" | "uint" | "uint32" | "uint64" => Some("int64"),
        _ => None,
    }
}
