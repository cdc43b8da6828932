//! `isobase export`: a collection into a file, in bounded memory.

mod layout;
mod output;

use std::{io::Write, path::PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use futures_util::StreamExt;
use http::Method;
use isobase::{
    Store,
    types::{CollectionName, PageRequest, Query, QueryLimits, json as text},
};
use isobase_client::{Client, ClientError, Listed, Request};
use percent_encoding::percent_decode_str;
use serde_json::json;

use self::{layout::Layout, output::Output};
use crate::{
    command::AppCommand,
    failure::{Failure, Problem},
    flags::{Format, TargetFlags, collection_names},
    print::Printer,
    progress::{Progress, Total, per_second, thousands},
    service_failure::client_failure,
    settings::{Config, Given, Loaded, most_similar},
    target::Target,
};

const EXAMPLES: &str = "\
Examples:
  isobase export --collection orders > orders.ndjson
  isobase export --collection orders --format json --output orders.json
  isobase export --collection orders --filter 'status=open&total[gte]=100&sort=-total&fields=total'

The filter has the parameters of GET /records/{collection}. A file appears when it is complete, with
the mode of the one before it; links are followed, and a pipe is written into.";

/// The parameter that would change what a record is: an export holds documents only.
const META: &str = "meta";

/// Write the records of a collection to a file
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ExportCommand {
    /// Collection to read
    #[arg(long, short, value_name = "NAME", add = collection_names())]
    collection: String,
    /// How the file is written [default: ndjson]
    #[arg(long, short, value_enum, default_value_t = Format::Ndjson, hide_default_value = true)]
    format: Format,
    /// File to write [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Which records, in which order, which fields: parameters of a listing
    #[arg(long, value_name = "PARAMETERS", default_value = "", hide_default_value = true)]
    filter: String,
    #[command(flatten)]
    target: TargetFlags,
}

impl AppCommand for ExportCommand {
    fn given(&self) -> Given {
        self.target.app.given()
    }

    async fn run_in(self, (loaded, config): (&Loaded, &Config), printer: Printer) -> Result<()> {
        let collection = CollectionName::new(&self.collection)
            .map_err(|error| Failure::usage(format!("--collection: {error}")))?;
        let question = Question::read(&self.filter, config)?;
        let layout = match self.format {
            Format::Ndjson => Layout::lines(),
            Format::Json => Layout::array(),
            Format::Csv => Layout::table(&question.query.fields)?,
        };
        let target =
            Target::open_to_read(&self.target, &collection, (loaded, config), printer).await?;
        if let Err(error) = must_be_there(&target, &collection, config).await {
            target.close().await?;
            return Err(error);
        }
        let output = Output::open(self.output.as_deref())?;
        let total = if question.is_everything() { count(&target, &collection).await } else { None };
        let progress = Progress::start(printer, "export", Total::Records(total));
        let mut writing = Writing { layout, output, progress };
        let written = match &target {
            Target::Direct { store, .. } => {
                writing.copy_store(store, &collection, &question.query).await
            }
            Target::Service(client) => {
                writing.copy_service(client, &collection, &question.parameters).await
            }
        };
        let elapsed = writing.progress.end();
        target.close().await?;
        written?;
        let records = writing.finish()?;
        let rate = per_second(records, elapsed);
        let done = json!({
            "event": "done",
            "command": "export",
            "collection": collection.as_str(),
            "records": records,
            "seconds": elapsed.as_secs_f64(),
            "records_per_second": rate,
        });
        match (&self.output, printer.json) {
            (Some(_), true) => printer.json_line(&done),
            // The records themselves are on standard output.
            (None, true) => printer.note_json(&done),
            (_, false) => printer.note(&format!(
                "{}: {} records ({:.1} s, {} records/s)",
                collection.as_str(),
                thousands(records),
                elapsed.as_secs_f64(),
                thousands(rate)
            )),
        }
        Ok(())
    }
}

/// Which records, read from the text of the flag.
struct Question {
    parameters: Vec<(String, String)>,
    query: Query,
}

impl Question {
    fn read(filter: &str, config: &Config) -> Result<Self> {
        let mut parameters = Vec::new();
        for pair in filter.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            parameters.push((decode(name)?, decode(value)?));
        }
        if parameters.iter().any(|(name, _)| name == META) {
            return Err(Failure::usage("--filter: meta is not exported").into());
        }
        let limits = QueryLimits { page_size_max: config.page_size_max, ..QueryLimits::default() };
        let query = Query::parse(&parameters, &limits).map_err(|faults| {
            let problem = |fault: &isobase::types::InvalidParameter| Problem {
                message: format!(
                    "--filter: {}={}: {}",
                    fault.parameter, fault.value, fault.message
                ),
                hint: None,
            };
            Failure::usage_all(faults.iter().map(problem).collect())
        })?;
        Ok(Self { parameters, query })
    }

    /// Whether the records are all of the collection.
    fn is_everything(&self) -> bool {
        let narrowing = |name: &str| !matches!(name, "sort" | "fields" | "count");
        !self.parameters.iter().any(|(name, _)| narrowing(name))
    }
}

/// As in a URL: `+` is a blank, `%2B` a plus.
fn decode(text: &str) -> Result<String, Failure> {
    let text = text.replace('+', " ");
    let decoded = percent_decode_str(&text).decode_utf8();
    decoded
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| Failure::usage(format!("--filter: {text} is not percent-encoded UTF-8")))
}

/// Refuses a collection that has no record and is not declared, before a file is written: its name may be misspelled.
async fn must_be_there(
    target: &Target,
    collection: &CollectionName,
    config: &Config,
) -> Result<()> {
    let is_declared = config.collections.iter().any(|declared| declared.name == *collection)
        || config.schemas.contains_key(collection)
        || config.indexes.iter().any(|index| index.collection == *collection);
    if is_declared {
        return Ok(());
    }
    let names: Vec<String> = match target {
        Target::Direct { store, .. } => {
            let found = store.collections().await?;
            found.into_iter().map(|found| found.name.as_str().to_owned()).collect()
        }
        // A key may read one collection without the right to list all of them.
        Target::Service(client) => match collections_of(client).await {
            Ok(names) => names,
            Err(_) => return Ok(()),
        },
    };
    let name = collection.as_str();
    if names.iter().any(|found| found == name) {
        return Ok(());
    }
    let failure = Failure::new(format!("there is no collection {name}"));
    Err(match most_similar(name, names.iter().map(String::as_str)) {
        Some(meant) => failure.hint(format!("did you mean {meant}?")),
        None => failure.hint("a collection is there while it has a record"),
    }
    .into())
}

async fn collections_of(client: &Client) -> Result<Vec<String>, ClientError> {
    #[derive(serde::Deserialize)]
    struct Answer {
        collections: Vec<String>,
    }
    let answer = client.send(Request::new(Method::GET, &["collections"])).await?;
    Ok(answer.json::<Answer>().await?.collections)
}

/// How many records a whole collection has; `None` if counting would be dear.
async fn count(target: &Target, collection: &CollectionName) -> Option<u64> {
    let Target::Direct { store, .. } = target else { return None };
    let collections = store.collections().await.ok()?;
    let found = collections.into_iter().find(|info| info.name == *collection);
    Some(found.map_or(0, |info| info.documents))
}

/// An export under way.
struct Writing {
    layout: Layout,
    output: Output,
    progress: Progress,
}

impl Writing {
    async fn copy_store(
        &mut self,
        store: &Store,
        collection: &CollectionName,
        query: &Query,
    ) -> Result<()> {
        let mut page = store.list(collection, query).await?;
        let mut line = Vec::new();
        loop {
            for document in &mut page.documents {
                if !query.fields.is_empty() {
                    document.body = text::project(&document.body, &query.fields);
                }
                line.clear();
                document.write_json(&mut line);
                self.layout.record(&line, &mut self.output)?;
            }
            self.tell();
            match &page.next {
                // One page was asked for, and here it is.
                Some(next) if query.page == PageRequest::All => {
                    page = store.list_next(collection, query, next).await?;
                }
                _ => return Ok(()),
            }
        }
    }

    async fn copy_service(
        &mut self,
        client: &Client,
        collection: &CollectionName,
        parameters: &[(String, String)],
    ) -> Result<()> {
        let parameters: Vec<_> =
            parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let Listed(response) =
            client.export(collection.as_str(), &parameters).await.map_err(client_failure)?;
        let mut parts = response.stream();
        let mut rest: Vec<u8> = Vec::new();
        while let Some(part) = parts.next().await {
            let part = part.context("the service broke off in the middle of the export")?;
            let mut lines = part.split(|byte| *byte == b'\n');
            let open = lines.next_back().unwrap_or_default();
            for line in lines {
                if rest.is_empty() {
                    self.layout.record(line, &mut self.output)?;
                } else {
                    rest.extend_from_slice(line);
                    self.layout.record(&rest, &mut self.output)?;
                    rest.clear();
                }
            }
            rest.extend_from_slice(open);
            self.tell();
        }
        if rest.is_empty() {
            return Ok(());
        }
        let operation = format!("GET /records/{}", collection.as_str());
        let reason = "it ended in the middle of a record".to_owned();
        Err(client_failure(ClientError::UnexpectedAnswer { operation, reason }).into())
    }

    fn tell(&mut self) {
        let records = self.layout.records();
        self.progress.set(records, records);
    }

    fn finish(mut self) -> Result<u64> {
        self.layout.end(&mut self.output)?;
        self.output.flush()?;
        self.output.finish()?;
        Ok(self.layout.records())
    }
}
