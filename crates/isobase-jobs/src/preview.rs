//! The first records of a file, and what becomes of its columns.

use std::path::Path;

use isobase_ops::import::{
    COLUMNS_MAX, Column, Format, Input, Mapping, ReadError, ReadOptions, Record, Records, Table,
};
use isobase_types::json::Raw;

/// Records of the file that are looked at for the names of members.
const LOOKED_AT: usize = 100;
/// Bytes of cells that are looked at to find out what columns are; an import looks at all.
const SURVEY_BYTES: u64 = 32 << 20;
/// Bytes of records after which no more are shown: one may be as long as 64 MiB.
const SHOWN_BYTES_MAX: usize = 4 << 20;
/// Longest example of a column, in characters.
const EXAMPLE_CHARACTERS_MAX: usize = 80;

/// The beginning of a file.
#[derive(Debug)]
pub struct Preview {
    /// How it is written.
    pub format: Format,
    /// The form of the table, if it is one.
    pub table: Option<Table>,
    /// Its columns, or the members of its first objects.
    pub columns: Vec<Seen>,
    /// The first records as they would be stored.
    pub records: Vec<Record>,
    /// Why it cannot be read on after them.
    pub ends_with: Option<String>,
}

/// A column as it is in the file.
#[derive(Debug)]
pub struct Seen {
    /// Its name.
    pub name: String,
    /// The JSON of the first value that is not null.
    pub example: Option<String>,
}

/// Reads the beginning of a file. Blocks.
///
/// # Errors
/// It cannot be read, or the columns of the mapping are not in it.
pub(crate) fn preview(
    input: &mut Input,
    name: &Path,
    options: &ReadOptions,
    rows: usize,
) -> Result<Preview, ReadError> {
    let plain = ReadOptions {
        survey_bytes_max: SURVEY_BYTES,
        mapping: Mapping::default(),
        ..options.clone()
    };
    let mut records = Records::open(input, name, &plain)?;
    let (format, mut table) = (records.format(), records.table());
    let columns = columns(&mut records, table.as_ref());
    drop(records);
    // What was found out once need not be found out again.
    let known = table.iter().flat_map(|table| &table.columns).map(|(name, kind)| Column {
        from: name.clone(),
        to: options.mapping.field(name).map(str::to_owned),
        kind: Some(options.mapping.kind(name).unwrap_or(*kind)),
    });
    let known: Vec<_> = known.collect();
    let mut mapped = ReadOptions { survey_bytes_max: 0, ..options.clone() };
    // A column that is not there is told by the mapping that was asked for.
    let names_all =
        options.mapping.columns().all(|column| known.iter().any(|it| it.from == column.from));
    if let Some(table) = &mut table
        && names_all
    {
        for ((_, kind), known) in table.columns.iter_mut().zip(&known) {
            *kind = known.kind.unwrap_or(*kind);
        }
        let mapping = Mapping::new(known);
        mapped.mapping = mapping.map_err(|error| ReadError::Other(error.to_string()))?;
    }
    let (mut found, mut bytes) = (Vec::new(), 0);
    let mut ends_with = None;
    let mut records = Records::open(input, name, &mapped)?;
    while found.len() < rows && bytes < SHOWN_BYTES_MAX {
        match records.advance() {
            Ok(Some(record)) => {
                bytes += record.body.as_ref().map_or(0, String::len);
                found.push(record);
            }
            Ok(None) => break,
            Err(error) => {
                ends_with = Some(error.to_string());
                break;
            }
        }
    }
    Ok(Preview { format, table, columns, records: found, ends_with })
}

/// The columns of a table, or the members of the first objects in the order in which they come.
fn columns(records: &mut Records, table: Option<&Table>) -> Vec<Seen> {
    let names = table.iter().flat_map(|table| &table.columns);
    let mut columns: Vec<Seen> =
        names.map(|(name, _)| Seen { name: name.clone(), example: None }).collect();
    let mut see = |name: &str, value: &str| {
        let value = (value != "null").then(|| value.chars().take(EXAMPLE_CHARACTERS_MAX).collect());
        if let Some(column) = columns.iter_mut().find(|column| column.name == name) {
            column.example = column.example.take().or(value);
        } else if columns.len() < COLUMNS_MAX {
            columns.push(Seen { name: name.to_owned(), example: value });
        }
    };
    for _ in 0..LOOKED_AT {
        // What cannot be read is told where the records are.
        let Ok(Some(Record { id, body, .. })) = records.advance() else { break };
        if let Some(Ok(id)) = id {
            let mut text = Vec::new();
            id.write_json(&mut text);
            see("id", &String::from_utf8_lossy(&text));
        }
        let Ok(body) = body else { continue };
        for (name, value) in Raw::new(&body).members() {
            see(&name.as_str_decoded().unwrap_or_default(), value.as_text());
        }
    }
    columns
}
