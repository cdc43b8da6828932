//! The effect of the annotations of fields on documents that are written and shown.

use std::hash::{DefaultHasher, Hash, Hasher};

use isobase_types::{
    CollectionName, DocumentId, FieldPath, Filter, Query, Timestamp,
    json::{self, JsonPatch},
};
use uuid::Uuid;

use super::{FieldDefault, FieldInfo};
use crate::StoreError;

/// The fields of a schema that say more than what they may hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FieldRules {
    /// Objects before what lies in them.
    defaults: Vec<(FieldPath, FieldDefault)>,
    read_only: Vec<FieldPath>,
    hidden: Vec<FieldPath>,
}

impl FieldRules {
    /// Those of a schema; `None` when it has none.
    pub(crate) fn of(fields: &[FieldInfo]) -> Option<Self> {
        let paths = |has: fn(&FieldInfo) -> bool| {
            fields.iter().filter(|it| has(it)).map(|it| it.path.clone()).collect()
        };
        let default = |it: &FieldInfo| Some((it.path.clone(), it.default.clone()?));
        let rules = Self {
            defaults: fields.iter().filter_map(default).collect(),
            read_only: paths(|it| it.read_only),
            hidden: paths(|it| it.write_only),
        };
        (rules != Self::default()).then_some(rules)
    }

    /// A new document as it is stored: without what only the store may say, and with defaults.
    /// `salt` tells documents of one request apart.
    pub(crate) fn created(&self, sent: &str, made: &Generated, salt: &impl Hash) -> String {
        let mut body = self.without_read_only(sent);
        for (path, default) in &self.defaults {
            let value = made.value(default, &(salt, path));
            let set = value.and_then(|value| json::with_missing_field(&body, path, &value));
            body = set.unwrap_or(body);
        }
        body
    }

    /// What a caller has sent without what only the store may say.
    pub(crate) fn without_read_only(&self, sent: &str) -> String {
        let without = |body: String, path| json::without_field(&body, path);
        self.read_only.iter().fold(sent.to_owned(), without)
    }

    /// A changed document as it is stored: what only the store may say stays as it was. Where a
    /// whole document was sent, so does what its sender was never shown and has left out.
    pub(crate) fn changed(&self, before: &str, after: &str, is_whole: bool) -> String {
        let mut body = after.to_owned();
        for path in &self.read_only {
            body = match json::find(before, path) {
                Some(value) => json::with_field(&body, path, value.as_text()),
                None => json::without_field(&body, path),
            };
        }
        for path in self.hidden.iter().filter(|_| is_whole) {
            if let (Some(value), None) = (json::find(before, path), json::find(&body, path)) {
                body = json::with_field(&body, path, value.as_text());
            }
        }
        body
    }

    /// Whether a change needs to know the document as it was.
    pub(crate) fn needs_before(&self) -> bool {
        !(self.read_only.is_empty() && self.hidden.is_empty())
    }

    /// Whether documents are shown otherwise than they are stored.
    pub(crate) fn hides(&self) -> bool {
        !self.hidden.is_empty()
    }

    /// Removes the fields that are never shown.
    pub(crate) fn hide(&self, body: &mut String) {
        for path in &self.hidden {
            if json::find(body, path).is_some() {
                *body = json::without_field(body, path);
            }
        }
    }

    /// Whether a field is never shown, or lies in one that is not.
    pub(crate) fn is_hidden(&self, field: &FieldPath) -> bool {
        self.hidden.iter().any(|hidden| field.steps().starts_with(hidden.steps()))
    }

    /// Whether a value holds something that is never shown, or lies in it.
    fn touches_hidden(&self, steps: &[impl AsRef<str>]) -> bool {
        let is_prefix = |hidden: &FieldPath| {
            hidden.steps().iter().zip(steps).all(|(own, step)| **own == *step.as_ref())
        };
        self.hidden.iter().any(is_prefix)
    }

    /// Refuses a question that would tell of what is never shown.
    pub(crate) fn check_query(
        &self,
        collection: &CollectionName,
        query: &Query,
    ) -> Result<(), StoreError> {
        self.check_filter(collection, &query.filter)?;
        // The order of objects is the order of what they hold.
        let order = query.order.0.iter().map(|field| &field.path);
        let order = order.filter(|path| self.touches_hidden(path.steps()));
        match order.chain(query.fields.iter().filter(|path| self.is_hidden(path))).next() {
            Some(field) => Err(refused(collection, field.to_string())),
            None => Ok(()),
        }
    }

    /// Refuses a filter that would tell of what is never shown.
    pub(crate) fn check_filter(
        &self,
        collection: &CollectionName,
        filter: &Filter,
    ) -> Result<(), StoreError> {
        match filter.fields().into_iter().find(|path| self.touches_hidden(path.steps())) {
            Some(field) => Err(refused(collection, field.to_string())),
            None => Ok(()),
        }
    }

    /// Refuses a patch that compares or copies what is never shown.
    pub(crate) fn check_patch(
        &self,
        collection: &CollectionName,
        patch: &JsonPatch,
    ) -> Result<(), StoreError> {
        match patch.places_read().find(|steps| self.touches_hidden(steps)) {
            Some(steps) => Err(refused(collection, steps.join("."))),
            None => Ok(()),
        }
    }
}

fn refused(collection: &CollectionName, field: String) -> StoreError {
    StoreError::WriteOnlyField { collection: collection.clone(), field }
}

/// What the defaults of one request are made of: the same however often it is decided.
#[derive(Clone, Debug)]
pub(crate) struct Generated {
    now: Timestamp,
    user: Option<DocumentId>,
    seed: Uuid,
}

impl Generated {
    /// For a request that comes now from this user.
    pub(crate) fn now(user: Option<DocumentId>) -> Self {
        let now = Timestamp::from_system_time(std::time::SystemTime::now());
        Self { now, user, seed: Uuid::now_v7() }
    }

    /// The value as JSON text; `None` where there is none to give.
    fn value(&self, default: &FieldDefault, salt: &impl Hash) -> Option<String> {
        match default {
            FieldDefault::Value(value) => Some(value.clone()),
            FieldDefault::Now => Some(format!("\"{}\"", self.now)),
            FieldDefault::Timestamp => Some(timestamp(self.now)),
            FieldDefault::Uuid => Some(format!("\"{}\"", self.uuid(salt))),
            FieldDefault::User => {
                let mut text = Vec::new();
                self.user.as_ref()?.write_json(&mut text);
                String::from_utf8(text).ok()
            }
        }
    }

    /// The seed with other random bits in its last 62, which are free in a UUID of version 7
    /// (RFC 9562, 5.7).
    fn uuid(&self, salt: &impl Hash) -> Uuid {
        let mut hasher = DefaultHasher::new();
        salt.hash(&mut hasher);
        Uuid::from_u128(self.seed.as_u128() ^ u128::from(hasher.finish() >> 2))
    }
}

/// A moment as SQL writes it, as JSON text.
fn timestamp(now: Timestamp) -> String {
    let text = now.to_string();
    let (date, time) = (text.get(..10), text.get(11..19));
    format!("\"{} {}\"", date.unwrap_or_default(), time.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::{super::fields, *};

    fn rules(schema: &str) -> FieldRules {
        let schema = json::canonicalise_value(schema.as_bytes()).unwrap();
        FieldRules::of(&fields::read(&schema).unwrap()).unwrap()
    }

    fn made(user: Option<i64>) -> Generated {
        Generated::now(user.map(DocumentId::Integer))
    }

    #[test]
    fn new_documents_get_defaults_and_no_values_of_callers() {
        let rules = rules(
            r#"{"properties":{"done":{"default":false},"at":{"x-default":"now","readOnly":true},
            "by":{"x-default":"user"},"seen":{"readOnly":true},
            "o":{"properties":{"n":{"default":1.0}}},"p":{"default":{}}}}"#,
        );
        let made_by = made(Some(7));
        let created = rules.created(r#"{"done":null,"at":"x","seen":1,"o":{}}"#, &made_by, &0);
        let at = made_by.now;
        let expected = format!(r#"{{"done":null,"o":{{"n":1.0}},"at":"{at}","by":7,"p":{{}}}}"#);
        assert_eq!(created, expected);
        let nobody = rules.created("{}", &made(None), &0);
        assert!(!nobody.contains("by") && nobody.contains("\"done\":false"), "{nobody}");
    }

    #[test]
    fn a_timestamp_is_filled_in_where_none_is_sent() {
        let rules = rules(r#"{"properties":{"at":{"x-default":"timestamp"}}}"#);
        let now = Timestamp { unix_us: 1_795_183_740_000_789 };
        let made = Generated { now, ..made(None) };
        assert_eq!(rules.created("{}", &made, &0), r#"{"at":"2026-11-20 14:09:00"}"#);
        let sent = r#"{"at":"2020-01-01 00:00:00"}"#;
        assert_eq!(rules.created(sent, &made, &0), sent);
    }

    #[test]
    fn every_document_gets_a_uuid_of_its_own() {
        let rules = rules(r#"{"properties":{"a":{"x-default":"uuid"},"b":{"x-default":"uuid"}}}"#);
        let made = made(None);
        let of = |salt: usize| rules.created("{}", &made, &salt);
        assert_eq!(of(1), of(1));
        let all: std::collections::HashSet<String> = (0..100)
            .flat_map(|salt| {
                let body = of(salt);
                let field = |name| json::find(&body, &FieldPath::parse(name).unwrap()).unwrap();
                ["a", "b"].map(|name| field(name).as_str_decoded().unwrap().into_owned())
            })
            .collect();
        assert_eq!(all.len(), 200);
        assert!(all.iter().all(|it| Uuid::parse_str(it).unwrap().get_version_num() == 7));
    }

    #[test]
    fn changes_keep_what_only_the_store_says() {
        let rules = rules(
            r#"{"properties":{"at":{"readOnly":true},"key":{"writeOnly":true},
            "o":{"properties":{"n":{"readOnly":true}}}}}"#,
        );
        let before = r#"{"at":1,"key":"s","o":{"n":2}}"#;
        for (after, is_whole, stored) in [
            ("{}", true, r#"{"at":1,"o":{"n":2},"key":"s"}"#),
            (r#"{"at":2,"key":null}"#, true, r#"{"at":1,"key":null,"o":{"n":2}}"#),
            (r#"{"o":{"n":2}}"#, false, r#"{"o":{"n":2},"at":1}"#),
            (r#"{"key":"t","o":{}}"#, false, r#"{"key":"t","o":{"n":2},"at":1}"#),
        ] {
            assert_eq!(rules.changed(before, after, is_whole), stored, "{after}");
        }
        assert_eq!(rules.changed("{}", r#"{"at":2,"o":{"n":1,"m":0}}"#, true), r#"{"o":{"m":0}}"#);
    }

    #[test]
    fn what_is_hidden_is_neither_shown_nor_asked_for() {
        let rules = rules(
            r#"{"properties":{"key":{"writeOnly":true},
            "o":{"properties":{"pin":{"writeOnly":true}}}}}"#,
        );
        let mut body = r#"{"key":"s","a":1,"o":{"pin":2,"x":3}}"#.to_owned();
        rules.hide(&mut body);
        assert_eq!(body, r#"{"a":1,"o":{"x":3}}"#);
        let name = CollectionName::new("c").unwrap();
        let check = |parameters: &[(&str, &str)]| {
            let owned = |(a, b): &(&str, &str)| ((*a).to_owned(), (*b).to_owned());
            let parameters: Vec<_> = parameters.iter().map(owned).collect();
            let query = Query::parse(&parameters, &isobase_types::QueryLimits::default()).unwrap();
            rules.check_query(&name, &query).is_ok()
        };
        for refused in [
            ("key", "s"),
            ("key[ne]", "s"),
            ("o.pin", "1"),
            ("or", "(a.eq.1,not(key.gt.a))"),
            ("sort", "a,-key"),
            ("sort", "o"),
            ("o[null]", "true"),
            ("fields", "a,key"),
            ("fields", "key.x"),
        ] {
            assert!(!check(&[refused]), "{refused:?}");
        }
        assert!(check(&[("a", "1"), ("o.x[null]", "true"), ("sort", "o.x"), ("fields", "o,keys")]));
        for (patch, allowed) in [
            (r#"[{"op":"test","path":"/key","value":1}]"#, false),
            (r#"[{"op":"copy","from":"/o","path":"/p"}]"#, false),
            (r#"[{"op":"copy","from":"/o/pin/x","path":"/p"}]"#, false),
            (r#"[{"op":"move","from":"","path":""}]"#, false),
            (r#"[{"op":"move","from":"/a","path":"/key"}]"#, true),
            (r#"[{"op":"replace","path":"/key","value":1}]"#, true),
        ] {
            let patch = JsonPatch::parse(patch).unwrap();
            assert_eq!(rules.check_patch(&name, &patch).is_ok(), allowed, "{patch:?}");
        }
    }
}
