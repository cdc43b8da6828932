//! Rows of one table and changes to them, and how the routes are described.

use std::collections::BTreeMap;

use isobase_http::{Answer, Content, Operation};
use isobase_sql::{FoundRows, RowChange, Value, WriteStatement};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::read::{OF_STATEMENTS, Rows, TableOf, operation};
use crate::codes;

/// Values by column: texts, which each column reads as its type wants it, or null.
type Values = BTreeMap<String, Option<String>>;

/// Columns of a row that the audit is told of, and characters of each of their names and keys.
const TOLD_COLUMNS_MAX: usize = 50;
const TOLD_CHARACTERS_MAX: usize = 100;

/// Longer numbers may be of a card or an account.
const NUMBER_DIGITS_MAX: usize = 12;
const UUID_CHARACTERS: usize = 36;
const UUID_HYPHENS: usize = 4;

/// The first characters of a text.
fn start_of(text: &str) -> String {
    text.chars().take(TOLD_CHARACTERS_MAX).collect()
}

/// A value of a key, as the audit tells it.
fn told_key(value: &str) -> String {
    let is_hex = |c: char| c.is_ascii_hexdigit() || c == '-';
    let is_number = value.len() <= NUMBER_DIGITS_MAX && value.parse::<i64>().is_ok();
    let is_uuid = value.len() == UUID_CHARACTERS
        && value.chars().all(is_hex)
        && value.matches('-').count() == UUID_HYPHENS;
    if is_number || is_uuid { value.to_owned() } else { "***".to_owned() }
}

/// Rows of a table.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "SqlTableRows")]
pub(in crate::sql) struct TableRows {
    /// The table as it is.
    table: TableOf,
    /// `after` of the rows that come next; null where there are none, and where only an offset finds
    /// them: without a primary key, or where a value is too long to be compared with.
    next: Option<Vec<Option<String>>>,
    #[serde(flatten)]
    rows: Rows,
}

impl TableRows {
    pub(in crate::sql) fn of(found: FoundRows, ms: u64) -> Self {
        let FoundRows { table, answer, next } = found;
        Self { table: TableOf::of(table), next, rows: Rows::of(&answer, ms) }
    }
}

/// What rows must be like.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "SqlCondition")]
#[serde(deny_unknown_fields)]
pub(in crate::sql) struct ConditionOf {
    /// A column of the table.
    pub(in crate::sql) column: String,
    /// `=`, `<>`, `<`, `<=`, `>`, `>=`, `contains`, `is null` or `is not null`.
    pub(in crate::sql) comparison: String,
    /// With what.
    #[serde(default)]
    pub(in crate::sql) value: Option<String>,
}

/// Which rows.
#[derive(JsonSchema)]
#[schemars(rename = "SqlRowsWanted")]
#[expect(dead_code, reason = "only its shape is used: members are read one by one")]
struct RowsWantedOf {
    schema: String,
    table: String,
    /// All of them hold; at most 20.
    r#where: Option<Vec<ConditionOf>>,
    /// The column of the order; the primary key without one.
    order: Option<String>,
    /// Whether the largest comes first.
    descending: Option<bool>,
    /// Behind which row they begin: `next` of the rows before. It costs the same however far that is.
    after: Option<Vec<Option<String>>>,
    /// How many rows are passed over, at most 1,000,000.
    offset: Option<u64>,
    /// Most rows to show; all that the service shows when none is given.
    limit: Option<usize>,
    /// As with a statement.
    statement_id: Option<String>,
}

/// A change to one row.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "SqlRowChange")]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(in crate::sql) enum RowChangeOf {
    /// A new row; columns without a value have their defaults.
    Insert { values: Values },
    /// Other values of the row that has this primary key, and still the values of `before`.
    Update {
        key: Values,
        values: Values,
        #[serde(default)]
        before: Values,
    },
    /// The row that has this primary key, and still the values of `before`, goes.
    Delete {
        key: Values,
        #[serde(default)]
        before: Values,
    },
}

impl RowChangeOf {
    /// What the audit is told: which row, and which of its columns, without values. Of a key only numbers
    /// and UUIDs are told: others, such as an address, may be about a person.
    pub(in crate::sql) fn told(&self) -> Json {
        let names = |values: &Values| {
            values.keys().take(TOLD_COLUMNS_MAX).map(|name| start_of(name)).collect::<Vec<_>>()
        };
        let named = |key: &Values| {
            let start = |value: &Option<String>| value.as_deref().map(told_key);
            let pairs = key.iter().take(TOLD_COLUMNS_MAX);
            pairs.map(|(name, value)| (start_of(name), start(value))).collect::<BTreeMap<_, _>>()
        };
        match self {
            Self::Insert { values } => json!({ "kind": "insert", "columns": names(values) }),
            Self::Update { key, values, .. } => {
                json!({ "kind": "update", "key": named(key), "columns": names(values) })
            }
            Self::Delete { key, .. } => json!({ "kind": "delete", "key": named(key) }),
        }
    }

    pub(in crate::sql) fn into_change(self) -> RowChange {
        match self {
            Self::Insert { values } => RowChange::Insert { values: given(values) },
            Self::Update { key, values, before } => {
                RowChange::Update { key: given(key), values: given(values), before: given(before) }
            }
            Self::Delete { key, before } => {
                RowChange::Delete { key: given(key), before: given(before) }
            }
        }
    }
}

fn given(values: Values) -> Vec<(String, Value)> {
    values.into_iter().map(|(name, value)| (name, value.map_or(Value::Null, Value::Text))).collect()
}

/// Changes to rows of a table.
#[derive(JsonSchema)]
#[schemars(rename = "SqlRowChanges")]
#[expect(dead_code, reason = "only its shape is used: members are read one by one")]
struct RowChangesOf {
    schema: String,
    table: String,
    /// 1 to 200, all or none of which are made.
    changes: Vec<RowChangeOf>,
    /// The name of the database, as `GET /api/v1/sql` tells it.
    database: String,
    /// Whether they are only tried, and taken back.
    dry_run: Option<bool>,
    /// As with a statement.
    statement_id: Option<String>,
}

/// The statements that were run.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "SqlChangedRows")]
pub(in crate::sql) struct ChangedRows {
    statements: Vec<StatementRun>,
    /// False when everything was taken back.
    committed: bool,
    /// How long it took, in milliseconds.
    ms: u64,
}

/// A statement with the values of `$1`, `$2`, ….
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "SqlStatementRun")]
struct StatementRun {
    statement: String,
    parameters: Vec<Option<String>>,
}

impl ChangedRows {
    pub(in crate::sql) fn of(statements: &[WriteStatement], committed: bool, ms: u64) -> Self {
        let run = |statement: &WriteStatement| StatementRun {
            statement: statement.sql.clone(),
            parameters: statement
                .parameters
                .iter()
                .map(|value| value.as_str().map(str::to_owned))
                .collect(),
        };
        Self { statements: statements.iter().map(run).collect(), committed, ms }
    }
}

pub(in crate::sql) fn list_rows() -> Operation {
    let example = json!({
        "schema": "public",
        "table": "orders",
        "where": [{ "column": "total", "comparison": ">=", "value": "100" }],
        "order": "total",
        "descending": true,
        "limit": 50,
    });
    operation("list_sql_rows", "List rows of a table")
        .description("Those that match, with all columns, and what the table is like. Read-only.")
        .takes(Content::of::<RowsWantedOf>().example(example))
        .answers(Answer::new(200, "The rows.").content(Content::of::<TableRows>()))
        .problems(OF_STATEMENTS)
        .problems([codes::SQL_TABLE_NOT_FOUND])
}

pub(in crate::sql) fn change_rows() -> Operation {
    let example = json!({
        "database": "shop",
        "schema": "public",
        "table": "orders",
        "changes": [{
            "kind": "update",
            "key": { "id": "42" },
            "values": { "note": "paid" },
            "before": { "note": null },
        }],
    });
    operation("change_sql_rows", "Change rows of a table")
        .description(
            "In one transaction: all of them, or none. A row that has no longer the values of `before` \
             refuses them all. The audit is told which rows and columns, before the commit.",
        )
        .takes(Content::of::<RowChangesOf>().example(example))
        .answers(Answer::new(200, "They are made.").content(Content::of::<ChangedRows>()))
        .problems(OF_STATEMENTS)
        .problems([
            codes::SQL_READ_ONLY,
            codes::SQL_GUARDED,
            codes::SQL_NOT_CONFIRMED,
            codes::SQL_TABLE_NOT_FOUND,
            codes::SQL_ROW_CHANGED,
            codes::OUTCOME_UNKNOWN,
        ])
}
