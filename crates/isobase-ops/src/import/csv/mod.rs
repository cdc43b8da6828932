//! Records of a CSV file.

mod rows;
mod types;

use std::{
    collections::HashSet,
    io::{self, BufRead, Cursor, Read},
};

use isobase_types::{
    DocumentId,
    json::{canonicalise_document, write_string},
};

use self::{
    rows::Rows,
    types::{NOT_UTF8, is_null, survey, write_cell},
};
use super::kinds::ColumnType;
use super::{
    input::Text,
    mapping::Mapping,
    options::ReadOptions,
    record::{ReadError, Record},
};

/// Separators that are recognised; the first wins when several stand in the first row as often.
const DELIMITERS: [u8; 4] = *b",;\t|";

/// As far as the first row is looked at for them.
const FIRST_ROW_BYTES: u64 = 64 << 10;

/// Records of a CSV file; the first row names the fields.
pub(crate) struct CsvRecords {
    rows: Rows<Text>,
    names: Names,
    /// One per column; `None` when every cell is text, empty ones too.
    types: Option<Vec<ColumnType>>,
    /// Whether every cell was looked at to find that out.
    surveyed_whole: bool,
    /// What stands in cells that have no value.
    nulls: Vec<String>,
    /// What else may stand in such cells.
    null_like: Vec<&'static str>,
    delimiter: u8,
    records: u64,
}

/// The names of the columns.
struct Names {
    plain: Vec<String>,
    /// Their fields as JSON strings; `None` of those that are left out.
    json: Vec<Option<Vec<u8>>>,
    /// The column of the id.
    id: Option<usize>,
}

impl CsvRecords {
    /// Opens a file that can be read twice: once to decide what its columns are.
    pub(crate) fn open(
        mut begin: impl FnMut() -> Result<Text, ReadError>,
        delimiter: Option<u8>,
        options: &ReadOptions,
    ) -> Result<Self, ReadError> {
        let mapping = &options.mapping;
        let (mut types, mut surveyed_whole, mut null_like) = (None, true, Vec::new());
        if !options.as_text {
            let (mut rows, _) = rows(begin()?, delimiter)?;
            let names = Names::read(&mut rows, mapping)?;
            let columns = names.plain.len();
            let mut found = survey(&mut rows, columns, &options.nulls, options.survey_bytes_max)?;
            for (kind, name) in found.columns.iter_mut().zip(&names.plain) {
                *kind = mapping.kind(name).unwrap_or(*kind);
            }
            types = Some(found.columns);
            surveyed_whole = found.is_whole;
            null_like = found.null_like;
        }
        let (mut rows, delimiter) = rows(begin()?, delimiter)?;
        let names = Names::read(&mut rows, mapping)?;
        let nulls = options.nulls.clone();
        Ok(Self { rows, names, types, surveyed_whole, nulls, null_like, delimiter, records: 0 })
    }

    /// The columns; `None` when no one asked.
    pub(crate) fn columns(&self) -> Option<Vec<(String, ColumnType)>> {
        let types = self.types.as_ref()?.iter().copied();
        Some(self.names.plain.iter().cloned().zip(types).collect())
    }

    /// Whether every cell was looked at to find out what columns are.
    pub(crate) fn is_surveyed_whole(&self) -> bool {
        self.surveyed_whole
    }

    /// What stands in cells and may mean that they have no value.
    pub(crate) fn null_like(&self) -> &[&'static str] {
        &self.null_like
    }

    /// The separator of cells.
    pub(crate) fn delimiter(&self) -> u8 {
        self.delimiter
    }

    /// The next record; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Record>, ReadError> {
        if !self.rows.advance()? {
            return Ok(None);
        }
        self.records += 1;
        let (number, line) = (self.records, self.rows.line());
        Ok(Some(Record { number, line, id: self.id(), body: self.document() }))
    }

    /// The id in the row, if there is a column for it and something in it.
    fn id(&self) -> Option<Result<DocumentId, String>> {
        let column = self.names.id?;
        if self.rows.count() != self.names.plain.len() {
            return None;
        }
        let cell = self.rows.cell(column);
        let text = std::str::from_utf8(cell.bytes).ok().filter(|_| !is_null(cell, &self.nulls))?;
        let parsed = || DocumentId::parse(text).map_err(|error| error.to_string());
        (!text.is_empty()).then(parsed)
    }

    /// The current row as a document.
    fn document(&self) -> Result<String, String> {
        let (cells, names) = (self.rows.count(), self.names.json.len());
        if cells != names {
            return Err(format!("{cells} cells, expected {names} as in the first row"));
        }
        let mut text = Vec::with_capacity(self.rows.bytes() + 16 * names);
        text.push(b'{');
        for (column, name) in self.names.json.iter().enumerate() {
            let Some(name) = name else { continue };
            if text.len() > 1 {
                text.push(b',');
            }
            text.extend_from_slice(name);
            text.push(b':');
            let mut cell = self.rows.cell(column);
            if is_null(cell, &self.nulls) {
                text.extend_from_slice(b"null");
                continue;
            }
            let kind = match &self.types {
                Some(types) => types[column],
                None => {
                    cell.quoted = true;
                    ColumnType::Text
                }
            };
            let wrong =
                |reason| format!("column {} ({}): {reason}", column + 1, self.names.plain[column]);
            write_cell(kind, cell, &mut text).map_err(wrong)?;
        }
        text.push(b'}');
        canonicalise_document(&text).map_err(|error| error.to_string())
    }
}

impl Names {
    fn read(rows: &mut Rows<Text>, mapping: &Mapping) -> Result<Self, ReadError> {
        if !rows.advance()? {
            return Err(ReadError::Csv("the file is empty: the first row names the fields".into()));
        }
        let (mut plain, mut json, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
        let (mut id, mut fields) = (None, HashSet::new());
        for column in 0..rows.count() {
            let text = std::str::from_utf8(rows.cell(column).bytes).map_err(|_| {
                ReadError::Csv(format!("the name of column {}: {NOT_UTF8}", column + 1))
            })?;
            if text.is_empty() {
                return Err(ReadError::Csv(format!(
                    "column {} has no name: write one into the first row (where R wrote the file, it \
                     has the names of rows: write.csv(…, row.names = FALSE) leaves them out)",
                    column + 1
                )));
            }
            if !seen.insert(text.to_owned()) {
                let message = format!("two columns have the name {text:?}: rename one of them");
                return Err(ReadError::Csv(message));
            }
            let field = mapping.field(text);
            if let Some(field) = field.filter(|field| !fields.insert((*field).to_owned())) {
                return Err(ReadError::Csv(format!("two columns become the field {field:?}")));
            }
            if field == Some("id") {
                id = Some(column);
            }
            json.push(field.map(|field| {
                let mut name = Vec::new();
                write_string(field, &mut name);
                name
            }));
            plain.push(text.to_owned());
        }
        if let Some(missing) =
            mapping.columns().map(|column| &column.from).find(|name| !seen.contains(*name))
        {
            return Err(ReadError::Other(format!("there is no column {missing:?}")));
        }
        Ok(Self { plain, json, id })
    }
}

/// The rows of a text, without the line `sep=;` that spreadsheets write before them, and what
/// separates their cells: what is asked, else what that line says, else what is most in the first
/// row.
fn rows(mut text: Text, asked: Option<u8>) -> Result<(Rows<Text>, u8), ReadError> {
    let mut first = read_line(&mut text)?;
    let (mut said, mut line) = (None, 1);
    if let Some([delimiter]) = first
        .strip_suffix(b"\n")
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .and_then(|line| line.strip_prefix(b"sep="))
    {
        said = Some(*delimiter);
        line = 2;
        first = read_line(&mut text)?;
    }
    let delimiter = asked.or(said).unwrap_or_else(|| most_frequent(&first));
    let text: Text = Box::new(Cursor::new(first).chain(text));
    Ok((Rows::new(text, delimiter, line), delimiter))
}

fn read_line(text: &mut Text) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    text.by_ref().take(FIRST_ROW_BYTES).read_until(b'\n', &mut line)?;
    Ok(line)
}

fn most_frequent(row: &[u8]) -> u8 {
    let mut counts = [0_u32; DELIMITERS.len()];
    let mut quoted = false;
    for byte in row {
        quoted ^= *byte == b'"';
        if let (false, Some(at)) = (quoted, DELIMITERS.iter().position(|it| it == byte)) {
            counts[at] += 1;
        }
    }
    let most = counts.iter().copied().max().unwrap_or_default();
    let at = counts.iter().position(|count| *count == most).unwrap_or_default();
    DELIMITERS[at]
}

#[cfg(test)]
mod tests {
    use super::{super::mapping::Column, *};

    fn open(text: &str, options: &ReadOptions) -> Result<CsvRecords, String> {
        let begin = || Ok(Box::new(Cursor::new(text.to_owned().into_bytes())) as Text);
        CsvRecords::open(begin, options.delimiter, options).map_err(|error| error.to_string())
    }

    fn mapped(text: &str, columns: Vec<Column>) -> Result<CsvRecords, String> {
        let mapping = Mapping::new(columns).unwrap();
        open(text, &ReadOptions { mapping, ..ReadOptions::default() })
    }

    fn column(from: &str, to: Option<&str>, kind: Option<ColumnType>) -> Column {
        Column { from: from.to_owned(), to: to.map(str::to_owned), kind }
    }

    fn check(text: &str, as_text: bool) -> Vec<Result<String, String>> {
        let mut records = open(text, &ReadOptions { as_text, ..ReadOptions::default() }).unwrap();
        std::iter::from_fn(|| records.next().unwrap()).map(|record| record.body).collect()
    }

    #[test]
    fn a_field_has_one_type_in_all_records() {
        let text = "id,n,long,yes,name\n7,1e3,1,True,007\nx/y,,9007199254740993,FALSE,\"\"\n";
        assert_eq!(
            check(text, false),
            [
                Ok(r#"{"n":1e3,"long":"1","yes":true,"name":"007"}"#.to_owned()),
                Ok(r#"{"n":null,"long":"9007199254740993","yes":false,"name":""}"#.to_owned()),
            ]
        );
        let types = vec![
            column("long", Some("long"), Some(ColumnType::Number)),
            column("n", Some("n"), Some(ColumnType::Text)),
        ];
        let mut records = mapped(text, types).unwrap();
        let shown: Vec<_> =
            records.columns().unwrap().iter().map(|(_, kind)| kind.to_string()).collect();
        assert_eq!(shown, ["text", "text", "number", "boolean", "text"]);
        let record = records.next().unwrap().unwrap();
        assert_eq!(record.body.unwrap(), r#"{"n":"1e3","long":1,"yes":true,"name":"007"}"#);
        assert_eq!(record.id, Some(Ok(7.into())));

        let refused = mapped(text, vec![column("x", Some("x"), None)]).err().unwrap();
        assert!(refused.contains("no column \"x\""), "{refused}");
    }

    #[test]
    fn columns_become_fields() {
        let text = "sku,n,secret\n\nA-1,2,x\n";
        let columns = vec![
            column("sku", Some("id"), None),
            column("n", Some("count"), None),
            column("secret", None, None),
        ];
        let mut records = mapped(text, columns).unwrap();
        let record = records.next().unwrap().unwrap();
        assert_eq!(record.body.unwrap(), r#"{"count":2}"#);
        assert_eq!((record.id, record.line), (Some(Ok(DocumentId::Text("A-1".into()))), 3));
        let refused = mapped(text, vec![column("n", Some("sku"), None)]).err().unwrap();
        assert!(refused.contains("two columns become the field \"sku\""), "{refused}");
    }

    #[test]
    fn empty_cells_are_null_and_text_stays_text() {
        assert_eq!(check("a,b\n,1\n", false), [Ok(r#"{"a":null,"b":1}"#.to_owned())]);
        assert_eq!(check("a,b\n,1\n", true), [Ok(r#"{"a":"","b":"1"}"#.to_owned())]);
    }

    #[test]
    fn cells_without_a_value_say_so() {
        let text = "id,n,name\n1,NULL,\"NULL\"\n2,5.00,NULL\n";
        let found = open(text, &ReadOptions::default()).unwrap();
        assert_eq!(found.null_like(), ["NULL"]);
        let nulls = || vec!["NULL".to_owned(), "2".to_owned()];
        for (as_text, second) in
            [(false, r#"{"n":5.00,"name":null}"#), (true, r#"{"n":"5.00","name":null}"#)]
        {
            let options = ReadOptions { nulls: nulls(), as_text, ..ReadOptions::default() };
            let mut found = open(text, &options).unwrap();
            assert_eq!(found.null_like(), [""; 0]);
            let mut next = || found.next().unwrap().unwrap();
            assert_eq!(next().body.unwrap(), r#"{"n":null,"name":"NULL"}"#);
            let last = next();
            assert_eq!((last.id, last.body), (None, Ok(second.to_owned())));
        }
    }

    #[test]
    fn separators_are_recognised() {
        let expected = [Ok(r#"{"a":1,"b":"x"}"#.to_owned())];
        for text in [
            "a,b\n1,x\n",
            "a;b\r\n1;x\r\n",
            "a\tb\n1\tx\n",
            "a|b\n1|x\n",
            "sep=;\r\na;b\n1;x\n",
            "sep=\t\na\tb\n1\tx",
        ] {
            assert_eq!(check(text, false), expected, "{text:?}");
        }
        let quoted = check("a;\"b,c,d\"\n1;2\n", false);
        assert_eq!(quoted, [Ok(r#"{"a":1,"b,c,d":2}"#.to_owned())]);
        let asked = ReadOptions { delimiter: Some(b','), ..ReadOptions::default() };
        assert_eq!(open("a;b\n", &asked).unwrap().names.plain, ["a;b"]);
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
            assert!(open(text, &ReadOptions::default()).is_err(), "{text}");
        }
    }
}
