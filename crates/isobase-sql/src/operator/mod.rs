//! Rows by the names of tables and columns.

mod builder;
mod bulk;
mod lookup;
mod select;
mod write;

use std::sync::Arc;

pub use select::Select;

use crate::{ColumnMismatch, DbConnector, Error, Session, Table, Value, catalogue, match_column};

/// Works on the rows of tables, over a connector or over a transaction.
///
/// Names of columns may be spelt loosely ([`match_column`]); names of tables are exact. What the
/// database is asked are always the names of its catalogue, in quotes.
#[derive(Clone, Debug)]
pub struct DbOperator<S = DbConnector> {
    session: S,
}

/// A row to be written, or conditions on rows: names of columns with their values.
pub type Record = Vec<(String, Value)>;

/// A row out of names and values.
///
/// ```
/// use isobase_sql::record;
/// let row = record([("name", "Ann".into()), ("age", 41.into())]);
/// assert_eq!(row.len(), 2);
/// ```
pub fn record<N: Into<String>>(members: impl IntoIterator<Item = (N, Value)>) -> Record {
    members.into_iter().map(|(name, value)| (name.into(), value)).collect()
}

/// A table, in the usual schema if none is named.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TableName {
    /// The schema; `None` is `public`, on SQLite `main`.
    pub schema: Option<String>,
    /// The table.
    pub table: String,
}

impl TableName {
    /// A table of a schema.
    pub fn new(schema: impl Into<String>, table: impl Into<String>) -> Self {
        Self { schema: Some(schema.into()), table: table.into() }
    }
}

impl<T: Into<String>> From<T> for TableName {
    /// A table of the usual schema. A dot in the name is part of the name.
    fn from(table: T) -> Self {
        Self { schema: None, table: table.into() }
    }
}

impl<S: Session> DbOperator<S> {
    /// An operator over a connector or a transaction, or over a reference to one.
    pub fn new(session: S) -> Self {
        Self { session }
    }

    /// The session it works over.
    pub fn session(&self) -> &S {
        &self.session
    }

    pub(crate) async fn table(&self, name: &TableName) -> Result<Arc<Table>, Error> {
        catalogue::table(&self.session, self.schema(name), &name.table).await
    }

    fn schema<'a>(&self, name: &'a TableName) -> &'a str {
        self.session.dialect().schema(name.schema.as_deref().unwrap_or(""))
    }

    /// The column that a name means. Before it gives up, it reads the table anew, which somebody
    /// may have changed; then `table` is that one.
    async fn column(&self, table: &mut Arc<Table>, name: &str) -> Result<String, Error> {
        match self.match_in(table, name) {
            Ok(column) => Ok(column),
            Err(_) => {
                *table = catalogue::table_anew(&self.session, &table.schema, &table.name).await?;
                Ok(self.match_in(table, name)?)
            }
        }
    }

    fn match_in(&self, table: &Table, name: &str) -> Result<String, ColumnMismatch> {
        if table.column(name).is_some() {
            return Ok(name.to_owned());
        }
        let shared = self.session.shared();
        let cache = shared.cache();
        if let Some(column) = cache.matched(table, name) {
            return Ok(column);
        }
        let settings = shared.settings();
        let names = table.column_names();
        match match_column(name, &names, settings.strict_columns, &settings.inflection) {
            Ok(column) => {
                cache.put_match(table, name, column);
                Ok(column.to_owned())
            }
            Err(mismatch) => Err(ColumnMismatch {
                schema: Some(table.schema.clone()),
                table: Some(table.name.clone()),
                ..mismatch
            }),
        }
    }

    /// Conditions with the names of the catalogue. One that matches no column is an error.
    async fn conditions(
        &self,
        table: &mut Arc<Table>,
        conditions: &Record,
    ) -> Result<Record, Error> {
        let mut matched = Record::with_capacity(conditions.len());
        for (name, value) in conditions {
            matched.push((self.column(table, name).await?, value.clone()));
        }
        Ok(matched)
    }
}
