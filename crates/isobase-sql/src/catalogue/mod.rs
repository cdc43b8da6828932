//! What the database says of its tables.

mod postgres;
mod sqlite;

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use crate::{Dialect, Error, Session};

/// Descriptions kept by one connector. Far more tables than anybody works with by hand.
const TABLES_MAX: usize = 4096;
/// Names kept with the columns that they mean. Far more than a program spells.
const MATCHES_MAX: usize = 16_384;

/// A table or a view.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Its columns, in their order.
    pub columns: Vec<Column>,
    /// The columns of its primary key.
    pub primary_key: Vec<String>,
    /// Columns whose values together are unique, one list for each constraint or index.
    pub uniques: Vec<Vec<String>>,
    /// The primary key and the unique constraints, as SQL defines them.
    pub keys: Vec<Constraint>,
    /// References to other tables.
    pub foreign_keys: Vec<ForeignKey>,
    /// Conditions on its rows.
    pub checks: Vec<Constraint>,
    /// Its indexes, without those that a key or a unique constraint brings along.
    pub indexes: Vec<Index>,
    /// The text that made it. Only SQLite keeps it.
    pub definition: Option<String>,
}

/// A column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type, as the database writes it: `character varying(50)`.
    pub data_type: String,
    /// The name of the type without length: `varchar`, `int4`; of a domain the one below it.
    pub base_type: String,
    /// Whether it may be NULL.
    pub nullable: bool,
    /// The expression that it has when nothing is given.
    pub default: Option<String>,
    /// Most characters.
    pub max_length: Option<u32>,
    /// Whether the database makes its value: an identity, or an expression over other columns.
    pub generated: bool,
    /// Whether a value must not be given.
    pub read_only: bool,
    /// How the database makes its value.
    pub generation: Generation,
    /// The values of an enum, or of the elements of an array of them, in their order.
    pub labels: Vec<String>,
}

/// How a database makes the value of a column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Generation {
    /// It does not, or by the default.
    #[default]
    None,
    /// A sequence; a value must not be given.
    IdentityAlways,
    /// A sequence, when no value is given.
    IdentityByDefault,
    /// An expression over other columns, kept.
    Stored,
    /// An expression over other columns, computed when it is read.
    Virtual,
}

/// A reference to another table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ForeignKey {
    /// The columns that refer.
    pub columns: Vec<String>,
    /// The schema of the other table.
    pub schema: String,
    /// The other table.
    pub table: String,
    /// The columns that are referred to.
    pub references: Vec<String>,
    /// As SQL defines it.
    pub definition: String,
    /// The name of the constraint; SQLite has none.
    pub name: String,
}

/// A condition on the rows of a table, or a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Constraint {
    /// The name of the constraint.
    pub name: String,
    /// As SQL defines it: `CHECK (price > 0)`.
    pub definition: String,
}

/// An index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Index {
    /// Its name.
    pub name: String,
    /// Whether its values are unique.
    pub unique: bool,
    /// As SQL defines it.
    pub definition: String,
}

impl Table {
    /// The names of the columns.
    #[must_use]
    pub fn column_names(&self) -> Vec<&str> {
        self.columns.iter().map(|column| column.name.as_str()).collect()
    }

    /// The column of exactly this name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The name in SQL, with its schema.
    #[must_use]
    pub(crate) fn sql_name(&self) -> String {
        format!("{}.{}", crate::name::quoted(&self.schema), crate::name::quoted(&self.name))
    }
}

impl Column {
    /// Whether it holds JSON.
    #[must_use]
    pub fn is_json(&self) -> bool {
        matches!(self.base_type.as_str(), "json" | "jsonb")
    }
}

/// The descriptions that a connector has read.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    tables: RwLock<HashMap<(String, String), Arc<Table>>>,
    /// Columns by the names that were found to mean them: finding one costs more than a query.
    matches: RwLock<HashMap<(String, String, String), String>>,
}

impl Cache {
    pub(crate) fn get(&self, schema: &str, table: &str) -> Option<Arc<Table>> {
        let tables = self.tables.read().unwrap_or_else(PoisonError::into_inner);
        tables.get(&(schema.to_owned(), table.to_owned())).cloned()
    }

    pub(crate) fn put(&self, table: &Arc<Table>) {
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        if tables.len() >= TABLES_MAX {
            tables.clear();
        }
        tables.insert((table.schema.clone(), table.name.clone()), Arc::clone(table));
        self.matches.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The column that a name was found to mean, if the table still has it.
    pub(crate) fn matched(&self, table: &Table, name: &str) -> Option<String> {
        let matches = self.matches.read().unwrap_or_else(PoisonError::into_inner);
        let key = (table.schema.clone(), table.name.clone(), name.to_owned());
        matches.get(&key).filter(|column| table.column(column).is_some()).cloned()
    }

    pub(crate) fn put_match(&self, table: &Table, name: &str, column: &str) {
        let mut matches = self.matches.write().unwrap_or_else(PoisonError::into_inner);
        if matches.len() >= MATCHES_MAX {
            matches.clear();
        }
        let key = (table.schema.clone(), table.name.clone(), name.to_owned());
        matches.insert(key, column.to_owned());
    }

    pub(crate) fn clear(&self) {
        self.tables.write().unwrap_or_else(PoisonError::into_inner).clear();
        self.matches.write().unwrap_or_else(PoisonError::into_inner).clear();
    }
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
