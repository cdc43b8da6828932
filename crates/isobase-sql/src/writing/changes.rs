//! Changes to single rows, each named by its key, as statements.

use crate::{
    Dialect, Error, Table, Value,
    name::quoted,
    reading::rows::{known, missing},
    table::Column,
};

use super::statement::WriteStatement;

/// A column and its value: a text, which the column reads as it reads a literal, or NULL.
type Given = (String, Value);

/// A change to one row.
#[derive(Clone, Debug, PartialEq)]
pub enum RowChange {
    /// A new row.
    Insert {
        /// Its values; the other columns have their defaults.
        values: Vec<Given>,
    },
    /// Other values of a row.
    Update {
        /// All columns of the primary key, as they are.
        key: Vec<Given>,
        /// The new values.
        values: Vec<Given>,
        /// Values that the row must still have.
        before: Vec<Given>,
    },
    /// The row goes.
    Delete {
        /// All columns of the primary key.
        key: Vec<Given>,
        /// Values that the row must still have.
        before: Vec<Given>,
    },
}

impl RowChange {
    /// The statement, which changes one row, or none when the row is no longer as it was.
    pub(super) fn statement(
        &self,
        dialect: Dialect,
        table: &Table,
    ) -> Result<WriteStatement, Error> {
        let mut text = Text { dialect, table, sql: String::new(), parameters: Vec::new() };
        let name = table.sql_name();
        match self {
            Self::Insert { values } if values.is_empty() => {
                text.sql = format!("INSERT INTO {name} DEFAULT VALUES");
            }
            Self::Insert { values } => {
                let columns = values.iter().map(|(column, _)| text.writable(column));
                let columns = columns.collect::<Result<Vec<_>, _>>()?;
                let places = values.iter().map(|(_, value)| text.place(value));
                let places = places.collect::<Vec<_>>().join(", ");
                let columns = columns.join(", ");
                text.sql = format!("INSERT INTO {name} ({columns}) VALUES ({places})");
            }
            Self::Update { values, .. } if values.is_empty() => {
                return Err(Error::invalid("an update names no values"));
            }
            Self::Update { key, values, before } => {
                text.sql = format!("UPDATE {name} SET ");
                for (at, (column, value)) in values.iter().enumerate() {
                    let column = text.writable(column)?;
                    let place = text.place(value);
                    let comma = if at == 0 { "" } else { ", " };
                    text.sql.push_str(&format!("{comma}{column} = {place}"));
                }
                text.which(key, before)?;
            }
            Self::Delete { key, before } => {
                text.sql = format!("DELETE FROM {name}");
                text.which(key, before)?;
            }
        }
        Ok(WriteStatement { sql: text.sql, parameters: text.parameters })
    }
}

/// A statement that is being written.
struct Text<'a> {
    dialect: Dialect,
    table: &'a Table,
    sql: String,
    parameters: Vec<Value>,
}

impl Text<'_> {
    /// A column that takes a value.
    fn writable(&self, name: &str) -> Result<String, Error> {
        let column = self.column(name)?;
        if column.read_only {
            let message = format!("the database itself makes the value of the column '{name}'");
            return Err(Error::invalid(message));
        }
        Ok(quoted(&column.name))
    }

    /// A column that a text can be compared with, or become a value of.
    fn column(&self, name: &str) -> Result<&Column, Error> {
        let column = self.table.column(name).ok_or_else(|| missing(self.table, name))?;
        // A text would stay a text there, whatever the value was before.
        if self.dialect == Dialect::Sqlite && column.keeps_texts() {
            let message = format!(
                "the column '{name}' has no type by which a text becomes a value; change it by a \
                 statement"
            );
            return Err(Error::invalid(message));
        }
        Ok(column)
    }

    fn place(&mut self, value: &Value) -> String {
        self.parameters.push(value.clone());
        format!("${}", self.parameters.len())
    }

    /// The row of a key that still has some values.
    fn which(&mut self, key: &[Given], before: &[Given]) -> Result<(), Error> {
        let mut named: Vec<&str> = key.iter().map(|(column, _)| column.as_str()).collect();
        let mut wanted: Vec<&str> = self.table.primary_key.iter().map(String::as_str).collect();
        named.sort_unstable();
        wanted.sort_unstable();
        if wanted.is_empty() {
            let message = "the table has no primary key: change its rows by a statement";
            return Err(Error::invalid(message));
        }
        if named != wanted {
            let message = format!("the key of a row is {}", wanted.join(", "));
            return Err(Error::invalid(message));
        }
        for (at, (column, value)) in key.iter().enumerate() {
            let column = quoted(&self.column(column)?.name);
            let place = self.place(value);
            let word = if at == 0 { "WHERE" } else { "AND" };
            self.sql.push_str(&format!(" {word} {column} = {place}"));
        }
        for (column, value) in before {
            let column = match self.dialect {
                Dialect::Postgres => known(self.table, column)?,
                Dialect::Sqlite => quoted(&self.column(column)?.name),
            };
            let place = self.place(value);
            self.sql.push_str(&match self.dialect {
                // Also of types that have no equality, such as json.
                Dialect::Postgres => {
                    format!(" AND {column}::text IS NOT DISTINCT FROM {place}::text")
                }
                Dialect::Sqlite => format!(" AND {column} IS {place}"),
            });
        }
        Ok(())
    }
}
