//! Imports as they are told, and how their routes are described.

use isobase_http::{Answer, Content, Location, Operation, Parameter};
use isobase_jobs::{ImportFile, Mapping, Preview, Record};
use isobase_store::Rejection;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{json, value::RawValue};

use crate::{codes, jobs};

/// A list of files.
#[derive(Serialize)]
pub(super) struct Files {
    pub(super) files: Vec<ImportFile>,
}

/// The beginning of a file.
#[derive(Serialize)]
pub(super) struct PreviewWire {
    file: ImportFile,
    format: &'static str,
    delimiter: Option<char>,
    surveyed_whole: bool,
    columns: Vec<ColumnWire>,
    records: Vec<RecordWire>,
    ends_with: Option<String>,
}

#[derive(Serialize)]
struct ColumnWire {
    from: String,
    to: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    example: Option<String>,
}

#[derive(Serialize)]
struct RecordWire {
    line: u64,
    record: u64,
    id: Option<String>,
    document: Option<Box<RawValue>>,
    refused: Option<String>,
}

impl PreviewWire {
    /// `refused` says of each record why the collection would refuse it.
    pub(super) fn of(
        file: ImportFile,
        preview: Preview,
        mapping: &Mapping,
        refused: Vec<Option<Rejection>>,
    ) -> Self {
        let Preview { format, table, columns, records, ends_with } = preview;
        let kind = |name: &str| {
            let of_table = table.iter().flat_map(|table| &table.columns);
            let found = of_table.into_iter().find(|(column, _)| column == name);
            found.map(|(_, kind)| *kind).or_else(|| mapping.kind(name)).map(|kind| kind.to_string())
        };
        let columns = columns.into_iter().map(|column| ColumnWire {
            kind: kind(&column.name),
            to: mapping.field(&column.name).map(str::to_owned),
            from: column.name,
            example: column.example,
        });
        let columns = columns.collect();
        let records = records.into_iter().zip(refused).map(|(record, refused)| {
            let Record { number, line, id, body } = record;
            let (id, wrong_id) = match id {
                None => (None, None),
                Some(Ok(id)) => (Some(id.to_string()), None),
                Some(Err(reason)) => (None, Some(reason)),
            };
            let (document, reason) = match body {
                Ok(body) => (RawValue::from_string(body).ok(), None),
                Err(reason) => (None, Some(reason)),
            };
            let refused = reason.or(wrong_id).or_else(|| refused.map(|it| it.to_string()));
            RecordWire { line, record: number, id, document, refused }
        });
        Self {
            file,
            format: format.as_str(),
            delimiter: table.as_ref().map(|table| table.delimiter),
            surveyed_whole: table.as_ref().is_none_or(|table| table.surveyed_whole),
            columns,
            records: records.collect(),
            ends_with,
        }
    }
}

/// A file that was sent.
#[derive(JsonSchema, Serialize)]
struct FileShape {
    id: &'static str,
    /// How its sender calls it.
    name: &'static str,
    bytes: u64,
    created_at: &'static str,
    /// When it is deleted.
    expires_at: &'static str,
    /// Whether there is a report of records that were refused.
    has_refused: bool,
    /// Who sent it.
    by: &'static str,
}

const FILE: FileShape = FileShape {
    id: "f00112233aabbccdd",
    name: "orders.csv",
    bytes: 48_213,
    created_at: "2026-11-20T14:09:00.000000Z",
    expires_at: "2026-11-21T14:09:00.000000Z",
    has_refused: false,
    by: "account:1",
};

/// A list of files.
#[derive(JsonSchema, Serialize)]
struct FilesShape {
    files: Vec<FileShape>,
}

/// The beginning of a file.
#[derive(JsonSchema, Serialize)]
struct PreviewShape {
    file: FileShape,
    /// `csv`, `ndjson` or `json`.
    format: &'static str,
    /// The separator of the cells of a table.
    delimiter: Option<&'static str>,
    /// Whether every cell was looked at to find out what columns are. The import looks at all.
    surveyed_whole: bool,
    columns: Vec<ColumnShape>,
    records: Vec<RecordShape>,
    /// Why the file cannot be read on after these records.
    ends_with: Option<&'static str>,
}

/// A column of a table, or a member of the first objects.
#[derive(JsonSchema, Serialize)]
struct ColumnShape {
    from: &'static str,
    /// The field that it becomes; null leaves it out.
    to: Option<&'static str>,
    /// The type of its values; null leaves them as they are.
    #[serde(rename = "type")]
    kind: Option<&'static str>,
    /// The JSON of its first value.
    example: Option<&'static str>,
}

/// A record as it would be stored.
#[derive(JsonSchema, Serialize)]
struct RecordShape {
    /// The line of the file on which it begins, from 1.
    line: u64,
    /// Its number in the file, from 1.
    record: u64,
    /// Its own id.
    id: Option<&'static str>,
    document: Option<serde_json::Value>,
    /// Why it would be refused.
    refused: Option<&'static str>,
}

/// How a file is read.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used: members are read one by one")]
struct NewPreview {
    /// Also says which of the records this collection would refuse.
    collection: Option<String>,
    /// `csv`, `ndjson` or `json`; by default found out.
    format: Option<String>,
    /// The delimiter of a table's cells; by default found out.
    delimiter: Option<String>,
    columns: Option<Vec<NewColumn>>,
    /// Most records; 20 by default.
    rows: Option<u32>,
}

/// The fate of a column.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used: members are read one by one")]
struct NewColumn {
    /// Its name in the file.
    from: String,
    /// The field that it becomes, `id` for the id; null leaves it out. Its own name by default.
    to: Option<String>,
    /// `text`, `number`, `boolean` or `json`. By default decided by all values of a column of a table.
    #[serde(rename = "type")]
    kind: Option<String>,
}

/// An import that is to be.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used: members are read one by one")]
struct NewImport {
    /// The id of the file, or its address.
    file: String,
    /// Where its records go.
    collection: String,
    /// `csv`, `ndjson` or `json`; by default found out.
    format: Option<String>,
    /// The delimiter of a table's cells; by default found out.
    delimiter: Option<String>,
    columns: Option<Vec<NewColumn>>,
    /// `new`: ids are given out anew, the default; `keep`: one that is taken is refused; `upsert`: what
    /// has the id already is replaced.
    ids: Option<String>,
    /// Leave out records that are refused, and name them.
    skip_bad: Option<bool>,
    /// Say what would be refused, and store nothing.
    dry_run: Option<bool>,
}

fn imports(id: &'static str, summary: &'static str) -> Operation {
    Operation::new(id, "imports", summary)
}

fn file() -> Parameter {
    Parameter::new(Location::Path, "file", "The id of a file.").example("f00112233aabbccdd")
}

pub(super) fn list_imports() -> Operation {
    imports("list_imports", "List the files that were sent")
        .description(
            "Those that you sent, the latest first; with the right to do everything those of all. A \
             file stays for 24 hours, on the service that it was sent to.",
        )
        .answers(
            Answer::new(200, "The files.").content(Content::like(&FilesShape { files: vec![FILE] })),
        )
        .problems([codes::INVALID_PARAMETER, codes::UNSUPPORTED])
}

pub(super) fn send_import() -> Operation {
    imports("send_import", "Send a file to be imported")
        .description(
            "CSV, NDJSON or JSON, as it is or packed with gzip or zstd; at most as large as \
             `limits.stream_body_bytes`. Nothing is stored as documents before a job is begun.",
        )
        .parameters([Parameter::new(
            Location::Query,
            "name",
            "How the file is called: its ending tells its format.",
        )
        .example("orders.csv")])
        .takes(Content::text("application/octet-stream").example("id,customer\n1,Ann\n2,Bob\n"))
        .answers(Answer::new(201, "The file.").content(Content::like(&FILE)))
        .problems([
            codes::INVALID_PARAMETER,
            codes::BODY_TOO_LARGE,
            codes::OUT_OF_SPACE,
            codes::UNSUPPORTED,
        ])
}

pub(super) fn get_import() -> Operation {
    imports("get_import", "Read what is known of a file")
        .description("Its name and size, until when it stays, and whether an import left a report.")
        .parameters([file()])
        .answers(Answer::new(200, "The file.").content(Content::like(&FILE)))
        .problems([codes::INVALID_PARAMETER, codes::IMPORT_NOT_FOUND, codes::UNSUPPORTED])
}

pub(super) fn delete_import() -> Operation {
    imports("delete_import", "Delete a file that was sent")
        .description("Also its report. An import of it that runs goes on.")
        .parameters([file()])
        .answers(Answer::new(200, "What it was.").content(Content::like(&FILE)))
        .problems([codes::INVALID_PARAMETER, codes::IMPORT_NOT_FOUND, codes::UNSUPPORTED])
}

pub(super) fn preview_import() -> Operation {
    let record = RecordShape {
        line: 2,
        record: 1,
        id: Some("1"),
        document: Some(json!({ "customer": "Ann" })),
        refused: None,
    };
    let column = |from, kind, example| ColumnShape { from, to: Some(from), kind, example };
    let example = PreviewShape {
        file: FILE,
        format: "csv",
        delimiter: Some(","),
        surveyed_whole: true,
        columns: vec![
            column("id", Some("number"), Some("1")),
            column("customer", Some("text"), Some("\"Ann\"")),
        ],
        records: vec![record],
        ends_with: None,
    };
    imports("preview_import", "Look at the first records of a file")
        .description(
            "What was found out about the file, and its first records as they would be stored. With \
             `collection` also which of them its schema, or the database, would refuse.",
        )
        .parameters([file()])
        .takes(Content::of::<NewPreview>().example(json!({
            "collection": "orders", "columns": [{ "from": "customer", "to": "name" }],
        })))
        .answers(Answer::new(200, "The beginning.").content(Content::like(&example)))
        .problems([
            codes::INVALID_PARAMETER,
            codes::INVALID_JSON,
            codes::NOT_AN_OBJECT,
            codes::INVALID_BODY,
            codes::IMPORT_NOT_FOUND,
            codes::IMPORT_UNREADABLE,
            codes::UNSUPPORTED,
        ])
}

pub(super) fn get_refused() -> Operation {
    imports("get_refused_records", "Read which records were refused")
        .description(
            "A line of JSON for each record that the last import, or the last dry run, of the file \
             refused: `line` of the file, `record`, `reason`. At most 64 MiB.",
        )
        .parameters([file()])
        .answers(
            Answer::new(200, "The report.").content(
                Content::text("application/x-ndjson")
                    .example("{\"line\":3,\"record\":2,\"reason\":\"…\"}\n"),
            ),
        )
        .problems([codes::INVALID_PARAMETER, codes::IMPORT_NOT_FOUND, codes::UNSUPPORTED])
}

pub(super) fn start_import() -> Operation {
    jobs::begins(
        "start_import",
        "Import a file that was sent",
        "Records are stored in the order of the file, some hundred at a time; each of those parts is \
         stored once, however often it is tried: the same import that was cancelled, or whose process \
         ended, goes on where it was. A record that is refused ends it, unless `skip_bad` leaves such \
         out; the report names the line of each. To follow the job takes `operations:read`.",
    )
    .takes(Content::of::<NewImport>().example(json!({
        "file": "f00112233aabbccdd", "collection": "orders", "ids": "keep", "skip_bad": true,
        "columns": [{ "from": "customer", "to": "name" }, { "from": "note", "to": null }],
    })))
    .problems([
        codes::INVALID_JSON,
        codes::NOT_AN_OBJECT,
        codes::INVALID_BODY,
        codes::IMPORT_NOT_FOUND,
    ])
}
