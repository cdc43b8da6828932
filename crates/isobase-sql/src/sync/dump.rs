//! Making a dump with `pg_dump`.

use std::{fs, path::Path};

use isobase_postgres::Config;

use super::{
    PgTools,
    complete::check_complete,
    options::{DumpOptions, DumpParts},
};
use crate::{Error, ErrorKind};

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

/// A name as `pg_dump` takes it: else it would be a pattern in lower case.
fn pattern(schema: &str) -> String {
    crate::name::quoted(schema)
}
