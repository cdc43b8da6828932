//! Documents as items.

use std::collections::HashMap;

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use isobase_journal::{After, META_FIELD, NativeDocument, Tag, Tree};
use isobase_types::DocumentId;

use crate::number;

/// The attribute that holds a document's id: the partition key of its table.
pub(crate) const ID: &str = "_id";
/// The field of the bookkeeping that conditions of writes look at.
pub(crate) const REVISION: &str = "revision";

/// An item as the SDK has it.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// Every list and map, and every value in one.
///
/// Source: Amazon DynamoDB Developer Guide, "DynamoDB item sizes and formats" (2026-11).
const CONTAINER_BYTES: usize = 3;
const ELEMENT_BYTES: usize = 1;

/// The item of a document.
pub(crate) fn item(id: &DocumentId, after: &After) -> Item {
    let mut item = Item::with_capacity(after.fields.len() + 2);
    for (name, value) in &after.fields {
        item.insert(name.clone(), attribute(value));
    }
    item.insert(ID.to_owned(), text(id.to_string()));
    item.insert(META_FIELD.to_owned(), meta(after));
    item
}

/// The bookkeeping of a document.
pub(crate) fn meta(after: &After) -> AttributeValue {
    map(&after.meta.to_fields())
}

/// The document of an item; `None` when its id is none of ours: another program's.
pub(crate) fn document(mut item: Item) -> Option<NativeDocument> {
    let id = match item.remove(ID)? {
        AttributeValue::S(id) => DocumentId::parse(&id).ok()?,
        _ => return None,
    };
    let tag = Tag(stamp(&item).unwrap_or_default().to_owned());
    Some(NativeDocument::from_fields(id, fields(item), tag, None))
}

/// The revision in an item's bookkeeping, as a condition of a write wants it; `None` in what other
/// programs wrote.
pub(crate) fn stamp(item: &Item) -> Option<&str> {
    let meta = item.get(META_FIELD)?.as_m().ok()?;
    meta.get(REVISION)?.as_n().ok().map(String::as_str)
}

/// How large an item DynamoDB says a document is; up to a few percent more.
pub(crate) fn item_bytes(id: &DocumentId, after: &After) -> usize {
    let id = ID.len() + id.to_string().len();
    let meta = META_FIELD.len() + container_bytes(after.meta.to_fields().iter());
    let fields: usize =
        after.fields.iter().map(|(name, value)| name.len() + value_bytes(value)).sum();
    id + meta + fields
}

fn container_bytes<'a>(fields: impl Iterator<Item = &'a (String, Tree)>) -> usize {
    let inner: usize =
        fields.map(|(name, value)| name.len() + value_bytes(value) + ELEMENT_BYTES).sum();
    CONTAINER_BYTES + inner
}

fn value_bytes(value: &Tree) -> usize {
    match value {
        Tree::Null | Tree::Bool(_) => 1,
        Tree::Number(text) => number::bytes(text),
        Tree::String(text) => text.len(),
        Tree::Array(elements) => {
            let inner: usize = elements.iter().map(|it| value_bytes(it) + ELEMENT_BYTES).sum();
            CONTAINER_BYTES + inner
        }
        Tree::Object(fields) => container_bytes(fields.iter()),
    }
}

fn attribute(value: &Tree) -> AttributeValue {
    match value {
        Tree::Null => AttributeValue::Null(true),
        Tree::Bool(value) => AttributeValue::Bool(*value),
        Tree::Number(text) => AttributeValue::N(number::nearest(text).into_owned()),
        Tree::String(text) => AttributeValue::S(text.clone()),
        Tree::Array(elements) => AttributeValue::L(elements.iter().map(attribute).collect()),
        Tree::Object(fields) => map(fields),
    }
}

fn map(fields: &[(String, Tree)]) -> AttributeValue {
    let fields = fields.iter().map(|(name, value)| (name.clone(), attribute(value)));
    AttributeValue::M(fields.collect())
}

/// Fields by the bytes of their names: a map has no order.
fn fields(item: Item) -> Vec<(String, Tree)> {
    let mut fields: Vec<_> = item.into_iter().map(|(name, it)| (name, tree(it))).collect();
    fields.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    fields
}

/// A value as JSON. What only other programs write has the nearest form: a set is an array, bytes
/// are their base64 text.
fn tree(value: AttributeValue) -> Tree {
    let base64 = |bytes: Blob| Tree::String(STANDARD.encode(bytes));
    match value {
        AttributeValue::Bool(value) => Tree::Bool(value),
        AttributeValue::N(text) => Tree::Number(text.into()),
        AttributeValue::S(text) => Tree::String(text),
        AttributeValue::L(elements) => Tree::Array(elements.into_iter().map(tree).collect()),
        AttributeValue::M(item) => Tree::Object(fields(item)),
        AttributeValue::B(bytes) => base64(bytes),
        AttributeValue::Ss(texts) => Tree::Array(texts.into_iter().map(Tree::String).collect()),
        AttributeValue::Ns(texts) => {
            Tree::Array(texts.into_iter().map(|text| Tree::Number(text.into())).collect())
        }
        AttributeValue::Bs(all) => Tree::Array(all.into_iter().map(base64).collect()),
        // `Null`, and types that are yet to be invented.
        _ => Tree::Null,
    }
}

pub(crate) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(crate) fn integer(value: impl itoa::Integer) -> AttributeValue {
    AttributeValue::N(itoa::Buffer::new().format(value).to_owned())
}

pub(crate) fn bytes(value: impl Into<Vec<u8>>) -> AttributeValue {
    AttributeValue::B(Blob::new(value))
}

/// Attributes of our own items; `None` when there is none or it has another type.
pub(crate) fn as_text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

pub(crate) fn as_integer<T: std::str::FromStr>(item: &Item, name: &str) -> Option<T> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

pub(crate) fn as_bytes<'a>(item: &'a Item, name: &str) -> Option<&'a [u8]> {
    item.get(name)?.as_b().ok().map(AsRef::as_ref)
}
