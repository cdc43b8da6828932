//! Documents as the rows that an app shows.

use std::sync::Arc;

use isobase_live::{Render, Topic};
use isobase_types::{
    DocumentId, FieldPath,
    json::{self, Raw},
};

use super::{collection::AppCollection, fields::Field};

/// How documents of a collection are shown: the id first, then the declared fields in their order,
/// null where there is none, then what else the document holds.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    fields: Vec<Field>,
}

impl Rows {
    pub(crate) fn of(collection: &AppCollection) -> Self {
        Self { fields: collection.fields() }
    }

    /// The events of a collection, with documents as its rows.
    pub(crate) fn topic(collection: &AppCollection) -> Topic {
        let rows = Self::of(collection);
        let render: Render = Arc::new(move |change, body, out| {
            if let Some(id) = &change.id {
                rows.write(id, body, &[], out);
            }
        });
        let (collection, event) = (collection.name.clone(), collection.item.as_str().into());
        Topic { collection, event, render }
    }

    /// The declared fields.
    pub(crate) fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The field of this name.
    pub(crate) fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Appends a document; of `only`, when there are some, these fields.
    pub(crate) fn write(&self, id: &DocumentId, body: &str, only: &[FieldPath], out: &mut Vec<u8>) {
        let whole = json::without_own_id(body);
        let projected;
        let body = if only.is_empty() {
            &*whole
        } else {
            projected = json::project(&whole, only);
            &*projected
        };
        out.extend_from_slice(b"{\"id\":");
        id.write_json(out);
        let members: Vec<(Raw<'_>, Raw<'_>)> = Raw::new(body).members().collect();
        for field in self.fields.iter().filter(|field| !field.write_only) {
            let found = members.iter().find(|(key, _)| key.as_text() == field.key);
            match found {
                Some((_, value)) => push(out, &field.key, field.shown(*value)),
                None if only.is_empty() => push(out, &field.key, "null"),
                None => {}
            }
        }
        let is_declared = |key: &str| self.fields.iter().any(|field| field.key == key);
        for (key, value) in members.iter().filter(|(key, _)| !is_declared(key.as_text())) {
            push(out, key.as_text(), value.as_text());
        }
        out.push(b'}');
    }
}

fn push(out: &mut Vec<u8>, key: &str, value: &str) {
    out.push(b',');
    out.extend_from_slice(key.as_bytes());
    out.push(b':');
    out.extend_from_slice(value.as_bytes());
}

#[cfg(test)]
mod tests {
    use isobase_store::Schema;
    use isobase_types::CollectionName;

    use super::*;

    fn row(body: &str, only: &[&str]) -> String {
        let schema = r#"{"properties":{"name":{"type":"string"},
            "done":{"type":"boolean"},"secret":{"writeOnly":true}}}"#;
        let mut collection = AppCollection::new(CollectionName::new("items").unwrap());
        collection.schema = Some(Schema::parse(schema.as_bytes()).unwrap());
        collection.as_number = vec!["done".to_owned()];
        let only: Vec<_> = only.iter().map(|path| FieldPath::parse(path).unwrap()).collect();
        let mut out = Vec::new();
        Rows::of(&collection).write(&DocumentId::Integer(3), body, &only, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn rows_have_every_declared_field_in_order() {
        assert_eq!(
            row(r#"{"x":1.0,"done":true,"secret":1,"name":"a"}"#, &[]),
            r#"{"id":3,"name":"a","done":1,"x":1.0}"#
        );
        assert_eq!(row("{}", &[]), r#"{"id":3,"name":null,"done":null}"#);
        assert_eq!(row(r#"{"done":"yes"}"#, &[]), r#"{"id":3,"name":null,"done":"yes"}"#);
        assert_eq!(row(r#"{"done":false,"name":"a"}"#, &["done"]), r#"{"id":3,"done":0}"#);
    }
}
