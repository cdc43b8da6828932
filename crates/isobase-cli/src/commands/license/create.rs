//! `isobase license create`: one licence, or many.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use isobase_auth::random_password;
use isobase_client::ClientError;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{caller::Caller, period::PeriodFlags, show::printable};
use crate::{
    commands::import::small_table,
    failure::{Failure, Problem},
    flags::TargetFlags,
    print::Printer,
    service_failure::client_failure,
    settings::most_similar,
};

const EXAMPLES: &str = "\
Examples:
  isobase license create ann@example.com --days 365
  isobase license create shop@example.com --days 30 --count 100
  isobase license create --from customers.csv --days 365

A table has the columns email (needed), days or expiry_date (a date, or never), license_key,
max_installations, at_limit, allow_n, grace_days, note, tags (separated by ;) and from_first_activation.
Of many licenses each is a line: key, email and expiry, with tabs between them. The same table with the
same flags makes no license twice within a day: its keys are printed again.";

/// Make a license and print its key, or many
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CreateArguments {
    /// Whose it is
    #[arg(required_unless_present = "from")]
    email: Option<String>,
    /// Make N of them, each with a key of its own
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    #[arg(conflicts_with = "license_key")]
    count: Option<u32>,
    /// Make those of a table (CSV, JSON, lines of JSON); the flags are for what it does not say
    #[arg(long, value_name = "FILE", conflicts_with_all = ["email", "count", "license_key"])]
    from: Option<PathBuf>,
    #[command(flatten)]
    period: PeriodFlags,
    /// The days begin with the first activation
    #[arg(long, requires = "days")]
    first_use: bool,
    /// A key of one's own [default: a random one]
    #[arg(long, value_name = "KEY")]
    license_key: Option<String>,
    /// Its own limit of installations [default: that of the email over all its licenses]
    #[arg(long, value_name = "N")]
    limit: Option<u32>,
    /// The behaviour at the limit
    #[arg(long, value_name = "POLICY", value_parser = ["replace_oldest", "reject", "allow_n"])]
    at_limit: Option<String>,
    /// How many more than the limit allow_n lets in
    #[arg(long, value_name = "N")]
    allow_n: Option<u32>,
    /// For how many days it can be used after its expiry
    #[arg(long, value_name = "N")]
    grace_days: Option<u32>,
    /// A note
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// A word to find it by; may be repeated
    #[arg(long, value_name = "WORD")]
    tag: Vec<String>,
    #[command(flatten)]
    pub(super) target: TargetFlags,
}

/// Most licences of one file.
const FILE_ROWS_MAX: usize = 100_000;

/// Licences of one request. What the smallest engine makes at once is asked for when this is too much.
const CHUNK: usize = 500;

/// Columns of a file, which are members of the request.
const COLUMNS: [&str; 11] = [
    "email",
    "license_key",
    "days",
    "expiry_date",
    "from_first_activation",
    "max_installations",
    "at_limit",
    "allow_n",
    "grace_days",
    "note",
    "tags",
];

pub(super) async fn run(
    arguments: &CreateArguments,
    caller: &Caller,
    printer: Printer,
) -> Result<()> {
    let common = common(arguments);
    if let Some(path) = &arguments.from {
        let mut rows = small_table(path, FILE_ROWS_MAX)?;
        for (number, row) in rows.iter_mut().enumerate() {
            shape(row, &common).map_err(|wrong| {
                Failure::usage(format!("{}: record {}: {wrong}", path.display(), number + 1))
            })?;
        }
        // The same file with the same flags is the same request.
        let hash = Sha256::digest(serde_json::to_vec(&rows)?);
        let salt: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        return many(&rows, &salt, caller, printer).await;
    }
    let mut body = common;
    let email = arguments.email.clone().unwrap_or_default();
    body.insert("email".to_owned(), json!(email));
    if let Some(count) = arguments.count {
        let rows = vec![body; count as usize];
        return many(&rows, &random_password()?, caller, printer).await;
    }
    if let Some(key) = &arguments.license_key {
        body.insert("license_key".to_owned(), json!(key));
    }
    let created = caller.post(&["license", "create"], &[], &Value::Object(body)).await?;
    if printer.json {
        printer.json_line(&created);
        return Ok(());
    }
    let expiry = created["expiry"].as_str().unwrap_or("never");
    printer.note(&format!("license {} of {email}, expires {expiry}", created["id"]));
    printer.line(created["license_key"].as_str().unwrap_or_default());
    Ok(())
}

/// Members that the flags give every licence.
fn common(arguments: &CreateArguments) -> Map<String, Value> {
    let mut body = Map::new();
    arguments.period.write(&mut body);
    if arguments.first_use {
        body.insert("from_first_activation".to_owned(), json!(true));
    }
    let given = [
        ("max_installations", arguments.limit.map(|it| json!(it))),
        ("at_limit", arguments.at_limit.as_ref().map(|it| json!(it))),
        ("allow_n", arguments.allow_n.map(|it| json!(it))),
        ("grace_days", arguments.grace_days.map(|it| json!(it))),
        ("note", arguments.note.as_ref().map(|it| json!(it))),
    ];
    for (name, value) in given {
        if let Some(value) = value {
            body.insert(name.to_owned(), value);
        }
    }
    if !arguments.tag.is_empty() {
        body.insert("tags".to_owned(), json!(arguments.tag));
    }
    body
}

/// Makes a record of a file what the request takes, with what the flags say beside it.
fn shape(row: &mut Map<String, Value>, common: &Map<String, Value>) -> Result<(), String> {
    if let Some(odd) = row.keys().find(|name| !COLUMNS.contains(&name.as_str())) {
        let meant = most_similar(odd, COLUMNS);
        let meant = meant.map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
        return Err(format!("{odd:?} is no column of licenses{meant}"));
    }
    if !row.contains_key("email") {
        return Err("expected an email".to_owned());
    }
    // A row that says how long it is good for is not told otherwise by the flags.
    let has_period = row.contains_key("days") || row.contains_key("expiry_date");
    for (name, value) in common {
        let is_period = ["days", "expiry_date", "from_first_activation"].contains(&name.as_str());
        if !row.contains_key(name) && !(is_period && has_period) {
            row.insert(name.clone(), value.clone());
        }
    }
    if row.get("expiry_date").and_then(Value::as_str) == Some("never") {
        row.insert("expiry_date".to_owned(), Value::Null);
    }
    if let Some(Value::String(text)) = row.get("from_first_activation") {
        let is_on = match text.as_str() {
            "true" | "1" | "yes" => true,
            "false" | "0" | "no" => false,
            _ => return Err(format!("from_first_activation is {text:?}, expected true or false")),
        };
        row.insert("from_first_activation".to_owned(), json!(is_on));
    }
    if let Some(Value::String(text)) = row.get("tags") {
        let tags: Vec<_> =
            text.split([';', ',']).map(str::trim).filter(|it| !it.is_empty()).collect();
        let tags = json!(tags);
        row.insert("tags".to_owned(), tags);
    }
    Ok(())
}

/// Makes many, request by request; each may be repeated.
async fn many(
    rows: &[Map<String, Value>],
    salt: &str,
    caller: &Caller,
    printer: Printer,
) -> Result<()> {
    let (mut size, mut at, mut refused) = (CHUNK, 0, 0);
    while at < rows.len() {
        let chunk = &rows[at..rows.len().min(at + size)];
        let key = format!("{salt}-{at}-{}", chunk.len());
        let body = json!({ "licenses": chunk });
        let answer = match caller.post_marked(&["license", "bulk"], &key, &body).await {
            // The engine makes fewer at once.
            Err(ClientError::Refused(problem)) if problem.code == "limit_exceeded" && size > 1 => {
                size = size.div_ceil(4);
                continue;
            }
            Err(error) => {
                let mut failure = client_failure(error);
                if at > 0 {
                    let made = format!("{at} of {} licenses were made before it", rows.len());
                    failure.problems.push(Problem { message: made, hint: None });
                }
                return Err(failure.into());
            }
            Ok(answer) => answer,
        };
        for made in answer["results"].as_array().into_iter().flatten() {
            tell(made, printer);
            refused += u64::from(made["status"] == "refused");
        }
        at += chunk.len();
    }
    match refused {
        0 => Ok(()),
        refused => Err(Failure::new(format!("{refused} licenses were refused")).into()),
    }
}

/// One licence, for people a line that a spreadsheet takes too.
fn tell(made: &Value, printer: Printer) {
    if printer.json {
        printer.json_line(made);
        return;
    }
    let text = |name: &str| printable(made[name].as_str().unwrap_or_default());
    match made["status"] == "refused" {
        true => printer.note(&text("error")),
        false => {
            printer.line(&format!("{}\t{}\t{}", text("license_key"), text("email"), text("expiry")))
        }
    }
}
