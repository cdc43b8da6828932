//! Reading a schema.

use std::sync::Arc;

use isobase_engine::Violation;
use isobase_types::json;

use super::{
    fields::{self, FieldInfo, Misplaced, Reference},
    validator::Validator,
};

/// Longest schema, in bytes of its compact text.
///
/// Ours: a schema is stored as one string of a document, and the smallest document an engine
/// holds is 400 KB.
pub const SCHEMA_BYTES_MAX: usize = 128 << 10;

/// A JSON Schema, ready to check documents. Cheap to clone.
#[derive(Clone)]
pub struct Schema(Arc<Inner>);

struct Inner {
    text: String,
    validator: Validator,
    fields: Vec<FieldInfo>,
    references: Vec<Reference>,
}

/// Why a text is no schema we use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", place(pointer))]
pub struct InvalidSchema {
    /// The place in the schema as a JSON pointer, empty for the whole.
    pub pointer: String,
    /// What is wrong with it.
    pub message: String,
}

fn place(pointer: &str) -> String {
    if pointer.is_empty() { String::new() } else { format!("{pointer}: ") }
}

impl Schema {
    /// Reads a schema: a JSON object of draft 2020-12, or of the draft that its `$schema` names.
    ///
    /// Nothing is fetched: references lead only into the schema itself. Patterns are those of the
    /// `regex` crate, which search in linear time and know no look-around. `format` does what the
    /// draft says, which from 2019-09 on is nothing.
    ///
    /// # Errors
    /// [`InvalidSchema`] names the place. A build without the feature `schemas` takes none.
    pub fn parse(text: &[u8]) -> Result<Self, InvalidSchema> {
        let whole = |message: String| InvalidSchema { pointer: String::new(), message };
        let text = json::canonicalise_value(text).map_err(|error| whole(error.to_string()))?;
        if text.len() > SCHEMA_BYTES_MAX {
            let bytes = text.len();
            let message = format!("has {bytes} bytes, at most {SCHEMA_BYTES_MAX} are allowed");
            return Err(whole(message));
        }
        if !text.starts_with('{') {
            return Err(whole("expected a JSON object".to_owned()));
        }
        let validator = Validator::compile(&text)?;
        let fields = fields::read(&text)
            .map_err(|Misplaced { pointer, message }| InvalidSchema { pointer, message })?;
        let references = fields.iter().filter_map(|field| field.reference.clone()).collect();
        Ok(Self(Arc::new(Inner { text, validator, fields, references })))
    }

    /// The schema as compact JSON text.
    #[must_use]
    pub fn as_text(&self) -> &str {
        &self.0.text
    }

    /// The fields that its `properties` name, those at the top first, with what their annotations
    /// say. What stands behind a `$ref` or in a branch such as `allOf` is none of them.
    #[must_use]
    pub fn fields(&self) -> &[FieldInfo] {
        &self.0.fields
    }

    /// The field at the top of a document with this name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&FieldInfo> {
        self.0.fields.iter().find(|field| field.name() == Some(name))
    }

    /// The fields that hold ids of documents of other collections.
    #[must_use]
    pub fn references(&self) -> &[Reference] {
        &self.0.references
    }

    /// Looks at a document's canonical text. Numbers are compared as 64-bit floats unless they
    /// are integers of 64 bits.
    ///
    /// # Errors
    /// What is wrong with it, at most [`isobase_engine::VIOLATIONS_MAX`].
    pub fn check(&self, body: &str) -> Result<(), Vec<Violation>> {
        self.0.validator.check(body)
    }
}

impl std::fmt::Debug for Schema {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Schema").field(&self.0.text).finish()
    }
}

#[cfg(test)]
#[cfg(feature = "schemas")]
mod tests {
    use super::*;

    fn schema(text: &str) -> Schema {
        Schema::parse(text.as_bytes()).unwrap()
    }

    fn refused(text: &str) -> InvalidSchema {
        Schema::parse(text.as_bytes()).unwrap_err()
    }

    fn pointers(schema: &Schema, body: &str) -> Vec<String> {
        match schema.check(body) {
            Ok(()) => Vec::new(),
            Err(violations) => violations.into_iter().map(|violation| violation.pointer).collect(),
        }
    }

    #[test]
    fn violations_name_their_places() {
        let schema = schema(
            r#"{"type":"object","required":["name"],"properties":{"name":{"type":"string"},
            "tags":{"type":"array","items":{"type":"string"}},"a/b":{"type":"null"}}}"#,
        );
        assert_eq!(pointers(&schema, r#"{"name":"a","tags":["b"]}"#), [""; 0]);
        assert_eq!(pointers(&schema, "{}"), [""]);
        assert_eq!(pointers(&schema, r#"{"name":1,"tags":["b",2]}"#), ["/name", "/tags/1"]);
        assert_eq!(pointers(&schema, r#"{"name":"","a/b":0}"#), ["/a~1b"]);
    }

    #[test]
    fn numbers_of_any_length_are_integers() {
        let schema = schema(r#"{"properties":{"n":{"type":"integer"}}}"#);
        for number in ["1", "1.0", "9223372036854775807", "123456789012345678901234567890"] {
            assert_eq!(pointers(&schema, &format!("{{\"n\":{number}}}")), [""; 0], "{number}");
        }
        assert_eq!(pointers(&schema, r#"{"n":1.5}"#), ["/n"]);
    }

    #[test]
    fn references_lead_only_into_the_schema() {
        for text in [
            r#"{"$ref":"https://example.com/a.json"}"#,
            r#"{"$ref":"other.json"}"#,
            r#"{"$ref":"file:///etc/passwd"}"#,
            r##"{"properties":{"a":{"$ref":"#/$defs/none"}}}"##,
            r##"{"properties":{"a":{"$ref":"#none"}}}"##,
            r#"{"properties":{"a":{"$id":"https://example.com/b"}}}"#,
            r##"{"$dynamicRef":"#a"}"##,
            r#"{"$schema":"https://example.com/unknown"}"#,
        ] {
            let error = refused(text);
            assert!(!error.message.is_empty(), "{text}");
        }
        let tree = schema(
            r##"{"$id":"https://example.com/tree","$defs":{"t":{"$anchor":"tree","type":"object",
            "properties":{"kids":{"type":"array","items":{"$ref":"#tree"}}}}},"$ref":"#/$defs/t"}"##,
        );
        assert_eq!(pointers(&tree, r#"{"kids":[{"kids":[]}]}"#), [""; 0]);
        assert_eq!(pointers(&tree, r#"{"kids":[{"kids":[{"kids":1}]}]}"#), ["/kids/0/kids/0/kids"]);
    }

    #[test]
    fn circles_are_refused() {
        for text in [
            r##"{"$ref":"#"}"##,
            r##"{"allOf":[{"$ref":"#"}]}"##,
            r##"{"$defs":{"a":{"anyOf":[{"$ref":"#/$defs/b"}]},"b":{"not":{"$ref":"#/$defs/a"}}},
            "properties":{"x":{"$ref":"#/$defs/a"}}}"##,
        ] {
            let error = refused(text);
            assert!(error.message.contains("refers to itself"), "{error}");
        }
    }

    #[test]
    fn explosive_schemas_end() {
        let twice = schema(
            r##"{"allOf":[{"properties":{"a":{"$ref":"#"}}},{"properties":{"a":{"$ref":"#"}}}]}"##,
        );
        let nest = |levels: usize, inner: &str| {
            format!("{}{inner}{}", "{\"a\":".repeat(levels), "}".repeat(levels))
        };
        assert_eq!(pointers(&twice, &nest(10, "1")), [""; 0]);
        // The library remembers what it has seen at a place, so this is answered.
        assert_eq!(pointers(&twice, &nest(120, "1")), [""; 0]);

        let mut laughs = String::from(r#"{"$defs":{"a0":{"type":"string"}"#);
        for n in 1..60 {
            let before = n - 1;
            laughs.push_str(&format!(
                r##","a{n}":{{"anyOf":[{{"$ref":"#/$defs/a{before}"}},{{"$ref":"#/$defs/a{before}"}}]}}"##
            ));
        }
        laughs.push_str(r##"},"properties":{"x":{"$ref":"#/$defs/a59"}}}"##);
        let laughs = schema(&laughs);
        assert_eq!(pointers(&laughs, r#"{"x":"a"}"#), [""; 0]);
        assert!(laughs.check(r#"{"x":1}"#).unwrap_err()[0].message.contains("too many steps"));
    }

    #[test]
    fn deep_documents_and_long_chains_are_checked() {
        let any =
            schema(r##"{"additionalProperties":{"anyOf":[{"$ref":"#"},{"type":"number"}]}}"##);
        let deep = format!("{}1{}", "{\"a\":".repeat(127), "}".repeat(127));
        assert_eq!(pointers(&any, &deep), [""; 0]);

        let mut chain = String::from(r#"{"$defs":{"a0":{"type":"string"}"#);
        for n in 1..900 {
            let before = n - 1;
            chain.push_str(&format!(r##","a{n}":{{"$ref":"#/$defs/a{before}"}}"##));
        }
        chain.push_str(r##"},"properties":{"x":{"$ref":"#/$defs/a899"}}}"##);
        let chain = schema(&chain);
        let outcome = std::thread::spawn(move || chain.check(r#"{"x":"a"}"#).is_ok()).join();
        assert!(outcome.is_ok());
    }

    #[test]
    fn bounds_are_named() {
        let long = format!(r#"{{"description":"{}"}}"#, "x".repeat(SCHEMA_BYTES_MAX));
        assert!(refused(&long).message.contains("at most 131072"));
        let deep = format!("{}{{}}{}", "{\"not\":".repeat(100), "}".repeat(100));
        assert!(refused(&deep).message.contains("levels"), "{:?}", refused(&deep));
        for text in
            ["", "true", "[]", r#"{"type":"strin"}"#, r#"{"pattern":"("}"#, r#"{"a":1,"a":2}"#]
        {
            assert!(Schema::parse(text.as_bytes()).is_err(), "{text}");
        }
        assert_eq!(refused(r#"{"properties":{"a":{"type":7}}}"#).pointer, "/properties/a/type");
        assert!(Schema::parse(br#"{"pattern":"(?=a)"}"#).is_err());
    }

    #[test]
    fn older_drafts_ignore_what_stands_beside_a_reference() {
        let text = |draft: &str| {
            format!(
                r##"{{"$schema":"{draft}","definitions":{{"a":{{"type":"object"}}}},
                "properties":{{"x":{{"$ref":"#/definitions/a","required":["y"]}}}}}}"##
            )
        };
        let old = schema(&text("http://json-schema.org/draft-07/schema#"));
        assert_eq!(pointers(&old, r#"{"x":{}}"#), [""; 0]);
        assert_eq!(pointers(&old, r#"{"x":1}"#), ["/x"]);
        let new = schema(&text("https://json-schema.org/draft/2020-12/schema"));
        assert_eq!(pointers(&new, r#"{"x":{}}"#), ["/x"]);
    }
}
