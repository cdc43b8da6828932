//! Defaults that their own schema refuses: with one of them no document could be created.

use isobase_types::{PathStep, json};
use serde_json::{Map, Value};

use super::{
    InvalidSchema, Schema, annotations,
    field_rules::{FieldRules, Generated},
    fields::{FieldDefault, FieldInfo},
};

/// Longest default that is named, in characters.
const VALUE_CHARACTERS_MAX: usize = 100;

impl Schema {
    /// Reads a schema that is to be declared: as [`Schema::parse`], every annotation of ours does
    /// something, and its defaults are values of their fields. Those that are stored already are
    /// read without this.
    ///
    /// # Errors
    /// [`InvalidSchema`]; of a default it names the field and the value.
    pub fn declared(text: &[u8]) -> Result<Self, InvalidSchema> {
        let schema = Self::parse(text)?;
        let whole: Value = serde_json::from_str(schema.as_text()).unwrap_or_default();
        annotations::check(&whole)?;
        for field in schema.fields() {
            check(&schema, &whole, field)?;
        }
        Ok(schema)
    }
}

fn check(schema: &Schema, whole: &Value, field: &FieldInfo) -> Result<(), InvalidSchema> {
    let keyword = match &field.default {
        Some(FieldDefault::Value(_)) => "default",
        Some(FieldDefault::Now | FieldDefault::Timestamp | FieldDefault::Uuid) => "x-default",
        // Who asks is not known before.
        Some(FieldDefault::User) | None => return Ok(()),
    };
    let steps = field.path.steps();
    // What lies in the field is filled in too.
    let within = schema.fields().iter().filter(|it| it.path.steps().starts_with(steps));
    let Some(rules) = FieldRules::of(&within.cloned().collect::<Vec<_>>()) else { return Ok(()) };
    let document = rules.created(&parents(steps), &Generated::now(None), &0);
    // What the others must be for this field to be right is not known, so only its own part counts.
    let alone = only(whole, steps).to_string();
    let Ok(alone) = Schema::parse(alone.as_bytes()) else {
        // A reference leads to what was left out.
        return Ok(());
    };
    let Err(violations) = alone.check(&document) else { return Ok(()) };
    let value = json::find(&document, &field.path);
    let value = value.map(|value| value.as_text().to_owned()).unwrap_or_default();
    let shown: String = value.chars().take(VALUE_CHARACTERS_MAX).collect();
    let reason = violations.first().map(|it| it.message.as_str()).unwrap_or_default();
    let message = format!(
        "the default {shown} of the field {} does not meet the schema, so no document could be \
         created: {reason}",
        field.path
    );
    let place = |step: &PathStep| {
        format!("/properties/{}", step.as_ref().replace('~', "~0").replace('/', "~1"))
    };
    let pointer = format!("{}/{keyword}", steps.iter().map(place).collect::<String>());
    Err(InvalidSchema { pointer, message })
}

/// A document with the objects that a field lies in, and nothing else.
fn parents(steps: &[PathStep]) -> String {
    let outer = &steps[..steps.len().saturating_sub(1)];
    let mut document = Value::Object(Map::new());
    for step in outer.iter().rev() {
        document = Value::Object(Map::from_iter([(step.as_ref().to_owned(), document)]));
    }
    document.to_string()
}

/// A schema that asks of the objects around a field only that the field be right.
fn only(schema: &Value, steps: &[PathStep]) -> Value {
    let (Some((step, rest)), Value::Object(members)) = (steps.split_first(), schema) else {
        return schema.clone();
    };
    let is_kept = |keyword: &str| {
        keyword.starts_with('$')
            || ["definitions", "properties", "x-assert-format"].contains(&keyword)
    };
    let mut kept: Map<String, Value> = members
        .iter()
        .filter(|(keyword, _)| is_kept(keyword))
        .map(|(keyword, value)| (keyword.clone(), value.clone()))
        .collect();
    // A reference beside them asks for more.
    kept.remove("$ref");
    kept.remove("$dynamicRef");
    if let Some(property) = kept.get_mut("properties").and_then(|all| all.get_mut(step.as_ref())) {
        *property = only(property, rest);
    }
    Value::Object(kept)
}
