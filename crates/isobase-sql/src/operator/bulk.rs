//! Writing many rows at once.

use std::mem;

use futures_util::StreamExt;

use super::{DbOperator, builder::fitting};
use crate::{BulkRows, Error, Session, Table, TableName, Value};

impl<S: Session> DbOperator<S> {
    /// Inserts many rows: by COPY on PostgreSQL, in one transaction on SQLite. All or none.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) when a row has another number of values
    /// than there are columns, or when the rows of a [`BulkRows::channel`] are cut; else as
    /// [`DbOperator::insert`]. A column that does not exist is always an error here.
    pub async fn bulk_insert(
        &self,
        table: impl Into<TableName>,
        columns: &[&str],
        rows: impl Into<BulkRows>,
    ) -> Result<u64, Error> {
        let mut table = self.table(&table.into()).await?;
        let mut names = Vec::with_capacity(columns.len());
        for column in columns {
            let name = self.column(&mut table, column).await?;
            if names.contains(&name) {
                return Err(Error::invalid(format!("two names mean the column '{name}'")));
            }
            names.push(name);
        }
        if names.is_empty() {
            return Err(Error::invalid("No valid columns to insert"));
        }
        let mut before = 0;
        let rows = rows.into().into_stream().map(|part| {
            let mut rows = part?;
            fit(&table, &names, &mut rows, before)?;
            before += rows.len();
            Ok(rows)
        });
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        self.session.load(&table, &names, rows).await
    }
}

/// Checks that each row has a value for each column, and makes lists fit their columns. `before`
/// is the number of rows that came before these.
fn fit(
    table: &Table,
    names: &[String],
    rows: &mut [Vec<Value>],
    before: usize,
) -> Result<(), Error> {
    for (at, row) in rows.iter_mut().enumerate() {
        if row.len() != names.len() {
            return Err(Error::invalid(format!(
                "row {} has {} values for {} columns",
                before + at + 1,
                row.len(),
                names.len()
            )));
        }
        for (name, value) in names.iter().zip(row) {
            if matches!(value, Value::Array(_)) {
                let list = mem::replace(value, Value::Null);
                *value = fitting(table, name, list);
            }
        }
    }
    Ok(())
}
