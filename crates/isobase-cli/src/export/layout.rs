//! How records stand in the file.

use std::io::Write;

use anyhow::Result;
use isobase::types::{
    FieldPath,
    json::{self, Kind},
};

use super::{columns, output::Output};
use crate::failure::Failure;

/// How records stand in the file, and how many there are so far.
pub(super) struct Layout {
    form: Form,
    records: u64,
}

enum Form {
    /// One object a line.
    Lines,
    /// A JSON array, one object a line.
    Array,
    /// CSV with these columns.
    Table(Vec<FieldPath>),
}

impl Layout {
    pub(super) fn lines() -> Self {
        Self { form: Form::Lines, records: 0 }
    }

    pub(super) fn array() -> Self {
        Self { form: Form::Array, records: 0 }
    }

    /// A table has columns before it has rows, so they must be named.
    pub(super) fn table(fields: &[FieldPath]) -> Result<Self> {
        if fields.is_empty() {
            return Err(Failure::usage("csv needs the names of its columns")
                .hint("name them: --filter 'fields=name,customer.id'")
                .into());
        }
        Ok(Self { form: Form::Table(columns(fields)), records: 0 })
    }

    pub(super) fn records(&self) -> u64 {
        self.records
    }

    /// Writes a record, given as canonical text.
    pub(super) fn record(&mut self, text: &[u8], out: &mut Output) -> Result<()> {
        let first = self.records == 0;
        self.records += 1;
        match &self.form {
            Form::Lines => {
                out.write_all(text)?;
                out.write_all(b"\n")?;
            }
            Form::Array => {
                out.write_all(if first { b"[\n" } else { b",\n" })?;
                out.write_all(text)?;
            }
            Form::Table(columns) => {
                if first {
                    header(columns, out)?;
                }
                row(columns, std::str::from_utf8(text)?, out)?;
            }
        }
        Ok(())
    }

    /// Writes what follows the last record.
    pub(super) fn end(&mut self, out: &mut Output) -> Result<()> {
        match (&self.form, self.records) {
            (Form::Array, 0) => out.write_all(b"[]\n")?,
            (Form::Array, _) => out.write_all(b"\n]\n")?,
            (Form::Table(columns), 0) => header(columns, out)?,
            _ => {}
        }
        Ok(())
    }
}

fn header(columns: &[FieldPath], out: &mut Output) -> Result<()> {
    let names: Vec<_> = columns.iter().map(|column| quoted(&column.to_string())).collect();
    Ok(writeln!(out, "{}", names.join(","))?)
}

fn row(columns: &[FieldPath], text: &str, out: &mut Output) -> Result<()> {
    let cells: Vec<_> = columns.iter().map(|column| cell(text, column)).collect();
    Ok(writeln!(out, "{}", cells.join(","))?)
}

/// Texts as they are, numbers and booleans as in JSON, nothing for null, JSON for the rest.
fn cell(text: &str, column: &FieldPath) -> String {
    let Some(value) = json::find(text, column) else { return String::new() };
    match value.kind() {
        Kind::Null => String::new(),
        Kind::String => quoted(&value.as_str_decoded().unwrap_or_default()),
        _ => quoted(value.as_text()),
    }
}

/// RFC 4180: a cell with a comma, a quotation mark or a line end is quoted.
fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}
