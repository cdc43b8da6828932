//! How a file is to be read, as a body says it.

use isobase_jobs::{Column, ColumnType, Format, Ids, Mapping, ReadOptions};
use isobase_types::CollectionName;
use serde_json::{Map, Value};

use crate::request::Members;

/// Takes how the file is read, and which column becomes which field.
pub(super) fn options(members: &mut Members) -> ReadOptions {
    let format = members.optional_text("format").and_then(|word| match word.parse::<Format>() {
        Ok(format) => Some(format),
        Err(error) => members.fault("format", &format!("{error}")),
    });
    let delimiter = members.optional_text("delimiter");
    let delimiter = delimiter.and_then(|text| match text.as_bytes() {
        [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\n' | b'\r') => Some(*byte),
        _ => members.fault("delimiter", "expected one ASCII character"),
    });
    let mapping = mapping(members);
    ReadOptions { format, delimiter, mapping, ..ReadOptions::default() }
}

/// Takes what becomes of ids; that of new ones where nothing is said.
pub(super) fn ids(members: &mut Members) -> Ids {
    let Some(word) = members.optional_text("ids") else { return Ids::New };
    match word.parse() {
        Ok(ids) => ids,
        Err(error) => members.fault("ids", &format!("{error}")),
    }
}

/// Takes the name of the collection.
pub(super) fn collection(members: &mut Members) -> Option<CollectionName> {
    let name = members.text("collection");
    match CollectionName::new(&name) {
        Ok(name) if !name.as_str().starts_with(isobase_store::SYSTEM_PREFIX) => Some(name),
        Ok(_) => members.fault("collection", "names that begin with isobase_ are of the service"),
        // That it is missing is told already.
        Err(_) if name.is_empty() => None,
        Err(error) => members.fault("collection", &error.to_string()),
    }
}

fn mapping(members: &mut Members) -> Mapping {
    let mut columns = Vec::new();
    for column in members.array("columns").unwrap_or_default() {
        let Value::Object(column) = column else {
            return members.fault("columns", "expected objects with from, to and type");
        };
        match column_of(column) {
            Ok(column) => columns.push(column),
            Err(message) => return members.fault("columns", &message),
        }
    }
    match Mapping::new(columns) {
        Ok(mapping) => mapping,
        Err(error) => members.fault("columns", &error.to_string()),
    }
}

/// A column keeps its name unless `to` says another one; null leaves it out.
fn column_of(members: Map<String, Value>) -> Result<Column, String> {
    let mut members = Members::of(members);
    let from = members.text("from");
    let to = match members.has("to") {
        true => members.optional_text("to"),
        false => Some(from.clone()),
    };
    let kind = members.optional_text("type").and_then(|word| match word.parse::<ColumnType>() {
        Ok(kind) => Some(kind),
        Err(error) => members.fault("type", &format!("{error}")),
    });
    match members.into_fault() {
        Some(fault) => Err(fault),
        None => Ok(Column { from, to, kind }),
    }
}
