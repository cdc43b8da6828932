//! A file, cut into records. Holds one record and one buffer at a time.

use std::{
    io::{self, BufRead, BufReader, Read},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use isobase::types::json::{InvalidJson, SplitError, ValueSplitter, canonicalise_document};

use super::csv::{CsvOptions, CsvRecords};
use crate::arguments::Format;

/// Longest record, as in the service: a larger one would need a larger `limits.body_bytes` too.
pub(super) const RECORD_BYTES_MAX: usize = 64 << 20;

const BUFFER_BYTES: usize = 256 << 10;
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// A record of the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// Its number in the file, from 1.
    pub(super) number: u64,
    /// The document as canonical text without `id`, or why it is none.
    pub(super) body: Result<String, String>,
}

/// Why a file cannot be read on.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Split(#[from] SplitError),
    #[error("{0}")]
    Csv(String),
}

/// The records of a file, one after another.
pub(super) enum Records<R> {
    Json(JsonRecords<R>),
    Csv(Box<CsvRecords<R>>),
}

impl<R: BufRead> Records<R> {
    /// Begins to read; the format is guessed from the file's name, else from its first character.
    pub(super) fn open(
        mut input: R,
        path: &Path,
        format: Option<Format>,
        csv: CsvOptions,
    ) -> Result<Self, ReadError> {
        skip_byte_order_mark(&mut input)?;
        let extension = path.extension().and_then(|extension| extension.to_str());
        let format = match format.or_else(|| by_extension(extension?)) {
            Some(format) => format,
            None => by_content(input.fill_buf()?),
        };
        let delimiter = csv.delimiter.unwrap_or(match extension {
            Some("tsv") => b'\t',
            _ => b',',
        });
        match format {
            Format::Json | Format::Ndjson => Ok(Self::Json(JsonRecords::new(input))),
            Format::Csv => {
                Ok(Self::Csv(Box::new(CsvRecords::open(input, delimiter, csv.as_text)?)))
            }
        }
    }

    /// The next record; none at the end.
    pub(super) fn next(&mut self) -> Result<Option<Record>, ReadError> {
        match self {
            Self::Json(records) => records.next(),
            Self::Csv(records) => records.next(),
        }
    }
}

fn by_extension(extension: &str) -> Option<Format> {
    match extension.to_ascii_lowercase().as_str() {
        "json" => Some(Format::Json),
        "ndjson" | "jsonl" => Some(Format::Ndjson),
        "csv" | "tsv" => Some(Format::Csv),
        _ => None,
    }
}

fn by_content(start: &[u8]) -> Format {
    match start.trim_ascii_start().first() {
        Some(b'[') => Format::Json,
        Some(b'{') | None => Format::Ndjson,
        Some(_) => Format::Csv,
    }
}

/// Spreadsheets write a mark that is no part of the text.
fn skip_byte_order_mark(input: &mut impl BufRead) -> io::Result<()> {
    if input.fill_buf()?.starts_with(BYTE_ORDER_MARK) {
        input.consume(BYTE_ORDER_MARK.len());
    }
    Ok(())
}

/// Records of an array, or of lines: which of them shows at the first character.
pub(super) struct JsonRecords<R> {
    input: R,
    splitter: ValueSplitter,
    ended: bool,
}

impl<R: BufRead> JsonRecords<R> {
    fn new(input: R) -> Self {
        Self { input, splitter: ValueSplitter::new(RECORD_BYTES_MAX), ended: false }
    }

    fn next(&mut self) -> Result<Option<Record>, ReadError> {
        loop {
            let number = self.splitter.items() + 1;
            if let Some(value) = self.splitter.next_value()? {
                let body = canonicalise_document(value).map_err(|error| describe(&error));
                return Ok(Some(Record { number, body }));
            }
            if self.ended {
                return Ok(None);
            }
            let bytes = self.input.fill_buf()?;
            let length = bytes.len();
            if length == 0 {
                self.ended = true;
                self.splitter.finish();
            } else {
                self.splitter.push(bytes);
                self.input.consume(length);
            }
        }
    }
}

fn describe(error: &InvalidJson) -> String {
    if error.path.is_empty() { error.to_string() } else { format!("{}: {error}", error.path) }
}

/// Counts the bytes that were read, for the progress.
pub(super) struct Counted<R> {
    input: R,
    bytes: Arc<AtomicU64>,
}

impl<R: Read> Counted<R> {
    /// A buffered reader, and its counter.
    pub(super) fn buffered(input: R) -> (BufReader<Self>, Arc<AtomicU64>) {
        let bytes = Arc::new(AtomicU64::new(0));
        let counted = Self { input, bytes: bytes.clone() };
        (BufReader::with_capacity(BUFFER_BYTES, counted), bytes)
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.bytes.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, text: &str) -> Vec<Result<String, String>> {
        // A small buffer, so that records lie across its end.
        let input = BufReader::with_capacity(5, text.as_bytes());
        let csv = CsvOptions::default();
        let mut records = Records::open(input, Path::new(name), None, csv).unwrap();
        let mut found = Vec::new();
        while let Some(record) = records.next().unwrap() {
            assert_eq!(record.number, found.len() as u64 + 1);
            found.push(record.body);
        }
        found
    }

    #[test]
    fn guesses_the_format() {
        let expected = vec![Ok(r#"{"a":1}"#.to_owned()), Ok(r#"{"a":2}"#.to_owned())];
        let cases = [
            ("x.json", "[{\"a\": 1}, {\"a\": 2}]"),
            ("-", " [{\"a\":1},{\"a\":2}]"),
            ("x.ndjson", "{\"a\":1}\n\n{\"a\":2}"),
            ("-", "{\"a\":1}\r\n{\"a\":2}\r\n"),
            ("-", "\u{feff}{\"a\":1}\n{\"a\":2}\n"),
            ("x.csv", "a\n1\n2\n"),
            ("-", "a\n1\n2"),
            ("x.TSV", "\u{feff}a\r\n1\r\n2\r\n"),
        ];
        for (name, text) in cases {
            assert_eq!(check(name, text), expected, "{name} {text}");
        }
    }

    #[test]
    fn names_the_record_that_is_wrong() {
        let found = check("x.json", "[{\"a\":1}, 5, {\"a\":{\"b\":1,\"b\":2}}]");
        assert!(found[0].is_ok());
        assert!(found[1].as_ref().unwrap_err().contains("expected a JSON object"));
        assert!(found[2].is_err());
    }

    #[test]
    fn an_array_that_is_cut_off_is_an_error() {
        let input = "[{\"a\":1},{\"a\"".as_bytes();
        let mut records =
            Records::open(input, Path::new("-"), None, CsvOptions::default()).unwrap();
        assert!(records.next().unwrap().is_some());
        assert!(matches!(records.next(), Err(ReadError::Split(SplitError::Unfinished { .. }))));
    }
}
