//! Rows of one table, as a person leafs through them.

use std::fmt::Write as _;

use crate::{ColumnMismatch, Dialect, Error, Table, Value, name::quoted};

/// Which rows of a table, in which order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RowsWanted {
    /// What all of them must be like.
    pub conditions: Vec<RowCondition>,
    /// The column of their order, and whether the largest comes first; the key without one.
    pub order: Option<(String, bool)>,
    /// How many are passed over.
    pub offset: u64,
}

/// What a column must be like.
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
    let key = table.primary_key.iter().map(|column| quoted(column));
    let mut order: Vec<String> = key.collect();
    if let Some((column, descending)) = &wanted.order {
        let column = known(table, column)?;
        order.retain(|key| *key != column);
        order.insert(0, if *descending { format!("{column} DESC") } else { column });
    }
    if !order.is_empty() {
        let _ = write!(sql, " ORDER BY {}", order.join(", "));
    }
    let _ = write!(sql, " LIMIT {} OFFSET {}", rows_max.saturating_add(1), wanted.offset);
    Ok((sql, values))
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
