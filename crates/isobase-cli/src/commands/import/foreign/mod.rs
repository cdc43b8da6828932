//! `isobase import FILE` without a collection: the whole database of another program.
//!
//! It is read into a scratch database with its ids, times and counter, and that is copied: so it is
//! shown to the target first, resumed when it was cut off, and compared at the end.

mod backup;
mod filling;
mod pocketbase;
mod records_service;
mod tables;
mod zip;

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use anyhow::{Context, Result};
use isobase::{
    Location,
    ops::{self, CopyOptions, Existing, OnRefused, System},
};
use rusqlite::{Connection, OpenFlags};

use self::filling::Filling;
use crate::{
    failure::Failure,
    print::Printer,
    settings::Config,
    transfer::{
        place::{Place, location_or_settings},
        report,
        watch::watch,
    },
};

const SQLITE: &[u8] = b"SQLite format 3\0";
const ZIP: &[u8] = b"PK\x03\x04";

/// The database in a backup of PocketBase.
const IN_BACKUP: &str = "data.db";

/// The whole database of another program.
pub(super) struct Whole<'a> {
    pub(super) file: &'a Path,
    /// URL of the database to write; without it that of the settings.
    pub(super) url: Option<&'a str>,
    /// Documents with the same ids are replaced.
    pub(super) replaces: bool,
    /// Records that cannot be stored are left out.
    pub(super) skip_bad: bool,
}

impl Whole<'_> {
    /// Copies it into the database.
    pub(super) async fn import(&self, config: &Config, printer: Printer) -> Result<()> {
        import(self, config, printer).await
    }
}

async fn import(whole: &Whole<'_>, config: &Config, printer: Printer) -> Result<()> {
    let location = location_or_settings(whole.url, config)?;
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let scratch = Location::Sqlite(folder.path().join("scratch.db"));
    let source = Place::open_to_load(&scratch, &config.options).await?;
    let mut filling = Filling::begin(&source.engine, whole.skip_bad, printer).await?;
    read(whole.file, folder.path(), &mut filling).await?;
    let left_out = filling.finish().await?;
    let target = Place::open_to_load(&location, &config.options).await?;
    let name = whole.file.display().to_string();
    let options = CopyOptions {
        existing: if whole.replaces { Existing::Overwrite } else { Existing::Refuse },
        on_refused: if whole.skip_bad { OnRefused::LeaveOut } else { OnRefused::Stop },
        // A file of another program brings no keys and no accounts, whatever it calls its collections.
        system: System::LeftOut,
        ..CopyOptions::new(name.clone())
    };
    let watch = watch(printer);
    let copied =
        Box::pin(ops::copy(&source.engine, &target.engine, &options, &watch.control)).await;
    let into = target.name.clone();
    let closed = source.close().await.and(target.close_after(&copied).await);
    let copied = copied.map_err(|error| {
        let not_empty = matches!(error, ops::OpsError::NotEmpty { .. });
        let failure = watch.failure(error);
        if not_empty {
            failure.hint("--ids upsert replaces documents with the same ids")
        } else {
            failure
        }
    })?;
    closed?;
    let printer = printer.after_changes();
    report::keep("import", &copied, None, printer)?;
    report::copied(&copied, (&name, &into), printer);
    if left_out > 0 {
        printer.note(&format!("{left_out} records of {name} were left out"));
    }
    Ok(())
}

async fn read(path: &Path, folder: &Path, filling: &mut Filling<'_>) -> Result<()> {
    let mut start = Vec::new();
    if path != Path::new("-") {
        let unreadable = |error: io::Error| {
            Failure::usage(format!("cannot read {}: {error}", path.display()))
                .hint("records of one collection need its name: --collection")
        };
        let file = File::open(path).map_err(unreadable)?;
        if file.metadata().map_err(unreadable)?.is_file() {
            file.take(SQLITE.len() as u64).read_to_end(&mut start).map_err(unreadable)?;
        }
    }
    if start.starts_with(SQLITE) {
        read_database(path, filling).await
    } else if start.starts_with(ZIP) {
        let inside = folder.join(IN_BACKUP);
        zip::extract(path, IN_BACKUP, &inside)
            .with_context(|| format!("cannot read {IN_BACKUP} in {}", path.display()))?;
        read_database(&inside, filling).await
    } else {
        backup::read(path, filling).await
    }
}

/// A SQLite file of another program, by its tables.
async fn read_database(path: &Path, filling: &mut Filling<'_>) -> Result<()> {
    let context = || format!("cannot read {}", path.display());
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let database = Connection::open_with_flags(path, flags).with_context(context)?;
    if pocketbase::is_in(&database).with_context(context)? {
        return pocketbase::read(&database, filling).await;
    }
    if records_service::is_in(&database).with_context(context)? {
        return records_service::read(&database, filling).await;
    }
    let tables = tables(&database).with_context(context)?.join(", ");
    let message = format!("{} is a database of no program that is known here", path.display());
    Err(Failure::usage(message)
        .hint(format!(
            "its tables are: {tables}; a record service has records (id, collection, data), \
             PocketBase has _collections"
        ))
        .into())
}

fn tables(database: &Connection) -> rusqlite::Result<Vec<String>> {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name LIMIT 20";
    database.prepare(sql)?.query_map([], |row| row.get(0))?.collect()
}
