//! Changes by statements and to tables, and how the routes are described.

use isobase_http::{Answer, Content, Operation};
use isobase_sql::{
    Dialect, Effect, Error, NewColumn, NewConstraint, OnDelete, Planned, ReadAnswer, SchemaChange,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::read::{OF_STATEMENTS, ParametersOf, Rows, operation};
use crate::codes;

/// A statement that is to change something.
#[derive(JsonSchema)]
#[schemars(rename = "SqlWriteStatement")]
#[expect(dead_code, reason = "only its shape is used: members are read one by one")]
struct WriteOf {
    /// One statement, at most 256 KiB.
    statement: String,
    /// As with a statement that reads.
    parameters: Option<ParametersOf>,
    /// The name of the database, as `GET /api/v1/sql` tells it: who types it means it.
    database: String,
    /// Whether it is only tried, and taken back. What it does beyond its transaction stays: numbers of a
    /// sequence, and what functions send elsewhere.
    dry_run: Option<bool>,
    /// How many rows must be affected; with another number everything is taken back.
    expected_rows: Option<u64>,
    /// As with a statement that reads.
    statement_id: Option<String>,
    /// Most rows of RETURNING to show.
    limit: Option<usize>,
}

/// The effect of a statement.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "SqlWritten")]
pub(in crate::sql) struct WrittenRows {
    /// How many rows it inserted, changed or deleted; null where the database does not say.
    affected: Option<u64>,
    /// False when everything was taken back.
    committed: bool,
    #[serde(flatten)]
    rows: Rows,
}

impl WrittenRows {
    pub(in crate::sql) fn of(effect: Option<&Effect>, committed: bool, ms: u64) -> Self {
        let none = ReadAnswer::default();
        let rows = Rows::of(effect.map_or(&none, |effect| &effect.answer), ms);
        Self { affected: effect.and_then(|effect| effect.affected), committed, rows }
    }
}

/// A change to a table.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "SqlSchemaChange")]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(in crate::sql) enum SchemaChangeOf {
    CreateTable {
        columns: Vec<NewColumnOf>,
    },
    RenameTable {
        to: String,
    },
    DropTable,
    AddColumn {
        column: NewColumnOf,
    },
    RenameColumn {
        column: String,
        to: String,
    },
    DropColumn {
        column: String,
    },
    ChangeType {
        column: String,
        data_type: String,
    },
    ChangeNull {
        column: String,
        nullable: bool,
    },
    ChangeDefault {
        column: String,
        default: Option<String>,
    },
    CreateIndex {
        index: String,
        columns: Vec<String>,
        #[serde(default)]
        unique: bool,
    },
    DropIndex {
        index: String,
    },
    AddConstraint {
        constraint: String,
        definition: NewConstraintOf,
    },
    DropConstraint {
        constraint: String,
    },
}

/// The rule of a constraint.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "SqlNewConstraint")]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(in crate::sql) enum NewConstraintOf {
    /// A condition that all rows meet, an expression in SQL.
    Check {
        condition: String,
    },
    /// Columns whose values together are unique.
    Unique {
        columns: Vec<String>,
    },
    PrimaryKey {
        columns: Vec<String>,
    },
    /// Columns that refer to rows of another table of the same schema: to its primary key, unless
    /// `references` names columns.
    ForeignKey {
        columns: Vec<String>,
        table: String,
        #[serde(default)]
        references: Vec<String>,
        #[serde(default)]
        on_delete: OnDeleteOf,
    },
}

/// The fate of rows whose other row is deleted.
#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[schemars(rename = "SqlOnDelete")]
#[serde(rename_all = "snake_case")]
pub(in crate::sql) enum OnDeleteOf {
    #[default]
    Refuse,
    Cascade,
    SetNull,
}

impl NewConstraintOf {
    fn into_constraint(self) -> NewConstraint {
        match self {
            Self::Check { condition } => NewConstraint::Check { condition },
            Self::Unique { columns } => NewConstraint::Unique { columns },
            Self::PrimaryKey { columns } => NewConstraint::PrimaryKey { columns },
            Self::ForeignKey { columns, table, references, on_delete } => {
                let on_delete = match on_delete {
                    OnDeleteOf::Refuse => OnDelete::Refuse,
                    OnDeleteOf::Cascade => OnDelete::Cascade,
                    OnDeleteOf::SetNull => OnDelete::SetNull,
                };
                NewConstraint::ForeignKey { columns, table, references, on_delete }
            }
        }
    }
}

/// A column that is to be.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "SqlNewColumn")]
#[serde(deny_unknown_fields)]
pub(in crate::sql) struct NewColumnOf {
    name: String,
    /// Its type, in SQL.
    #[serde(rename = "type")]
    data_type: String,
    #[serde(default)]
    nullable: bool,
    /// An expression in SQL.
    #[serde(default)]
    default: Option<String>,
    /// Whether it is part of the primary key of a new table.
    #[serde(default)]
    key: bool,
}

impl SchemaChangeOf {
    pub(in crate::sql) fn into_change(self) -> SchemaChange {
        let column = |it: NewColumnOf| NewColumn {
            name: it.name,
            data_type: it.data_type,
            nullable: it.nullable,
            default: it.default,
            key: it.key,
        };
        match self {
            Self::CreateTable { columns } => {
                SchemaChange::CreateTable { columns: columns.into_iter().map(column).collect() }
            }
            Self::RenameTable { to } => SchemaChange::RenameTable { to },
            Self::DropTable => SchemaChange::DropTable,
            Self::AddColumn { column: new } => SchemaChange::AddColumn(column(new)),
            Self::RenameColumn { column, to } => SchemaChange::RenameColumn { column, to },
            Self::DropColumn { column } => SchemaChange::DropColumn { column },
            Self::ChangeType { column, data_type } => {
                SchemaChange::ChangeType { column, data_type }
            }
            Self::ChangeNull { column, nullable } => SchemaChange::ChangeNull { column, nullable },
            Self::ChangeDefault { column, default } => {
                SchemaChange::ChangeDefault { column, default }
            }
            Self::CreateIndex { index, columns, unique } => {
                SchemaChange::CreateIndex { index, columns, unique }
            }
            Self::DropIndex { index } => SchemaChange::DropIndex { index },
            Self::AddConstraint { constraint, definition } => {
                SchemaChange::AddConstraint { constraint, definition: definition.into_constraint() }
            }
            Self::DropConstraint { constraint } => SchemaChange::DropConstraint { constraint },
        }
    }
}

/// A change to a table that is planned or made.
#[derive(JsonSchema)]
#[schemars(rename = "SqlSchemaRequest")]
#[expect(dead_code, reason = "only its shape is used: members are read one by one")]
struct SchemaRequestOf {
    schema: String,
    /// The table, or the one that is to be.
    table: String,
    change: SchemaChangeOf,
    /// Whether it is made; else only its statement is told.
    run: Option<bool>,
    /// To make it: the name of the database, as `GET /api/v1/sql` tells it.
    database: Option<String>,
    /// To make one that loses something: the name that `loses` tells.
    name: Option<String>,
    /// As with a statement.
    statement_id: Option<String>,
}

/// How a change to a table is made.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "SqlSchemaPlan")]
pub(in crate::sql) struct SchemaPlan {
    #[serde(flatten)]
    own: StatementOfDialect,
    /// The same on the other engine.
    other: StatementOfDialect,
    /// Warnings to be read before.
    warnings: Vec<&'static str>,
    /// The name of what is lost, or may be.
    loses: Option<String>,
    /// Whether it was made.
    committed: bool,
    /// How long that took, in milliseconds.
    ms: Option<u64>,
}

/// The statement of one engine.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "SqlStatementOfDialect")]
struct StatementOfDialect {
    /// `postgres` or `sqlite`.
    dialect: &'static str,
    statement: Option<String>,
    /// Why there is none.
    why: Option<String>,
}

impl StatementOfDialect {
    fn of(dialect: Dialect, statement: Result<String, String>) -> Self {
        let (statement, why) = match statement {
            Ok(statement) => (Some(statement), None),
            Err(why) => (None, Some(why)),
        };
        Self { dialect: dialect.name(), statement, why }
    }
}

impl SchemaPlan {
    pub(in crate::sql) fn of(
        (dialect, own): (Dialect, Planned),
        (other_dialect, other): (Dialect, Result<Planned, Error>),
        ms: Option<u64>,
    ) -> Self {
        let other = match other {
            Ok(planned) => planned.statement.map_err(str::to_owned),
            Err(error) => Err(error.message),
        };
        Self {
            own: StatementOfDialect::of(dialect, own.statement.map_err(str::to_owned)),
            other: StatementOfDialect::of(other_dialect, other),
            warnings: own.warnings,
            loses: own.loses,
            committed: ms.is_some(),
            ms,
        }
    }
}

pub(in crate::sql) fn write_statement() -> Operation {
    let example = json!({
        "statement": "UPDATE orders SET note = NULL WHERE id = :id",
        "parameters": { "id": "42" },
        "database": "shop",
        "expected_rows": 1,
    });
    operation("write_sql", "Run a statement that changes something")
        .description(
            "Only where `sql.write_url` is set. It runs in a transaction of its own; then the audit is \
             told of it, and it is committed. It is stopped and taken back when its time is over, when it \
             is cancelled, and when its client leaves before the commit.",
        )
        .takes(Content::of::<WriteOf>().example(example))
        .answers(Answer::new(200, "What it did.").content(Content::of::<WrittenRows>()))
        .problems(OF_STATEMENTS)
        .problems([
            codes::SQL_READ_ONLY,
            codes::SQL_GUARDED,
            codes::SQL_NOT_CONFIRMED,
            codes::SQL_AFFECTED_DIFFERS,
            codes::OUTCOME_UNKNOWN,
        ])
}

pub(in crate::sql) fn change_schema() -> Operation {
    let example = json!({
        "schema": "public",
        "table": "orders",
        "change": { "kind": "add_column", "column": { "name": "paid", "type": "date", "nullable": true } },
    });
    operation("change_sql_schema", "Plan or make a change to a table")
        .description(
            "Without `run` nothing is asked of the database: the answer is the statement, for PostgreSQL \
             and for SQLite. With it the statement runs as any that changes something.",
        )
        .takes(Content::of::<SchemaRequestOf>().example(example))
        .answers(Answer::new(200, "How it is made.").content(Content::of::<SchemaPlan>()))
        .problems(OF_STATEMENTS)
        .problems([
            codes::SQL_READ_ONLY,
            codes::SQL_GUARDED,
            codes::SQL_NOT_CONFIRMED,
            codes::OUTCOME_UNKNOWN,
        ])
}
