//! The PostgreSQL database of another service.

use std::time::Duration;

use anyhow::Result;
use isobase_licences::{ImportedInstallation, ImportedLicence};
use isobase_postgres::{Config, Connection, Error, Row, Sql};
use tokio::time::Instant;

use super::found::Source;
use crate::failure::Failure;

/// Longest time that reading takes.
const DEADLINE: Duration = Duration::from_secs(600);

/// Every column as text, whatever its type: the tables were made by several versions.
const LICENCES: &str = "SELECT id::int8, email::text, license_key::text, expiry_date::text, \
     created_at::text, status::text FROM licenses ORDER BY id";
const INSTALLATIONS: &str = "SELECT email::text, installation_id::text, activated_at::text, \
     last_seen::text FROM installations ORDER BY id";

/// Reads both tables as they are at one moment.
pub(super) async fn read(url: &str) -> Result<Source> {
    let url = match url.split_once("://") {
        Some((_, place)) => format!("postgresql://{place}"),
        None => url.to_owned(),
    };
    let config =
        Config::parse(&url).map_err(|error| Failure::usage(format!("the source: {error}")))?;
    let deadline = Instant::now() + DEADLINE;
    let reading = async {
        let connection = Connection::open(&config, deadline).await.map_err(failure)?;
        let source = tables(&connection).await;
        connection.close();
        source
    };
    tokio::time::timeout_at(deadline, reading).await.map_err(|_| {
        Failure::new("the source takes too long").hint("read a dump of it on another machine")
    })?
}

async fn tables(connection: &Connection) -> Result<Source> {
    let moment = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
    connection.batch(moment).await.map_err(failure)?;
    if !is_there(connection, "licenses").await? {
        return Err(Failure::usage("the source has no table licenses: it is no license service")
            .hint("the tables are sought in the search path; add ?options=-csearch_path%3DSCHEMA")
            .into());
    }
    let mut source =
        Source { licences: rows(connection, LICENCES, licence).await?, ..Source::default() };
    if is_there(connection, "installations").await? {
        source.installations = rows(connection, INSTALLATIONS, installation).await?;
    }
    connection.batch("COMMIT").await.map_err(failure)?;
    Ok(source)
}

async fn is_there(connection: &Connection, table: &str) -> Result<bool> {
    let sql = Sql::new(format!("SELECT to_regclass('{table}') IS NOT NULL"), &[]);
    let rows = connection.query(&sql, &[]).await.map_err(failure)?;
    rows.first().map_or(Ok(false), |row| row.try_get(0).map_err(Into::into))
}

async fn rows<T>(
    connection: &Connection,
    sql: &str,
    read: fn(&Row) -> Result<T>,
) -> Result<Vec<T>> {
    let rows = connection.query(&Sql::new(sql, &[]), &[]).await.map_err(failure)?;
    rows.iter().map(read).collect()
}

fn licence(row: &Row) -> Result<ImportedLicence> {
    Ok(ImportedLicence {
        id: row.try_get(0)?,
        email: text(row, 1)?.unwrap_or_default(),
        license_key: text(row, 2)?.unwrap_or_default(),
        expiry_date: text(row, 3)?,
        created_at: text(row, 4)?,
        status: text(row, 5)?,
    })
}

fn installation(row: &Row) -> Result<ImportedInstallation> {
    Ok(ImportedInstallation {
        email: text(row, 0)?.unwrap_or_default(),
        installation_id: text(row, 1)?.unwrap_or_default(),
        activated_at: text(row, 2)?,
        last_seen: text(row, 3)?,
    })
}

fn text(row: &Row, column: usize) -> Result<Option<String>> {
    Ok(row.try_get(column)?)
}

fn failure(error: Error) -> Failure {
    Failure::new(format!("cannot read the source: {error}"))
}
