//! A file, cut into records. Holds one record and one buffer at a time.

use std::{
    ffi::OsStr,
    io::{self, BufRead},
    path::Path,
};

use isobase_types::{
    DocumentId,
    json::{InvalidJson, SplitError, ValueSplitter, canonicalise_document},
};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    csv::CsvRecords,
    input::{Input, Text},
    kinds::{ColumnType, Format},
    mapping::Mapping,
    options::ReadOptions,
    record::{RECORD_BYTES_MAX, ReadError, Record},
    shape::{refuses_file, refuses_record},
};

const NOT_ON_ITS_LINE: &str = "the object does not end on its line; an array or one object a line is \
                               read, as jq -c . FILE writes them";

const ANOTHER_ARRAY: &str = "there is more after the array; several arrays are written as lines \
                             first, as in jq -c '.[]' FILE | isobase import -";

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// The records of a file, one after another.
pub struct Records(Kinds);

enum Kinds {
    Json(Box<JsonRecords>, Format),
    Csv(Box<CsvRecords>),
}

/// The form of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its columns and what they are.
    pub columns: Vec<(String, ColumnType)>,
    /// The delimiter of its cells.
    pub delimiter: char,
    /// Whether every cell was looked at to find out what columns are.
    pub surveyed_whole: bool,
    /// What stands in cells and may mean that they have no value: see [`ReadOptions::nulls`].
    pub null_like: Vec<&'static str>,
}

impl Records {
    /// Begins to read; the format is guessed from the file's name, else from its first character.
    ///
    /// # Errors
    /// The file cannot be read, or is no such file.
    pub fn open(input: &mut Input, path: &Path, options: &ReadOptions) -> Result<Self, ReadError> {
        let extension = extension(path);
        let known = options.format.or_else(|| by_extension(extension.as_deref()?));
        let mut text = begin(input)?;
        let format = match known {
            Some(format) => format,
            None => by_content(text.fill_buf()?, extension.as_deref())?,
        };
        if format != Format::Csv {
            let first = match (options.format, known) {
                // Who says that each line is a record means it.
                (Some(Format::Ndjson), _) => First::Record,
                (_, Some(Format::Ndjson)) => First::MayHaveTypes,
                _ => First::MayBeWhole,
            };
            let records = JsonRecords::new(text, first, options.mapping.clone());
            return Ok(Self(Kinds::Json(Box::new(records), format)));
        }
        let delimiter =
            options.delimiter.or((extension.as_deref() == Some("tsv")).then_some(b'\t'));
        // What was begun is the first of two readings.
        let mut begun = Some(text);
        if input.length().is_none() {
            let mut file = tempfile::tempfile()?;
            io::copy(&mut begun.take().ok_or(io::ErrorKind::UnexpectedEof)?, &mut file)?;
            input.replace(file);
        }
        let begin = || match begun.take() {
            Some(text) => Ok(text),
            None => begin(input),
        };
        let records = CsvRecords::open(begin, delimiter, options)?;
        Ok(Self(Kinds::Csv(Box::new(records))))
    }

    /// The next record; `None` at the end.
    ///
    /// # Errors
    /// The file cannot be read on.
    pub fn advance(&mut self) -> Result<Option<Record>, ReadError> {
        match &mut self.0 {
            Kinds::Json(records, _) => records.next(),
            Kinds::Csv(records) => records.next(),
        }
    }

    /// How the file is written.
    #[must_use]
    pub fn format(&self) -> Format {
        match &self.0 {
            Kinds::Json(_, format) => *format,
            Kinds::Csv(_) => Format::Csv,
        }
    }

    /// The form of the table; `None` if there is none, or every cell is text.
    #[must_use]
    pub fn table(&self) -> Option<Table> {
        let Kinds::Csv(records) = &self.0 else { return None };
        Some(Table {
            columns: records.columns()?,
            delimiter: char::from(records.delimiter()),
            surveyed_whole: records.is_surveyed_whole(),
            null_like: records.null_like().to_vec(),
        })
    }
}

/// Without the mark that spreadsheets write, which is no part of the text.
fn begin(input: &mut Input) -> Result<Text, ReadError> {
    let mut text = input.begin()?;
    if text.fill_buf()?.starts_with(BYTE_ORDER_MARK) {
        text.consume(BYTE_ORDER_MARK.len());
    }
    Ok(text)
}

/// The type of the file, packed or not.
fn extension(path: &Path) -> Option<String> {
    let is_packed = ["gz", "zst"].iter().any(|it| path.extension() == Some(OsStr::new(it)));
    let path = if is_packed { Path::new(path.file_stem()?) } else { path };
    Some(path.extension()?.to_str()?.to_ascii_lowercase())
}

fn by_extension(extension: &str) -> Option<Format> {
    match extension {
        "json" => Some(Format::Json),
        "ndjson" | "jsonl" => Some(Format::Ndjson),
        "csv" | "tsv" => Some(Format::Csv),
        _ => None,
    }
}

/// Everything may be a table of one column, but is seldom meant to be.
fn by_content(start: &[u8], extension: Option<&str>) -> Result<Format, ReadError> {
    let other = |what: &str| {
        Err(ReadError::Other(format!(
            "the file is {what}; JSON, lines of JSON and CSV are read (--format csv reads it as a table \
             all the same)"
        )))
    };
    match (start.trim_ascii_start().first(), extension) {
        (Some(b'['), _) => Ok(Format::Json),
        (Some(b'{') | None, _) => Ok(Format::Ndjson),
        (Some(b'<'), _) => other("XML or HTML"),
        (_, Some("yaml" | "yml")) => other("YAML"),
        (_, Some("toml")) => other("TOML"),
        (_, Some("sql")) => other("SQL: let its own database read it, and export a table as CSV"),
        (_, Some("xls")) => other("an Excel workbook: save it as CSV UTF-8"),
        _ => Ok(Format::Csv),
    }
}

/// Records of an array, or of lines: which of them shows at the first character.
struct JsonRecords {
    input: Text,
    splitter: ValueSplitter,
    ended: bool,
    /// The second record, when it was read to see whether there is one.
    second: Option<Record>,
    /// What the first object may be; a record afterwards.
    first: First,
    mapping: Mapping,
}

/// What the first object of a file may be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum First {
    /// A record as it is to be stored.
    Record,
    /// One of a program that has types beside its values.
    MayHaveTypes,
    /// Such a one, or the whole file, with the records within it.
    MayBeWhole,
}

/// The members by which a record may be known. In exports of MongoDB an id is an object of one string.
#[derive(Deserialize)]
struct Ids<'a> {
    #[serde(borrow, rename = "_id")]
    native: Option<&'a RawValue>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct ObjectId {
    #[serde(rename = "$oid")]
    hexadecimal: String,
}

impl JsonRecords {
    fn new(input: Text, first: First, mapping: Mapping) -> Self {
        let splitter = ValueSplitter::new(RECORD_BYTES_MAX);
        Self { input, splitter, ended: false, second: None, first, mapping }
    }

    fn next(&mut self) -> Result<Option<Record>, ReadError> {
        if let Some(second) = self.second.take() {
            return Ok(Some(second));
        }
        let record = self.read()?;
        let first = std::mem::replace(&mut self.first, First::Record);
        let Some(Record { body: Ok(body), .. }) = &record else { return Ok(record) };
        if first != First::Record
            && let Some(reason) = refuses_record(body)
        {
            return Err(ReadError::Other(reason));
        }
        if first == First::MayBeWhole
            && let Some(reason) = refuses_file(body)
        {
            self.second = self.read()?;
            if self.second.is_none() {
                return Err(ReadError::Other(reason));
            }
        }
        Ok(record)
    }

    fn read(&mut self) -> Result<Option<Record>, ReadError> {
        loop {
            let is_first = self.splitter.items() == 0;
            let value = match self.splitter.next_value() {
                Err(SplitError::TooLarge { item, limit }) => {
                    self.splitter.pass_over();
                    let body = Err(format!("it is longer than {limit} bytes"));
                    let line = self.splitter.item_line();
                    return Ok(Some(Record { number: item, line, id: None, body }));
                }
                Err(SplitError::TrailingCharacters) => {
                    return Err(ReadError::Other(ANOTHER_ARRAY.to_owned()));
                }
                found => found?,
            };
            if let Some(value) = value {
                let mapped = match self.mapping.apply(value) {
                    Ok(mapped) => mapped,
                    Err(reason) => {
                        let (number, line) = (self.splitter.items(), self.splitter.item_line());
                        return Ok(Some(Record { number, line, id: None, body: Err(reason) }));
                    }
                };
                let value = &*mapped;
                let body = canonicalise_document(value).map_err(|error| {
                    let is_open = is_first
                        && matches!(value.trim_ascii_end(), [b'{', .., b'{' | b'[' | b','] | b"{");
                    if is_open { NOT_ON_ITS_LINE.to_owned() } else { describe(&error) }
                });
                let id = body.is_ok().then(|| id_of(value)).flatten();
                let (number, line) = (self.splitter.items(), self.splitter.item_line());
                return Ok(Some(Record { number, line, id, body }));
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

/// The id of a record that has one: `_id` where a document database wrote it, else `id`.
fn id_of(record: &[u8]) -> Option<Result<DocumentId, String>> {
    let Ids { native, id } = serde_json::from_slice(record).ok()?;
    let text = native.or(id)?.get();
    if text == "null" {
        return None;
    }
    let parse = |text: &str| DocumentId::parse(text).map_err(|error| error.to_string());
    if let Ok(string) = serde_json::from_str::<String>(text) {
        return Some(parse(&string));
    }
    if let Ok(ObjectId { hexadecimal }) = serde_json::from_str(text) {
        return Some(parse(&hexadecimal));
    }
    Some(match parse(text) {
        Ok(id @ DocumentId::Integer(_)) => Ok(id),
        _ => Err(format!("the id {text} is neither a string nor an integer from 0 to 2^63-1")),
    })
}

fn describe(error: &InvalidJson) -> String {
    if error.path.is_empty() { error.to_string() } else { format!("{}: {error}", error.path) }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::{super::mapping::Column, *};

    fn open(name: &str, text: &str) -> Result<Records, ReadError> {
        let text = Cursor::new(text.to_owned().into_bytes());
        let mut input = Input::stream(Box::new(text));
        Records::open(&mut input, Path::new(name), &ReadOptions::default())
    }

    fn check(name: &str, text: &str) -> Vec<Result<String, String>> {
        let mut records = open(name, text).unwrap();
        let mut found = Vec::new();
        while let Some(record) = records.advance().unwrap() {
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
        let mut records = open("-", "[{\"a\":1},{\"a\"").unwrap();
        assert!(records.advance().unwrap().is_some());
        assert!(matches!(records.advance(), Err(ReadError::Split(SplitError::Unfinished { .. }))));
    }

    #[test]
    fn records_inside_one_object_are_not_taken_for_one_record() {
        let wrapped = "{\"next\":null,\"data\":[{\"a\":1},{\"a\":2}]}\n";
        for name in ["x.json", "-"] {
            let refused = open(name, wrapped).unwrap().advance().unwrap_err().to_string();
            assert!(refused.contains("\"data\" is a list of objects"), "{refused}");
        }
        assert_eq!(check("x.ndjson", wrapped).len(), 1);
        assert_eq!(check("x.json", &wrapped.repeat(2)).len(), 2);
        assert_eq!(check("x.json", "{\"lines\":[{\"a\":1}]}").len(), 1);
        let typed = "{\"Item\":{\"a\":{\"S\":\"x\"}}}\n";
        for name in ["x.json", "x.ndjson"] {
            let refused = open(name, typed).unwrap().advance().unwrap_err().to_string();
            assert!(refused.contains("DynamoDB"), "{refused}");
        }
        let open = check("x.json", "{\n \"data\": [\n").remove(0).unwrap_err();
        assert!(open.contains("does not end on its line"), "{open}");
    }

    #[test]
    fn records_know_their_lines() {
        for (name, text, expected) in [
            ("x.json", "[\n {\"a\":\n1},\n\n {\"a\":2}, 3]", vec![2, 5, 5]),
            ("x.ndjson", "\n{\"a\":1}\r\n\r\nx\n{\"a\":3}", vec![2, 4, 5]),
            ("x.csv", "sep=;\na;b\n1;\"x\ny\"\n\n2;3\n", vec![3, 6]),
        ] {
            let mut records = open(name, text).unwrap();
            let lines = std::iter::from_fn(|| records.advance().unwrap().map(|it| it.line));
            assert_eq!(lines.collect::<Vec<_>>(), expected, "{text}");
        }
    }

    #[test]
    fn members_become_fields() {
        let column = |from: &str, to: Option<&str>, kind| Column {
            from: from.to_owned(),
            to: to.map(str::to_owned),
            kind,
        };
        let mapping = Mapping::new(vec![
            column("sku", Some("id"), None),
            column("zip", Some("zip"), Some(ColumnType::Text)),
            column("n", Some("count"), Some(ColumnType::Number)),
            column("on", Some("on"), Some(ColumnType::Boolean)),
            column("more", Some("more"), Some(ColumnType::Json)),
            column("secret", None, None),
        ]);
        let text = "{\"sku\":\"A\",\"zip\":1234,\"n\":\"7\",\"on\":\"TRUE\",\"more\":\"[1]\",\"secret\":1,\"x\":2}\n\
                    {\"n\":\"\",\"zip\":null}\n{\"n\":\"seven\"}\n{\"x\":1,\"count\":2,\"n\":3}\n[1]\n";
        let options = ReadOptions { mapping: mapping.unwrap(), ..ReadOptions::default() };
        let mut input = Input::stream(Box::new(Cursor::new(text.to_owned().into_bytes())));
        let mut records = Records::open(&mut input, Path::new("x.ndjson"), &options).unwrap();
        let first = records.advance().unwrap().unwrap();
        let body = r#"{"zip":"1234","count":7,"on":true,"more":[1],"x":2}"#;
        assert_eq!(
            (first.id, first.body),
            (Some(Ok(DocumentId::Text("A".into()))), Ok(body.into()))
        );
        let mut next = || records.advance().unwrap().unwrap().body;
        assert_eq!(next().unwrap(), r#"{"count":null,"zip":null}"#);
        assert_eq!(next().unwrap_err(), "n: \"seven\" is no number");
        assert!(next().unwrap_err().contains("count"), "two members become one field");
        assert!(next().unwrap_err().contains("expected a JSON object"));
    }

    #[test]
    fn ids_of_records_are_found() {
        let id = |text: &str| open("x.ndjson", text).unwrap().advance().unwrap().unwrap().id;
        let text = |text: &str| Some(DocumentId::parse(text).map_err(|_| String::new()));
        assert_eq!(id("{\"id\":7}"), text("7"));
        assert_eq!(id("{\"id\":\"7\"}"), text("7"));
        assert_eq!(id("{\"id\":\"a b\"}"), text("a b"));
        assert_eq!(id("{\"_id\":{\"$oid\":\"65a5\"},\"id\":1}"), text("65a5"));
        assert_eq!(id("{\"_id\":null}"), None);
        assert_eq!(id("{\"a\":1}"), None);
        for wrong in ["{\"id\":1.5}", "{\"id\":[1]}", "{\"id\":-1}"] {
            assert!(id(wrong).unwrap().is_err(), "{wrong}");
        }
    }
}
