//! The database that owners look at.

#[cfg(feature = "toolkit")]
use std::time::Duration;

#[cfg(feature = "toolkit")]
use isobase::Location;
#[cfg(feature = "toolkit")]
use isobase_server::SqlOptions;
#[cfg(feature = "toolkit")]
use isobase_sql::{Dialect, SqlReader, SqlWriter};

use super::super::{load::Loaded, table::SQL_URL};
#[cfg(feature = "toolkit")]
use super::{
    super::table::{REQUEST_DEADLINE, SQL_ROWS_MAX, SQL_TIMEOUT, SQL_WRITE_URL},
    Config,
};
#[cfg(feature = "toolkit")]
use crate::failure::Failure;

/// How much sooner than a request a statement of the SQL screens must end.
#[cfg(feature = "toolkit")]
const SQL_SOONER: Duration = Duration::from_secs(2);
/// No statement is given less.
#[cfg(feature = "toolkit")]
const SQL_TIMEOUT_MIN: Duration = Duration::from_millis(100);

/// Whether there are SQL screens.
pub(crate) fn has_sql(loaded: &Loaded) -> bool {
    loaded.find(&SQL_URL).is_some()
}

/// The database that owners look at.
///
/// # Errors
/// If its URL cannot be read.
#[cfg(feature = "toolkit")]
pub(super) fn sql_options(loaded: &Loaded, config: &Config) -> Result<Option<SqlOptions>, Failure> {
    let Some(url) = loaded.find(&SQL_URL) else {
        return match loaded.find(&SQL_WRITE_URL) {
            Some(_) => Err(Failure::usage("setting sql.write_url: it goes with sql.url")),
            None => Ok(None),
        };
    };
    let reader = SqlReader::new(url).map_err(|error| loaded.wrong(&SQL_URL, error))?;
    // The answer must begin while somebody waits for it.
    let longest = loaded.get(&REQUEST_DEADLINE).saturating_sub(SQL_SOONER);
    let writer = sql_writer(loaded, config, &reader)?;
    Ok(Some(SqlOptions {
        reader,
        writer,
        rows_max: loaded.get(&SQL_ROWS_MAX),
        timeout: loaded.get(&SQL_TIMEOUT).min(longest).max(SQL_TIMEOUT_MIN),
    }))
}

/// The same database under a role that may change it.
#[cfg(feature = "toolkit")]
fn sql_writer(
    loaded: &Loaded,
    config: &Config,
    reader: &SqlReader,
) -> Result<Option<SqlWriter>, Failure> {
    let Some(url) = loaded.find(&SQL_WRITE_URL) else { return Ok(None) };
    let failed = |message: &str| loaded.wrong(&SQL_WRITE_URL, message);
    // By whatever name it is reached: that is seen when it is, again and again.
    let writer = match guarded(&config.records) {
        Some(records) => SqlWriter::apart_from(url, &records),
        None => SqlWriter::new(url),
    };
    let writer = writer.map_err(|error| failed(&error.to_string()))?;
    let same = match writer.dialect() {
        Dialect::Sqlite => writer.address() == reader.address(),
        // A reader may look at a replica, and roles differ.
        Dialect::Postgres => writer.database() == reader.database(),
    };
    if !same || writer.dialect() != reader.dialect() {
        // Owners would change another database than the one that they look at.
        return Err(failed("it names another database than sql.url"));
    }
    if writer.address() == config.records.to_string() || writer.is_guarded_file() {
        return Err(failed("it is the database of the records, which only the service changes"));
    }
    Ok(Some(writer))
}

/// The URL of the records, where SQL screens could have it, too.
#[cfg(feature = "toolkit")]
fn guarded(records: &Location) -> Option<String> {
    let url = records.whole_url();
    SqlReader::new(&url).is_ok().then_some(url)
}
