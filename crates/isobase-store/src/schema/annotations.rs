//! Annotations that would say nothing: misspelt ones, and known ones in the wrong place.

use serde_json::{Map, Value};

use super::InvalidSchema;

/// The annotations of fields. They stand in `properties`.
const OF_FIELDS: [&str; 6] =
    ["x-reference", "x-on-delete", "x-default", "x-type", "x-private", "x-unique"];

/// The annotation of a whole schema.
const OF_SCHEMA: &str = "x-assert-format";

/// Keywords of JSON Schema that are annotations of fields here, too.
const STANDARD: [&str; 2] = ["readOnly", "writeOnly"];

/// Keywords whose value is a schema, or a list of schemas.
const APPLICATORS: [&str; 16] = [
    "additionalItems",
    "additionalProperties",
    "allOf",
    "anyOf",
    "contains",
    "contentSchema",
    "else",
    "if",
    "items",
    "not",
    "oneOf",
    "prefixItems",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
];

/// Keywords whose value is an object with a schema under each of its keys.
const NAMED: [&str; 6] =
    ["$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties"];

/// Words up to this length are taken for another one with a single change. Ours.
const SHORT_BYTES: usize = 6;

/// Where a schema stands in another one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// It is the whole.
    Whole,
    /// It describes a field of documents.
    Field,
    /// It describes the elements of such a field.
    Items,
    /// It is a part that is no field: a branch, a definition.
    Elsewhere,
}

/// Looks for annotations that would be ignored.
///
/// # Errors
/// [`InvalidSchema`] names the first and what was meant, perhaps.
pub(super) fn check(schema: &Value) -> Result<(), InvalidSchema> {
    walk(schema, "", Place::Whole)
}

/// A schema is at most as deep as documents are.
fn walk(schema: &Value, pointer: &str, place: Place) -> Result<(), InvalidSchema> {
    let Value::Object(members) = schema else { return Ok(()) };
    for (keyword, value) in members {
        let at = format!("{pointer}/{}", keyword.replace('~', "~0").replace('/', "~1"));
        keyword_is_meant(keyword, members, place)
            .map_err(|message| InvalidSchema { pointer: at.clone(), message })?;
        if NAMED.contains(&&**keyword) {
            let is_field = keyword == "properties" && matches!(place, Place::Whole | Place::Field);
            let inner = if is_field { Place::Field } else { Place::Elsewhere };
            for (name, schema) in value.as_object().into_iter().flatten() {
                let name = name.replace('~', "~0").replace('/', "~1");
                walk(schema, &format!("{at}/{name}"), inner)?;
            }
        } else if APPLICATORS.contains(&&**keyword) {
            let is_items = keyword == "items" && place == Place::Field;
            let inner = if is_items { Place::Items } else { Place::Elsewhere };
            walk(value, &at, inner)?;
            for (number, schema) in value.as_array().into_iter().flatten().enumerate() {
                walk(schema, &format!("{at}/{number}"), Place::Elsewhere)?;
            }
        }
    }
    Ok(())
}

/// Whether a keyword does what its author expects of it.
fn keyword_is_meant(
    keyword: &str,
    members: &Map<String, Value>,
    place: Place,
) -> Result<(), String> {
    if keyword == OF_SCHEMA {
        return match place {
            Place::Whole => Ok(()),
            _ => Err("stands at the top of the schema only".to_owned()),
        };
    }
    if !OF_FIELDS.contains(&keyword) {
        return match meant(keyword) {
            Some(known) => Err(format!("is no keyword; {known} is meant, or leave it out")),
            None => Ok(()),
        };
    }
    if place != Place::Field && !(place == Place::Items && keyword == "x-type") {
        return Err("says something of a field: it stands in properties only, not at the top, \
                    behind a $ref or in a branch"
            .to_owned());
    }
    match keyword {
        "x-on-delete" if !members.contains_key("x-reference") => {
            Err("stands beside x-reference only".to_owned())
        }
        "x-type" => type_is_known(members, place),
        "x-private" if !holds_files(members) => {
            Err("stands beside \"x-type\": \"file\" only".to_owned())
        }
        _ => Ok(()),
    }
}

fn type_is_known(members: &Map<String, Value>, place: Place) -> Result<(), String> {
    match members.get("x-type").and_then(Value::as_str) {
        Some("file") => {}
        Some("text") if place == Place::Field => {}
        _ if place == Place::Items => return Err("expected \"file\"".to_owned()),
        _ => return Err("expected \"text\" or \"file\"".to_owned()),
    }
    let is_string = match members.get("type") {
        Some(Value::String(kind)) => kind == "string",
        Some(Value::Array(kinds)) => kinds.iter().all(|kind| kind == "string" || kind == "null"),
        _ => false,
    };
    if is_string { Ok(()) } else { Err("stands beside \"type\": \"string\" only".to_owned()) }
}

fn holds_files(members: &Map<String, Value>) -> bool {
    let is_file = |schema: &Value| schema.get("x-type").and_then(Value::as_str) == Some("file");
    members.get("x-type").and_then(Value::as_str) == Some("file")
        || members.get("items").is_some_and(is_file)
}

/// The annotation that a keyword is taken for: one that is written otherwise, or nearly so. Other
/// programs have annotations of their own, which are none of ours.
fn meant(keyword: &str) -> Option<&'static str> {
    let word = word(keyword);
    if let Some(known) = STANDARD.into_iter().find(|known| self::word(known) == word) {
        return (known != keyword).then_some(known);
    }
    if !word.starts_with('x') || word.len() == keyword.len() {
        return None;
    }
    let mut known = OF_FIELDS.into_iter().chain([OF_SCHEMA]);
    known.find(|known| {
        let known = self::word(known);
        let changes_max = if known.len() > SHORT_BYTES { 2 } else { 1 };
        strsim::damerau_levenshtein(&known, &word) <= changes_max
    })
}

/// A keyword without what its spellings differ in.
fn word(keyword: &str) -> String {
    keyword.chars().filter(|it| !matches!(it, '-' | '_')).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(schema: &str) -> (String, String) {
        let schema = serde_json::from_str(schema).unwrap();
        let InvalidSchema { pointer, message } = check(&schema).unwrap_err();
        (pointer, message)
    }

    fn property(property: &str) -> (String, String) {
        let (pointer, message) = refused(&format!(r#"{{"properties":{{"a/b":{property}}}}}"#));
        (pointer.strip_prefix("/properties/a~1b/").unwrap().to_owned(), message)
    }

    #[test]
    fn misspelt_annotations_name_the_right_one() {
        for (keyword, meant) in [
            ("x-refrence", "x-reference"),
            ("x-references", "x-reference"),
            ("x_reference", "x-reference"),
            ("x-onDelete", "x-on-delete"),
            ("x-ondelete", "x-on-delete"),
            ("x-uniq", "x-unique"),
            ("X-Unique", "x-unique"),
            ("x-defualt", "x-default"),
            ("x-types", "x-type"),
            ("x-privat", "x-private"),
            ("x-assert-formats", "x-assert-format"),
            ("readonly", "readOnly"),
            ("write_only", "writeOnly"),
        ] {
            let (pointer, message) = property(&format!(r#"{{"type":"string","{keyword}":true}}"#));
            assert_eq!(pointer, keyword);
            assert!(message.contains(&format!("{meant} is meant")), "{keyword}: {message}");
        }
    }

    #[test]
    fn annotations_that_say_nothing_are_refused() {
        for (text, pointer) in [
            (r#"{"x-on-delete":"cascade"}"#, "x-on-delete"),
            (r#"{"type":"string","x-type":"image"}"#, "x-type"),
            (r#"{"type":"string","x-type":7}"#, "x-type"),
            (r#"{"type":"integer","x-type":"text"}"#, "x-type"),
            (r#"{"x-type":"file"}"#, "x-type"),
            (r#"{"type":"array","items":{"type":"string","x-type":"text"}}"#, "items/x-type"),
            (r#"{"type":"string","x-private":true}"#, "x-private"),
            (r#"{"items":{"x-unique":true}}"#, "items/x-unique"),
            (r#"{"items":{"properties":{"c":{"x-unique":true}}}}"#, "items/properties/c/x-unique"),
            (r#"{"allOf":[{},{"x-reference":"t"}]}"#, "allOf/1/x-reference"),
            (r#"{"x-assert-format":true}"#, "x-assert-format"),
        ] {
            assert_eq!(property(text).0, pointer, "{text}");
        }
        for (text, pointer) in [
            (r#"{"x-unique":true}"#, "/x-unique"),
            (r#"{"$defs":{"a":{"x-default":"now"}}}"#, "/$defs/a/x-default"),
            (r#"{"if":{"properties":{"a":{"x-unique":true}}}}"#, "/if/properties/a/x-unique"),
        ] {
            assert_eq!(refused(text).0, pointer, "{text}");
        }
    }

    #[test]
    fn annotations_of_others_and_names_of_fields_are_left_alone() {
        let schema = r#"{"x-assert-format":true,"x-order":1,"properties":{
            "x-on-delete":{"type":"string"},"readonly":{"type":"boolean"},
            "a":{"x-label":"A","x-tags":["b"],"x-nullable":true,"x-enum-names":[],"readOnly":true,
                "const":{"x-type":1},"default":{"x-unique":true},"examples":[{"x-uniq":1}]},
            "f":{"type":["string","null"],"x-type":"file","x-private":true},
            "g":{"type":"array","items":{"type":"string","x-type":"file"},"x-private":true},
            "t":{"type":"string","x-type":"text","x-unique":true,"x-default":"uuid"},
            "r":{"x-reference":"t","x-on-delete":"cascade","properties":{"s":{"x-unique":true}}}},
            "enum":[{"x-type":"image"}]}"#;
        check(&serde_json::from_str(schema).unwrap()).unwrap();
    }
}
