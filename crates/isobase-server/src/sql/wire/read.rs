//! Answers of the routes that only read, and how these are described.

use isobase_http::{Answer, Content, Location, Operation, Parameter, ProblemCode};
use isobase_sql::{
    Constraint, PlanNode, ReadAnswer, ReadEnd, ReadPlan, Reference, STATEMENT_BYTES_MAX, Table,
    TableSummary, Trigger,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::{
    codes,
    sql::{history::Entry, state::SqlOptions},
};

/// The database that is looked at.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "SqlDatabase")]
pub(in crate::sql) struct Database {
    /// `postgres` or `sqlite`.
    dialect: &'static str,
    /// Where it is, without its password.
    address: String,
    /// The name that must be typed to change it; null where nothing is changed.
    database: Option<String>,
    /// Most rows that an answer shows.
    rows_max: usize,
    /// How long a statement may run, in milliseconds.
    timeout_ms: u64,
    /// Longest statement, in bytes.
    statement_bytes_max: usize,
    /// How many statements of yours run now in the process that answers.
    running: usize,
}

impl Database {
    pub(in crate::sql) fn of(options: &SqlOptions, running: usize) -> Self {
        Self {
            dialect: options.reader.dialect().name(),
            address: options.reader.address().to_owned(),
            database: options.writer.as_ref().map(|writer| writer.database().to_owned()),
            rows_max: options.rows_max,
            timeout_ms: u64::try_from(options.timeout.as_millis()).unwrap_or(u64::MAX),
            statement_bytes_max: STATEMENT_BYTES_MAX,
            running,
        }
    }
}

/// The answer of a statement.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "SqlRows")]
pub(in crate::sql) struct Rows {
    columns: Vec<ColumnOf>,
    /// Every value as the database writes it, so that no digit is lost; NULL is null.
    rows: Vec<Vec<Option<String>>>,
    /// Values that were cut because they are long: numbers of row and column, from 0.
    cut: Vec<(usize, usize)>,
    /// `rows` or `bytes` when there is more than is shown.
    ended_by: Option<&'static str>,
    /// How long it took, in milliseconds.
    ms: u64,
}

/// A column of an answer.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "SqlColumn")]
struct ColumnOf {
    name: String,
    #[serde(rename = "type")]
    data_type: String,
}

impl Rows {
    pub(in crate::sql) fn of(answer: &ReadAnswer, ms: u64) -> Self {
        let columns = answer.columns.iter().map(|column| ColumnOf {
            name: column.name.clone(),
            data_type: column.data_type.clone(),
        });
        let mut cut = Vec::new();
        for (at, row) in answer.rows.iter().enumerate() {
            let is_cut = |cell: &Option<_>| {
                cell.as_ref().is_some_and(|cell: &isobase_sql::ReadCell| cell.is_cut)
            };
            let places = row.iter().enumerate().filter(|(_, cell)| is_cut(cell));
            cut.extend(places.map(|(place, _)| (at, place)));
        }
        let text = |cell: &Option<isobase_sql::ReadCell>| cell.as_ref().map(|it| it.text.clone());
        Self {
            columns: columns.collect(),
            rows: answer.rows.iter().map(|row| row.iter().map(text).collect()).collect(),
            cut,
            ended_by: answer.ended_by.map(|end| match end {
                ReadEnd::Rows => "rows",
                ReadEnd::Bytes => "bytes",
            }),
            ms,
        }
    }
}

/// The plan of a statement.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "SqlPlan")]
pub(in crate::sql) struct Plan {
    /// Its steps.
    steps: Vec<Step>,
    /// How long it ran, in milliseconds; null when it was not carried out.
    execution_ms: Option<f64>,
}

/// A step of a plan.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "SqlStep")]
struct Step {
    /// Its work, and on which object.
    title: String,
    /// A condition that no index answers.
    filter: Option<String>,
    /// Rows that were expected; null on SQLite, which does not say.
    expected: Option<f64>,
    /// Rows that came of each run; null when it was not carried out.
    rows: Option<f64>,
    /// How often it ran; null as above.
    runs: Option<f64>,
    /// Milliseconds of each run, with the steps below; null as above.
    ms: Option<f64>,
    /// The steps below.
    below: Vec<Step>,
}

impl Plan {
    pub(in crate::sql) fn of(plan: &ReadPlan) -> Self {
        let ran = plan.execution_ms.is_some();
        let steps = plan.steps.iter().map(|node| Step::of(node, ran)).collect();
        Self { steps, execution_ms: plan.execution_ms }
    }
}

impl Step {
    fn of(node: &PlanNode, ran: bool) -> Self {
        Self {
            title: node.title(),
            filter: node.filter.clone().or_else(|| node.join_filter.clone()),
            expected: (node.rows_expected > 0.0).then_some(node.rows_expected),
            rows: ran.then_some(node.rows),
            runs: ran.then_some(node.runs),
            ms: ran.then_some(node.milliseconds),
            below: node.below.iter().map(|node| Self::of(node, ran)).collect(),
        }
    }
}

/// The tables of the database.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "SqlTables")]
pub(in crate::sql) struct Tables {
    tables: Vec<TableLine>,
}

/// A table in a list.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "SqlTableLine")]
struct TableLine {
    schema: String,
    name: String,
    /// `table`, `view`, `materialized view`, `foreign table`, `virtual`.
    kind: String,
    /// Rows, as last estimated by the database; null where it says nothing.
    rows: Option<i64>,
    /// Bytes of its rows, as last counted by the database; null as above.
    bytes: Option<i64>,
}

impl Tables {
    pub(in crate::sql) fn of(tables: Vec<TableSummary>) -> Self {
        let line = |table: TableSummary| TableLine {
            schema: table.schema,
            name: table.name,
            kind: table.kind,
            rows: table.rows,
            bytes: table.bytes,
        };
        Self { tables: tables.into_iter().map(line).collect() }
    }
}

/// A table.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "SqlTable")]
pub(in crate::sql) struct TableOf {
    schema: String,
    name: String,
    columns: Vec<TableColumn>,
    /// The columns of its primary key.
    primary_key: Vec<String>,
    /// Keys, unique constraints and checks.
    constraints: Vec<ConstraintOf>,
    foreign_keys: Vec<Key>,
    indexes: Vec<IndexOf>,
    /// The text that made it, which only SQLite keeps.
    definition: Option<String>,
    /// Its triggers; left out beside rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    triggers: Option<Vec<TriggerOf>>,
}

/// A constraint.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "SqlConstraint")]
struct ConstraintOf {
    /// Empty where the database gives it none.
    name: String,
    /// As SQL defines it.
    definition: String,
}

/// The triggers.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "SqlTrigger")]
struct TriggerOf {
    name: String,
    /// Whether it runs.
    enabled: bool,
    /// As SQL defines it.
    definition: String,
    /// The function that it runs, as SQL defines it; null on SQLite.
    function: Option<String>,
}

/// A column of a table.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "SqlTableColumn")]
struct TableColumn {
    name: String,
    #[serde(rename = "type")]
    data_type: String,
    nullable: bool,
    default: Option<String>,
    /// Whether the database makes its value, and takes none.
    read_only: bool,
}

/// An index, without those that a key brings along.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "SqlIndex")]
struct IndexOf {
    name: String,
    /// As SQL defines it.
    definition: String,
}

/// A reference to another table.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "SqlForeignKey")]
struct Key {
    /// Empty where the database gives it none.
    name: String,
    columns: Vec<String>,
    schema: String,
    table: String,
    references: Vec<String>,
}

impl TableOf {
    pub(in crate::sql) fn of(table: Table) -> Self {
        let constraint = |it: Constraint| ConstraintOf { name: it.name, definition: it.definition };
        let constraints = table.keys.into_iter().chain(table.checks).map(constraint);
        Self {
            schema: table.schema,
            name: table.name,
            columns: table
                .columns
                .into_iter()
                .map(|column| TableColumn {
                    name: column.name,
                    data_type: column.data_type,
                    nullable: column.nullable,
                    default: column.default,
                    read_only: column.read_only,
                })
                .collect(),
            primary_key: table.primary_key,
            constraints: constraints.collect(),
            foreign_keys: table
                .foreign_keys
                .into_iter()
                .map(|key| Key {
                    name: key.name,
                    columns: key.columns,
                    schema: key.schema,
                    table: key.table,
                    references: key.references,
                })
                .collect(),
            indexes: table
                .indexes
                .into_iter()
                .map(|index| IndexOf { name: index.name, definition: index.definition })
                .collect(),
            definition: table.definition,
            triggers: None,
        }
    }

    pub(in crate::sql) fn with_triggers(self, triggers: Vec<Trigger>) -> Self {
        let trigger = |it: Trigger| TriggerOf {
            name: it.name,
            enabled: it.enabled,
            definition: it.definition,
            function: it.function,
        };
        Self { triggers: Some(triggers.into_iter().map(trigger).collect()), ..self }
    }
}

/// The foreign keys of all tables, by column.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "SqlReferences")]
pub(in crate::sql) struct References {
    references: Vec<ReferenceLine>,
}

/// A column of a foreign key.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "SqlReference")]
struct ReferenceLine {
    schema: String,
    table: String,
    column: String,
    other_schema: String,
    other_table: String,
    /// Null where SQLite means the key of the other table.
    other_column: Option<String>,
}

impl References {
    pub(in crate::sql) fn of(references: Vec<Reference>) -> Self {
        let line = |it: Reference| ReferenceLine {
            schema: it.schema,
            table: it.table,
            column: it.column,
            other_schema: it.other_schema,
            other_table: it.other_table,
            other_column: it.other_column,
        };
        Self { references: references.into_iter().map(line).collect() }
    }
}

/// The statements that an owner has run, the newest first.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "SqlHistory")]
pub(in crate::sql) struct HistoryOf {
    pub(in crate::sql) entries: Vec<Entry>,
    /// `cursor` of the next page; null at the end.
    pub(in crate::sql) next: Option<String>,
}

/// Values of parameters.
#[derive(JsonSchema)]
#[schemars(rename = "SqlParameters", untagged)]
#[expect(dead_code, reason = "only its shape is used: members are read one by one")]
pub(super) enum ParametersOf {
    Numbered(Vec<Option<String>>),
    Named(std::collections::BTreeMap<String, Option<String>>),
}

/// A statement that is to be run.
#[derive(JsonSchema)]
#[schemars(rename = "SqlStatement")]
#[expect(dead_code, reason = "only its shape is used: members are read one by one")]
struct StatementOf {
    /// One statement, at most 256 KiB.
    statement: String,
    /// Values of `$1`, `$2`, …, or by name of `:name`: texts, which the database reads as their place
    /// wants it, or null.
    parameters: Option<ParametersOf>,
    /// Names it to who wants to stop it; 1 to 64 bytes, the id of the request when none is given.
    statement_id: Option<String>,
    /// Most rows to show; all that the service shows when none is given.
    limit: Option<usize>,
    /// Of a plan: whether the statement is carried out and measured.
    run: Option<bool>,
}

pub(super) fn operation(id: &'static str, summary: &'static str) -> Operation {
    Operation::new(id, "sql", summary)
}

/// The end that every statement can have.
pub(super) const OF_STATEMENTS: [ProblemCode; 13] = [
    codes::INVALID_PARAMETER,
    codes::INVALID_JSON,
    codes::NOT_AN_OBJECT,
    codes::INVALID_BODY,
    codes::SQL_REFUSED,
    codes::SQL_TIMED_OUT,
    codes::SQL_STOPPED,
    codes::SQL_STATEMENT_RUNS,
    codes::SQL_BUSY,
    codes::SQL_TOO_LARGE,
    codes::SQL_OWNERS_ONLY,
    codes::SQL_ROLE,
    codes::SQL_UNAVAILABLE,
];

fn taking(operation: Operation) -> Operation {
    let example =
        json!({ "statement": "SELECT * FROM orders WHERE id = :id", "parameters": { "id": "42" } });
    operation.takes(Content::of::<StatementOf>().example(example)).problems(OF_STATEMENTS)
}

pub(in crate::sql) fn get_database() -> Operation {
    operation("get_sql_database", "Read which database is looked at")
        .description("Owners only, and only where `sql.url` is set; so are all routes of it.")
        .answers(Answer::new(200, "The database.").content(Content::of::<Database>()))
        .problems([codes::INVALID_PARAMETER, codes::SQL_OWNERS_ONLY])
}

pub(in crate::sql) fn run_statement() -> Operation {
    let answer = Answer::new(200, "The rows.").content(Content::of::<Rows>());
    taking(operation("run_sql", "Run a statement that reads"))
        .description(
            "The engine refuses what writes: PostgreSQL by a read-only transaction, SQLite by a file \
             that is opened to be read. The statement runs on a connection of its own and is stopped \
             when its time is over, when it is cancelled, and when its client leaves. A problem has \
             the members `sqlstate`, `position` (in characters from 1), `hint` and `more` as the \
             database gives them.",
        )
        .answers(answer)
}

pub(in crate::sql) fn export_statement() -> Operation {
    taking(operation("export_sql", "Save the rows of a statement"))
        .description(
            "Up to 100,000 rows and 32 MiB; what is larger is refused, not cut. A cell that a \
             spreadsheet would take for a formula gets an apostrophe in front. NULL is an empty cell.",
        )
        .answers(Answer::new(200, "The rows.").content(Content::text("text/csv")))
}

pub(in crate::sql) fn export_json() -> Operation {
    let example = json!([{ "id": 42, "note": null }]);
    taking(operation("export_sql_json", "Save the rows of a statement as JSON"))
        .description(
            "As the export of CSV: an array of objects, in which numbers, `true`, `false` and JSON are \
             what they are, with all their digits, and everything else is a text.",
        )
        .answers(Answer::new(200, "The rows.").content(Content::like(&example)))
}

pub(in crate::sql) fn explain_statement() -> Operation {
    taking(operation("explain_sql", "Read the plan of a statement"))
        .description("With `run` PostgreSQL carries it out, read-only as ever, and measures it.")
        .answers(Answer::new(200, "The plan.").content(Content::of::<Plan>()))
}

pub(in crate::sql) fn cancel_statement() -> Operation {
    let statement = Parameter::new(Location::Path, "statement", "The id that it was sent with.");
    let example = json!({ "stopped": "f3a1" });
    operation("cancel_sql", "Stop a statement")
        .description(
            "One of yours; on PostgreSQL also one that another service runs which looks at the same \
             database, on SQLite one of the process that answers.",
        )
        .parameters([statement.example("f3a1")])
        .answers(Answer::new(200, "It is stopped.").content(Content::like(&example)))
        .problems([
            codes::INVALID_PARAMETER,
            codes::SQL_OWNERS_ONLY,
            codes::SQL_STATEMENT_NOT_FOUND,
            codes::SQL_UNAVAILABLE,
        ])
}

pub(in crate::sql) fn list_tables() -> Operation {
    operation("list_sql_tables", "List the tables of the database")
        .description("At most 2,000, by schema and name, with views.")
        .answers(Answer::new(200, "The tables.").content(Content::of::<Tables>()))
        .problems([codes::INVALID_PARAMETER, codes::SQL_OWNERS_ONLY, codes::SQL_UNAVAILABLE])
}

pub(in crate::sql) fn get_table() -> Operation {
    let parameter = |name, description| Parameter::new(Location::RequiredQuery, name, description);
    operation("get_sql_table", "Read what a table is like")
        .description("Its columns with their types and defaults, its keys, checks and indexes.")
        .parameters([
            parameter("schema", "Its schema; `main` on SQLite.").example("public"),
            parameter("name", "Its name.").example("orders"),
        ])
        .answers(Answer::new(200, "The table.").content(Content::of::<TableOf>()))
        .problems([
            codes::INVALID_PARAMETER,
            codes::SQL_OWNERS_ONLY,
            codes::SQL_TABLE_NOT_FOUND,
            codes::SQL_UNAVAILABLE,
        ])
}

pub(in crate::sql) fn list_references() -> Operation {
    operation("list_sql_references", "List the foreign keys of the database")
        .description("At most 4,000 columns of them.")
        .answers(Answer::new(200, "The foreign keys.").content(Content::of::<References>()))
        .problems([codes::INVALID_PARAMETER, codes::SQL_OWNERS_ONLY, codes::SQL_UNAVAILABLE])
}

pub(in crate::sql) fn list_history() -> Operation {
    operation("list_sql_history", "List what you have run")
        .description(
            "The latest run first, each text once; nobody else's. A statement is remembered for a year \
             after it was last run; one of more than 60 KiB is not.",
        )
        .parameters([
            Parameter::new(Location::Query, "limit", "Statements of a page. Default 100.")
                .schema(json!({ "type": "integer", "minimum": 1, "maximum": 200 })),
            Parameter::new(Location::Query, "cursor", "`next` of the page before."),
            Parameter::new(Location::Query, "q", "With this text, whatever the case."),
        ])
        .answers(Answer::new(200, "The statements.").content(Content::of::<HistoryOf>()))
        .problems([codes::INVALID_PARAMETER, codes::SQL_OWNERS_ONLY, codes::FOREIGN_PLACE])
}

pub(in crate::sql) fn delete_history() -> Operation {
    operation("delete_sql_history", "Forget what you have run")
        .description("Deletes your own history of statements; that of other owners stays.")
        .answers(Answer::new(200, "Nothing is left.").content(Content::of::<HistoryOf>()))
        .problems([codes::INVALID_PARAMETER, codes::SQL_OWNERS_ONLY])
}
