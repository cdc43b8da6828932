//! How records stand in the file.

use std::{
    collections::{HashMap, HashSet},
    fs::File,
    io::{BufRead, BufReader, BufWriter, Seek, Write},
};

use anyhow::{Context, Result};
use isobase::types::{
    FieldPath,
    json::{self, Kind, Raw},
};

use super::output::Output;

const ID: &str = "id";

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
    /// CSV with a column for every field that any record has: they are known at the end, and the
    /// records wait in a temporary file.
    Collected(Collected),
}

/// Records of a table whose columns are not known yet, one a line.
struct Collected {
    lines: BufWriter<File>,
    /// In the order in which they came, after the id.
    columns: Vec<String>,
    known: HashSet<String>,
}

impl Layout {
    pub(super) fn lines() -> Self {
        Self { form: Form::Lines, records: 0 }
    }

    pub(super) fn array() -> Self {
        Self { form: Form::Array, records: 0 }
    }

    /// A table of these fields, or of all that there are.
    pub(super) fn table(fields: &[FieldPath]) -> Result<Self> {
        let form = if fields.is_empty() {
            let file = tempfile::tempfile().context("cannot make a temporary file")?;
            Form::Collected(Collected {
                lines: BufWriter::new(file),
                columns: vec![ID.to_owned()],
                known: HashSet::from([ID.to_owned()]),
            })
        } else {
            Form::Table(columns(fields))
        };
        Ok(Self { form, records: 0 })
    }

    pub(super) fn records(&self) -> u64 {
        self.records
    }

    /// Writes a record, given as canonical text.
    pub(super) fn record(&mut self, text: &[u8], out: &mut Output) -> Result<()> {
        let first = self.records == 0;
        self.records += 1;
        match &mut self.form {
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
            Form::Collected(collected) => collected.take(std::str::from_utf8(text)?)?,
        }
        Ok(())
    }

    /// Writes what follows the last record.
    pub(super) fn end(&mut self, out: &mut Output) -> Result<()> {
        match (&mut self.form, self.records) {
            (Form::Collected(collected), _) => collected.write(out)?,
            (Form::Array, 0) => out.write_all(b"[]\n")?,
            (Form::Array, _) => out.write_all(b"\n]\n")?,
            (Form::Table(columns), 0) => header(columns, out)?,
            _ => {}
        }
        Ok(())
    }
}

impl Collected {
    fn take(&mut self, text: &str) -> Result<()> {
        for (name, _) in Raw::new(text).members() {
            let name = name.as_str_decoded().unwrap_or_default();
            if !self.known.contains(&*name) {
                self.known.insert(name.clone().into_owned());
                self.columns.push(name.into_owned());
            }
        }
        Ok(writeln!(self.lines, "{text}")?)
    }

    fn write(&mut self, out: &mut Output) -> Result<()> {
        let names: Vec<_> = self.columns.iter().map(|name| quoted(name)).collect();
        writeln!(out, "{}", names.join(","))?;
        self.lines.flush()?;
        let file = self.lines.get_mut();
        file.rewind()?;
        for line in BufReader::new(file).lines() {
            let line = line?;
            let members = Raw::new(&line).members();
            let found: HashMap<_, _> = members
                .map(|(name, value)| (name.as_str_decoded().unwrap_or_default(), value))
                .collect();
            let cells: Vec<_> =
                self.columns.iter().map(|name| cell(found.get(&**name).copied())).collect();
            writeln!(out, "{}", cells.join(","))?;
        }
        Ok(())
    }
}

/// Columns of a table are fields; the id is always there.
fn columns(fields: &[FieldPath]) -> Vec<FieldPath> {
    let id = FieldPath::parse("id").into_iter();
    id.chain(fields.iter().filter(|field| !field.is_id()).cloned()).collect()
}

fn header(columns: &[FieldPath], out: &mut Output) -> Result<()> {
    let names: Vec<_> = columns.iter().map(|column| quoted(&column.to_string())).collect();
    Ok(writeln!(out, "{}", names.join(","))?)
}

fn row(columns: &[FieldPath], text: &str, out: &mut Output) -> Result<()> {
    let cells: Vec<_> = columns.iter().map(|column| cell(json::find(text, column))).collect();
    Ok(writeln!(out, "{}", cells.join(","))?)
}

/// Texts as they are, an empty one in quotation marks; numbers and booleans as in JSON, nothing for
/// null, JSON for the rest.
fn cell(value: Option<Raw<'_>>) -> String {
    let Some(value) = value else { return String::new() };
    match value.kind() {
        Kind::Null => String::new(),
        Kind::String => match value.as_str_decoded().unwrap_or_default() {
            text if text.is_empty() => "\"\"".to_owned(),
            text => quoted(&text),
        },
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
