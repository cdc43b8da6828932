//! One row by one value, and whether tables and schemas exist.

use super::DbOperator;
use crate::{
    Answer, Dialect, Error, ErrorKind, Row, Select, Session, TableName, Value, catalogue, quote,
};

/// Columns of text that hold JSON, as the specification names them.
const JSON_COLUMNS: [&str; 3] = ["metadata", "variables", "content"];

impl<S: Session> DbOperator<S> {
    /// The row with this id: in the column that is named, else in `uuid`, else in `id`. JSON in
    /// the text columns `metadata`, `variables` and `content` is told apart from other text.
    ///
    /// # Errors
    /// [`ErrorKind::ColumnMatch`] for a column, [`ErrorKind::Schema`] for a table that does not
    /// exist; else [`ErrorKind::Query`].
    pub async fn get_by_uuid(
        &self,
        table: impl Into<TableName>,
        value: &str,
        column: Option<&str>,
    ) -> Result<Option<Row>, Error> {
        let name = table.into();
        let mut found = self.table(&name).await?;
        let column = match column {
            Some(column) => self.column(&mut found, column).await?,
            None if found.column("uuid").is_some() => "uuid".to_owned(),
            None => "id".to_owned(),
        };
        let select = Select::from(name).when(column, value);
        let row = self.fetch_one(select).await.map_err(|error| match error.kind {
            ErrorKind::Query => {
                let message = format!("Failed to get record by UUID: {}", error.message);
                Error { message, ..error }
            }
            _ => error,
        })?;
        Ok(row.map(with_json))
    }

    /// The first row whose column has this value; `None` if there is none.
    ///
    /// # Errors
    /// As [`DbOperator::fetch`].
    pub async fn get_by_column(
        &self,
        table: impl Into<TableName>,
        column: &str,
        value: impl Into<Value>,
    ) -> Result<Option<Row>, Error> {
        self.fetch_one(Select::from(table).when(column, value)).await
    }

    /// The first row of this name; the column is `name` unless another is given.
    ///
    /// # Errors
    /// As [`DbOperator::fetch`].
    pub async fn get_by_name(
        &self,
        table: impl Into<TableName>,
        name: &str,
        column: Option<&str>,
    ) -> Result<Option<Row>, Error> {
        self.get_by_column(table, column.unwrap_or("name"), name).await
    }

    /// Runs a statement as it is.
    ///
    /// # Errors
    /// As the database refuses.
    pub async fn execute_raw(&self, sql: &str, parameters: &[Value]) -> Result<Answer, Error> {
        self.session.run(sql, parameters).await
    }

    /// Whether a table or a view exists.
    ///
    /// # Errors
    /// As the connection fails.
    pub async fn table_exists(&self, table: impl Into<TableName>) -> Result<bool, Error> {
        let name = table.into();
        match catalogue::read_table(&self.session, self.schema(&name), &name.table).await {
            Ok(_) => Ok(true),
            // A name that cannot be is the name of no table.
            Err(error) if matches!(error.kind, ErrorKind::Schema | ErrorKind::Invalid) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether a schema exists.
    ///
    /// # Errors
    /// As the connection fails.
    pub async fn schema_exists(&self, schema: &str) -> Result<bool, Error> {
        let names = catalogue::schema_names(&self.session).await?;
        let schema = self.session.dialect().schema(schema);
        Ok(names.iter().any(|name| name == schema))
    }

    /// Creates a schema unless it exists.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] on SQLite, whose schemas are files that are attached.
    pub async fn create_schema(&self, schema: &str) -> Result<(), Error> {
        match self.session.dialect() {
            Dialect::Postgres => {
                let name = quote(Dialect::Postgres, schema)?;
                let sql = format!("CREATE SCHEMA IF NOT EXISTS {name}");
                self.session.run(&sql, &[]).await.map(drop)
            }
            Dialect::Sqlite if self.schema_exists(schema).await? => Ok(()),
            Dialect::Sqlite => {
                Err(Error::invalid("SQLite has no schemas of its own: attach a file instead"))
            }
        }
    }
}

fn with_json(row: Row) -> Row {
    row.map(|name, value| match value {
        Value::Text(text) if JSON_COLUMNS.contains(&name) && is_json_container(&text) => {
            Value::Json(text)
        }
        value => value,
    })
}

fn is_json_container(text: &str) -> bool {
    text.trim_start().starts_with(['{', '['])
        && serde_json::from_str::<serde_json::Value>(text).is_ok()
}
