//! Annotations of fields in a schema.

use std::collections::VecDeque;

use isobase_types::{
    CollectionName, FieldPath,
    json::{self, Raw},
};
use serde_json::{Map, Value};

/// A field that a schema names: one of its `properties`, or a property of one that is an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldInfo {
    /// Where it stands in a document; of one step for a field at the top.
    pub path: FieldPath,
    /// Its contents.
    pub kind: FieldKind,
    /// A document, or the object it belongs to, must have it.
    pub required: bool,
    /// It may be null.
    pub nullable: bool,
    /// `readOnly`: what a caller sends for it is ignored.
    pub read_only: bool,
    /// `writeOnly`: it is never shown, and no one may filter or sort by it.
    pub write_only: bool,
    /// `x-unique`: only one document of the collection may have its value.
    pub unique: bool,
    /// The default for a new document that comes without it.
    pub default: Option<FieldDefault>,
    /// The collection it refers to.
    pub reference: Option<Reference>,
    /// The uploaded files whose names it holds.
    pub file: Option<FileField>,
    /// `enum`: the values it may have, each as JSON text; empty for any.
    pub values: Vec<String>,
    /// `maxLength`: the most characters of a text.
    pub length_max: Option<u64>,
}

impl FieldInfo {
    /// The name of a field at the top of a document; `None` of one that lies deeper.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self.path.steps() {
            [name] => Some(name),
            _ => None,
        }
    }
}

/// The type of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// `true` or `false`.
    Boolean,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// A text of one line: `"type": "string"`.
    String,
    /// A text of many lines: a string with `"x-type": "text"`.
    Text,
    /// A moment: a string with `"format": "date-time"`.
    DateTime,
    /// The name or the address of an uploaded file: a string with `"x-type": "file"`. A list of them
    /// is an [`Array`](Self::Array) of such strings: see [`FieldInfo::file`].
    File,
    /// A list.
    Array,
    /// An object; its own properties are fields too.
    Object,
    /// The id of a document of another collection: see [`FieldInfo::reference`].
    Reference,
    /// Any value.
    Json,
}

/// The default of a field for a new document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldDefault {
    /// `default`: this value, as JSON text.
    Value(String),
    /// `"x-default": "now"`: the moment, as `2026-11-20T14:09:00.123456Z`.
    Now,
    /// `"x-default": "timestamp"`: the moment as SQL has it, `2026-11-20 14:09:00`, in UTC.
    Timestamp,
    /// `"x-default": "uuid"`: a UUID of version 7, of its own for each document.
    Uuid,
    /// `"x-default": "user"`: the id of the caller, if it has one.
    User,
}

/// A field that holds the id of a document of another collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The field.
    pub field: FieldPath,
    /// The collection it refers to.
    pub collection: CollectionName,
    /// The fate of the document when the other is deleted.
    pub on_delete: OnDelete,
}

/// A field that holds the name or the address of an uploaded file, or a list of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileField {
    /// The field.
    pub field: FieldPath,
    /// It holds a list.
    pub many: bool,
    /// `x-private`: who may not see the document may not read the file either.
    pub private: bool,
}

/// The effect of a deletion on a document that refers to what is deleted.
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
    /// The expectation.
    pub(super) message: String,
}

/// The annotation that names the collection a field refers to.
const REFERENCE: &str = "x-reference";
/// The annotation beside it that says what a deletion does.
const ON_DELETE: &str = "x-on-delete";
/// The annotation of a default that is made when it is needed.
const GENERATED: &str = "x-default";
/// The annotation that tells strings apart.
const TYPE: &str = "x-type";
/// The annotation of files that only those may read who may see the document.
const PRIVATE: &str = "x-private";
/// The annotation of a field whose values only one document may have.
const UNIQUE: &str = "x-unique";

/// The fields that a schema (canonical text) names, those at the top first, in the order in which it
/// names them.
pub(super) fn read(schema: &str) -> Result<Vec<FieldInfo>, Misplaced> {
    let mut fields = Vec::new();
    let mut left = VecDeque::from([(Vec::<String>::new(), Raw::new(schema))]);
    while let Some((steps, schema)) = left.pop_front() {
        let (mut required, mut properties) = (Vec::new(), None);
        for (keyword, value) in schema.members() {
            match keyword.as_str_decoded().as_deref() {
                Some("required") => required = value.elements().collect(),
                Some("properties") => properties = Some(value),
                _ => {}
            }
        }
        for (key, property) in properties.into_iter().flat_map(Raw::members) {
            let Some(name) = key.as_str_decoded() else { continue };
            let mut steps = steps.clone();
            steps.push(name.into_owned());
            if let Ok(members) = serde_json::from_str(property.as_text()) {
                let read = Property { steps: &steps, property: &members };
                let required = required.iter().any(|it| it.as_text() == key.as_text());
                fields.extend(read.field(required)?);
            }
            left.push_back((steps, property));
        }
    }
    Ok(fields)
}

/// The references that a schema declares.
pub(super) fn references(schema: &str) -> Vec<Reference> {
    // Nearly every schema has none, and is not read again.
    if !schema.contains(REFERENCE) {
        return Vec::new();
    }
    let fields = read(schema).unwrap_or_default();
    fields.into_iter().filter_map(|field| field.reference).collect()
}

/// The fields of a schema that hold names of uploaded files.
pub(super) fn files(schema: &str) -> Vec<FileField> {
    // Nearly every schema has none, and is not read again.
    if !schema.contains("\"file\"") {
        return Vec::new();
    }
    let fields = read(schema).unwrap_or_default();
    fields.into_iter().filter_map(|field| field.file).collect()
}

/// One property, and the names that lead to it.
struct Property<'a> {
    steps: &'a [String],
    property: &'a Map<String, Value>,
}

impl Property<'_> {
    /// The field; `None` for the name `id`, which is no field of a body, and for a path that no one
    /// could write.
    fn field(&self, required: bool) -> Result<Option<FieldInfo>, Misplaced> {
        let quoted: Vec<String> = self.steps.iter().map(|step| quote(step)).collect();
        let path = match FieldPath::parse(&quoted.join(".")) {
            Ok(path) if !path.is_id() => path,
            Ok(_) if self.property.contains_key(REFERENCE) => {
                let message = "the id of a document refers to nothing else";
                return Err(self.wrong(REFERENCE, message));
            }
            Err(error) if self.property.contains_key(REFERENCE) => {
                return Err(self.wrong(REFERENCE, error.to_string()));
            }
            _ => return Ok(None),
        };
        let reference = self.reference(&path)?;
        let values = self.property.get("enum").and_then(Value::as_array);
        let kind = self.kind(reference.is_some());
        let items = self.property.get("items").and_then(|items| items.get(TYPE));
        let many = kind == FieldKind::Array && items.and_then(Value::as_str) == Some("file");
        let private = self.is(PRIVATE)?;
        let file = (many || kind == FieldKind::File).then(|| FileField {
            field: path.clone(),
            many,
            private,
        });
        Ok(Some(FieldInfo {
            kind,
            file,
            required,
            nullable: self.is_nullable(),
            read_only: self.is("readOnly")?,
            write_only: self.is("writeOnly")?,
            unique: self.is(UNIQUE)?,
            default: self.default()?,
            reference,
            values: values.into_iter().flatten().map(Value::to_string).collect(),
            length_max: self.property.get("maxLength").and_then(Value::as_u64),
            path,
        }))
    }

    /// Whether an annotation is there and true. Another value than a boolean would say nothing, and
    /// a caller that wrote it meant something.
    fn is(&self, name: &str) -> Result<bool, Misplaced> {
        match self.property.get(name) {
            None => Ok(false),
            Some(Value::Bool(is)) => Ok(*is),
            Some(_) => Err(self.wrong(name, "expected true or false")),
        }
    }

    fn kind(&self, refers: bool) -> FieldKind {
        let word = |name: &str| self.property.get(name).and_then(Value::as_str);
        if refers {
            return FieldKind::Reference;
        }
        let types = self.types();
        let mut types = types.iter().filter(|word| **word != "null");
        match (types.next().copied(), types.next()) {
            (Some("boolean"), None) => FieldKind::Boolean,
            (Some("integer"), None) => FieldKind::Integer,
            (Some("number"), None) => FieldKind::Number,
            (Some("string"), None) => match (word(TYPE), word("format")) {
                (Some("text"), _) => FieldKind::Text,
                (Some("file"), _) => FieldKind::File,
                (_, Some("date-time")) => FieldKind::DateTime,
                _ => FieldKind::String,
            },
            (Some("array"), None) => FieldKind::Array,
            (Some("object"), None) => FieldKind::Object,
            _ => FieldKind::Json,
        }
    }

    /// The types it names; `None` if it names none.
    fn types(&self) -> Vec<&str> {
        match self.property.get("type") {
            Some(Value::String(word)) => vec![word],
            Some(Value::Array(words)) => words.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }

    fn is_nullable(&self) -> bool {
        let types = self.types();
        let values = self.property.get("enum").and_then(Value::as_array);
        (types.is_empty() || types.contains(&"null"))
            && values.is_none_or(|values| values.contains(&Value::Null))
    }

    fn default(&self) -> Result<Option<FieldDefault>, Misplaced> {
        let value = self.property.get("default");
        let Some(generated) = self.property.get(GENERATED) else {
            return Ok(value.map(|value| FieldDefault::Value(canonical(value))));
        };
        if value.is_some() {
            return Err(self.wrong(GENERATED, "stands beside default; leave one of them out"));
        }
        match generated.as_str() {
            Some("now") => Ok(Some(FieldDefault::Now)),
            Some("timestamp") => Ok(Some(FieldDefault::Timestamp)),
            Some("uuid") => Ok(Some(FieldDefault::Uuid)),
            Some("user") => Ok(Some(FieldDefault::User)),
            _ => {
                let message = "expected \"now\", \"timestamp\", \"uuid\" or \"user\"";
                Err(self.wrong(GENERATED, message))
            }
        }
    }

    fn reference(&self, field: &FieldPath) -> Result<Option<Reference>, Misplaced> {
        let Some(to) = self.property.get(REFERENCE) else { return Ok(None) };
        let to = to.as_str().ok_or_else(|| {
            self.wrong(REFERENCE, "expected the name of a collection as a string")
        })?;
        let collection =
            CollectionName::new(to).map_err(|error| self.wrong(REFERENCE, error.to_string()))?;
        let on_delete = self.property.get(ON_DELETE).map(|it| it.as_str().unwrap_or_default());
        let on_delete = match on_delete {
            None | Some("refuse") => OnDelete::Refuse,
            Some("set_null") => OnDelete::SetNull,
            Some("cascade") => OnDelete::Cascade,
            Some(_) => {
                let message = "expected \"refuse\", \"set_null\" or \"cascade\"";
                return Err(self.wrong(ON_DELETE, message));
            }
        };
        Ok(Some(Reference { field: field.clone(), collection, on_delete }))
    }

    fn wrong(&self, annotation: &str, message: impl Into<String>) -> Misplaced {
        let steps = self.steps.iter().map(|step| step.replace('~', "~0").replace('/', "~1"));
        let place: Vec<String> = steps.map(|step| format!("/properties/{step}")).collect();
        Misplaced { pointer: format!("{}/{annotation}", place.concat()), message: message.into() }
    }
}

/// A step as [`FieldPath::parse`] reads it whatever it holds.
fn quote(step: &str) -> String {
    Value::String(step.to_owned()).to_string()
}

/// A value as a document has it.
fn canonical(value: &Value) -> String {
    let text = value.to_string();
    json::canonicalise_value(text.as_bytes()).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compact(schema: &str) -> String {
        json::canonicalise_value(schema.as_bytes()).unwrap()
    }

    #[test]
    fn references_are_read_with_what_a_deletion_does() {
        let schema = r#"{"properties":{"team":{"type":"integer","x-reference":"teams"},
            "by":{"properties":{"a.b":{"x-reference":"people","x-on-delete":"cascade"}}},
            "x-reference":{"type":"string"}}}"#;
        let found = references(&compact(schema));
        let shown = found.iter();
        let shown = shown.map(|it| format!("{} {} {:?}", it.field, it.collection, it.on_delete));
        assert_eq!(shown.collect::<Vec<_>>(), ["team teams Refuse", "by.\"a.b\" people Cascade"]);
    }

    #[test]
    fn malformed_annotations_name_their_place() {
        for (property, annotation) in [
            (r#"{"x-reference":7}"#, "x-reference"),
            (r#"{"x-reference":""}"#, "x-reference"),
            (r#"{"x-reference":"t","x-on-delete":"set null"}"#, "x-on-delete"),
            (r#"{"x-default":"today"}"#, "x-default"),
            (r#"{"x-default":"now","default":1}"#, "x-default"),
        ] {
            let schema = format!(r#"{{"properties":{{"a/b":{property}}}}}"#);
            let place = format!("/properties/a~1b/{annotation}");
            assert_eq!(read(&schema).unwrap_err().pointer, place);
        }
    }

    #[test]
    fn fields_are_told_with_their_kinds_and_flags() {
        let schema = r#"{"required":["email"],"properties":{
            "id":{"type":"integer"},
            "email":{"type":"string","maxLength":200,"x-unique":true},
            "at":{"type":["string","null"],"format":"date-time","x-default":"now","readOnly":true},
            "note":{"type":"string","x-type":"text","writeOnly":true,"default":"a\u00e4"},
            "size":{"enum":["s","l"],"type":"string"},
            "owner":{"type":"integer","x-reference":"users"},
            "where":{"type":"object","properties":{"zip":{"type":"integer","default":1}}},
            "any":{}}}"#;
        let fields = read(&compact(schema)).unwrap();
        let shown: Vec<String> =
            fields.iter().map(|it| format!("{} {:?}", it.path, it.kind)).collect();
        let expected = [
            "email String",
            "at DateTime",
            "note Text",
            "size String",
            "owner Reference",
            "where Object",
            "any Json",
            "where.zip Integer",
        ];
        assert_eq!(shown, expected);
        let field = |name: &str| fields.iter().find(|it| it.path.to_string() == name).unwrap();
        let email = field("email");
        assert!(email.required && email.unique && !email.nullable && email.default.is_none());
        assert_eq!((email.length_max, email.name()), (Some(200), Some("email")));
        let at = field("at");
        assert!(at.nullable && at.read_only && !at.write_only && !at.required);
        assert_eq!(at.default, Some(FieldDefault::Now));
        let note = field("note");
        assert!(note.write_only);
        assert_eq!(note.default, Some(FieldDefault::Value("\"aä\"".to_owned())));
        assert_eq!(field("size").values, ["\"s\"", "\"l\""]);
        assert!(!field("size").nullable && field("any").nullable);
        assert_eq!(field("where.zip").name(), None);
    }
}
