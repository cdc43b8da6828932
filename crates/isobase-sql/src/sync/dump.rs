//! Making a dump with `pg_dump`.

use std::{
    fs,
    io::{Read, Seek, SeekFrom},
    path::Path,
};

use isobase_postgres::Config;

use super::{PgTools, builtin};
use crate::{Error, ErrorKind};

/// The line with which `pg_dump` ends a script.
const LAST_LINE: &str = "-- PostgreSQL database dump complete";
/// The last line stands within so many bytes of the end.
const END_BYTES: u64 = 400;

/// What a dump holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DumpOptions {
    /// Only these schemas; all when there is none.
    pub schemas: Vec<String>,
    /// Definitions, rows, or both.
    pub parts: DumpParts,
    /// Leaves out what a dump without `pg_dump` cannot hold, rather than refusing.
    pub skip_others: bool,
}

/// Which half of a database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DumpParts {
    /// Definitions and rows.
    #[default]
    All,
    /// Definitions alone.
    Structure,
    /// Rows alone.
    Rows,
}

/// Writes a script that makes the database anew. The file appears when it is complete.
pub(super) async fn dump(
    tools: &PgTools,
    config: &Config,
    options: &DumpOptions,
    file: &Path,
) -> Result<(), Error> {
    let partial = file.with_extension("sql.tmp");
    let mut command = tools.program("pg_dump");
    command.args(["--no-password", "--no-owner", "--no-privileges", "--encoding=UTF8"]);
    match options.parts {
        DumpParts::All => command.args(["--clean", "--if-exists"]),
        DumpParts::Structure => command.args(["--schema-only", "--clean", "--if-exists"]),
        DumpParts::Rows => command.arg("--data-only"),
    };
    for schema in &options.schemas {
        command.arg("--schema").arg(pattern(schema));
    }
    command.arg("--file").arg(&partial).envs(config.libpq_variables());
    let output =
        command.output().await.map_err(|error| Error::io("run", Path::new("pg_dump"), &error))?;
    let ended = if output.status.success() {
        check_complete(&partial)
    } else {
        let reason = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(Error::new(ErrorKind::Query, format!("Failed to create database dump: {reason}")))
    };
    let ended = ended.and_then(|()| {
        fs::rename(&partial, file).map_err(|error| Error::io("write", file, &error))
    });
    if ended.is_err() {
        // What is left of a dump that failed is no dump.
        let _ = fs::remove_file(&partial);
    }
    ended
}

/// Refuses a dump whose end is missing, before anything is dropped for it.
pub(super) fn check_complete(file: &Path) -> Result<(), Error> {
    let read = || {
        let mut dump = fs::File::open(file)?;
        let length = dump.metadata()?.len();
        dump.seek(SeekFrom::Start(length.saturating_sub(END_BYTES)))?;
        let mut end = Vec::new();
        dump.read_to_end(&mut end)?;
        Ok(String::from_utf8_lossy(&end).into_owned())
    };
    let end = read().map_err(|error| Error::io("read", file, &error))?;
    if end.contains(LAST_LINE) || end.contains(builtin::LAST_LINE) {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "{} is no complete dump: its last line is missing. Nothing was changed",
        file.display()
    )))
}

/// A name as `pg_dump` takes it: else it would be a pattern in lower case.
fn pattern(schema: &str) -> String {
    crate::name::quoted(schema)
}
