//! Rows of one table, as a person leafs through them.

use std::fmt::Write as _;

use super::answer::ReadAnswer;
use crate::{ColumnMismatch, Dialect, Error, Table, Value, name::quoted, table::Column};

/// Which rows of a table, in which order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RowsWanted {
    /// The conditions on all of them.
    pub conditions: Vec<RowCondition>,
    /// The column of their order, and whether the largest comes first; the key without one.
    pub order: Option<(String, bool)>,
    /// The row behind which they begin, by its values of the columns that order them, as
    /// [`FoundRows::next`] tells them.
    pub after: Option<Vec<Value>>,
    /// How many are passed over.
    pub offset: u64,
}

/// Rows of a table.
#[derive(Clone, Debug)]
pub struct FoundRows {
    /// The table.
    pub table: Table,
    /// The rows.
    pub answer: ReadAnswer,
    /// Behind which row the next ones begin; `None` if there are none, and where the table has no
    /// primary key or a value is too long to be compared with.
    pub next: Option<Vec<Option<String>>>,
}

/// A condition on a column.
#[derive(Clone, Debug, PartialEq)]
pub struct RowCondition {
    /// The column.
    pub column: String,
    /// How it is compared.
    pub comparison: Comparison,
    /// With what; nothing where it is compared with NULL.
    pub value: Value,
}

/// How a value is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `<>`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// Its text holds the value, in any case.
    Contains,
    /// It is NULL.
    IsNull,
    /// It is not NULL.
    IsNotNull,
}

impl Comparison {
    /// All of them, by the names that [`Comparison::name`] gives.
    pub const ALL: [Self; 9] = [
        Self::Equal,
        Self::NotEqual,
        Self::Less,
        Self::LessOrEqual,
        Self::Greater,
        Self::GreaterOrEqual,
        Self::Contains,
        Self::IsNull,
        Self::IsNotNull,
    ];

    /// As it is written: `=`, `contains`, `is null`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "<>",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Contains => "contains",
            Self::IsNull => "is null",
            Self::IsNotNull => "is not null",
        }
    }

    /// Whether it compares with a value.
    #[must_use]
    pub fn takes_value(self) -> bool {
        !matches!(self, Self::IsNull | Self::IsNotNull)
    }
}

/// The statement that reads them, and the values of its parameters. One row more than `rows_max`
/// tells that there are more.
pub(super) fn select(
    dialect: Dialect,
    table: &Table,
    wanted: &RowsWanted,
    rows_max: usize,
) -> Result<(String, Vec<Value>), Error> {
    let columns: Vec<_> = table.columns.iter().map(|column| quoted(&column.name)).collect();
    let mut sql = format!("SELECT {} FROM {}", columns.join(", "), table.sql_name());
    let mut values = Vec::new();
    for (at, condition) in wanted.conditions.iter().enumerate() {
        let column = known(table, &condition.column)?;
        sql.push_str(if at == 0 { " WHERE " } else { " AND " });
        if condition.comparison.takes_value() {
            values.push(condition.value.clone());
        }
        let place = values.len();
        let _ = match (condition.comparison, dialect) {
            (Comparison::IsNull, _) => write!(sql, "{column} IS NULL"),
            (Comparison::IsNotNull, _) => write!(sql, "{column} IS NOT NULL"),
            (Comparison::Contains, Dialect::Postgres) => {
                write!(sql, "strpos(lower({column}::text), lower(${place}::text)) > 0")
            }
            (Comparison::Contains, Dialect::Sqlite) => {
                write!(sql, "instr(lower({column}), lower(${place})) > 0")
            }
            (comparison, _) => write!(sql, "{column} {} ${place}", comparison.name()),
        };
    }
    let order = order(table, wanted)?;
    if let Some(after) = &wanted.after {
        if after.len() != order.len() || !goes_on_by_values(dialect, table, &order) {
            let message = "the rows of this table are not found behind such values; use an offset";
            return Err(Error::invalid(message));
        }
        sql.push_str(if wanted.conditions.is_empty() { " WHERE " } else { " AND " });
        sql.push_str(&behind(dialect, &order, after, &mut values));
    }
    if !order.is_empty() {
        let columns = order.iter().map(|by| {
            let word = if by.descending { " DESC" } else { "" };
            format!("{}{word}", quoted(&by.column.name))
        });
        let _ = write!(sql, " ORDER BY {}", columns.collect::<Vec<_>>().join(", "));
    }
    let _ = write!(sql, " LIMIT {} OFFSET {}", rows_max.saturating_add(1), wanted.offset);
    Ok((sql, values))
}

/// A column that rows are ordered by.
struct By<'a> {
    column: &'a Column,
    descending: bool,
}

impl By<'_> {
    /// Whether NULL comes after all other values.
    fn has_nulls_last(&self, dialect: Dialect) -> bool {
        self.descending == (dialect == Dialect::Sqlite)
    }

    /// What is true of values that come after one; `None` if none does.
    fn beyond(&self, dialect: Dialect, value: &Value, place: usize) -> Option<String> {
        let (column, sign) = (quoted(&self.column.name), if self.descending { "<" } else { ">" });
        match (value.is_null(), self.has_nulls_last(dialect)) {
            (true, true) => None,
            (true, false) => Some(format!("{column} IS NOT NULL")),
            (false, true) if self.column.nullable => {
                Some(format!("({column} {sign} ${place} OR {column} IS NULL)"))
            }
            (false, _) => Some(format!("{column} {sign} ${place}")),
        }
    }

    fn equal(&self, value: &Value, place: usize) -> String {
        let column = quoted(&self.column.name);
        match value.is_null() {
            true => format!("{column} IS NULL"),
            false => format!("{column} = ${place}"),
        }
    }
}

/// What rows are ordered by: the column that is asked for, then the primary key.
fn order<'a>(table: &'a Table, wanted: &RowsWanted) -> Result<Vec<By<'a>>, Error> {
    let mut order = Vec::new();
    if let Some((name, descending)) = &wanted.order {
        let column = table.column(name).ok_or_else(|| missing(table, name))?;
        order.push(By { column, descending: *descending });
    }
    let first = order.first().map(|by: &By<'_>| by.column.name.clone());
    let key = table.primary_key.iter().filter(|name| Some(*name) != first.as_ref());
    let key = key.filter_map(|name| table.column(name));
    order.extend(key.map(|column| By { column, descending: false }));
    Ok(order)
}

/// Whether the values by which rows are ordered tell which row is meant.
fn goes_on_by_values(dialect: Dialect, table: &Table, order: &[By<'_>]) -> bool {
    let compares = |by: &By<'_>| dialect == Dialect::Postgres || !by.column.keeps_texts();
    !table.primary_key.is_empty() && order.iter().all(compares)
}

/// What is true of the rows behind one, whose values become parameters.
fn behind(dialect: Dialect, order: &[By<'_>], after: &[Value], values: &mut Vec<Value>) -> String {
    let places: Vec<usize> = after
        .iter()
        .map(|value| {
            if !value.is_null() {
                values.push(value.clone());
            }
            values.len()
        })
        .collect();
    let each: Vec<_> = order.iter().zip(after).zip(&places).collect();
    let steps = each.iter().enumerate().filter_map(|(at, ((by, value), place))| {
        let mut all: Vec<String> =
            each[..at].iter().map(|((by, value), place)| by.equal(value, **place)).collect();
        all.push(by.beyond(dialect, value, **place)?);
        Some(format!("({})", all.join(" AND ")))
    });
    let steps: Vec<String> = steps.collect();
    let any = if steps.is_empty() { "1 = 0".to_owned() } else { steps.join(" OR ") };
    // What is true of each step lets an index begin at the row.
    let ((first, value), place) = each[0];
    let bounded = !value.is_null()
        && !(first.column.nullable && first.has_nulls_last(dialect))
        && order.len() > 1;
    match bounded {
        true => {
            let sign = if first.descending { "<=" } else { ">=" };
            format!("{} {sign} ${place} AND ({any})", quoted(&first.column.name))
        }
        false => format!("({any})"),
    }
}

/// Behind which row those come that an answer does not show.
pub(super) fn next(
    dialect: Dialect,
    table: &Table,
    wanted: &RowsWanted,
    answer: &ReadAnswer,
) -> Option<Vec<Option<String>>> {
    answer.ended_by?;
    let (last, order) = (answer.rows.last()?, order(table, wanted).ok()?);
    if !goes_on_by_values(dialect, table, &order) {
        return None;
    }
    let value = |by: &By<'_>| {
        let at = answer.columns.iter().position(|column| column.name == by.column.name)?;
        match last.get(at)? {
            Some(cell) if cell.is_cut || answer.columns[at].data_type == "blob" => None,
            cell => Some(cell.as_ref().map(|cell| cell.text.clone())),
        }
    };
    order.iter().map(value).collect()
}

/// A column of the table in quotes.
pub(crate) fn known(table: &Table, name: &str) -> Result<String, Error> {
    match table.column(name) {
        Some(column) => Ok(quoted(&column.name)),
        None => Err(missing(table, name)),
    }
}

/// The table has no such column.
pub(crate) fn missing(table: &Table, name: &str) -> Error {
    let available = table.columns.iter().map(|column| column.name.clone()).collect();
    let (schema, table) = (Some(table.schema.clone()), Some(table.name.clone()));
    let suggestions = Vec::new();
    ColumnMismatch { name: name.to_owned(), available, schema, table, suggestions }.into()
}
