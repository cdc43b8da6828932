//! The form of tables, from a database or from a file of `CREATE TABLE`.

mod family;
mod file;
mod validate;

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

pub use family::Family;

use crate::{Dialect, Error, ErrorKind, Session, Table, catalogue};

/// Descriptions of tables, by schema and name.
#[derive(Clone, Debug, Default)]
pub struct SchemaRegistry {
    schemas: BTreeMap<String, BTreeMap<String, Arc<Table>>>,
}

impl SchemaRegistry {
    /// All tables of a database, without those of the database itself.
    ///
    /// # Errors
    /// As the connection fails.
    pub async fn from_database<S: Session>(session: &S) -> Result<Self, Error> {
        let mut registry = Self::default();
        for schema in catalogue::schema_names(session).await? {
            registry.schemas.entry(schema.clone()).or_default();
            for table in catalogue::read_schema(session, &schema).await? {
                registry.put(table);
            }
        }
        Ok(registry)
    }

    /// The tables that a script creates; those without a schema are in `public`. What is no
    /// definition of a table is passed over.
    ///
    /// # Errors
    /// [`ErrorKind::Schema`] for a `CREATE TABLE` that cannot be read, with its line.
    pub fn from_sql(dialect: Dialect, script: &str) -> Result<Self, Error> {
        let mut registry = Self::default();
        for table in file::tables(dialect, script)? {
            registry.put(table);
        }
        Ok(registry)
    }

    /// As [`SchemaRegistry::from_sql`], from a file.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] when it cannot be read.
    pub fn from_file(dialect: Dialect, path: &Path) -> Result<Self, Error> {
        let script = fs::read_to_string(path).map_err(|error| Error::io("read", path, &error))?;
        Self::from_sql(dialect, &script)
    }

    /// Adds a table, or replaces the one of its name.
    pub fn put(&mut self, table: Table) {
        let tables = self.schemas.entry(table.schema.clone()).or_default();
        tables.insert(table.name.clone(), Arc::new(table));
    }

    /// A table.
    ///
    /// # Errors
    /// [`ErrorKind::Schema`], which tells a missing schema from a missing table.
    pub fn table(&self, schema: &str, table: &str) -> Result<&Arc<Table>, Error> {
        let Some(tables) = self.schemas.get(schema) else {
            let message = format!("Schema '{schema}' not found in schema registry");
            return Err(Error::new(ErrorKind::Schema, message));
        };
        tables.get(table).ok_or_else(|| {
            let message = format!("Table '{table}' not found in schema '{schema}'");
            Error::new(ErrorKind::Schema, message)
        })
    }

    /// The names of the schemas.
    pub fn schemas(&self) -> impl Iterator<Item = &str> {
        self.schemas.keys().map(String::as_str)
    }

    /// The tables of a schema, those that others refer to first.
    #[must_use]
    pub fn tables(&self, schema: &str) -> Vec<Table> {
        let tables = self.schemas.get(schema).into_iter().flat_map(BTreeMap::values);
        catalogue::in_order_of_references(tables.map(|table| table.as_ref().clone()).collect())
    }
}
