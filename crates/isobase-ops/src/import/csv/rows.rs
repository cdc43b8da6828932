//! The rows of a CSV file, as RFC 4180 has them.
//!
//! Quoting is strict: a mark that is never closed would make one cell of the rest of the file, so
//! it ends the reading with the line where it stands.

use std::io::BufRead;

use crate::import::record::{RECORD_BYTES_MAX, ReadError};

/// The rows of a file; holds one.
pub(super) struct Rows<R> {
    input: R,
    delimiter: u8,
    row: Row,
    /// The line of the next byte, from 1.
    line: u64,
    /// The line on which the current row begins.
    begins: u64,
    /// The last byte was a carriage return that ended a row: a line feed belongs to it.
    after_return: bool,
}

/// The current row.
struct Row {
    /// The cells, one after another.
    text: Vec<u8>,
    cells: Vec<End>,
    /// The line where the open quotation began.
    quoted_on: u64,
}

/// Where a cell ends, and whether it was quoted.
#[derive(Clone, Copy)]
struct End {
    at: usize,
    quoted: bool,
}

/// A cell of the current row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cell<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) quoted: bool,
}

/// Where in a row the reading is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before the first byte of a cell.
    Start,
    /// In a cell without quotation marks around it.
    Plain,
    /// Within quotation marks.
    Quoted,
    /// After a mark within them: the end of the cell, or the first of two that mean one.
    Mark,
}

impl<R: BufRead> Rows<R> {
    /// Rows of an input whose first byte is on this line.
    pub(super) fn new(input: R, delimiter: u8, line: u64) -> Self {
        let row = Row { text: Vec::new(), cells: Vec::new(), quoted_on: 0 };
        Self { input, delimiter, row, line, begins: line, after_return: false }
    }

    /// How many cells the current row has.
    pub(super) fn count(&self) -> usize {
        self.row.cells.len()
    }

    /// Bytes of all cells of the current row.
    pub(super) fn bytes(&self) -> usize {
        self.row.text.len()
    }

    /// The line on which the current row begins, from 1.
    pub(super) fn line(&self) -> u64 {
        self.begins
    }

    /// A cell of the current row.
    pub(super) fn cell(&self, column: usize) -> Cell<'_> {
        let start = if column == 0 { 0 } else { self.row.cells[column - 1].at };
        let End { at, quoted } = self.row.cells[column];
        Cell { bytes: &self.row.text[start..at], quoted }
    }

    /// Reads the next row that is not blank; false at the end.
    ///
    /// # Errors
    /// When a quotation mark is not closed or stands where none may, the row is longer than
    /// [`RECORD_BYTES_MAX`], or the input fails.
    pub(super) fn advance(&mut self) -> Result<bool, ReadError> {
        let Self { input, delimiter, row, line, begins, after_return } = self;
        row.text.clear();
        row.cells.clear();
        let mut state = State::Start;
        *begins = *line;
        loop {
            let bytes = input.fill_buf()?;
            if bytes.is_empty() {
                return row.end_of_input(state);
            }
            let (mut used, mut complete) = (0, false);
            for &byte in bytes {
                used += 1;
                let follows_return = std::mem::take(after_return);
                if byte == b'\n' && follows_return {
                    *begins = *line;
                    continue;
                }
                if byte == b'\n' || (byte == b'\r' && state != State::Quoted) {
                    *line += 1;
                }
                state = match (state, byte) {
                    (State::Quoted, b'"') => State::Mark,
                    (State::Quoted, _) => row.push(byte, State::Quoted),
                    (State::Mark, b'"') => row.push(byte, State::Quoted),
                    (State::Start, b'"') => {
                        row.quoted_on = *line;
                        State::Quoted
                    }
                    (_, b'\n' | b'\r') => {
                        *after_return = byte == b'\r';
                        if state == State::Start && row.cells.is_empty() {
                            *begins = *line;
                            continue;
                        }
                        row.end_cell(state);
                        complete = true;
                        break;
                    }
                    (_, _) if byte == *delimiter => {
                        row.end_cell(state);
                        State::Start
                    }
                    (State::Mark, _) => return Err(row.text_after_mark(*line)),
                    (State::Start | State::Plain, _) => row.push(byte, State::Plain),
                };
            }
            input.consume(used);
            if complete {
                return Ok(true);
            }
            if row.text.len() > RECORD_BYTES_MAX {
                return Err(row.too_long(state, *begins));
            }
        }
    }
}

impl Row {
    fn push(&mut self, byte: u8, next: State) -> State {
        self.text.push(byte);
        next
    }

    fn end_cell(&mut self, state: State) {
        self.cells.push(End { at: self.text.len(), quoted: state == State::Mark });
    }

    /// The last row needs no line end.
    fn end_of_input(&mut self, state: State) -> Result<bool, ReadError> {
        match state {
            State::Quoted => Err(ReadError::Csv(format!(
                "line {}: the quotation mark that begins cell {} is never closed",
                self.quoted_on,
                self.cells.len() + 1
            ))),
            State::Start if self.cells.is_empty() => Ok(false),
            _ => {
                self.end_cell(state);
                Ok(true)
            }
        }
    }

    fn text_after_mark(&self, line: u64) -> ReadError {
        let (cell, began) = (self.cells.len() + 1, self.quoted_on);
        let place = if line == began { String::new() } else { format!(" on line {line}") };
        ReadError::Csv(format!(
            "line {began}: a quotation mark begins cell {cell}, and after the one that closes \
             it{place} there is more text; a mark inside a quoted cell is written twice"
        ))
    }

    fn too_long(&self, state: State, begins: u64) -> ReadError {
        let quoted = match state {
            State::Quoted => {
                format!("; the quotation mark on line {} is not closed up to here", self.quoted_on)
            }
            _ => String::new(),
        };
        ReadError::Csv(format!(
            "line {begins}: the row is longer than {RECORD_BYTES_MAX} bytes{quoted}"
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    fn read(text: &str, buffer: usize) -> Result<Vec<Vec<String>>, String> {
        let mut rows = Rows::new(BufReader::with_capacity(buffer, text.as_bytes()), b',', 1);
        let mut found = Vec::new();
        while rows.advance().map_err(|error| error.to_string())? {
            let shown = |column| {
                let Cell { bytes, quoted } = rows.cell(column);
                let text = String::from_utf8(bytes.to_vec()).unwrap();
                if quoted { format!("<{text}>") } else { text }
            };
            found.push((0..rows.count()).map(shown).collect());
        }
        Ok(found)
    }

    #[test]
    fn cuts_rows_and_cells() {
        let cases: &[(&str, &[&[&str]])] = &[
            ("", &[]),
            ("\n\r\n\r\n", &[]),
            ("a", &[&["a"]]),
            ("a,b\r\n1,2\r\n", &[&["a", "b"], &["1", "2"]]),
            ("a\r1\r\r2", &[&["a"], &["1"], &["2"]]),
            ("a,\n,", &[&["a", ""], &["", ""]]),
            ("\"a,\"\"b\"\"\n\",\"\"\n", &[&["<a,\"b\"\n>", "<>"]]),
            ("5\" pipe,6\"\n", &[&["5\" pipe", "6\""]]),
            ("\"\"", &[&["<>"]]),
        ];
        for (text, expected) in cases {
            for buffer in 1..=4 {
                assert_eq!(read(text, buffer).unwrap(), *expected, "{text:?}");
            }
        }
    }

    #[test]
    fn rows_know_their_lines() {
        let text = "a,b\r\n\n1,\"x\ny\"\n\r\n2,3\r4,5";
        for buffer in 1..=4 {
            let mut rows = Rows::new(BufReader::with_capacity(buffer, text.as_bytes()), b',', 1);
            let mut lines = Vec::new();
            while rows.advance().unwrap() {
                lines.push(rows.line());
            }
            assert_eq!(lines, [1, 3, 6, 7]);
        }
    }

    #[test]
    fn quotation_marks_that_do_not_fit_name_their_line() {
        for (text, line, part) in [
            ("id,name\n1,\"Ann\n2,Bob\n3,Cid\n", 2, "cell 2 is never closed"),
            ("id,name\r\n1,Ann\r\n2,\"Bo", 3, "cell 2 is never closed"),
            ("\"id", 1, "cell 1 is never closed"),
            ("a\n\n\"x\" inch\n", 3, "closes it there is more text"),
            ("a,b\n1,\"Ann\n2,\"Bob\"\n", 2, "closes it on line 3 there is more text"),
        ] {
            for buffer in [1, 100] {
                let error = read(text, buffer).unwrap_err();
                assert!(error.starts_with(&format!("line {line}: ")), "{error}");
                assert!(error.contains(part), "{error}");
            }
        }
    }
}
