//! Collections that the settings file declares.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    fs,
};

use isobase::{
    store::{IndexDefinition, RuleBook, SCHEMAS_COLLECTION, SYSTEM_PREFIX, Schema, Terms},
    types::{CollectionName, FieldPath, json},
};
use isobase_server::AppCollection;

use super::super::{
    file::Term,
    load::{Loaded, in_folder},
    similar::most_similar,
};
use crate::failure::Failure;

/// An index that the settings file asks for.
#[derive(Clone, Debug)]
pub(crate) struct DeclaredIndex {
    /// Of this collection.
    pub(crate) collection: CollectionName,
    /// Its fields.
    pub(crate) definition: IndexDefinition,
}

/// Those of the file, and the unique ones of its schemas.
pub(super) fn indexes(
    loaded: &Loaded,
    schemas: &HashMap<CollectionName, Schema>,
) -> Result<Vec<DeclaredIndex>, Failure> {
    let declared = loaded.indexes.iter().map(|(collection, fields, origin)| {
        let wrong = |reason: String| {
            Failure::usage(format!(
                "{origin}: index {fields:?} of collection {collection}: {reason}"
            ))
            .hint("write one to three fields, as in \"status\" or \"customer.id,-created_at\"")
        };
        let name = CollectionName::new(collection).map_err(|error| wrong(error.to_string()))?;
        let definition =
            IndexDefinition::parse(fields).map_err(|error| wrong(error.to_string()))?;
        if definition.is_age() {
            return Err(wrong("it is made by the setting expires".to_owned()));
        }
        Ok(DeclaredIndex { collection: name, definition })
    });
    let unique = schemas.iter().flat_map(|(name, schema)| {
        let of_one = |definition| Ok(DeclaredIndex { collection: name.clone(), definition });
        schema.unique_indexes().into_iter().map(of_one)
    });
    declared.chain(unique).collect()
}

pub(super) fn rules(loaded: &Loaded) -> Result<RuleBook, Failure> {
    let mut book = RuleBook::default();
    for (name, rules, origin) in &loaded.rules {
        let wrong = |error| Failure::usage(format!("{origin}: collection {name}: {error}"));
        book = book.with(CollectionName::new(name).map_err(wrong)?, rules.clone());
    }
    Ok(book)
}

pub(super) fn terms(loaded: &Loaded) -> Result<BTreeMap<CollectionName, Terms>, Failure> {
    let mut all = BTreeMap::<_, Terms>::new();
    for (collection, term, origin) in &loaded.terms {
        let wrong = |reason: String| {
            Failure::usage(format!("{origin}: terms of collection {collection}: {reason}"))
        };
        let name = CollectionName::new(collection).map_err(|error| wrong(error.to_string()))?;
        if name.as_str() == SCHEMAS_COLLECTION {
            return Err(wrong("the name is taken: the service keeps schemas there".to_owned()));
        }
        let terms = all.entry(name).or_default();
        match term {
            Term::Expires(span) => terms.expires = Some(*span),
            Term::Changes(told) => terms.changes = *told,
        }
    }
    Ok(all)
}

/// The declared collections, as their callers see them.
pub(super) fn collections(
    loaded: &Loaded,
    schemas: &HashMap<CollectionName, Schema>,
) -> Result<Vec<AppCollection>, Failure> {
    let declared = loaded.collections.iter().map(|(name, shown, origin)| {
        let wrong =
            |reason: String| Failure::usage(format!("{origin}: collection {name}: {reason}"));
        let name = CollectionName::new(name).map_err(|error| wrong(error.to_string()))?;
        if name.as_str().starts_with(SYSTEM_PREFIX) {
            let reason = format!("names with {SYSTEM_PREFIX} are those of the service");
            return Err(wrong(reason));
        }
        let schema = schemas.get(&name).cloned();
        let is_declared = |field: &str| schema.as_ref().is_none_or(|it| it.field(field).is_some());
        if let Some((key, field)) = shown.undeclared(is_declared) {
            let fields = schema.iter().flat_map(|it| it.fields()).filter_map(|field| field.name());
            let meant = most_similar(field, fields);
            let meant = meant.map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
            return Err(wrong(format!("{key} names {field:?}, which is no declared field{meant}")));
        }
        let usual = AppCollection::new(name);
        Ok(AppCollection {
            item: shown.event.clone().unwrap_or_else(|| usual.item.clone()),
            schema,
            order: shown.order.clone().unwrap_or_default(),
            page_size: shown.page_size,
            create: shown.create.clone(),
            update: shown.update.clone(),
            timestamp: shown.timestamp.clone(),
            as_number: shown.as_number.clone().unwrap_or_default(),
            texts: shown.texts.clone(),
            ..usual
        })
    });
    declared.collect()
}

/// Reads the files of schemas.
pub(super) fn schemas(loaded: &Loaded) -> Result<HashMap<CollectionName, Schema>, Failure> {
    let declared = loaded.schemas.iter().map(|(collection, path, origin)| {
        let path = in_folder(&loaded.base_of(origin), path);
        let wrong = |reason: String| {
            let path = path.display();
            Failure::usage(format!("{origin}: schema {path} of collection {collection}: {reason}"))
        };
        let name = CollectionName::new(collection).map_err(|error| wrong(error.to_string()))?;
        if name.as_str() == SCHEMAS_COLLECTION {
            return Err(wrong("the name is taken: the service keeps schemas there".to_owned()));
        }
        let text = fs::read(&path).map_err(|error| wrong(error.to_string()))?;
        let text = stamped(loaded, collection, &text);
        let schema = Schema::declared(&text).map_err(|error| wrong(error.to_string()))?;
        Ok((name, schema))
    });
    let fields = loaded.fields.iter().map(|(collection, schema, origin)| {
        let wrong = |reason: String| {
            Failure::usage(format!("{origin}: fields of collection {collection}: {reason}"))
        };
        let name = CollectionName::new(collection).map_err(|error| wrong(error.to_string()))?;
        let schema = stamped(loaded, collection, schema.as_bytes());
        let schema = Schema::declared(&schema).map_err(|error| wrong(error.to_string()))?;
        Ok((name, schema))
    });
    declared.chain(fields).collect()
}

/// The text of a schema whose `timestamp` is filled in by the store, so that every way in does it.
fn stamped<'a>(loaded: &Loaded, collection: &str, text: &'a [u8]) -> Cow<'a, [u8]> {
    let shown = loaded.collections.iter().find(|(name, ..)| name == collection);
    let stamp = shown.and_then(|(_, shown, _)| shown.timestamp.as_deref());
    // What is no JSON is told when it is read as a schema.
    let Some((stamp, text_of_it)) = stamp.zip(json::canonicalise_value(text).ok()) else {
        return text.into();
    };
    let field = |keyword: &str| {
        let stamp = stamp.replace('\\', "\\\\").replace('"', "\\\"");
        FieldPath::parse(&format!("properties.\"{stamp}\".{keyword}")).ok()
    };
    let has = |keyword| field(keyword).is_some_and(|it| json::find(&text_of_it, &it).is_some());
    match field("x-default").filter(|_| !has("default") && !has("x-default")) {
        Some(path) => {
            let set = json::with_missing_field(&text_of_it, &path, "\"timestamp\"");
            set.unwrap_or(text_of_it).into_bytes().into()
        }
        None => text.into(),
    }
}
