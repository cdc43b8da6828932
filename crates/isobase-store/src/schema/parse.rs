//! Reading a schema.

use std::sync::Arc;

use isobase_engine::{IndexDefinition, Violation};
use isobase_schema::Validator;
use isobase_types::{Direction, Order, OrderField, json};

use super::{
    InvalidSchema,
    field_rules::FieldRules,
    fields::{self, FieldInfo, Misplaced, Reference},
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
    rules: Option<Arc<FieldRules>>,
    references: Vec<Reference>,
}

impl Schema {
    /// Reads a schema: a JSON object of draft 2020-12, or of the draft that its `$schema` names.
    ///
    /// Nothing is fetched: references lead only into the schema itself, also by the `$id` of a
    /// subschema, and to the metaschemas of the drafts. Patterns are those of the `regex` crate,
    /// which search in linear time and know no look-around. `format` does what the draft says,
    /// which from 2019-09 on is nothing, unless `x-assert-format` says `true` or `false`.
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
        let rules = FieldRules::of(&fields).map(Arc::new);
        let references = fields.iter().filter_map(|field| field.reference.clone()).collect();
        Ok(Self(Arc::new(Inner { text, validator, fields, rules, references })))
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

    /// What its fields' annotations do to documents; `None` where they do nothing.
    pub(crate) fn rules(&self) -> Option<&Arc<FieldRules>> {
        self.0.rules.as_ref()
    }

    /// The unique indexes that it asks for: one for each field with `x-unique`.
    #[must_use]
    pub fn unique_indexes(&self) -> Vec<IndexDefinition> {
        let unique = self.0.fields.iter().filter(|field| field.unique);
        let order = unique.map(|field| {
            let (path, direction) = (field.path.clone(), Direction::Ascending);
            Order(vec![OrderField { path, direction }])
        });
        // Every field can have an index.
        order.filter_map(|order| IndexDefinition::unique(order).ok()).collect()
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
    /// Its faults, at most [`isobase_engine::VIOLATIONS_MAX`].
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
    fn bundled_schemas_refer_by_their_ids() {
        let bundle = schema(
            r##"{"$id":"https://example.com/order","properties":{"to":{"$ref":"address"},
            "by":{"$ref":"https://example.com/person#/properties/name"}},"$defs":{
            "a":{"$id":"address","properties":{"zip":{"$ref":"#zip"},"of":{"$ref":"person"}},
            "$defs":{"z":{"$anchor":"zip","type":"string"}}},
            "p":{"$id":"person","properties":{"name":{"type":"string"}}}}}"##,
        );
        assert_eq!(pointers(&bundle, r#"{"to":{"zip":"1","of":{"name":"x"}},"by":"x"}"#), [""; 0]);
        assert_eq!(
            pointers(&bundle, r#"{"to":{"zip":1,"of":{"name":2}},"by":3}"#),
            ["/by", "/to/of/name", "/to/zip"]
        );
        let old = schema(
            r##"{"$schema":"http://json-schema.org/draft-07/schema#","properties":{"a":
            {"$ref":"#here"}},"definitions":{"b":{"$id":"#here","type":"null"}}}"##,
        );
        assert_eq!(pointers(&old, r#"{"a":1}"#), ["/a"]);
        for text in [
            r##"{"properties":{"a":{"$id":"b","$ref":"#"}}}"##,
            r##"{"$id":"b","allOf":[{"$ref":"b"}]}"##,
        ] {
            assert!(refused(text).message.contains("refers to itself"), "{}", refused(text));
        }
        for text in [
            r#"{"$defs":{"a":{"$id":"b"},"c":{"$id":"b"}}}"#,
            r#"{"properties":{"a":{"$id":"b#c"}}}"#,
            r##"{"$defs":{"a":{"$id":"b","$anchor":"c"}},"properties":{"x":{"$ref":"#c"}}}"##,
        ] {
            assert!(!refused(text).message.is_empty(), "{text}");
        }
    }

    #[test]
    fn metaschemas_are_known() {
        for draft in [
            "http://json-schema.org/draft-07/schema#",
            "https://json-schema.org/draft/2019-09/schema",
            "https://json-schema.org/draft/2020-12/schema",
        ] {
            let text =
                format!(r#"{{"$schema":"{draft}","properties":{{"s":{{"$ref":"{draft}"}}}}}}"#);
            let schema = schema(&text);
            assert_eq!(pointers(&schema, r#"{"s":{"type":"string"}}"#), [""; 0], "{draft}");
            assert_eq!(pointers(&schema, r#"{"s":{"properties":{"a":{"type":7}}}}"#).len(), 1);
            // As deep as documents are, on a small stack.
            let deep = format!("{{\"s\":{}{{}}{}}}", "{\"not\":".repeat(126), "}".repeat(126));
            let checked = std::thread::spawn(move || schema.check(&deep).is_ok()).join();
            assert!(checked.unwrap(), "{draft}");
        }
    }

    #[test]
    fn formats_are_checked_where_the_schema_says_so() {
        let text =
            |before: &str| format!(r#"{{{before}"properties":{{"e":{{"format":"email"}}}}}}"#);
        assert_eq!(pointers(&schema(&text("")), r#"{"e":"x"}"#), [""; 0]);
        let asserted = schema(&text(r#""x-assert-format":true,"#));
        assert_eq!(pointers(&asserted, r#"{"e":"x"}"#), ["/e"]);
        assert_eq!(pointers(&asserted, r#"{"e":"x@example.com"}"#), [""; 0]);
        let draft = r#""$schema":"http://json-schema.org/draft-07/schema#","#;
        assert_eq!(pointers(&schema(&text(draft)), r#"{"e":"x"}"#), ["/e"]);
        let silent = schema(&text(&format!(r#"{draft}"x-assert-format":false,"#)));
        assert_eq!(pointers(&silent, r#"{"e":"x"}"#), [""; 0]);
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
