//! The short form of a schema: `fields.NAME = { type = "boolean", default = false }` of a
//! collection, compiled to JSON Schema.

use isobase::store::Schema;
use serde_json::{Map, Value, json};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::similar::most_similar;

/// The types of fields, as the file names them.
const TYPES: [&str; 10] = [
    "string",
    "text",
    "integer",
    "number",
    "boolean",
    "datetime",
    "json",
    "array",
    "file",
    "reference",
];

/// Formats of a string that are checked. Source: the crate `jsonschema`.
const FORMATS: [&str; 16] = [
    "date",
    "date-time",
    "duration",
    "email",
    "hostname",
    "idn-email",
    "ipv4",
    "ipv6",
    "iri",
    "json-pointer",
    "regex",
    "time",
    "uri",
    "uri-reference",
    "uri-template",
    "uuid",
];

/// The ends of a document whose reference is deleted.
const ON_DELETE: [&str; 3] = ["refuse", "set_null", "cascade"];

/// Settings of a field: the name in the file, the keyword of JSON Schema, what is expected, and the
/// types that have it; empty for all.
const SETTINGS: [(&str, &str, Expected, &[&str]); 19] = [
    ("type", "", Expected::Text, &[]),
    ("required", "", Expected::Switch, &[]),
    ("nullable", "", Expected::Switch, &[]),
    ("default", "", Expected::Any, &[]),
    ("unique", "x-unique", Expected::Switch, &[]),
    ("read_only", "readOnly", Expected::Switch, &[]),
    ("write_only", "writeOnly", Expected::Switch, &[]),
    ("title", "title", Expected::Text, &[]),
    ("min_length", "minLength", Expected::Count, &["string", "text"]),
    ("max_length", "maxLength", Expected::Count, &["string", "text"]),
    ("pattern", "pattern", Expected::Text, &["string", "text"]),
    ("format", "format", Expected::Text, &["string"]),
    ("values", "enum", Expected::List, &["string", "integer", "number"]),
    ("min", "minimum", Expected::Number, &["integer", "number"]),
    ("max", "maximum", Expected::Number, &["integer", "number"]),
    ("to", "x-reference", Expected::Text, &["reference"]),
    ("on_delete", "x-on-delete", Expected::Text, &["reference"]),
    ("many", "", Expected::Switch, &["file"]),
    ("private", "x-private", Expected::Switch, &["file"]),
];

/// The type of a setting of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    Text,
    Switch,
    Count,
    Number,
    List,
    Any,
}

impl Expected {
    fn takes(self, value: &Value) -> bool {
        match self {
            Self::Text => value.is_string(),
            Self::Switch => value.is_boolean(),
            Self::Count => value.is_u64(),
            Self::Number => value.is_number(),
            Self::List => value.as_array().is_some_and(|list| !list.is_empty()),
            Self::Any => true,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Switch => "true or false",
            Self::Count => "a whole number",
            Self::Number => "a number",
            Self::List => "a list of values",
            Self::Any => "a value",
        }
    }
}

/// Something wrong with a field.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    /// Where it stands in the file.
    pub(super) offset: usize,
    /// The setting below the collection, and what is wrong with it.
    pub(super) message: String,
    /// The way out.
    pub(super) hint: String,
}

/// Compiles the fields of a collection to the text of a schema.
///
/// # Errors
/// Every mistake.
pub(super) fn compile(fields: &DeTable<'_>, only_these: bool) -> Result<String, Vec<Mistake>> {
    let (mut properties, mut required, mut mistakes) = (Vec::new(), Vec::new(), Vec::new());
    let mut in_order: Vec<_> = fields.iter().collect();
    in_order.sort_by_key(|(name, _)| name.span().start);
    for (name, value) in in_order {
        match Field::read(name.get_ref(), value) {
            Ok(field) => {
                required.extend(field.required.then(|| Value::from(&*field.name)));
                properties.push((field.name, Value::Object(field.property)));
            }
            Err(more) => mistakes.extend(more),
        }
    }
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    Ok(schema_of(&properties, &required, only_these))
}

/// The schema as text: properties stand in the order of the file.
fn schema_of(properties: &[(String, Value)], required: &[Value], only_these: bool) -> String {
    let listed: Vec<String> = properties
        .iter()
        .map(|(name, property)| format!("{}:{property}", Value::from(name.as_str())))
        .collect();
    let required = Value::from(required.to_vec());
    let others = if only_these { ",\"additionalProperties\":false" } else { "" };
    format!(
        "{{\"type\":\"object\",\"x-assert-format\":true,\"properties\":{{{}}},\
         \"required\":{required}{others}}}",
        listed.join(",")
    )
}

/// A field that was read.
struct Field {
    name: String,
    required: bool,
    property: Map<String, Value>,
}

/// A field that is being read.
struct Reading<'a> {
    name: &'a str,
    /// Where the field stands.
    offset: usize,
    /// The settings, each with its place.
    given: Vec<(&'a str, usize, Value)>,
    mistakes: Vec<Mistake>,
}

impl Field {
    fn read(name: &str, value: &Spanned<DeValue<'_>>) -> Result<Self, Vec<Mistake>> {
        let offset = value.span().start;
        let given = match value.get_ref() {
            // `fields.name = "string"`
            DeValue::String(word) => vec![("type", offset, Value::from(&**word))],
            DeValue::Table(table) => table
                .iter()
                .map(|(key, value)| {
                    (&**key.get_ref(), value.span().start, to_json(value.get_ref()))
                })
                .collect(),
            _ => {
                let message = format!("fields.{name} is neither a type nor a table");
                let hint = format!("write fields.{name} = {{ type = \"string\" }}");
                return Err(vec![Mistake { offset, message, hint }]);
            }
        };
        let mut reading = Reading { name, offset, given, mistakes: Vec::new() };
        let property = reading.property();
        let required = reading.is_on("required");
        match property.filter(|_| reading.mistakes.is_empty()) {
            Some(property) => Ok(Self { name: name.to_owned(), required, property }),
            None => Err(reading.mistakes),
        }
    }
}

impl Reading<'_> {
    fn property(&mut self) -> Option<Map<String, Value>> {
        let own = match self.name {
            "id" | "_id" => Some("is the id of a document"),
            "_rev" => Some("is the revision of a document"),
            _ => None,
        };
        if let Some(own) = own {
            self.wrong(self.offset, "", own, "give the field another name");
            return None;
        }
        let kind = self.kind()?;
        let mut property = of_kind(&kind);
        for (setting, offset, value) in self.given.clone() {
            self.setting(&kind, setting, offset, value, &mut property);
        }
        if kind == "file" && self.is_on("many") {
            property.remove("x-type");
            property.insert("type".to_owned(), "array".into());
            property.insert("items".to_owned(), Value::Object(of_kind(&kind)));
        }
        if kind == "reference" && !property.contains_key("x-reference") {
            let hint = "write to = \"teams\", the collection it refers to";
            self.wrong(self.offset, "", "is a reference without to", hint);
        }
        if self.is_on("nullable") {
            let null = |list: &mut Value| match list {
                Value::Array(list) => list.push("null".into()),
                one => *one = json!([one.take(), "null"]),
            };
            property.get_mut("type").map(null);
            if let Some(Value::Array(values)) = property.get_mut("enum") {
                values.push(Value::Null);
            }
        }
        self.default(&kind, &mut property);
        self.contradictions(&kind);
        if self.mistakes.is_empty() {
            self.check(&property);
        }
        Some(property)
    }

    /// The type, one of [`TYPES`].
    fn kind(&mut self) -> Option<String> {
        let Some((_, offset, word)) = self.given.iter().find(|(name, ..)| *name == "type").cloned()
        else {
            let hint = format!("write fields.{} = {{ type = \"string\" }}", self.name);
            self.wrong(self.offset, "", "has no type", &hint);
            return None;
        };
        match word.as_str() {
            Some(word) if TYPES.contains(&word) => Some(word.to_owned()),
            _ => {
                let found = format!("is {word}, expected one of {}", TYPES.join(", "));
                let word = word.as_str().unwrap_or_default();
                // Names of the same types in other systems.
                let meant = match word {
                    "bool" => Some("boolean"),
                    "int" | "bigint" => Some("integer"),
                    "float" | "double" | "decimal" => Some("number"),
                    "timestamp" | "date" => Some("datetime"),
                    "object" => Some("json"),
                    "list" => Some("array"),
                    "relation" => Some("reference"),
                    word => most_similar(word, TYPES),
                };
                let hint = meant.map_or_else(
                    || "json takes any value".to_owned(),
                    |meant| format!("did you mean \"{meant}\"?"),
                );
                self.wrong(offset, "type", &found, &hint);
                None
            }
        }
    }

    fn setting(
        &mut self,
        kind: &str,
        setting: &str,
        offset: usize,
        value: Value,
        property: &mut Map<String, Value>,
    ) {
        let Some((_, keyword, expected, kinds)) = SETTINGS.iter().find(|it| it.0 == setting) else {
            return self.unknown(setting, offset);
        };
        if !kinds.is_empty() && !kinds.contains(&kind) {
            let kinds = kinds.join(" and ");
            let hint = format!("take it out; a {kind} has none");
            return self.wrong(offset, setting, &format!("is a setting of {kinds}"), &hint);
        }
        if !expected.takes(&value) {
            let found = format!("is {value}, expected {}", expected.words());
            return self.wrong(offset, setting, &found, "change the value");
        }
        let known: &[&str] = match setting {
            "format" => &FORMATS,
            "on_delete" => &ON_DELETE,
            _ => &[],
        };
        if let Some(word) = value.as_str().filter(|word| !known.is_empty() && !known.contains(word))
        {
            let found = format!("is {value}, expected one of {}", known.join(", "));
            let meant = most_similar(word, known.iter().copied()).unwrap_or(known[0]);
            return self.wrong(offset, setting, &found, &format!("did you mean \"{meant}\"?"));
        }
        if !keyword.is_empty() {
            property.insert((*keyword).to_owned(), value);
        }
    }

    fn unknown(&mut self, setting: &str, offset: usize) {
        let known = SETTINGS.iter().map(|it| it.0);
        let meant = match setting {
            "enum" => Some("values"),
            "collection" | "references" => Some("to"),
            "readOnly" => Some("read_only"),
            "writeOnly" | "hidden" | "secret" => Some("write_only"),
            "maximum" => Some("max"),
            "minimum" => Some("min"),
            setting => most_similar(setting, known.clone()),
        };
        let hint = match meant {
            Some(meant) => format!("did you mean {meant}?"),
            None => format!("known are {}", known.collect::<Vec<_>>().join(", ")),
        };
        self.wrong(offset, setting, "is no setting of a field", &hint);
    }

    /// `default`: a value, or one that is made: `@now`, `@uuid`, `@user.id`.
    fn default(&mut self, kind: &str, property: &mut Map<String, Value>) {
        let Some((_, offset, value)) = self.given.iter().find(|it| it.0 == "default").cloned()
        else {
            return;
        };
        let made = match (value.as_str(), kind) {
            (Some("@now"), "datetime") => "now",
            (Some("@uuid"), "string") => "uuid",
            (Some("@user.id"), "reference" | "string" | "integer") => "user",
            (Some("now"), "datetime") => {
                let hint = "did you mean \"@now\"?";
                return self.wrong(offset, "default", "is \"now\"", hint);
            }
            (Some(word), _) if word.starts_with('@') => {
                let found = format!("is {value}, which a {kind} cannot have");
                let hint = "@now is for datetime, @uuid for string, @user.id for reference, \
                            string and integer";
                return self.wrong(offset, "default", &found, hint);
            }
            _ => {
                property.insert("default".to_owned(), value);
                return;
            }
        };
        property.insert("x-default".to_owned(), made.into());
    }

    /// Settings that leave no document that could be stored, or none that could be changed.
    fn contradictions(&mut self, kind: &str) {
        if self.is_on("required") && self.is_on("read_only") && self.value("default").is_none() {
            let hint = "give it a default, or take read_only out";
            let found = "is required, and what callers send for it is ignored";
            self.wrong(self.offset, "", found, hint);
        }
        if self.is_on("required") && self.value("on_delete") == Some(&"set_null".into()) {
            let found = "is \"set_null\", which removes the field, and it is required";
            let hint = "write \"refuse\" or \"cascade\", or take required out";
            self.wrong(self.place("on_delete"), "on_delete", found, hint);
        }
        for (least, most) in [("min", "max"), ("min_length", "max_length")] {
            let number = |setting| self.value(setting).and_then(Value::as_f64);
            if let (Some(low), Some(high)) = (number(least), number(most))
                && low > high
            {
                let found = format!("is {low}, and {most} is {high}");
                self.wrong(self.place(least), least, &found, "change one of them");
            }
        }
        let is_of_kind = |value: &Value| match kind {
            "string" => value.is_string(),
            "integer" => value.is_i64() || value.is_u64(),
            _ => value.is_number(),
        };
        let values = self.value("values").and_then(Value::as_array);
        if let Some(other) = values.into_iter().flatten().find(|value| !is_of_kind(value)).cloned()
        {
            let found = format!("has {other}, which is not of the type {kind}");
            self.wrong(self.place("values"), "values", &found, "change the value");
        }
    }

    /// Finds the mistakes that only the whole schema shows: a pattern that cannot be read, a default
    /// that the field may not have.
    fn check(&mut self, property: &Map<String, Value>) {
        let whole = [(self.name.to_owned(), Value::Object(property.clone()))];
        let schema = match Schema::parse(schema_of(&whole, &[], false).as_bytes()) {
            Ok(schema) => schema,
            Err(error) => {
                let last = error.pointer.rsplit('/').next().unwrap_or_default();
                let setting = SETTINGS.iter().find(|it| it.1 == last).map_or("", |it| it.0);
                let (offset, hint) = (self.place(setting), "change the value");
                return self.wrong(
                    offset,
                    setting,
                    &format!("is refused: {}", error.message),
                    hint,
                );
            }
        };
        let Some(default) = property.get("default") else { return };
        let body = Map::from_iter([(self.name.to_owned(), default.clone())]);
        if let Err(violations) = schema.check(&Value::Object(body).to_string()) {
            let reason = violations.into_iter().next().map(|it| it.message).unwrap_or_default();
            let found = format!("is {default}, which the field may not have: {reason}");
            self.wrong(self.place("default"), "default", &found, "change the default");
        }
    }

    fn is_on(&self, setting: &str) -> bool {
        self.given.iter().any(|(name, _, value)| *name == setting && *value == Value::Bool(true))
    }

    fn value(&self, setting: &str) -> Option<&Value> {
        self.given.iter().find(|it| it.0 == setting).map(|it| &it.2)
    }

    fn place(&self, setting: &str) -> usize {
        self.given.iter().find(|it| it.0 == setting).map_or(self.offset, |it| it.1)
    }

    fn wrong(&mut self, offset: usize, setting: &str, message: &str, hint: &str) {
        let dot = if setting.is_empty() { "" } else { "." };
        let message = format!("fields.{}{dot}{setting} {message}", self.name);
        self.mistakes.push(Mistake { offset, message, hint: hint.to_owned() });
    }
}

/// A type in JSON Schema.
fn of_kind(kind: &str) -> Map<String, Value> {
    let schema = match kind {
        "text" => json!({ "type": "string", "x-type": "text" }),
        "file" => json!({ "type": "string", "x-type": "file" }),
        "datetime" => json!({ "type": "string", "format": "date-time" }),
        "reference" => json!({ "type": ["integer", "string"] }),
        "json" => json!({}),
        plain => json!({ "type": plain }),
    };
    match schema {
        Value::Object(schema) => schema,
        _ => Map::new(),
    }
}

/// A value of the file as JSON; a moment is its text.
fn to_json(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::from(&**text),
        DeValue::Integer(number) => {
            let parsed = i64::from_str_radix(number.as_str(), number.radix());
            parsed.map_or_else(|_| Value::from(number.as_str()), Value::from)
        }
        DeValue::Float(number) => number
            .as_str()
            .parse::<f64>()
            .map_or_else(|_| Value::from(number.as_str()), Value::from),
        DeValue::Boolean(on) => Value::from(*on),
        DeValue::Datetime(moment) => Value::from(moment.to_string()),
        DeValue::Array(items) => items.iter().map(|item| to_json(item.get_ref())).collect(),
        DeValue::Table(table) => {
            let members = table
                .iter()
                .map(|(key, value)| (key.get_ref().to_string(), to_json(value.get_ref())));
            Value::Object(members.collect())
        }
    }
}

#[cfg(test)]
#[cfg(feature = "schemas")]
mod tests {
    use super::*;

    fn compiled(text: &str) -> Result<String, Vec<Mistake>> {
        compile(DeTable::parse(text).unwrap().get_ref(), false)
    }

    fn mistake(text: &str) -> String {
        let Mistake { message, hint, .. } = compiled(text).unwrap_err().swap_remove(0);
        format!("{message} | {hint}")
    }

    #[test]
    fn fields_become_a_schema() {
        let schema = compiled(
            "done = { type = \"boolean\", default = false }\n\
             name = { type = \"string\", required = true, max_length = 200 }\n\
             owner = { type = \"reference\", to = \"users\", on_delete = \"cascade\" }\n\
             at = { type = \"datetime\", default = \"@now\", read_only = true }\n\
             note = \"text\"\n\
             size = { type = \"string\", values = [\"s\", \"l\"], nullable = true }\n\
             extra = \"json\"\n",
        );
        let schema: Value = serde_json::from_str(&schema.unwrap()).unwrap();
        let expected = json!({
            "type": "object",
            "x-assert-format": true,
            "required": ["name"],
            "properties": {
                "done": { "type": "boolean", "default": false },
                "name": { "type": "string", "maxLength": 200 },
                "owner": {
                    "type": ["integer", "string"], "x-reference": "users", "x-on-delete": "cascade",
                },
                "at": {
                    "type": "string", "format": "date-time", "x-default": "now", "readOnly": true,
                },
                "note": { "type": "string", "x-type": "text" },
                "size": { "type": ["string", "null"], "enum": ["s", "l", null] },
                "extra": {},
            },
        });
        assert_eq!(schema, expected);
    }

    /// A faulty table of fields, and part of its error.
    const MISTAKES: &[(&str, &str)] = &[
        ("a = 5", "fields.a is neither a type nor a table | write fields.a = { type ="),
        ("a = {}", "fields.a has no type | write fields.a = { type = \"string\" }"),
        ("a = \"bool\"", "fields.a.type is \"bool\", expected one of string, text, integer"),
        ("a = { type = \"strng\" }", "| did you mean \"string\"?"),
        ("a = { type = \"string\", maxlength = 5 }", "is no setting of a field | did you mean max"),
        (
            "a = { type = \"string\", enum = [1] }",
            "fields.a.enum is no setting of a field | did you mean values?",
        ),
        ("a = { type = \"boolean\", max = 5 }", "fields.a.max is a setting of integer and number"),
        (
            "a = { type = \"string\", required = \"yes\" }",
            "fields.a.required is \"yes\", expected true or false",
        ),
        ("a = { type = \"string\", format = \"emial\" }", "| did you mean \"email\"?"),
        ("a = { type = \"reference\" }", "fields.a is a reference without to | write to ="),
        ("a = { type = \"reference\", to = \"\" }", "fields.a.to is refused: "),
        (
            "a = { type = \"reference\", to = \"b\", on_delete = \"delete\" }",
            "expected one of refuse, set_null, cascade",
        ),
        ("a = { type = \"string\", pattern = \"(\" }", "fields.a.pattern is refused: "),
        (
            "a = { type = \"boolean\", default = \"no\" }",
            "fields.a.default is \"no\", which the field may not have",
        ),
        (
            "a = { type = \"datetime\", default = \"now\" }",
            "fields.a.default is \"now\" | did you mean \"@now\"?",
        ),
        (
            "a = { type = \"string\", default = \"@now\" }",
            "which a string cannot have | @now is for datetime",
        ),
        ("id = \"integer\"", "fields.id is the id of a document | give the field another name"),
        ("_rev = \"integer\"", "fields._rev is the revision of a document"),
        (
            "a = { type = \"string\", required = true, read_only = true }",
            "fields.a is required, and what callers send for it is ignored | give it a default",
        ),
        (
            "a = { type = \"reference\", to = \"b\", required = true, on_delete = \"set_null\" }",
            "fields.a.on_delete is \"set_null\", which removes the field, and it is required",
        ),
        (
            "a = { type = \"integer\", min = 5, max = 3 }",
            "fields.a.min is 5, and max is 3 | change one of them",
        ),
        (
            "a = { type = \"string\", values = [\"x\", 1] }",
            "fields.a.values has 1, which is not of the type string",
        ),
    ];

    #[test]
    fn mistakes_name_the_setting_and_the_way_out() {
        for (text, expected) in MISTAKES {
            let found = mistake(text);
            assert!(found.contains(expected), "{text}: {found}");
        }
        assert_eq!(compiled("a = \"x\"\nb = {}").unwrap_err().len(), 2);
    }
}
