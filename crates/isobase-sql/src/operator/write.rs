//! Writing rows.

use std::sync::Arc;

use super::{
    DbOperator,
    builder::{Builder, fitting},
};
use crate::{Answer, Error, Record, Row, Session, Table, TableName, UnknownKeys, name::quoted};

impl<S: Session> DbOperator<S> {
    /// Inserts a row; gives it as the database has it.
    ///
    /// # Errors
    /// [`ErrorKind::ColumnMatch`](crate::ErrorKind::ColumnMatch) for a key that no column
    /// matches, unless [`UnknownKeys::Drop`]; else as the database refuses.
    pub async fn insert(&self, table: impl Into<TableName>, data: Record) -> Result<Row, Error> {
        let mut table = self.table(&table.into()).await?;
        let data = self.data(&mut table, data, "insert").await?;
        let mut builder = insertion(&table, data);
        builder.push(" RETURNING *");
        let answer = self.session.run(&builder.sql, &builder.values).await?;
        // A rule or a trigger of the database may have kept the row out.
        answer.into_first().ok_or_else(|| Error::invalid("the database did not insert the row"))
    }

    /// Changes the rows that meet the conditions; gives them as they are then.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) without conditions; else as
    /// [`DbOperator::insert`].
    pub async fn update(
        &self,
        table: impl Into<TableName>,
        data: Record,
        conditions: Record,
    ) -> Result<Vec<Row>, Error> {
        if conditions.is_empty() {
            return Err(Error::invalid("No valid conditions for update"));
        }
        let mut table = self.table(&table.into()).await?;
        let data = self.data(&mut table, data, "update").await?;
        let conditions = self.conditions(&mut table, &conditions).await?;
        let mut builder = Builder::new(format!("UPDATE {} SET ", table.sql_name()));
        builder.assignments(&table, data);
        builder.conditions(conditions);
        builder.push(" RETURNING *");
        Ok(self.session.run(&builder.sql, &builder.values).await?.rows)
    }

    /// Inserts a row, or changes the one that has the same values in the unique columns.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) without unique columns; else as
    /// [`DbOperator::insert`].
    pub async fn upsert(
        &self,
        table: impl Into<TableName>,
        data: Record,
        unique_columns: &[&str],
    ) -> Result<Row, Error> {
        if unique_columns.is_empty() {
            return Err(Error::invalid("No valid unique columns for upsert"));
        }
        let mut table = self.table(&table.into()).await?;
        let data = self.data(&mut table, data, "upsert").await?;
        let mut unique = Vec::with_capacity(unique_columns.len());
        for name in unique_columns {
            unique.push(self.column(&mut table, name).await?);
        }
        let mut changed: Vec<String> = data
            .iter()
            .map(|(column, _)| column.clone())
            .filter(|column| !unique.contains(column))
            .collect();
        if changed.is_empty() {
            // Nothing changes; but a row that is not touched is not given either.
            changed.extend(unique.first().cloned());
        }
        let mut builder = insertion(&table, data);
        let names: Vec<String> = unique.iter().map(|column| quoted(column)).collect();
        builder.push(&format!(" ON CONFLICT ({}) DO UPDATE SET ", names.join(", ")));
        let sets = changed.iter().map(|column| quoted(column));
        let sets: Vec<String> = sets.map(|name| format!("{name} = EXCLUDED.{name}")).collect();
        builder.push(&sets.join(", "));
        builder.push(" RETURNING *");
        let answer = self.session.run(&builder.sql, &builder.values).await?;
        answer.into_first().ok_or_else(|| Error::invalid("the database did not write the row"))
    }

    /// Deletes the rows that meet the conditions; says how many there were.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) without conditions; else as
    /// [`DbOperator::fetch`].
    pub async fn delete(
        &self,
        table: impl Into<TableName>,
        conditions: Record,
    ) -> Result<u64, Error> {
        Ok(self.delete_rows(table.into(), &conditions, "").await?.affected)
    }

    /// Deletes the rows that meet the conditions; gives them as they were.
    ///
    /// # Errors
    /// As [`DbOperator::delete`].
    pub async fn delete_returning(
        &self,
        table: impl Into<TableName>,
        conditions: Record,
    ) -> Result<Vec<Row>, Error> {
        Ok(self.delete_rows(table.into(), &conditions, " RETURNING *").await?.rows)
    }

    async fn delete_rows(
        &self,
        table: TableName,
        conditions: &Record,
        end: &str,
    ) -> Result<Answer, Error> {
        if conditions.is_empty() {
            return Err(Error::invalid("No valid conditions for delete"));
        }
        let mut table = self.table(&table).await?;
        let conditions = self.conditions(&mut table, conditions).await?;
        let mut builder = Builder::new(format!("DELETE FROM {}", table.sql_name()));
        builder.conditions(conditions);
        builder.push(end);
        self.session.run(&builder.sql, &builder.values).await
    }

    /// A row with the names of the catalogue. Two keys for one column are an error: which of
    /// them is meant?
    pub(super) async fn data(
        &self,
        table: &mut Arc<Table>,
        data: Record,
        verb: &str,
    ) -> Result<Record, Error> {
        let drops = self.session.shared().settings().unknown_keys == UnknownKeys::Drop;
        let drops = drops && data.len() > 1;
        let mut matched = Record::with_capacity(data.len());
        for (key, value) in data {
            let column = match self.column(table, &key).await {
                Ok(column) => column,
                Err(error) if error.column.is_some() && drops => continue,
                Err(error) => return Err(error),
            };
            if matched.iter().any(|(other, _)| *other == column) {
                return Err(Error::invalid(format!(
                    "two keys mean the column '{column}' of the table '{}'",
                    table.name
                )));
            }
            matched.push((column, value));
        }
        if matched.is_empty() {
            return Err(Error::invalid(format!("No valid columns to {verb}")));
        }
        Ok(matched)
    }
}

/// `INSERT INTO t (a, b) VALUES ($1, $2)`
fn insertion(table: &Table, data: Record) -> Builder {
    let names: Vec<String> = data.iter().map(|(column, _)| quoted(column)).collect();
    let mut builder =
        Builder::new(format!("INSERT INTO {} ({}) VALUES (", table.sql_name(), names.join(", ")));
    for (at, (column, value)) in data.into_iter().enumerate() {
        if at > 0 {
            builder.push(", ");
        }
        builder.value(fitting(table, &column, value));
    }
    builder.push(")");
    builder
}
