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
        components.values_mut().for_each(forget_widths);
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
    forget_widths(&mut schema);
    schema
}

/// Takes the names of Rust's integers out: a client only needs to know that they are integers.
fn forget_widths(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            let of_rust = |format: &Value| {
                format
                    .as_str()
                    .is_some_and(|name| name.starts_with("uint") || name.starts_with("int"))
            };
            if members.get("format").is_some_and(of_rust) {
                members.remove("format");
            }
            members.values_mut().for_each(forget_widths);
        }
        Value::Array(items) => items.iter_mut().for_each(forget_widths),
        _ => {}
    }
}
