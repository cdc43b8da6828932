//! Made-up rows in a database.

use std::collections::HashMap;

use super::{MockDataGenerator, is_made_by_database, no_more_values, unique::Taken};
use crate::{
    BulkRows, DbConnector, Error, Session, Table, Transaction, Value, catalogue, name::quoted,
};
use futures_util::future::BoxFuture;

/// Rows that are written at once.
const CHUNK_ROWS: u64 = 5_000;
/// Rows of another table among which references choose.
const PARENTS_MAX: u64 = 10_000;

/// The rows written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filled {
    /// Rows of each table, in the order in which they were written.
    pub tables: Vec<(String, u64)>,
    /// Conditions that could not be read; that all rows were accepted shows that they hold.
    pub unreadable_checks: Vec<String>,
}

/// The keys of the rows of other tables, and the columns here that refer to them.
struct Parents {
    columns: Vec<String>,
    keys: Vec<Vec<Value>>,
    /// Where references must differ in each row: how many rows go on with one key, before the next
    /// one comes.
    step: Option<usize>,
}

impl MockDataGenerator<'_> {
    /// Writes so many rows into each of these tables of a schema, those first that others refer
    /// to; all or none. References are to rows that exist.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) when a row must refer to a table that is
    /// empty; else as the database refuses.
    pub fn fill<'a>(
        &'a mut self,
        db: &'a DbConnector,
        schema: &'a str,
        tables: &'a [&'a str],
        count: u64,
    ) -> BoxFuture<'a, Result<Filled, Error>> {
        Box::pin(async move {
            let ordered = self.registry.tables(schema);
            for table in tables {
                self.registry.table(schema, table)?;
            }
            let transaction = db.begin().await?;
            let mut filled = Filled::default();
            for table in ordered.iter().filter(|table| tables.contains(&table.name.as_str())) {
                match self.fill_table(&transaction, table, count).await {
                    Ok(rows) => filled.tables.push((table.name.clone(), rows)),
                    Err(error) => {
                        transaction.rollback().await?;
                        let message = format!("table {}: {}", table.name, error.message);
                        return Err(Error { message, ..error });
                    }
                }
                filled.unreadable_checks.extend(self.unreadable_checks(schema, &table.name)?);
            }
            transaction.commit().await?;
            Ok(filled)
        })
    }

    async fn fill_table(
        &mut self,
        transaction: &Transaction,
        table: &Table,
        count: u64,
    ) -> Result<u64, Error> {
        let before = self.start_after_what_is_there(transaction, table).await?;
        let mut parents = parents(transaction, table, before.saturating_add(count)).await?;
        let combinations = keep_apart(table, &mut parents);
        let columns: Vec<&str> = table
            .columns
            .iter()
            .filter(|column| !is_made_by_database(column))
            .map(|column| column.name.as_str())
            .collect();
        let mut written = 0;
        while written < count {
            let mut rows = Vec::new();
            for row in 0..CHUNK_ROWS.min(count - written) {
                let at = usize::try_from(before + written + row).unwrap_or(usize::MAX);
                if let Some((group, room)) = combinations.iter().find(|(_, room)| at >= *room) {
                    return Err(no_more_values(&table.name, group, Taken(*room as u64)));
                }
                rows.push(self.row_with_parents((table, at), &parents, &columns)?);
            }
            written +=
                transaction.load(table, &columns, BulkRows::from(rows).into_stream()).await?;
        }
        Ok(written)
    }

    fn row_with_parents(
        &mut self,
        (table, at): (&Table, usize),
        parents: &[Parents],
        columns: &[&str],
    ) -> Result<Vec<Value>, Error> {
        let mut overrides = Vec::new();
        for parent in parents {
            let key = match parent.step {
                Some(step) => parent.keys.get(at / step % parent.keys.len().max(1)),
                None => self.random.pick(&parent.keys),
            };
            if let Some(key) = key {
                let values = parent.columns.iter().cloned().zip(key.iter().cloned());
                overrides.extend(values);
            }
        }
        let row = self.generate_row(&table.schema, &table.name, &overrides)?;
        let mut by_name: HashMap<String, Value> = row.into_iter().collect();
        Ok(columns
            .iter()
            .map(|column| match by_name.remove(*column).unwrap_or(Value::Null) {
                Value::Array(elements) if table.column(column).is_some_and(|c| c.is_json()) => {
                    Value::Json(Value::Array(elements).to_json())
                }
                value => value,
            })
            .collect())
    }

    /// Unique values go on where earlier rows ended; gives the number of these.
    async fn start_after_what_is_there(
        &mut self,
        transaction: &Transaction,
        table: &Table,
    ) -> Result<u64, Error> {
        let sql = format!("SELECT count(*) FROM {}", table.sql_name());
        let count = transaction.run(&sql, &[]).await?.into_value();
        let count = count.and_then(|count| count.as_int()).unwrap_or(0);
        let mut start = count;
        for column in &table.columns {
            let integer = matches!(crate::Family::of(column), crate::Family::Integer(_));
            let unique = table.uniques.iter().chain([&table.primary_key]);
            let unique = unique.clone().any(|columns| columns.last() == Some(&column.name));
            if integer && unique && !is_made_by_database(column) {
                let name = quoted(&column.name);
                let sql = format!("SELECT max({name}) FROM {}", table.sql_name());
                let max = transaction.run(&sql, &[]).await?.into_value();
                start = start.max(max.and_then(|max| max.as_int()).unwrap_or(0));
            }
        }
        let key = (table.schema.clone(), table.name.clone());
        let made = self.made.entry(key).or_default();
        *made = (*made).max(start);
        Ok(count.unsigned_abs())
    }
}

/// Keys that rows of the table can refer to.
async fn parents(
    transaction: &Transaction,
    table: &Table,
    rows: u64,
) -> Result<Vec<Parents>, Error> {
    let mut found = Vec::new();
    for key in &table.foreign_keys {
        let other = catalogue::table_anew(transaction, &key.schema, &key.table).await?;
        let references =
            if key.references.is_empty() { &other.primary_key } else { &key.references };
        let names: Vec<String> = references.iter().map(|name| quoted(name)).collect();
        let filled = names.iter().map(|name| format!("{name} IS NOT NULL"));
        let sql = format!(
            "SELECT {} FROM {} WHERE {} LIMIT {}",
            names.join(", "),
            other.sql_name(),
            filled.collect::<Vec<_>>().join(" AND "),
            // Each row may need a parent of its own.
            if must_differ(table, &key.columns) { PARENTS_MAX.max(rows) } else { PARENTS_MAX }
        );
        let rows = transaction.run(&sql, &[]).await?.rows;
        let keys: Vec<_> = rows.iter().map(|row| row.values().to_vec()).collect();
        let needed = key.columns.iter().any(|name| {
            table.column(name).is_some_and(|column| !column.nullable && column.default.is_none())
        });
        if keys.is_empty() && needed {
            let (columns, other) = (key.columns.join(", "), &key.table);
            return Err(Error::invalid(format!(
                "{columns} must refer to a row of {other}, which has none: fill {other} first"
            )));
        }
        found.push(Parents { columns: key.columns.clone(), keys, step: None });
    }
    Ok(found)
}

/// Whether these columns alone are unique.
fn must_differ(table: &Table, columns: &[String]) -> bool {
    let mut groups = table.uniques.iter().chain([&table.primary_key]);
    groups.any(|group| !group.is_empty() && group.iter().all(|name| columns.contains(name)))
}

/// Has references take turns where nothing but they make a unique group. Gives each of these groups, and
/// how many different rows there can be.
fn keep_apart(table: &Table, parents: &mut [Parents]) -> Vec<(String, usize)> {
    let mut combinations = Vec::new();
    for group in table.uniques.iter().chain([&table.primary_key]) {
        let refers = |name| parents.iter().any(|parent| parent.columns.contains(name));
        if group.is_empty() || !group.iter().all(refers) {
            continue;
        }
        let mut room = 1_usize;
        let mut takes_turns = false;
        for parent in parents.iter_mut() {
            let is_free = parent.step.is_none() && !parent.keys.is_empty();
            if is_free && parent.columns.iter().any(|name| group.contains(name)) {
                takes_turns = true;
                parent.step = Some(room);
                room = room.saturating_mul(parent.keys.len());
            }
        }
        if takes_turns {
            combinations.push((group.join(", "), room));
        }
    }
    combinations
}
