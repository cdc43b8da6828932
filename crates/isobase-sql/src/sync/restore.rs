//! Restoring a dump with `psql`: wholly, or not at all.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::Stdio,
};

use isobase_postgres::Config;
use tokio::{io::AsyncWriteExt, process::ChildStdin};

use super::{
    PgTools,
    before::{Before, TRANSACTION_TIMEOUT_SINCE, drop_all},
    complete::check_complete,
    contents, replay,
};
use crate::{DbConnector, Error, ErrorKind};

/// Lines are sent in pieces of about this size, in bytes.
const PIECE_BYTES: usize = 64 * 1024;

/// Runs the script in one transaction, and compares every row afterwards; gives their number.
pub(super) async fn restore(
    tools: Option<&PgTools>,
    config: &Config,
    db: &DbConnector,
    server_major: u32,
    (file, before): (&Path, Before),
) -> Result<u64, Error> {
    check_complete(file)?;
    match tools {
        None => replay::run(db, server_major, (file, before)).await?,
        Some(tools) => {
            check_restrict(tools, file)?;
            let first = match before {
                Before::Keep => String::new(),
                Before::DropAll => drop_all(db).await?,
            };
            run(tools, config, server_major, (file, first)).await?;
        }
    }
    db.forget_tables();
    let expected = contents::of_dump(file)?;
    let found = contents::of_database(db, &expected).await?;
    let differences = contents::differences(&expected, &found);
    if differences.is_empty() {
        return Ok(expected.values().map(|table| table.rows).sum());
    }
    let message = format!("the restored rows differ: {}", differences.join("; "));
    Err(Error::new(ErrorKind::Query, message))
}

/// An older psql takes the first line of a newer dump for a mistake, and would run nothing.
fn check_restrict(tools: &PgTools, file: &Path) -> Result<(), Error> {
    let dump = File::open(file).map_err(|error| Error::io("read", file, &error))?;
    let head = BufReader::new(dump).lines().take(20).map_while(Result::ok);
    let restricted = { head }.any(|line| line.starts_with("\\restrict "));
    if restricted && !tools.version.knows_restrict() {
        let version = tools.version;
        return Err(Error::new(
            ErrorKind::Io,
            format!("psql {version} does not know the dump's \\restrict: install a newer one"),
        ));
    }
    Ok(())
}

async fn run(
    tools: &PgTools,
    config: &Config,
    server_major: u32,
    (file, first): (&Path, String),
) -> Result<(), Error> {
    let psql = Path::new("psql");
    let mut command = tools.program("psql");
    // Without both, psql ends with status 0 whatever became of the script.
    command.args(["--no-psqlrc", "--no-password", "--quiet", "--set=ON_ERROR_STOP=1"]);
    command.args(["--single-transaction", "--output=/dev/null", "--file=-"]);
    command.envs(config.libpq_variables()).env("PGOPTIONS", "--client-min-messages=warning");
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| Error::io("run", psql, &error))?;
    let input = child.stdin.take();
    let sending = async {
        match input {
            Some(input) => send(input, server_major, (file.to_owned(), first)).await,
            None => Ok(()),
        }
    };
    let (sent, output) = tokio::join!(sending, child.wait_with_output());
    let output = output.map_err(|error| Error::io("run", psql, &error))?;
    if output.status.success() {
        return sent;
    }
    let reason = String::from_utf8_lossy(&output.stderr);
    Err(failure(file, &reason))
}

/// Sends the script line by line. A pipe that psql has closed is no failure of ours: what it
/// says of it is.
async fn send(
    mut input: ChildStdin,
    server_major: u32,
    (file, first): (PathBuf, String),
) -> Result<(), Error> {
    let failed = |error: std::io::Error| Error::io("read", &file, &error);
    let mut reader = BufReader::new(File::open(&file).map_err(failed)?);
    let mut piece = Vec::with_capacity(PIECE_BYTES + 1024);
    // Before the first line, and in it: the numbers of lines stay those of the file.
    piece.extend_from_slice(first.as_bytes());
    loop {
        let before = piece.len();
        let read = reader.read_until(b'\n', &mut piece).map_err(failed)?;
        let unknown = piece[before..].starts_with(b"SET transaction_timeout = 0;");
        if unknown && server_major < TRANSACTION_TIMEOUT_SINCE {
            // As a comment, so that the numbers of lines stay those of the file.
            piece.splice(before..before, *b"-- ");
        }
        if piece.len() >= PIECE_BYTES || read == 0 {
            if input.write_all(&piece).await.is_err() {
                return Ok(());
            }
            piece.clear();
        }
        if read == 0 {
            return Ok(());
        }
    }
}

/// `psql:<stdin>:12: ERROR:  …` with its line in the file, and what stands there.
fn failure(file: &Path, reason: &str) -> Error {
    let first = reason.lines().find(|line| line.contains("ERROR:") || line.contains("FATAL:"));
    let first = first.or(reason.lines().next()).unwrap_or("psql failed");
    let number = first.strip_prefix("psql:<stdin>:").and_then(|rest| rest.split(':').next());
    let number: Option<usize> = number.and_then(|number| number.parse().ok());
    let text = first.split_once("ERROR:").map_or(first, |(_, text)| text).trim();
    let place = number.map_or_else(String::new, |number| {
        let statement = line_of(file, number).unwrap_or_default();
        format!(" at line {number} ({statement})")
    });
    let message = format!("Failed to restore database: {text}{place}. Everything was rolled back");
    Error::new(ErrorKind::Query, message)
}

/// The beginning of a line. A row of a COPY is not shown.
fn line_of(file: &Path, number: usize) -> Option<String> {
    let lines = BufReader::new(File::open(file).ok()?).lines();
    let line = lines.map_while(Result::ok).nth(number.checked_sub(1)?)?;
    let statement = line.trim_start();
    let is_statement = statement.ends_with([';', '(', ')']);
    is_statement.then(|| statement.chars().take(80).collect())
}
