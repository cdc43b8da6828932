//! Reading rows.

use super::{DbOperator, builder::Builder};
use crate::{Answer, Error, Record, Row, Session, TableName, Value, name::quoted};

/// Which rows: those of a table that meet conditions, or those of a statement.
#[derive(Clone, Debug)]
pub struct Select {
    source: Source,
    order_by: Vec<String>,
    limit: Option<u64>,
    offset: Option<u64>,
}

#[derive(Clone, Debug)]
enum Source {
    Table(TableName, Record),
    Sql(String, Vec<Value>),
}

impl Select {
    /// The rows of a table.
    pub fn from(table: impl Into<TableName>) -> Self {
        Self::of(Source::Table(table.into(), Record::new()))
    }

    /// The rows of a statement with `$1`, `$2`, … for its values.
    pub fn sql(sql: impl Into<String>, parameters: impl IntoIterator<Item = Value>) -> Self {
        Self::of(Source::Sql(sql.into(), parameters.into_iter().collect()))
    }

    fn of(source: Source) -> Self {
        Self { source, order_by: Vec::new(), limit: None, offset: None }
    }

    /// Only rows whose column has this value; NULL is met by NULL. Several are joined by AND.
    /// A statement has its conditions in its text, and ignores it.
    #[must_use]
    pub fn when(mut self, column: impl Into<String>, value: impl Into<Value>) -> Self {
        if let Source::Table(_, conditions) = &mut self.source {
            conditions.push((column.into(), value.into()));
        }
        self
    }

    /// As [`Select::when`] for each of them.
    #[must_use]
    pub fn when_all(mut self, all: Record) -> Self {
        if let Source::Table(_, conditions) = &mut self.source {
            conditions.extend(all);
        }
        self
    }

    /// Sorted by a column; with `-` in front the largest first. The first one given counts most.
    #[must_use]
    pub fn order_by(mut self, column: impl Into<String>) -> Self {
        self.order_by.push(column.into());
        self
    }

    /// At most so many.
    #[must_use]
    pub fn limit(mut self, limit: u64) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Without the first ones.
    #[must_use]
    pub fn offset(mut self, offset: u64) -> Self {
        self.offset = Some(offset);
        self
    }
}

impl<S: Session> DbOperator<S> {
    /// All rows that are asked for.
    ///
    /// # Errors
    /// [`ErrorKind::Schema`](crate::ErrorKind::Schema) for a table that does not exist,
    /// [`ErrorKind::ColumnMatch`](crate::ErrorKind::ColumnMatch) for a column, else as the
    /// database refuses.
    pub async fn fetch(&self, select: Select) -> Result<Vec<Row>, Error> {
        let limit = select.limit;
        let answer = match select.source {
            Source::Sql(sql, parameters) => self.session.run(&sql, &parameters).await?,
            Source::Table(..) => self.fetch_table("*", select).await?,
        };
        let mut rows = answer.rows;
        // A statement may have said more than is wanted.
        rows.truncate(
            limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX)),
        );
        Ok(rows)
    }

    /// The first row; `None` if there is none.
    ///
    /// # Errors
    /// As [`DbOperator::fetch`].
    pub async fn fetch_one(&self, select: Select) -> Result<Option<Row>, Error> {
        let rows = self.fetch(select.limit(1)).await?;
        Ok(rows.into_iter().next())
    }

    /// The first value of the first row; `None` if there is no row.
    ///
    /// # Errors
    /// As [`DbOperator::fetch`].
    pub async fn fetch_value(&self, select: Select) -> Result<Option<Value>, Error> {
        let row = self.fetch_one(select).await?;
        Ok(row.and_then(|row| row.values().first().cloned()))
    }

    /// How many rows meet the conditions.
    ///
    /// # Errors
    /// As [`DbOperator::fetch`].
    pub async fn count(
        &self,
        table: impl Into<TableName>,
        conditions: Record,
    ) -> Result<u64, Error> {
        let select = Select::from(table).when_all(conditions);
        let value = self.fetch_table("count(*)", select).await?.into_value();
        let count = value.and_then(|value| value.as_int()).unwrap_or(0);
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Whether a row meets the conditions.
    ///
    /// # Errors
    /// As [`DbOperator::fetch`].
    pub async fn exists(
        &self,
        table: impl Into<TableName>,
        conditions: Record,
    ) -> Result<bool, Error> {
        let select = Select::from(table).when_all(conditions).limit(1);
        Ok(!self.fetch_table("1", select).await?.rows.is_empty())
    }

    async fn fetch_table(&self, what: &str, select: Select) -> Result<Answer, Error> {
        let Source::Table(name, conditions) = select.source else {
            return Err(Error::invalid("a statement has no table"));
        };
        let mut table = self.table(&name).await?;
        let conditions = self.conditions(&mut table, &conditions).await?;
        let mut builder = Builder::new(format!("SELECT {what} FROM {}", table.sql_name()));
        builder.conditions(conditions);
        for (at, order) in select.order_by.iter().enumerate() {
            let (name, direction) = match order.strip_prefix('-') {
                Some(name) => (name, " DESC"),
                None => (order.as_str(), ""),
            };
            let column = self.column(&mut table, name).await?;
            builder.push(if at == 0 { " ORDER BY " } else { ", " });
            builder.push(&quoted(&column));
            builder.push(direction);
        }
        builder.page(self.session.dialect(), select.limit, select.offset);
        self.session.run(&builder.sql, &builder.values).await
    }
}
