//! The types of the cells of a column. It is decided by the column and not by the cell, so that a field
//! has one type in all records.

use std::io::BufRead;

use isobase_types::json::write_string;

use super::rows::{Cell, Rows};
use crate::import::{
    kinds::{ColumnType, NUMBER_DIGITS_MAX, boolean, digits},
    record::ReadError,
};

/// What programs write for no value: databases, statistics, spreadsheets.
const NULL_LIKE: [&str; 6] = ["NULL", "null", "\\N", "NA", "N/A", "None"];

/// Why a cell is none, and the way out: spreadsheets write what their system uses.
pub(super) const NOT_UTF8: &str = "not UTF-8; save the file as CSV UTF-8, or convert it first, as in \
                                   iconv -f WINDOWS-1252 -t UTF-8 FILE | isobase import -";

/// What a table is, as far as its cells tell.
#[derive(Debug)]
pub(super) struct Survey {
    pub(super) columns: Vec<ColumnType>,
    /// Whether every cell was looked at.
    pub(super) is_whole: bool,
    /// What stands in cells and may mean that they have no value.
    pub(super) null_like: Vec<&'static str>,
}

/// Appends a cell of a column as JSON.
///
/// # Errors
/// When it is not what the column is.
pub(super) fn write_cell(
    kind: ColumnType,
    cell: Cell<'_>,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    let text = std::str::from_utf8(cell.bytes).map_err(|_| NOT_UTF8.to_owned())?;
    let refuse = |what: &str| Err(format!("{text:?} is no {what}"));
    match kind {
        ColumnType::Text if !text.is_empty() || cell.quoted => write_string(text, out),
        _ if text.is_empty() => out.extend_from_slice(b"null"),
        // An empty text is written above, so what is left is JSON.
        ColumnType::Text | ColumnType::Json => out.extend_from_slice(text.as_bytes()),
        ColumnType::Number if digits(text).is_some() => out.extend_from_slice(text.as_bytes()),
        ColumnType::Number => return refuse("number"),
        ColumnType::Boolean => match boolean(text) {
            Some(truth) => out.extend_from_slice(truth.as_bytes()),
            None => return refuse("true or false"),
        },
    }
    Ok(())
}

/// Knowledge of a column.
#[derive(Clone, Copy)]
struct Seen {
    /// A cell had something in it.
    any: bool,
    numbers: bool,
    booleans: bool,
    /// A number had too many digits.
    long: bool,
}

/// Looks at every cell, and decides on each column: numbers when all of its cells are, booleans
/// when all are, text otherwise. Cells that say that they have no value do not count. Looks at so
/// many bytes of cells at most.
pub(super) fn survey<R: BufRead>(
    rows: &mut Rows<R>,
    columns: usize,
    nulls: &[String],
    bytes_max: u64,
) -> Result<Survey, ReadError> {
    let (mut bytes, mut is_whole) = (0, true);
    let unknown = Seen { any: false, numbers: true, booleans: true, long: false };
    let mut seen = vec![unknown; columns];
    let mut null_like = Vec::new();
    while rows.advance()? {
        if bytes >= bytes_max {
            is_whole = false;
            break;
        }
        bytes += rows.bytes() as u64;
        // A row of another length is refused when it is imported.
        if rows.count() != columns {
            continue;
        }
        for (column, seen) in seen.iter_mut().enumerate() {
            let cell = rows.cell(column);
            let Ok(text) = std::str::from_utf8(cell.bytes) else { continue };
            if text.is_empty() || is_null(cell, nulls) {
                continue;
            }
            if let Some(marker) = NULL_LIKE.iter().find(|it| !cell.quoted && **it == text)
                && !null_like.contains(marker)
            {
                null_like.push(*marker);
            }
            let digits = digits(text);
            seen.any = true;
            seen.numbers &= digits.is_some();
            seen.booleans &= boolean(text).is_some();
            seen.long |= digits.is_some_and(|digits| digits > NUMBER_DIGITS_MAX);
        }
    }
    let decide = |seen: &Seen| match *seen {
        Seen { any: true, numbers: true, long: false, .. } => ColumnType::Number,
        Seen { any: true, booleans: true, .. } => ColumnType::Boolean,
        _ => ColumnType::Text,
    };
    Ok(Survey { columns: seen.iter().map(decide).collect(), is_whole, null_like })
}

/// Whether a cell says that it has no value.
pub(super) fn is_null(cell: Cell<'_>, nulls: &[String]) -> bool {
    !cell.quoted && nulls.iter().any(|null| null.as_bytes() == cell.bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(column: &[&str]) -> ColumnType {
        let text = column.iter().map(|cell| format!("{cell},x\n")).collect::<String>();
        survey(&mut Rows::new(text.as_bytes(), b',', 1), 2, &[], u64::MAX).unwrap().columns[0]
    }

    #[test]
    fn a_column_is_what_all_of_its_cells_are() {
        use ColumnType::{Boolean, Number, Text};
        let cases: &[(&[&str], ColumnType)] = &[
            (&["1", "-1.50", "", "1e3", "\"2\""], Number),
            (&["123456789012345"], Number),
            (&["1", "9007199254740993"], Text),
            (&["1", "two"], Text),
            (&["007"], Text),
            (&["+1"], Text),
            (&[".5"], Text),
            (&["5."], Text),
            (&["1e999"], Text),
            (&["0x10"], Text),
            (&["NaN"], Text),
            (&[" 1"], Text),
            (&["true", "False", "", "TRUE"], Boolean),
            (&["true", "1"], Text),
            (&["", ""], Text),
            (&[], Text),
        ];
        for (column, expected) in cases {
            assert_eq!(check(column), *expected, "{column:?}");
        }
    }

    #[test]
    fn cells_are_written_as_their_column() {
        use ColumnType::{Boolean, Json, Number, Text};
        let write = |kind: ColumnType, text: &str, quoted: bool| {
            let mut out = Vec::new();
            let written = write_cell(kind, Cell { bytes: text.as_bytes(), quoted }, &mut out);
            written.map(|()| String::from_utf8(out).unwrap())
        };
        for (kind, text, quoted, json) in [
            (Text, "", false, "null"),
            (Text, "", true, "\"\""),
            (Text, "1", false, "\"1\""),
            (Number, "1e3", false, "1e3"),
            (Number, "9007199254740993", false, "9007199254740993"),
            (Number, "", true, "null"),
            (Boolean, "True", false, "true"),
            (Json, "[1,{}]", true, "[1,{}]"),
        ] {
            assert_eq!(write(kind, text, quoted).unwrap(), json, "{kind} {text}");
        }
        assert!(write(Number, "two", false).unwrap_err().contains("\"two\" is no number"));
        assert!(write(Boolean, "1", false).is_err());
    }
}
