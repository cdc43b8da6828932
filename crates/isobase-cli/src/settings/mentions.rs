//! Names of fields and collections where the settings file uses them, and those that nothing
//! declares.

use std::collections::HashMap;

use isobase::{
    store::{IndexDefinition, Rule, RuleAction, SYSTEM_PREFIX, Schema},
    types::{CollectionName, FieldPath, Order},
};
use isobase_auth::ACCOUNTS_COLLECTION;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{origin::Origin, similar::most_similar};
use crate::failure::Problem;

/// A name where it is used.
#[derive(Debug)]
pub(crate) struct Mention {
    /// Of this collection.
    pub(super) collection: String,
    /// The setting below the collection: `rules.list`.
    pub(super) setting: String,
    pub(super) named: Named,
}

#[derive(Debug)]
pub(super) enum Named {
    Field(String),
    Collection(String),
}

/// The names that a table of a collection uses, each with its place in the file.
pub(super) fn read(collection: &str, table: &DeTable<'_>) -> Vec<(Mention, usize)> {
    let mut found = Vec::new();
    let mut add = |setting: String, named: Named, offset: usize| {
        let collection = collection.to_owned();
        found.push((Mention { collection, setting, named }, offset));
    };
    for (action, rule) in entries(table, "rules") {
        let text = rule.get_ref().as_str().unwrap_or_default();
        let action = action.parse::<RuleAction>();
        let parsed = action.ok().and_then(|it| Some((it, Rule::parse(it, text).ok()?)));
        let Some((action, rule_of_it)) = parsed else { continue };
        for path in rule_of_it.named_fields() {
            let named = Named::of(&path);
            named.into_iter().for_each(|it| add(format!("rules.{action}"), it, rule.span().start));
        }
    }
    for setting in ["indexes", "unique"] {
        let list = table.get(setting).and_then(|value| value.get_ref().as_array());
        for item in list.into_iter().flatten() {
            let definition = item.get_ref().as_str().map(IndexDefinition::parse);
            let Some(Ok(definition)) = definition else { continue };
            let fields = definition.order().0.iter().filter_map(|it| Named::of(&it.path));
            fields.for_each(|named| add(setting.to_owned(), named, item.span().start));
        }
    }
    if let Some(order) = table.get("order")
        && let Some(Ok(Order(fields))) = order.get_ref().as_str().map(Order::parse)
    {
        let fields = fields.iter().filter_map(|it| Named::of(&it.path));
        fields.for_each(|named| add("order".to_owned(), named, order.span().start));
    }
    for (field, value) in entries(table, "fields") {
        let to = value.get_ref().as_table().and_then(|field| field.get("to"));
        if let Some((to, text)) = to.and_then(|to| Some((to, to.get_ref().as_str()?))) {
            let named = Named::Collection(text.to_owned());
            add(format!("fields.{field}.to"), named, to.span().start);
        }
    }
    found
}

/// The entries of a table below another.
fn entries<'a>(
    table: &'a DeTable<'_>,
    name: &str,
) -> impl Iterator<Item = (&'a str, &'a Spanned<DeValue<'a>>)> {
    let inner = table.get(name).and_then(|value| value.get_ref().as_table());
    inner.into_iter().flatten().map(|(key, value)| (&**key.get_ref(), value))
}

impl Named {
    /// The field at the top of a document that a path leads into; none for what every document has.
    fn of(path: &FieldPath) -> Option<Self> {
        let first = path.steps().first().filter(|_| !path.is_id())?;
        (!first.starts_with('_')).then(|| Self::Field(first.to_string()))
    }
}

/// A warning for each name that nothing declares. Documents may have fields that are not declared,
/// and the database collections, so it is no error.
pub(super) fn undeclared(
    mentions: &[(Mention, Origin)],
    schemas: &HashMap<CollectionName, Schema>,
    declared: &[&str],
) -> Vec<Problem> {
    let schema_of = |name: &str| schemas.get(&CollectionName::new(name).ok()?);
    let mut problems = Vec::new();
    for (Mention { collection, setting, named }, origin) in mentions {
        let (name, known): (_, Vec<&str>) = match named {
            Named::Field(name) => match schema_of(collection).map(|schema| schema.fields()) {
                Some(fields) if !fields.is_empty() => {
                    (name, fields.iter().filter_map(|field| field.name()).collect())
                }
                _ => continue,
            },
            Named::Collection(name) => {
                (name, declared.iter().copied().chain([ACCOUNTS_COLLECTION]).collect())
            }
        };
        if known.contains(&name.as_str()) {
            continue;
        }
        let (kind, place) = match named {
            Named::Field(_) => ("field", format!("{collection}.fields.{name}")),
            Named::Collection(_) => ("collection", name.clone()),
        };
        let hint = match most_similar(name, known) {
            Some(meant) => format!("did you mean {meant}?"),
            None if name.starts_with(SYSTEM_PREFIX) => {
                format!("accounts are {ACCOUNTS_COLLECTION}")
            }
            None => format!("correct the name, or declare collections.{place}"),
        };
        let message = format!(
            "{origin}: collections.{collection}.{setting} names {name:?}, which is no declared {kind}"
        );
        problems.push(Problem { message, hint: Some(hint) });
    }
    problems
}
