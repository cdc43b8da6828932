//! The database of PocketBase: a table for each collection, described by `_collections`.
//!
//! Values are read by what they are in the table (`typeof`), as a column may hold several types, and
//! as JSON where the collection says that a field is. Passwords and the keys of tokens stay there.

use std::collections::HashMap;

use anyhow::Result;
use isobase::types::json::{canonicalise_value, write_string};
use rusqlite::{Connection, Row, types::ValueRef};
use serde::Deserialize;

use super::{
    filling::{Filling, Foreign},
    tables::{has_columns, microseconds},
};

/// Fields that are of use to PocketBase alone, or to an intruder.
const SECRETS: [&str; 2] = ["password", "tokenKey"];

/// How a field is kept.
#[derive(Deserialize)]
struct Field {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default, rename = "maxSelect")]
    select_max: u64,
}

pub(super) fn is_in(database: &Connection) -> rusqlite::Result<bool> {
    has_columns(database, "_collections", &["name", "type", "system"])
}

pub(super) async fn read(database: &Connection, filling: &mut Filling<'_>) -> Result<()> {
    // Before version 0.23 the column had another name.
    let fields = match has_columns(database, "_collections", &["fields"])? {
        true => "fields",
        false => "schema",
    };
    let sql = format!(
        "SELECT name, CAST({fields} AS TEXT) FROM _collections \
         WHERE NOT system AND type <> 'view' ORDER BY name"
    );
    let mut statement = database.prepare(&sql)?;
    let collections = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let collections: Vec<(String, String)> = collections.collect::<rusqlite::Result<_>>()?;
    for (name, fields) in collections {
        let fields: Vec<Field> = serde_json::from_str(&fields)?;
        read_collection(database, &name, &fields, filling).await?;
    }
    Ok(())
}

async fn read_collection(
    database: &Connection,
    name: &str,
    fields: &[Field],
    filling: &mut Filling<'_>,
) -> Result<()> {
    let table = format!("\"{}\"", name.replace('"', "\"\""));
    let time = |column: &str| -> rusqlite::Result<String> {
        let there = has_columns(database, name, &[column])?;
        Ok(if there { microseconds(column) } else { "NULL".to_owned() })
    };
    let sql =
        format!("SELECT {}, {}, * FROM {table} ORDER BY id", time("created")?, time("updated")?);
    let kinds: HashMap<&str, &Field> =
        fields.iter().map(|field| (field.name.as_str(), field)).collect();
    let mut statement = database.prepare(&sql)?;
    let columns: Vec<String> = statement.column_names().skip(2).map(str::to_owned).collect();
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (created_us, updated_us) = (row.get(0)?, row.get(1)?);
        let id = row.get("id")?;
        let text = object(row, &columns, &kinds)?;
        let record = Foreign { id, text, without: &[], created_us, updated_us };
        filling.take(name, record).await?;
    }
    Ok(())
}

/// A row as a JSON object.
fn object(
    row: &Row<'_>,
    columns: &[String],
    kinds: &HashMap<&str, &Field>,
) -> rusqlite::Result<String> {
    let mut out = b"{".to_vec();
    for (index, column) in columns.iter().enumerate() {
        if SECRETS.contains(&column.as_str()) || column == "id" {
            continue;
        }
        if out.len() > 1 {
            out.push(b',');
        }
        write_string(column, &mut out);
        out.push(b':');
        write_value(row.get_ref(index + 2)?, kinds.get(column.as_str()).copied(), &mut out);
    }
    out.push(b'}');
    // Everything in it came as text or was made here.
    Ok(String::from_utf8_lossy(&out).into_owned())
}

fn write_value(value: ValueRef<'_>, field: Option<&Field>, out: &mut Vec<u8>) {
    let kind = field.map_or("", |field| field.kind.as_str());
    match value {
        ValueRef::Null => out.extend_from_slice(b"null"),
        ValueRef::Integer(integer) if kind == "bool" => {
            out.extend_from_slice(if integer == 0 { b"false" } else { b"true" });
        }
        ValueRef::Integer(integer) => out.extend_from_slice(integer.to_string().as_bytes()),
        ValueRef::Real(real) => match serde_json::Number::from_f64(real) {
            Some(number) => out.extend_from_slice(number.to_string().as_bytes()),
            None => out.extend_from_slice(b"null"),
        },
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            let json = field.is_some_and(is_json).then(|| canonicalise_value(bytes).ok()).flatten();
            match json {
                Some(json) => out.extend_from_slice(json.as_bytes()),
                None => write_string(&String::from_utf8_lossy(bytes), out),
            }
        }
    }
}

/// Fields of several values are lists.
fn is_json(field: &Field) -> bool {
    match field.kind.as_str() {
        "json" | "geoPoint" => true,
        "select" | "relation" | "file" => field.select_max > 1,
        _ => false,
    }
}
