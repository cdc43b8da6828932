//! What a schema says of fields beside what they may hold.

use std::collections::VecDeque;

use isobase_types::{CollectionName, FieldPath};
use serde_json::{Map, Value};

/// A field that holds the id of a document of another collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The field.
    pub field: FieldPath,
    /// The collection it refers to.
    pub collection: CollectionName,
    /// What becomes of the document when the other is deleted.
    pub on_delete: OnDelete,
}

/// What a deletion does to a document that refers to what is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDelete {
    /// It is refused.
    Refuse,
    /// The field becomes null: in a merge patch, it goes.
    SetNull,
    /// The document is deleted too.
    Cascade,
}

/// An annotation that says nothing we know.
#[derive(Debug)]
pub(super) struct Misplaced {
    /// Its place in the schema as a JSON pointer.
    pub(super) pointer: String,
    /// What was expected.
    pub(super) message: String,
}

/// The annotation that names the collection a field refers to.
const REFERENCE: &str = "x-reference";
/// The annotation beside it that says what a deletion does.
const ON_DELETE: &str = "x-on-delete";

/// The references that a schema declares: `x-reference` of its `properties`, also of properties of
/// properties.
pub(super) fn references(schema: &str) -> Result<Vec<Reference>, Misplaced> {
    // Nearly every schema has none, and is not read twice.
    if !schema.contains(REFERENCE) {
        return Ok(Vec::new());
    }
    let Ok(schema) = serde_json::from_str::<Value>(schema) else { return Ok(Vec::new()) };
    let mut references = Vec::new();
    let mut left = VecDeque::from([(Vec::<String>::new(), &schema)]);
    while let Some((steps, schema)) = left.pop_front() {
        let properties = schema.get("properties").and_then(Value::as_object);
        for (name, property) in properties.into_iter().flatten() {
            let mut steps = steps.clone();
            steps.push(name.clone());
            if let Some(property) = property.as_object() {
                references.extend(reference(&steps, property)?);
            }
            left.push_back((steps, property));
        }
    }
    Ok(references)
}

fn reference(
    steps: &[String],
    property: &Map<String, Value>,
) -> Result<Option<Reference>, Misplaced> {
    let wrong = |annotation: &str, message: String| {
        let steps = steps.iter().map(|step| step.replace('~', "~0").replace('/', "~1"));
        let place: Vec<String> = steps.map(|step| format!("/properties/{step}")).collect();
        Misplaced { pointer: format!("{}/{annotation}", place.concat()), message }
    };
    let Some(to) = property.get(REFERENCE) else { return Ok(None) };
    let to = to.as_str().ok_or_else(|| {
        wrong(REFERENCE, "expected the name of a collection as a string".to_owned())
    })?;
    let collection =
        CollectionName::new(to).map_err(|error| wrong(REFERENCE, error.to_string()))?;
    let on_delete = match property.get(ON_DELETE).map(|value| value.as_str().unwrap_or_default()) {
        None | Some("refuse") => OnDelete::Refuse,
        Some("set_null") => OnDelete::SetNull,
        Some("cascade") => OnDelete::Cascade,
        Some(_) => {
            let message = "expected \"refuse\", \"set_null\" or \"cascade\"".to_owned();
            return Err(wrong(ON_DELETE, message));
        }
    };
    let quoted: Vec<String> = steps.iter().map(|step| quote(step)).collect();
    let field =
        FieldPath::parse(&quoted.join(".")).map_err(|error| wrong(REFERENCE, error.to_string()))?;
    if field.is_id() {
        return Err(wrong(REFERENCE, "the id of a document refers to nothing else".to_owned()));
    }
    Ok(Some(Reference { field, collection, on_delete }))
}

/// A step as [`FieldPath::parse`] reads it whatever it holds.
fn quote(step: &str) -> String {
    Value::String(step.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read_with_what_a_deletion_does() {
        let schema = r#"{"properties":{"team":{"type":"integer","x-reference":"teams"},
            "by":{"properties":{"a.b":{"x-reference":"people","x-on-delete":"cascade"}}},
            "x-reference":{"type":"string"}}}"#;
        let found = references(schema).unwrap();
        let shown = found.iter();
        let shown = shown.map(|it| format!("{} {} {:?}", it.field, it.collection, it.on_delete));
        assert_eq!(shown.collect::<Vec<_>>(), ["team teams Refuse", "by.\"a.b\" people Cascade"]);
    }

    #[test]
    fn malformed_references_name_their_place() {
        for (property, place) in [
            (r#"{"x-reference":7}"#, "/properties/a~1b/x-reference"),
            (r#"{"x-reference":""}"#, "/properties/a~1b/x-reference"),
            (r#"{"x-reference":"t","x-on-delete":"set null"}"#, "/properties/a~1b/x-on-delete"),
        ] {
            let schema = format!(r#"{{"properties":{{"a/b":{property}}}}}"#);
            assert_eq!(references(&schema).unwrap_err().pointer, place);
        }
    }
}
