//! Files that are read.

use std::{io, path::Path};

use anyhow::{Context, Result};
use isobase::ops::import::{Input, ReadError, ReadOptions, Records};
use serde_json::{Map, Value};

use crate::failure::Failure;

/// A file, or standard input for `-`.
pub(crate) fn open(path: &Path) -> Result<Input> {
    Input::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::IsADirectory => {
            Failure::usage(format!("{} is a folder", path.display())).into()
        }
        _ => anyhow::Error::new(error).context(format!("cannot read {}", path.display())),
    })
}

/// The records of a small file of any format, cells of a table as texts; those without a value are
/// left out.
///
/// # Errors
/// If the file or a record cannot be read, or there are more than `max`.
pub(crate) fn small_table(path: &Path, max: usize) -> Result<Vec<Map<String, Value>>> {
    let mut input = open(path)?;
    let wrong = |error: ReadError| Failure::new(format!("{}: {error}", path.display()));
    let options = ReadOptions { as_text: true, ..ReadOptions::default() };
    let mut records = Records::open(&mut input, path, &options).map_err(wrong)?;
    let mut rows = Vec::new();
    while let Some(record) = records.advance().map_err(wrong)? {
        let named = |what: &str| {
            let (number, line) = (record.number, record.line);
            Failure::new(format!("{}: record {number} (line {line}): {what}", path.display()))
        };
        if rows.len() == max {
            return Err(named(&format!("at most {max} are taken; divide the file")).into());
        }
        let body = record.body.as_ref().map_err(|error| named(error))?;
        let mut row: Map<String, Value> = serde_json::from_str(body).context("a record is JSON")?;
        row.retain(|_, value| !value.is_null() && value.as_str() != Some(""));
        rows.push(row);
    }
    Ok(rows)
}
