//! Records of a CSV file.

mod rows;

use std::{collections::HashSet, io::BufRead};

use isobase::types::json::{canonicalise_document, write_string};

use self::rows::Rows;
use super::records::{ReadError, Record};

/// Most digits of a cell that is read as a number. More would be an identifier, or a value that
/// 64-bit floats cannot hold apart from its neighbours.
const NUMBER_DIGITS_MAX: usize = 15;

/// What a user may choose.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CsvOptions {
    /// What separates cells.
    pub(super) delimiter: Option<u8>,
    /// Every cell is text.
    pub(super) as_text: bool,
}

/// Records of a CSV file; the first row names the fields.
pub(super) struct CsvRecords<R> {
    rows: Rows<R>,
    /// The names as JSON strings.
    names: Vec<Vec<u8>>,
    as_text: bool,
    records: u64,
}

impl<R: BufRead> CsvRecords<R> {
    /// Reads the names.
    pub(super) fn open(input: R, delimiter: u8, as_text: bool) -> Result<Self, ReadError> {
        let mut rows = Rows::new(input, delimiter);
        if !rows.advance()? {
            return Err(ReadError::Csv("the file is empty: the first row names the fields".into()));
        }
        let mut names = Vec::with_capacity(rows.count());
        let mut seen = HashSet::new();
        for column in 0..rows.count() {
            let text = std::str::from_utf8(rows.cell(column).bytes)
                .map_err(|_| ReadError::Csv(format!("column {}: not UTF-8", column + 1)))?;
            if text.is_empty() {
                return Err(ReadError::Csv(format!("column {} has no name", column + 1)));
            }
            if !seen.insert(text.to_owned()) {
                return Err(ReadError::Csv(format!("two columns have the name {text:?}")));
            }
            let mut name = Vec::new();
            write_string(text, &mut name);
            names.push(name);
        }
        Ok(Self { rows, names, as_text, records: 0 })
    }

    /// The next record; none at the end.
    pub(super) fn next(&mut self) -> Result<Option<Record>, ReadError> {
        if !self.rows.advance()? {
            return Ok(None);
        }
        self.records += 1;
        Ok(Some(Record { number: self.records, body: self.document() }))
    }

    /// The current row as a document.
    fn document(&self) -> Result<String, String> {
        let (cells, names) = (self.rows.count(), self.names.len());
        if cells != names {
            return Err(format!("{cells} cells, expected {names} as in the first row"));
        }
        let mut text = Vec::with_capacity(self.rows.bytes() + 16 * names);
        for (column, name) in self.names.iter().enumerate() {
            text.push(if column == 0 { b'{' } else { b',' });
            text.extend_from_slice(name);
            text.push(b':');
            let cell = std::str::from_utf8(self.rows.cell(column).bytes)
                .map_err(|_| format!("column {}: not UTF-8", column + 1))?;
            write_cell(cell, self.as_text, &mut text);
        }
        text.push(b'}');
        canonicalise_document(&text).map_err(|error| error.to_string())
    }
}

fn write_cell(cell: &str, as_text: bool, out: &mut Vec<u8>) {
    if !as_text && cell.is_empty() {
        out.extend_from_slice(b"null");
    } else if !as_text && (matches!(cell, "true" | "false") || is_plain_number(cell)) {
        out.extend_from_slice(cell.as_bytes());
    } else {
        write_string(cell, out);
    }
}

/// Whether a cell surely means a number: a JSON number without exponent, of few digits. `007`,
/// `+1`, `1e5` and `.5` are texts.
fn is_plain_number(cell: &str) -> bool {
    let unsigned = cell.strip_prefix('-').unwrap_or(cell);
    let (whole, fraction) = match unsigned.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (unsigned, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && whole.len() + fraction.map_or(0, str::len) <= NUMBER_DIGITS_MAX
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    fn check(text: &str, as_text: bool) -> Vec<Result<String, String>> {
        let input = BufReader::with_capacity(3, text.as_bytes());
        let mut records = CsvRecords::open(input, b',', as_text).unwrap();
        std::iter::from_fn(|| records.next().unwrap()).map(|record| record.body).collect()
    }

    #[test]
    fn types_only_what_is_certain() {
        let cases = [
            ("1", "1"),
            ("-1.50", "-1.50"),
            ("0", "0"),
            ("123456789012345", "123456789012345"),
            ("1234567890123456", "\"1234567890123456\""),
            ("007", "\"007\""),
            ("+1", "\"+1\""),
            ("1e5", "\"1e5\""),
            (".5", "\".5\""),
            ("5.", "\"5.\""),
            ("-", "\"-\""),
            (" 1", "\" 1\""),
            ("true", "true"),
            ("True", "\"True\""),
            ("null", "\"null\""),
            ("NaN", "\"NaN\""),
            ("\"a \"\"b\"\"\nc\"", r#""a \"b\"\nc""#),
            ("☃", "\"☃\""),
        ];
        for (cell, json) in cases {
            let found = check(&format!("a,b\n{cell},x\n"), false);
            assert_eq!(found, [Ok(format!("{{\"a\":{json},\"b\":\"x\"}}"))], "{cell}");
        }
    }

    #[test]
    fn empty_cells_are_null_and_text_stays_text() {
        assert_eq!(check("a,b\n,1\n", false), [Ok(r#"{"a":null,"b":1}"#.to_owned())]);
        assert_eq!(check("a,b\n,1\n", true), [Ok(r#"{"a":"","b":"1"}"#.to_owned())]);
    }

    #[test]
    fn rows_of_another_length_are_bad() {
        let found = check("a,b\n1\n1,2\n1,2,3\n", false);
        let bad = |cells| Err(format!("{cells} cells, expected 2 as in the first row"));
        assert_eq!(found, [bad(1), Ok(r#"{"a":1,"b":2}"#.to_owned()), bad(3)]);
    }

    #[test]
    fn names_must_be_there_and_differ() {
        for text in ["", "a,,b\n", "a,a\n"] {
            assert!(CsvRecords::open(text.as_bytes(), b',', false).is_err(), "{text}");
        }
    }
}
