//! The fields of a collection, and how what a caller sends becomes what is stored.

use std::borrow::Cow;

use isobase_store::{FieldDefault, FieldInfo};
use isobase_types::json::{self, Kind, Raw};
use serde_json::Value;

use super::{
    collection::AppCollection,
    texts::{capitalised, list},
};

/// A declared field.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    /// Its name.
    pub(crate) name: String,
    /// The name as canonical JSON, as it stands in documents.
    pub(super) key: String,
    pub(crate) kind: FieldKind,
    /// A boolean that is shown as 0 or 1.
    pub(crate) as_number: bool,
    /// A new document must have it, and nothing fills it in.
    pub(crate) required: bool,
    /// Callers do not set it.
    pub(crate) read_only: bool,
    /// Callers do not see it.
    pub(crate) write_only: bool,
    /// Zero is no value of it.
    pub(crate) never_zero: bool,
    /// Null means that a document does not have it, as rows show it: the schema takes no null.
    pub(crate) null_is_absent: bool,
    /// Most characters.
    pub(crate) length_max: Option<u64>,
    /// Its default in a new document, as JSON text.
    default: Option<String>,
}

/// The type of a declared field, as far as values are converted to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldKind {
    Text,
    Integer,
    Number,
    Boolean,
    /// Several types, or one that nothing is converted to.
    Other,
}

/// Why what a caller sent is no document, in the app's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Fields are missing.
    Required { text: String, fields: Vec<String> },
    /// A field is too long.
    TooLong { text: String, field: String },
    /// There is nothing to change.
    NoFields { text: String },
}

impl Field {
    /// The value as it is stored: numbers become text where the field is text, and texts of
    /// numbers become numbers where it is a number. What cannot be converted stays, and the schema
    /// says what is wrong with it.
    pub(crate) fn stored<'a>(&self, value: Raw<'a>) -> Cow<'a, str> {
        let text = value.as_text();
        let decoded = || value.as_str_decoded().map(|text| text.trim().to_owned());
        match (self.kind, value.kind()) {
            (FieldKind::Text, Kind::Number) => Cow::Owned(format!("\"{text}\"")),
            (FieldKind::Integer, Kind::String) => match decoded().and_then(|text| integer(&text)) {
                Some(number) => Cow::Owned(number.to_string()),
                None => Cow::Borrowed(text),
            },
            (FieldKind::Number, Kind::String) => {
                let number = decoded().filter(|text| {
                    Raw::new(text).kind() == Kind::Number
                        && json::canonicalise_value(text.as_bytes()).is_ok()
                });
                number.map_or(Cow::Borrowed(text), Cow::Owned)
            }
            (FieldKind::Boolean, Kind::Number | Kind::String) if self.as_number => {
                match decoded().as_deref().unwrap_or(text) {
                    "0" | "false" => Cow::Borrowed("false"),
                    "1" | "true" => Cow::Borrowed("true"),
                    _ => Cow::Borrowed(text),
                }
            }
            _ => Cow::Borrowed(text),
        }
    }

    /// The value as it is shown.
    pub(super) fn shown<'a>(&self, value: Raw<'a>) -> &'a str {
        match value.as_bool() {
            Some(true) if self.as_number => "1",
            Some(false) if self.as_number => "0",
            _ => value.as_text(),
        }
    }

    /// Whether a stored value is none: a required field is there when it says something.
    fn is_empty(&self, stored: &str) -> bool {
        stored == "null" || stored == "\"\"" || (self.never_zero && stored == "0")
    }

    /// Whether a value says that a document does not have it.
    fn is_absent_as(&self, stored: &str) -> bool {
        self.null_is_absent && stored == "null"
    }

    fn is_too_long(&self, stored: &str) -> bool {
        let Some(max) = self.length_max else { return false };
        let text = Raw::new(stored).as_str_decoded();
        text.is_some_and(|text| text.chars().count() as u64 > max)
    }
}

impl AppCollection {
    /// The fields at the top of a document that its schema declares, in their order.
    pub(crate) fn fields(&self) -> Vec<Field> {
        let Some(schema) = &self.schema else { return Vec::new() };
        let whole: Value = serde_json::from_str(schema.as_text()).unwrap_or_default();
        let declared = schema.fields().iter();
        let mut fields: Vec<Field> =
            declared.filter_map(|info| field(info, &whole["properties"])).collect();
        for field in &mut fields {
            let name = &field.name;
            let is_stamp = self.timestamp.as_ref() == Some(name);
            field.as_number = self.as_number.contains(name);
            field.read_only |= is_stamp;
            field.required &= !is_stamp;
        }
        fields
    }

    /// A new document of what a caller sent: unknown fields are dropped, and so are those that a
    /// caller does not set; defaults are filled in.
    pub(crate) fn new_document(&self, fields: &[Field], given: &str) -> Result<String, Refused> {
        if fields.is_empty() {
            return Ok(given.to_owned());
        }
        let taken = taken(fields, self.create.as_deref(), given);
        self.check_required(fields, &taken)?;
        self.check_lengths(&taken)?;
        let mut body = String::with_capacity(given.len() + 16);
        body.push('{');
        for field in fields {
            let sent = taken.iter().find(|(other, _)| other.name == field.name);
            let sent = sent.filter(|(_, value)| !field.is_absent_as(value));
            match (sent, &field.default) {
                (Some((_, value)), _) => push_member(&mut body, &field.key, value),
                (None, Some(default)) => push_member(&mut body, &field.key, default),
                (None, None) => {}
            }
        }
        body.push('}');
        Ok(body)
    }

    /// A JSON Patch of what a caller sent: the fields that are given are replaced, others stay.
    pub(crate) fn changes(&self, fields: &[Field], given: &str) -> Result<String, Refused> {
        let mut operations = Operations::default();
        if fields.is_empty() {
            Raw::new(given)
                .members()
                .for_each(|(key, value)| operations.replace(key.as_text(), value.as_text()));
        } else {
            let taken = taken(fields, self.update.as_deref(), given);
            self.check_lengths(&taken)?;
            for (field, value) in &taken {
                operations.replace(&field.key, value);
                if field.is_absent_as(value) {
                    operations.remove(&field.key);
                }
            }
        }
        if operations.0.is_empty() {
            let text = self.texts.no_fields.clone();
            let text = text.unwrap_or_else(|| "No fields to update".to_owned());
            return Err(Refused::NoFields { text });
        }
        Ok(operations.into_patch())
    }

    /// The text when there is no such document.
    pub(crate) fn not_found(&self) -> String {
        let text = self.texts.not_found.clone();
        text.unwrap_or_else(|| format!("{} not found", capitalised(&self.item)))
    }

    /// The text when another document has the value of a field.
    pub(crate) fn taken_text(&self, field: &str) -> String {
        let own = self.texts.of(field).and_then(|texts| texts.taken.clone());
        own.unwrap_or_else(|| format!("{field} already taken"))
    }

    fn check_required(
        &self,
        fields: &[Field],
        taken: &[(&Field, Cow<'_, str>)],
    ) -> Result<(), Refused> {
        let must: Vec<&Field> = fields.iter().filter(|field| field.required).collect();
        let is_there = |field: &Field| {
            taken.iter().any(|(other, value)| other.name == field.name && !field.is_empty(value))
        };
        let missing: Vec<&Field> = must.iter().copied().filter(|field| !is_there(field)).collect();
        let Some(first) = missing.first() else { return Ok(()) };
        let own = self.texts.of(&first.name).and_then(|texts| texts.required.clone());
        let text = own.or_else(|| self.texts.required.clone()).unwrap_or_else(|| {
            let names: Vec<&str> = must.iter().map(|field| field.name.as_str()).collect();
            format!("{} required", list(&names))
        });
        let fields = missing.iter().map(|field| field.name.clone()).collect();
        Err(Refused::Required { text, fields })
    }

    fn check_lengths(&self, taken: &[(&Field, Cow<'_, str>)]) -> Result<(), Refused> {
        let Some((field, _)) = taken.iter().find(|(field, value)| field.is_too_long(value)) else {
            return Ok(());
        };
        let own = self.texts.of(&field.name).and_then(|texts| texts.too_long.clone());
        let max = field.length_max.unwrap_or_default();
        let text = own.unwrap_or_else(|| format!("{} too long (max {max} characters)", field.name));
        Err(Refused::TooLong { text, field: field.name.clone() })
    }
}

/// The operations of a JSON Patch, as they are written between its brackets.
#[derive(Debug, Default)]
struct Operations(String);

impl Operations {
    /// Gives a member, named by its key as JSON, a value.
    fn replace(&mut self, key: &str, value: &str) {
        self.begin("add", key);
        self.0.push_str("\",\"value\":");
        self.0.push_str(value);
        self.0.push('}');
    }

    /// Takes a member away, which must be there.
    fn remove(&mut self, key: &str) {
        self.begin("remove", key);
        self.0.push_str("\"}");
    }

    fn begin(&mut self, operation: &str, key: &str) {
        if !self.0.is_empty() {
            self.0.push(',');
        }
        let inner = key.trim_matches('"').replace('~', "~0").replace('/', "~1");
        self.0.push_str("{\"op\":\"");
        self.0.push_str(operation);
        self.0.push_str("\",\"path\":\"/");
        self.0.push_str(&inner);
    }

    fn into_patch(self) -> String {
        format!("[{}]", self.0)
    }
}

/// The declared fields that a caller sends and may set, as they are stored, in declared order.
fn taken<'a, 'b>(
    fields: &'a [Field],
    allowed: Option<&[String]>,
    given: &'b str,
) -> Vec<(&'a Field, Cow<'b, str>)> {
    let may = |field: &&Field| {
        !field.read_only && allowed.is_none_or(|allowed| allowed.contains(&field.name))
    };
    let members: Vec<(Raw<'b>, Raw<'b>)> = Raw::new(given).members().collect();
    let value = |field: &Field| {
        members.iter().find(|(key, _)| key.as_text() == field.key).map(|(_, value)| *value)
    };
    let found = fields.iter().filter(may).filter_map(|field| Some((field, value(field)?)));
    found.map(|(field, value)| (field, field.stored(value))).collect()
}

/// Appends a member to an object that is open.
fn push_member(object: &mut String, key: &str, value: &str) {
    if !object.ends_with('{') {
        object.push(',');
    }
    object.push_str(key);
    object.push(':');
    object.push_str(value);
}

/// A field, with what only its property says; none of one that lies deeper.
fn field(info: &FieldInfo, properties: &Value) -> Option<Field> {
    let name = info.name()?;
    let property = &properties[name];
    let at_least =
        |keyword: &str, least: f64| property[keyword].as_f64().is_some_and(|bound| bound >= least);
    Some(Field {
        name: name.to_owned(),
        key: Value::from(name).to_string(),
        kind: kind(&property["type"]),
        as_number: false,
        required: info.required && !info.read_only && info.default.is_none(),
        read_only: info.read_only,
        write_only: info.write_only,
        never_zero: at_least("minimum", f64::MIN_POSITIVE) || at_least("exclusiveMinimum", 0.0),
        null_is_absent: !info.nullable && !info.required && info.default.is_none(),
        length_max: info.length_max,
        default: match &info.default {
            Some(FieldDefault::Value(text)) => Some(text.clone()),
            _ => None,
        },
    })
}

/// The one type beside null.
fn kind(types: &Value) -> FieldKind {
    let names: Vec<&str> = match types {
        Value::String(name) => vec![name],
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let mut names = names.into_iter().filter(|name| *name != "null");
    match (names.next(), names.next()) {
        (Some("string"), None) => FieldKind::Text,
        (Some("integer"), None) => FieldKind::Integer,
        (Some("number"), None) => FieldKind::Number,
        (Some("boolean"), None) => FieldKind::Boolean,
        _ => FieldKind::Other,
    }
}

/// An integer as people and forms write it: `2`, `+2`, `02`, `2.0`.
pub(crate) fn integer(text: &str) -> Option<i64> {
    let text = text.trim();
    let whole = match text.split_once('.') {
        Some((whole, zeros)) if zeros.bytes().all(|byte| byte == b'0') => whole,
        Some(_) => return None,
        None => text,
    };
    whole.parse().ok()
}

#[cfg(test)]
mod tests {
    use isobase_store::Schema;
    use isobase_types::CollectionName;

    use super::*;

    fn items() -> AppCollection {
        let schema = r#"{"type":"object","required":["user_id","name","created_at"],"properties":{
            "user_id":{"type":"integer","minimum":1},"name":{"type":"string","maxLength":5},
            "done":{"type":["boolean","null"],"default":false},
            "price":{"type":"number"},"tags":{"type":"array"},
            "created_at":{"type":"string"}}}"#;
        let mut items = AppCollection::new(CollectionName::new("items").unwrap());
        items.schema = Some(Schema::parse(schema.as_bytes()).unwrap());
        items.create = Some(["user_id", "name", "price", "tags"].map(str::to_owned).to_vec());
        items.update = Some(["name", "done"].map(str::to_owned).to_vec());
        items.as_number = vec!["done".to_owned()];
        items.timestamp = Some("created_at".to_owned());
        items
    }

    fn created(given: &str) -> Result<String, Refused> {
        let items = items();
        items.new_document(&items.fields(), given)
    }

    #[test]
    fn a_new_document_has_declared_fields_that_a_caller_sets() {
        let given = r#"{"name":7,"x":1,"done":true,"created_at":"now","user_id":"2"}"#;
        let filled = r#""done":false}"#;
        assert_eq!(created(given).unwrap(), format!(r#"{{"user_id":2,"name":"7",{filled}"#));
        for (given, stored) in [
            (r#"{"user_id":" +02.0","name":"a"}"#, r#"{"user_id":2,"name":"a","#),
            (r#"{"user_id":1.5,"name":true}"#, r#"{"user_id":1.5,"name":true,"#),
            (r#"{"user_id":"xx","name":[1]}"#, r#"{"user_id":"xx","name":[1],"#),
        ] {
            assert_eq!(created(given).unwrap(), format!("{stored}{filled}"));
        }
        for (given, part) in [
            (r#"{"user_id":1,"name":"a","price":"1e3"}"#, r#""price":1e3}"#),
            (r#"{"user_id":1,"name":"a","price":"1 "}"#, r#""price":1}"#),
            (r#"{"user_id":1,"name":"a","tags":[{"b":1}]}"#, r#""tags":[{"b":1}]}"#),
        ] {
            assert!(created(given).unwrap().contains(part), "{part}");
        }
    }

    #[test]
    fn missing_and_empty_fields_are_required() {
        for given in [
            "{}",
            r#"{"user_id":0,"name":"a"}"#,
            r#"{"user_id":1,"name":""}"#,
            r#"{"user_id":null,"name":"a"}"#,
            r#"{"user_id":"0","name":"a"}"#,
        ] {
            match created(given) {
                Err(Refused::Required { text, .. }) => {
                    assert_eq!(text, "user_id and name required", "{given}");
                }
                other => panic!("{given}: {other:?}"),
            }
        }
    }

    #[test]
    fn own_texts_come_before_the_usual_ones() {
        let mut items = items();
        let texts = FieldTextsOf { required: "Who?", too_long: "Too much" };
        items.texts.fields.insert("name".to_owned(), texts.into());
        let fields = items.fields();
        let text = |given: &str| match items.new_document(&fields, given) {
            Err(Refused::Required { text, .. } | Refused::TooLong { text, .. }) => text,
            other => panic!("{other:?}"),
        };
        assert_eq!(text("{}"), "user_id and name required");
        assert_eq!(text(r#"{"user_id":1}"#), "Who?");
        assert_eq!(text(r#"{"user_id":1,"name":"äöüäöü"}"#), "Too much");
        items.new_document(&fields, r#"{"user_id":1,"name":"äöüäö"}"#).unwrap();
    }

    struct FieldTextsOf {
        required: &'static str,
        too_long: &'static str,
    }

    impl From<FieldTextsOf> for super::super::texts::FieldTexts {
        fn from(FieldTextsOf { required, too_long }: FieldTextsOf) -> Self {
            let (required, too_long) = (Some(required.to_owned()), Some(too_long.to_owned()));
            Self { required, too_long, ..Self::default() }
        }
    }

    #[test]
    fn a_change_replaces_what_is_given() {
        let items = items();
        let fields = items.fields();
        let changes = |given: &str| items.changes(&fields, given);
        assert_eq!(
            changes(r#"{"done":"1","user_id":9,"name":""}"#).unwrap(),
            r#"[{"op":"add","path":"/name","value":""},{"op":"add","path":"/done","value":true}]"#
        );
        assert_eq!(
            changes(r#"{"done":null}"#).unwrap(),
            r#"[{"op":"add","path":"/done","value":null}]"#
        );
        for given in ["{}", r#"{"user_id":1,"x":2}"#] {
            let text = "No fields to update".to_owned();
            assert_eq!(changes(given), Err(Refused::NoFields { text }));
        }
    }
}
