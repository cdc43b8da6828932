//! How large a document is: by Firestore's own count, and in a request.
//!
//! Firestore's count is cloud.google.com/firestore/docs/storage-size (2026-11). Its emulator
//! 1.19.9 takes documents of exactly this size and refuses one byte more; an empty map or array
//! has one byte there.

use googleapis_tonic_google_firestore_v1::google::firestore::v1 as proto;
use isobase_journal::{After, DocumentWrite, META_FIELD, Tree};
use prost::Message as _;
use proto::value::ValueType;

use crate::{
    fields::{Fields, tag_replaced},
    limits::{BUDGET, INDEXED_BYTES_MAX, TRANSACTION_BYTES_MAX, VALUE_BYTES_MAX},
};

/// Bytes around every value, name and nested message in a request: tags and lengths.
const FRAMING: u64 = 16;
/// A change in the log, beside the names in it.
const CHANGE: u64 = 200;

/// Entries of a field in the automatic indexes: one in each direction.
const SCALAR_ENTRIES: u64 = 2;
/// Bytes of an index entry beside names and value, by Firestore's count.
const ENTRY: u64 = 48;

/// Bytes of a document by Firestore's count.
pub(crate) fn stored(path: &[&str], after: &After) -> u64 {
    let name: u64 = path.iter().map(|part| string(part)).sum::<u64>() + 16;
    let fields: u64 = after.fields.iter().map(|(name, tree)| string(name) + value(tree)).sum();
    name + fields + meta(after) + 32
}

/// Bytes of the bookkeeping.
fn meta(after: &After) -> u64 {
    let fields: u64 =
        after.meta.to_fields().iter().map(|(name, tree)| string(name) + value(tree)).sum();
    // "keys", and a name of up to 12 bytes for each.
    let keys: u64 = after.keys.iter().map(|key| 12 + key.key.len() as u64).sum();
    string(META_FIELD) + fields + 5 + keys.max(1)
}

fn value(tree: &Tree) -> u64 {
    match tree {
        Tree::Null | Tree::Bool(_) => 1,
        Tree::Number(_) => 8,
        Tree::String(text) => string(text),
        Tree::Array(elements) => elements.iter().map(value).sum::<u64>().max(1),
        Tree::Object(fields) => {
            fields.iter().map(|(name, tree)| string(name) + value(tree)).sum::<u64>().max(1)
        }
    }
}

fn string(text: &str) -> u64 {
    text.len() as u64 + 1
}

/// The entries of a document in the automatic indexes: two entries for each field that is neither array
/// nor map, and one for each element of an array
/// (cloud.google.com/firestore/docs/concepts/index-overview, 2026-11).
#[derive(Debug, Default)]
pub(crate) struct Indexed {
    /// How many entries.
    pub(crate) entries: u64,
    /// Their bytes together, by Firestore's count.
    pub(crate) bytes: u64,
    /// The path of the field with the longest, and its bytes.
    pub(crate) longest: (String, u64),
}

/// The entries of a document of this path in the automatic indexes.
pub(crate) fn indexed(path: &[&str], after: &After) -> Indexed {
    let names = path.iter().map(|part| string(part)).sum::<u64>() + 16;
    let mut indexed = Indexed::default();
    let mut field = String::new();
    for (name, tree) in &after.fields {
        indexed.add_field(names, &mut field, name, tree);
    }
    for (name, tree) in &after.meta.to_fields() {
        indexed.add_field(names + string(META_FIELD), &mut field, name, tree);
    }
    for key in &after.keys {
        // "keys", and a name of up to 12 bytes.
        let names = names + string(META_FIELD) + 5 + 12;
        indexed.add(META_FIELD, names, key.key.len() as u64, SCALAR_ENTRIES);
    }
    indexed
}

impl Indexed {
    fn add_field(&mut self, names: u64, field: &mut String, name: &str, tree: &Tree) {
        let names = names + string(name);
        let outer = field.len();
        if outer > 0 {
            field.push('.');
        }
        field.push_str(name);
        match tree {
            Tree::Object(fields) if !fields.is_empty() => {
                for (name, tree) in fields {
                    self.add_field(names, field, name, tree);
                }
            }
            Tree::Array(elements) => {
                elements.iter().for_each(|element| self.add(field, names, value(element), 1));
            }
            _ => self.add(field, names, value(tree), SCALAR_ENTRIES),
        }
        field.truncate(outer);
    }

    fn add(&mut self, field: &str, names: u64, value: u64, entries: u64) {
        let bytes = names + value.min(INDEXED_BYTES_MAX as u64) + ENTRY;
        self.entries += entries;
        self.bytes += entries * bytes;
        if bytes > self.longest.1 {
            field.clone_into(&mut self.longest.0);
            self.longest.1 = bytes;
        }
    }
}

/// Bytes that go when a document is replaced or deleted, its index entries included.
pub(crate) fn replaced(document: &proto::Document) -> u64 {
    document.encoded_len() as u64 + entry_bytes(&document.fields, document.name.len())
}

/// Bytes of the index entries of fields, each with the names before it.
fn entry_bytes(fields: &Fields, before: usize) -> u64 {
    let of_field = |(name, value): (&String, &proto::Value)| {
        let names = before + name.len();
        let entry = |value: &proto::Value| {
            (names + value.encoded_len().min(INDEXED_BYTES_MAX)) as u64 + ENTRY
        };
        match &value.value_type {
            Some(ValueType::MapValue(map)) => entry_bytes(&map.fields, names + 1),
            Some(ValueType::ArrayValue(array)) => array.values.iter().map(entry).sum(),
            _ => SCALAR_ENTRIES * entry(value),
        }
    };
    fields.iter().map(of_field).sum()
}

/// The share of a write in what one commit may have. It is bounded twice: by the bytes of the
/// request, and by those of everything that it writes, replaces and deletes.
pub(crate) fn cost(document: &str, write: &DocumentWrite) -> u64 {
    let wire = wire(document, write);
    let replaced = write.before.as_ref().map_or(0, |before| tag_replaced(&before.tag));
    if replaced == 0 {
        return wire;
    }
    let share = (wire + replaced) * BUDGET.bytes / TRANSACTION_BYTES_MAX;
    // One document alone is sent whatever it is: then Firestore decides.
    wire.max(share.min(BUDGET.bytes / 10 * 9))
}

/// The path and length of a string that is longer than Firestore takes, if there is one.
pub(crate) fn too_long_string(after: &After) -> Option<(String, usize)> {
    let found = after.fields.iter().find_map(|(name, tree)| too_long(name, tree));
    let ours = [&after.meta.shape, &after.meta.held];
    let ours = ours.into_iter().flatten().map(String::len).max().unwrap_or(0);
    found.or((ours > VALUE_BYTES_MAX).then(|| (META_FIELD.to_owned(), ours)))
}

fn too_long(path: &str, tree: &Tree) -> Option<(String, usize)> {
    match tree {
        Tree::String(text) if text.len() > VALUE_BYTES_MAX => Some((path.to_owned(), text.len())),
        Tree::Array(elements) => elements
            .iter()
            .enumerate()
            .find_map(|(place, tree)| too_long(&format!("{path}.{place}"), tree)),
        Tree::Object(fields) => {
            fields.iter().find_map(|(name, tree)| too_long(&format!("{path}.{name}"), tree))
        }
        _ => None,
    }
}

/// At most how many bytes a write has in a request, its place in the log included.
pub(crate) fn wire(document: &str, write: &DocumentWrite) -> u64 {
    let key = &write.key;
    let names = 2 * document.len() + key.collection.as_str().len();
    let after = write.after.as_ref().map_or(0, wire_after);
    names as u64 + CHANGE + after
}

fn wire_after(after: &After) -> u64 {
    let fields: u64 = after.fields.iter().map(|(name, tree)| wire_field(name, tree)).sum();
    let meta: u64 = after.meta.to_fields().iter().map(|(name, tree)| wire_field(name, tree)).sum();
    let keys: u64 = after.keys.iter().map(|key| 3 * FRAMING + key.key.len() as u64).sum();
    fields + meta + keys + 6 * FRAMING
}

fn wire_field(name: &str, tree: &Tree) -> u64 {
    name.len() as u64 + FRAMING + wire_value(tree)
}

fn wire_value(tree: &Tree) -> u64 {
    FRAMING
        + match tree {
            Tree::Null | Tree::Bool(_) => 1,
            Tree::Number(_) => 10,
            Tree::String(text) => text.len() as u64,
            Tree::Array(elements) => elements.iter().map(wire_value).sum(),
            Tree::Object(fields) => fields.iter().map(|(name, tree)| wire_field(name, tree)).sum(),
        }
}
