//! The tables, as the database describes them.

mod postgres;
mod sqlite;

use std::sync::Arc;

use crate::{Dialect, Error, Session, Table};

/// A table, from memory or from the catalogue.
///
/// # Errors
/// [`ErrorKind::Schema`](crate::ErrorKind::Schema) when there is none.
pub(crate) async fn table<S: Session>(
    session: &S,
    schema: &str,
    name: &str,
) -> Result<Arc<Table>, Error> {
    match session.shared().cache().get(schema, name) {
        Some(table) => Ok(table),
        None => table_anew(session, schema, name).await,
    }
}

/// A table as the catalogue has it now.
///
/// # Errors
/// As [`table`].
pub(crate) async fn table_anew<S: Session>(
    session: &S,
    schema: &str,
    name: &str,
) -> Result<Arc<Table>, Error> {
    let table = Arc::new(read_table(session, schema, name).await?);
    if session.sees_committed_only() {
        session.shared().cache().put(&table);
    }
    Ok(table)
}

/// Reads a table as the session sees it.
///
/// # Errors
/// [`ErrorKind::Schema`](crate::ErrorKind::Schema) when there is none.
pub(crate) async fn read_table<S: Session>(
    session: &S,
    schema: &str,
    table: &str,
) -> Result<Table, Error> {
    // A name that cannot exist must not be cut to one that does.
    crate::quote(session.dialect(), schema)?;
    crate::quote(session.dialect(), table)?;
    let read = match session.dialect() {
        Dialect::Postgres => postgres::read(session, schema, table).await?,
        Dialect::Sqlite => match sqlite::read(session, schema, table).await {
            // No such schema.
            Err(error) if error.code() == Some("3F000") => None,
            read => read?,
        },
    };
    read.ok_or_else(|| Error::missing_table(schema, table))
}

/// The names of the tables of a schema, without views.
pub(crate) async fn table_names<S: Session>(
    session: &S,
    schema: &str,
) -> Result<Vec<String>, Error> {
    match session.dialect() {
        Dialect::Postgres => postgres::table_names(session, schema).await,
        Dialect::Sqlite => sqlite::table_names(session, schema).await,
    }
}

/// The names of the schemas, without the database's own.
pub(crate) async fn schema_names<S: Session>(session: &S) -> Result<Vec<String>, Error> {
    match session.dialect() {
        Dialect::Postgres => postgres::schema_names(session).await,
        Dialect::Sqlite => sqlite::schema_names(session).await,
    }
}

/// All tables of a schema, those that others refer to first.
pub(crate) async fn read_schema<S: Session>(
    session: &S,
    schema: &str,
) -> Result<Vec<Table>, Error> {
    let mut tables = Vec::new();
    for name in table_names(session, schema).await? {
        tables.push(read_table(session, schema, &name).await?);
    }
    Ok(in_order_of_references(tables))
}

/// A table comes after those that it refers to. In a circle, the order of names decides.
pub(crate) fn in_order_of_references(tables: Vec<Table>) -> Vec<Table> {
    let mut waiting = tables;
    let mut ordered: Vec<Table> = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let is_ready = |table: &Table| {
            table.foreign_keys.iter().all(|key| {
                let other = |t: &Table| t.name == key.table && t.schema == key.schema;
                other(table) || !waiting.iter().any(other)
            })
        };
        let next = waiting.iter().position(is_ready).unwrap_or(0);
        ordered.push(waiting.remove(next));
    }
    ordered
}
