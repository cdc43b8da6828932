//! `isobase import`: a file into a collection, or the whole database of another program.
//!
//! Reading and cutting is that of [`isobase::ops::import`]; what is told, and where it is written, is here.

mod foreign;
mod input;
mod send;

use std::{
    path::PathBuf,
    sync::atomic::Ordering,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::Result;
use clap::{Args, ValueEnum};
use isobase::{
    ops::import::{
        Chunk, ChunkError, ChunkOptions, Column, ColumnType, Ids, Input, Item, LeftOut, Mapping,
        Packed, ReadOptions, Reading, Sending, Sent, Table, read_chunks,
    },
    types::CollectionName,
};
use serde_json::json;

pub(crate) use self::input::small_table;
use self::{foreign::Whole, input::open, send::Writer};
use crate::{
    command::AppCommand,
    failure::{Failure, Problem},
    flags::{Format, TargetFlags, collection_names},
    print::Printer,
    progress::{Progress, Total, per_second, thousands},
    settings::{Config, Given, Loaded},
    target::Target,
};

const EXAMPLES: &str = "\
Examples:
  isobase import movies.json --collection movies
  isobase import flights.csv --collection flights --chunk 500
  isobase import orders.ndjson.gz --collection orders --ids keep
  isobase import data.db
  isobase import movies.json --collection movies --url https://db.example.com

An import that was cut off is finished by running the same command again, within a day
(idempotency.keep_for) and with the same --chunk: what is stored already is recognised. So is an
import that ended at a wrong record: its chunk is not stored, so mend the record and run it again.
What --skip-bad leaves out is named; mend it in a file of its own.

Records get new ids. --ids keep keeps those they have (\"id\", or \"_id\"), so that what export wrote
comes back as it was; --ids upsert replaces what has the same ids.

CSV: the first row names the fields. A column has numbers when all of its cells are JSON numbers of
at most 15 digits, booleans when all are true or false, and text otherwise; what was decided is
said, and --types decides otherwise. An empty cell is null, \"\" an empty text; --null NULL says what
else is null. Tabs, semicolons and the line sep=; are recognised, as are UTF-16 and gzip.

Without --collection the file is a whole database of another program: the data.db of a record
service, the backup.json of a document store, a backup of PocketBase. It is copied with its ids,
times and counter into a database that no service holds, and compared.";

/// Records whose reasons are shown when they are left out.
const LEFT_OUT_SHOWN: u64 = 20;

const MEND: &str = "mend the record and run the same command again, or leave such records out with \
                    --skip-bad";

/// Read records from a file into a collection
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ImportCommand {
    /// File to read, - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Collection to write to; without it the file is the whole database of another program
    #[arg(long, short, value_name = "NAME", add = collection_names())]
    collection: Option<String>,
    /// How the file is written [default: guessed from its name, else its first character]
    #[arg(long, short, value_enum)]
    format: Option<Format>,
    /// Records in one chunk
    #[arg(long, value_name = "N", default_value_t = 1000)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1000))]
    chunk: u32,
    /// Store the records again, though this file was imported before
    #[arg(long)]
    again: bool,
    /// Leave out records that cannot be stored, and count them
    #[arg(long)]
    skip_bad: bool,
    /// Whether the ids of records are kept, given out anew, or written over what is there
    /// [default: new]
    #[arg(long, value_enum, value_name = "IDS")]
    ids: Option<IdsFrom>,
    /// CSV: keep every cell as text
    #[arg(long, conflicts_with = "types")]
    text: bool,
    /// Types of columns, as in zip=text,total=number; boolean and json too [default: in CSV decided by
    /// all cells of a column, in JSON as they are]
    #[arg(long, value_name = "COLUMN=TYPE", value_delimiter = ',', value_parser = column_type)]
    types: Vec<(String, ColumnType)>,
    /// CSV: what stands, without quotation marks, in cells that have no value, as NULL, NA or \N
    #[arg(long, value_name = "TEXT", value_delimiter = ',')]
    null: Vec<String>,
    /// CSV: what separates cells [default: a tab in .tsv files, else what the first row has most of]
    #[arg(long, value_name = "CHARACTER", value_parser = delimiter)]
    delimiter: Option<u8>,
    #[command(flatten)]
    target: TargetFlags,
}

/// The fate of the ids that records have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum IdsFrom {
    /// They are kept; one that is taken is refused
    Keep,
    /// Ids are given out anew
    New,
    /// They are kept, and what has them already is replaced
    Upsert,
}

impl From<IdsFrom> for Ids {
    fn from(ids: IdsFrom) -> Self {
        match ids {
            IdsFrom::Keep => Self::Keep,
            IdsFrom::New => Self::New,
            IdsFrom::Upsert => Self::Upsert,
        }
    }
}

impl AppCommand for ImportCommand {
    const CHANGES: bool = true;

    fn given(&self) -> Given {
        self.target.app.given()
    }

    async fn run_in(self, settings: (&Loaded, &Config), printer: Printer) -> Result<()> {
        match self.collection.clone() {
            Some(name) => import(self, &name, settings, printer).await,
            None => {
                let whole = Whole {
                    file: &self.file,
                    url: self.target.url.as_deref(),
                    replaces: self.ids == Some(IdsFrom::Upsert),
                    skip_bad: self.skip_bad,
                };
                whole.import(settings.1, printer).await
            }
        }
    }
}

/// Counts of an import.
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

/// `isobase import --collection`
async fn import(
    arguments: ImportCommand,
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
    // The records that were written are reported even if the rest could not be.
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

fn start_reading(
    input: Input,
    collection: &CollectionName,
    arguments: &ImportCommand,
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
        nulls: arguments.null.clone(),
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

fn ids(arguments: &ImportCommand) -> Ids {
    arguments.ids.map_or(Ids::New, Into::into)
}

/// Sets apart imports that do something else with the same records, and one that is wanted again
/// from all others.
fn salt(arguments: &ImportCommand) -> String {
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
    arguments: &ImportCommand,
    Reading { mut packed, bytes }: Reading,
    (progress, printer): (&mut Progress, Printer),
) -> (Tally, Option<Failure>) {
    let mut tally = Tally::default();
    while let Some(read) = packed.recv().await {
        let chunk = match read {
            Packed::Table(table) => {
                tell_columns(&table, printer);
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
fn tell_columns(table: &Table, printer: Printer) {
    let Table { columns, null_like, .. } = table;
    if printer.json {
        let columns: serde_json::Map<_, _> =
            columns.iter().map(|(name, kind)| (name.clone(), json!(kind.to_string()))).collect();
        let event = json!({"event": "columns", "columns": columns, "null_like": null_like});
        printer.json_line(&event);
        return;
    }
    let shown: Vec<_> = columns.iter().map(|(name, kind)| format!("{name} {kind}")).collect();
    printer.note(&format!("columns: {} (--types decides otherwise)", shown.join(", ")));
    for marker in null_like {
        printer
            .note(&format!("some cells are the text {marker}; --null '{marker}' makes them null"));
    }
}

fn tell_ids_dropped(records: u64, arguments: &ImportCommand, printer: Printer) {
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

fn read_failure(error: &ChunkError, arguments: &ImportCommand) -> Failure {
    let failure = Failure::new(format!("{}: {error}", arguments.file.display()));
    match error {
        ChunkError::Bad(_) => failure.hint(MEND),
        ChunkError::Read(_) => failure,
    }
}

fn column_type(text: &str) -> Result<(String, ColumnType), String> {
    let (name, kind) = text.rsplit_once('=').ok_or("expected COLUMN=TYPE")?;
    let kind = kind.parse().map_err(|_| "expected text, number, boolean or json".to_owned())?;
    Ok((name.to_owned(), kind))
}

fn delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        [b'"' | b'\n' | b'\r'] => Err("expected another character".to_owned()),
        [byte] if byte.is_ascii() => Ok(*byte),
        _ if text == "\\t" => Ok(b'\t'),
        _ => Err("expected one ASCII character".to_owned()),
    }
}
