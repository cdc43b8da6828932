//! What the cells of a column are. It is decided by the column and not by the cell, so that a field
//! has one type in all records.

use std::io::BufRead;

use isobase::types::json::write_string;

use super::rows::{Cell, Rows};
use crate::{arguments::ColumnType, import::record::ReadError};

/// Most digits of a number that 64-bit floats, and so most programs, hold apart from its
/// neighbours. More make an identifier, and its whole column text.
const NUMBER_DIGITS_MAX: usize = 15;

/// Appends a cell of a column as JSON.
///
/// # Errors
/// When it is not what the column is.
pub(super) fn write_cell(
    kind: ColumnType,
    cell: Cell<'_>,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    let text = std::str::from_utf8(cell.bytes).map_err(|_| "not UTF-8".to_owned())?;
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

/// What is known of a column.
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
/// when all are, text otherwise.
pub(super) fn survey<R: BufRead>(
    rows: &mut Rows<R>,
    columns: usize,
) -> Result<Vec<ColumnType>, ReadError> {
    let unknown = Seen { any: false, numbers: true, booleans: true, long: false };
    let mut seen = vec![unknown; columns];
    while rows.advance()? {
        // A row of another length is refused when it is imported.
        if rows.count() != columns {
            continue;
        }
        for (column, seen) in seen.iter_mut().enumerate() {
            let Ok(text) = std::str::from_utf8(rows.cell(column).bytes) else { continue };
            if text.is_empty() {
                continue;
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
    Ok(seen.iter().map(decide).collect())
}

fn boolean(text: &str) -> Option<&'static str> {
    ["true", "false"].into_iter().find(|word| text.eq_ignore_ascii_case(word))
}

/// How many digits a JSON number has; none when the text is not one. `007`, `+1` and `.5` are none:
/// they may be identifiers. What is too large for a 64-bit float is none either.
fn digits(text: &str) -> Option<usize> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let are_digits =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_exponent = |text: &str| are_digits(text.strip_prefix(['+', '-']).unwrap_or(text));
    let is_number = are_digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(are_digits)
        && exponent.is_none_or(is_exponent)
        && text.parse::<f64>().is_ok_and(f64::is_finite);
    is_number.then(|| whole.len() + fraction.map_or(0, str::len))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(column: &[&str]) -> ColumnType {
        let text = column.iter().map(|cell| format!("{cell},x\n")).collect::<String>();
        survey(&mut Rows::new(text.as_bytes(), b','), 2).unwrap()[0]
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
