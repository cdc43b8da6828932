//! `isobase import --collection`: a file into a collection.
//!
//! Reading and cutting is that of [`isobase::ops::import`]; what is told, and where it is written, is here.

mod send;

use std::{
    io,
    path::Path,
    sync::atomic::Ordering,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result};
use isobase::{
    ops::import::{
        Chunk, ChunkError, ChunkOptions, Column, ColumnType, Ids, Input, Item, LeftOut, Mapping,
        Packed, ReadError, ReadOptions, Reading, Records, Sending, Sent, read_chunks,
    },
    types::CollectionName,
};
use serde_json::{Map, Value, json};

use self::send::Writer;
use crate::{
    arguments::ImportArguments,
    failure::{Failure, Problem},
    print::Printer,
    progress::{Progress, Total, per_second, thousands},
    settings::{Config, Loaded},
    target::Target,
};

/// Records whose reasons are shown when they are left out.
const LEFT_OUT_SHOWN: u64 = 20;

const MEND: &str = "mend the record and run the same command again, or leave such records out with \
                    --skip-bad";

/// What an import did.
#[derive(Debug, Default)]
struct Tally {
    new: u64,
    there: u64,
    left_out: u64,
}

impl Tally {
    /// Counts records that are left out, and names them: they are nowhere else.
    fn leave_out(&mut self, records: &[LeftOut], printer: Printer) {
        for record in records {
            self.left_out += 1;
            if printer.json {
                let LeftOut { number, line, reason } = record;
                let event = json!({
                    "event": "left_out", "record": number, "line": line, "reason": reason,
                });
                printer.json_line(&event);
            } else if self.left_out <= LEFT_OUT_SHOWN {
                let message = format!("left out: {record}");
                printer.warning(&Problem { message, hint: None });
            } else if self.left_out == LEFT_OUT_SHOWN + 1 {
                let message = "more records are left out; --json names all of them".to_owned();
                printer.warning(&Problem { message, hint: None });
            }
        }
    }
}

/// `isobase import`
pub(crate) async fn run(
    arguments: ImportArguments,
    collection: &str,
    (loaded, config): (&Loaded, &Config),
    printer: Printer,
) -> Result<()> {
    let collection = CollectionName::new(collection)
        .map_err(|error| Failure::usage(format!("--collection: {error}")))?;
    let input = open(&arguments.file)?;
    let length = input.length();
    let reading = start_reading(input, &collection, &arguments)?;
    let target = Target::open(&arguments.target, loaded, config, printer).await?;
    let mut progress = Progress::start(printer, "import", Total::Bytes(length));
    let written =
        write_all(&target, &collection, &arguments, reading, (&mut progress, printer)).await;
    let elapsed = progress.end();
    // What was written is told also when the rest could not be.
    let (tally, failure) = written;
    let records = tally.new + tally.there;
    let rate = per_second(records, elapsed);
    if printer.json {
        printer.json_line(&json!({
            "event": if failure.is_none() { "done" } else { "stopped" },
            "command": "import",
            "collection": collection.as_str(),
            "new": tally.new,
            "already_there": tally.there,
            "left_out": tally.left_out,
            "seconds": elapsed.as_secs_f64(),
            "records_per_second": rate,
        }));
    } else {
        printer.note(&summary(&tally, &collection, elapsed.as_secs_f64(), rate));
    }
    target.close().await?;
    failure.map_or(Ok(()), |failure| Err(failure.into()))
}

fn summary(tally: &Tally, collection: &CollectionName, seconds: f64, rate: u64) -> String {
    let Tally { new, there, left_out } = tally;
    let mut text = format!("{}: {} new", collection.as_str(), thousands(*new));
    if *there > 0 {
        text.push_str(&format!(", {} already imported", thousands(*there)));
    }
    if *left_out > 0 {
        text.push_str(&format!(
            ", {} left out: mend them in a file of their own, this one would be stored again",
            thousands(*left_out)
        ));
    }
    text.push_str(&format!(" ({seconds:.1} s, {} records/s)", thousands(rate)));
    text
}

/// A file, or standard input for `-`.
pub(crate) fn open(path: &Path) -> Result<Input> {
    Input::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::IsADirectory => {
            Failure::usage(format!("{} is a folder", path.display())).into()
        }
        _ => anyhow::Error::new(error).context(format!("cannot read {}", path.display())),
    })
}

/// The records of a small file of any format, cells of a table as texts; those without a value are
/// left out.
///
/// # Errors
/// When the file cannot be read, a record is none, or there are more than `max`.
pub(crate) fn small_table(path: &Path, max: usize) -> Result<Vec<Map<String, Value>>> {
    let mut input = open(path)?;
    let wrong = |error: ReadError| Failure::new(format!("{}: {error}", path.display()));
    let options = ReadOptions { as_text: true, ..ReadOptions::default() };
    let mut records = Records::open(&mut input, path, &options).map_err(wrong)?;
    let mut rows = Vec::new();
    while let Some(record) = records.advance().map_err(wrong)? {
        let named = |what: &str| {
            let (number, line) = (record.number, record.line);
            Failure::new(format!("{}: record {number} (line {line}): {what}", path.display()))
        };
        if rows.len() == max {
            return Err(named(&format!("at most {max} are taken; divide the file")).into());
        }
        let body = record.body.as_ref().map_err(|error| named(error))?;
        let mut row: Map<String, Value> = serde_json::from_str(body).context("a record is JSON")?;
        row.retain(|_, value| !value.is_null() && value.as_str() != Some(""));
        rows.push(row);
    }
    Ok(rows)
}

fn start_reading(
    input: Input,
    collection: &CollectionName,
    arguments: &ImportArguments,
) -> Result<Reading> {
    let types = arguments.types.iter().map(|(name, kind)| Column {
        from: name.clone(),
        to: Some(name.clone()),
        kind: Some(*kind),
    });
    let mapping = Mapping::new(types.collect());
    let read = ReadOptions {
        format: arguments.format.map(Into::into),
        delimiter: arguments.delimiter,
        as_text: arguments.text,
        mapping: mapping.map_err(|error| Failure::usage(format!("--types: {error}")))?,
        ..ReadOptions::default()
    };
    let options = ChunkOptions {
        collection: collection.as_str().to_owned(),
        records_max: arguments.chunk as usize,
        skip_bad: arguments.skip_bad,
        keep_ids: ids(arguments) != Ids::New,
        salt: salt(arguments),
    };
    Ok(read_chunks(input, arguments.file.clone(), read, options))
}

fn ids(arguments: &ImportArguments) -> Ids {
    arguments.ids.map_or(Ids::New, Into::into)
}

/// Sets apart imports that do something else with the same records, and one that is wanted again
/// from all others.
fn salt(arguments: &ImportArguments) -> String {
    let ids = ids(arguments).salt();
    if !arguments.again {
        return ids.to_owned();
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{ids}{}-{}", now.as_nanos(), std::process::id())
}

async fn write_all(
    target: &Target,
    collection: &CollectionName,
    arguments: &ImportArguments,
    Reading { mut packed, bytes }: Reading,
    (progress, printer): (&mut Progress, Printer),
) -> (Tally, Option<Failure>) {
    let mut tally = Tally::default();
    while let Some(read) = packed.recv().await {
        let chunk = match read {
            Packed::Table(table) => {
                tell_columns(&table.columns, printer);
                continue;
            }
            Packed::IdsDropped(records) => {
                tell_ids_dropped(records, arguments, printer);
                continue;
            }
            Packed::Chunk(chunk) => chunk,
            Packed::Failed(error) => return (tally, Some(read_failure(&error, arguments))),
        };
        tally.leave_out(&chunk.left_out, printer);
        if chunk.items.is_empty() {
            continue;
        }
        let writer = Writer { target, collection, progress };
        let mut sending = Sending::new(&writer, ids(arguments), arguments.skip_bad);
        let Sent { new, there, refused } = match sending.send(&chunk).await {
            Ok(sent) => sent,
            Err(failure) => {
                let way_out = "run the same command again: it goes on where it stopped";
                let failure = match failure.problems.iter().any(|problem| problem.hint.is_some()) {
                    true => failure,
                    false => failure.hint(way_out),
                };
                return (tally, Some(failure));
            }
        };
        tally.new += new;
        tally.there += there;
        match refused.first() {
            Some(first) if !arguments.skip_bad => {
                let whole = sending.stores_whole_chunks();
                return (tally, Some(refused_failure(first, whole, &chunk)));
            }
            _ => tally.leave_out(&refused, printer),
        }
        progress.set(bytes.load(Ordering::Relaxed), tally.new + tally.there);
    }
    (tally, None)
}

/// Columns are read as what all of their cells are: that is worth a look before somebody relies on it.
fn tell_columns(columns: &[(String, ColumnType)], printer: Printer) {
    if printer.json {
        let columns: serde_json::Map<_, _> =
            columns.iter().map(|(name, kind)| (name.clone(), json!(kind.to_string()))).collect();
        printer.json_line(&json!({"event": "columns", "columns": columns}));
        return;
    }
    let shown: Vec<_> = columns.iter().map(|(name, kind)| format!("{name} {kind}")).collect();
    printer.note(&format!("columns: {} (--types decides otherwise)", shown.join(", ")));
}

fn tell_ids_dropped(records: u64, arguments: &ImportArguments, printer: Printer) {
    if records > 0 && arguments.ids.is_none() {
        printer.note(&format!(
            "{} records had ids of their own and got new ones; --ids keep keeps them",
            thousands(records)
        ));
    }
}

fn refused_failure(refused: &LeftOut, whole: bool, chunk: &Chunk) -> Failure {
    let failure = Failure::new(refused.to_string());
    if whole {
        return failure.hint(MEND);
    }
    let (first, last) = (chunk.items.first(), chunk.items.last());
    let range = |item: Option<&Item>| item.map_or(0, |item| item.number);
    failure.hint(format!(
        "this database does not store several records wholly or not at all: of the records {} to \
         {}, those that it takes are stored; mend the others in a file of their own and import \
         that, and go on with this one by --skip-bad",
        range(first),
        range(last)
    ))
}

fn read_failure(error: &ChunkError, arguments: &ImportArguments) -> Failure {
    let failure = Failure::new(format!("{}: {error}", arguments.file.display()));
    match error {
        ChunkError::Bad(_) => failure.hint(MEND),
        ChunkError::Read(_) => failure,
    }
}
