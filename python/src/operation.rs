//! The operations of Python, by name.

use std::path::PathBuf;

use isobase_sql::{
    BulkRows, DbConnector, DbOperator, Error, ErrorKind, Record, SchemaKind, SchemaSetup, Select,
    Session, TableName, TakeRows, Value, command_tag,
};
use pyo3::{exceptions::PyValueError, prelude::*, types::PyDict};

use crate::{
    arguments::Arguments,
    bulk::{self, Rest},
    from_python,
    output::Output,
    rows::Taken,
};

/// One call, with its arguments.
#[derive(Debug)]
pub(crate) enum Operation {
    Begin,
    Commit,
    Rollback,
    Savepoint(String),
    RollbackTo(String),
    Release(String),
    Script(String),
    Run { sql: String, parameters: Vec<Value>, schema: Option<String>, fetch: Fetch },
    Fetch { table: TableName, conditions: Record, order_by: Vec<String>, page: Page },
    Count(TableName, Record),
    Exists(TableName, Record),
    ByUuid { table: TableName, value: String, column: Option<String> },
    ByColumn { table: TableName, column: String, value: Value },
    Insert(TableName, Record),
    Update { table: TableName, data: Record, conditions: Record },
    Upsert { table: TableName, data: Record, unique: Vec<String> },
    Delete(TableName, Record),
    DeleteReturning(TableName, Record),
    BulkInsert { table: TableName, columns: Vec<String>, rows: BulkRows },
    TableExists(TableName),
    SchemaExists(String),
    CreateSchema(String),
    LoadSeed { path: PathBuf, protected: bool },
    Cleanup(String),
    CloneProject(String, String),
    ClonePrompt(String, String),
    ActiveTests,
    Setup { what: String, name: String, kind: String },
}

/// Which rows of a listing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    limit: Option<u64>,
    offset: Option<u64>,
}

/// The part wanted of a statement's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fetch {
    All,
    Row,
    Value,
    /// The tag of the command: `DELETE 5`.
    Tag,
}

impl Operation {
    /// The operation, and what is left to be made of its arguments while it runs.
    pub(crate) fn read<'py>(
        name: &str,
        arguments: &Bound<'py, PyDict>,
    ) -> PyResult<(Self, Option<Rest<'py>>)> {
        let a = Arguments::new(arguments);
        if name != "bulk_insert" {
            return Self::read_whole(name, &a).map(|operation| (operation, None));
        }
        let (rows, rest) = bulk::begin(&a.needed("rows")?)?;
        Ok((Self::BulkInsert { table: a.table()?, columns: a.texts("columns")?, rows }, rest))
    }

    fn read_whole(name: &str, a: &Arguments<'_, '_>) -> PyResult<Self> {
        Ok(match name {
            "begin" => Self::Begin,
            "commit" => Self::Commit,
            "rollback" => Self::Rollback,
            "savepoint" => Self::Savepoint(a.text("name")?),
            "rollback_to" => Self::RollbackTo(a.text("name")?),
            "release" => Self::Release(a.text("name")?),
            "script" => Self::Script(a.text("script")?),
            "run" => Self::Run {
                sql: a.text("sql")?,
                parameters: a.values("parameters")?,
                schema: a.optional_text("schema")?,
                fetch: match a.text("fetch")?.as_str() {
                    "all" => Fetch::All,
                    "row" => Fetch::Row,
                    "value" => Fetch::Value,
                    _ => Fetch::Tag,
                },
            },
            "fetch" => Self::Fetch {
                table: a.table()?,
                conditions: a.record("conditions")?,
                order_by: a.texts("order_by")?,
                page: Page { limit: a.number("limit")?, offset: a.number("offset")? },
            },
            "count" => Self::Count(a.table()?, a.record("conditions")?),
            "exists" => Self::Exists(a.table()?, a.record("conditions")?),
            "by_uuid" => Self::ByUuid {
                table: a.table()?,
                value: a.text("value")?,
                column: a.optional_text("column")?,
            },
            "by_column" => Self::ByColumn {
                table: a.table()?,
                column: a.text("column")?,
                value: a.any("value")?.map_or(Ok(Value::Null), |v| from_python::value(&v))?,
            },
            _ => return Self::read_change(name, a),
        })
    }

    fn read_change(name: &str, a: &Arguments<'_, '_>) -> PyResult<Self> {
        Ok(match name {
            "insert" => Self::Insert(a.table()?, a.record("data")?),
            "update" => Self::Update {
                table: a.table()?,
                data: a.record("data")?,
                conditions: a.record("conditions")?,
            },
            "upsert" => Self::Upsert {
                table: a.table()?,
                data: a.record("data")?,
                unique: a.texts("unique_columns")?,
            },
            "delete" => Self::Delete(a.table()?, a.record("conditions")?),
            "delete_returning" => Self::DeleteReturning(a.table()?, a.record("conditions")?),
            _ => return Self::read_of_schemas(name, a),
        })
    }

    fn read_of_schemas(name: &str, a: &Arguments<'_, '_>) -> PyResult<Self> {
        Ok(match name {
            "table_exists" => Self::TableExists(a.table()?),
            "schema_exists" => Self::SchemaExists(a.text("name")?),
            "create_schema" => Self::CreateSchema(a.text("name")?),
            "load_seed" => Self::LoadSeed {
                path: a.text("path")?.into(),
                protected: a.needed("protected")?.is_truthy()?,
            },
            "cleanup" => Self::Cleanup(a.text("name")?),
            "clone_project" => Self::CloneProject(a.text("source")?, a.text("target")?),
            "clone_prompt" => Self::ClonePrompt(a.text("source")?, a.text("target")?),
            "active_tests" => Self::ActiveTests,
            "setup" => Self::Setup {
                what: a.text("what")?,
                name: a.optional_text("name")?.unwrap_or_default(),
                kind: a.optional_text("kind")?.unwrap_or_else(|| "project".to_owned()),
            },
            other => return Err(PyValueError::new_err(format!("no operation {other}"))),
        })
    }
}

/// Does what is asked for, over a connector or a transaction.
pub(crate) async fn perform<S: Session>(
    session: &S,
    operation: Operation,
) -> Result<Output, Error> {
    let db = DbOperator::new(session);
    match operation {
        Operation::Run { sql, parameters, schema, fetch } => {
            run(session, &sql, &parameters, schema.as_deref(), fetch).await
        }
        Operation::Fetch { table, conditions, order_by, page } => {
            db.fetch(select(table, conditions, order_by, page)).await.map(Output::Rows)
        }
        Operation::Count(table, conditions) => db.count(table, conditions).await.map(Output::Count),
        Operation::Exists(table, conditions) => {
            db.exists(table, conditions).await.map(Output::Truth)
        }
        Operation::ByUuid { table, value, column } => {
            db.get_by_uuid(table, &value, column.as_deref()).await.map(Output::Row)
        }
        Operation::ByColumn { table, column, value } => {
            db.get_by_column(table, &column, value).await.map(Output::Row)
        }
        Operation::Insert(table, data) => {
            db.insert(table, data).await.map(|row| Output::Row(Some(row)))
        }
        Operation::Update { table, data, conditions } => {
            db.update(table, data, conditions).await.map(Output::Rows)
        }
        Operation::Upsert { table, data, unique } => {
            let unique: Vec<&str> = unique.iter().map(String::as_str).collect();
            db.upsert(table, data, &unique).await.map(|row| Output::Row(Some(row)))
        }
        Operation::Delete(table, conditions) => {
            db.delete(table, conditions).await.map(Output::Count)
        }
        Operation::DeleteReturning(table, conditions) => {
            db.delete_returning(table, conditions).await.map(Output::Rows)
        }
        Operation::BulkInsert { table, columns, rows } => {
            let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
            db.bulk_insert(table, &columns, rows).await.map(Output::Count)
        }
        other => perform_on_schemas(&db, other).await,
    }
}

async fn run<S: Session>(
    session: &S,
    sql: &str,
    parameters: &[Value],
    schema: Option<&str>,
    fetch: Fetch,
) -> Result<Output, Error> {
    let mut taken = Taken::default();
    let taker: Option<&mut dyn TakeRows> =
        if fetch == Fetch::All { Some(&mut taken) } else { None };
    let answer = session.run_raw(schema, sql, parameters, taker).await?;
    Ok(match fetch {
        Fetch::All => Output::RawRows(taken, answer),
        Fetch::Row => Output::RawRow(answer),
        Fetch::Value => Output::RawValue(answer),
        Fetch::Tag => Output::Text(command_tag(session.dialect(), sql, answer.affected())),
    })
}

fn select(table: TableName, conditions: Record, order_by: Vec<String>, page: Page) -> Select {
    let mut select = Select::from(table).when_all(conditions);
    for column in order_by {
        select = select.order_by(column);
    }
    if let Some(limit) = page.limit {
        select = select.limit(limit);
    }
    if let Some(offset) = page.offset {
        select = select.offset(offset);
    }
    select
}

/// The operations on whole tables and schemas.
async fn perform_on_schemas<S: Session>(
    db: &DbOperator<&S>,
    operation: Operation,
) -> Result<Output, Error> {
    match operation {
        Operation::TableExists(table) => db.table_exists(table).await.map(Output::Truth),
        Operation::SchemaExists(name) => db.schema_exists(&name).await.map(Output::Truth),
        Operation::CreateSchema(name) => db.create_schema(&name).await.map(|()| Output::Nothing),
        Operation::LoadSeed { path, protected } => {
            db.load_seed_data(&path, protected).await.map(Output::Count)
        }
        Operation::Cleanup(schema) => db.cleanup_non_protected(&schema).await.map(Output::Count),
        Operation::CloneProject(source, target) => {
            db.clone_project(&source, &target).await.map(|row| Output::Row(Some(row)))
        }
        Operation::ClonePrompt(source, target) => {
            db.clone_prompt_template(&source, &target).await.map(|row| Output::Row(Some(row)))
        }
        Operation::ActiveTests => db.active_e2e_tests().await.map(Output::Rows),
        _ => Err(Error::new(ErrorKind::Invalid, "only another kind of session can do this")),
    }
}

pub(crate) async fn run_script(
    transaction: &isobase_sql::Transaction,
    script: &str,
) -> Result<Output, Error> {
    transaction.run_script(script).await.map(|count| Output::Count(count as u64))
}

pub(crate) async fn set_up(
    db: &DbConnector,
    what: &str,
    name: &str,
    kind: &str,
) -> Result<Output, Error> {
    let setup = SchemaSetup::new(db.clone())?;
    Ok(match what {
        "public" => Output::Texts(setup.ensure_public_schema().await?),
        "project" => Output::Texts(setup.ensure_project_schema(name).await?),
        "verify" => {
            let found = setup.verify_schema(name, SchemaKind::parse(kind)?).await?;
            Output::Json(as_json(&found))
        }
        "fix" => Output::Texts(setup.fix_schema(name, SchemaKind::parse(kind)?).await?),
        "projects" => Output::Texts(setup.project_schemas().await?),
        _ => Output::Json(as_json(&setup.fix_all_project_schemas().await?)),
    })
}

fn as_json<T: Clone + Into<serde_json::Value>>(
    map: &std::collections::BTreeMap<String, T>,
) -> String {
    let members = map.iter().map(|(name, value)| (name.clone(), value.clone().into()));
    serde_json::Value::Object(members.collect()).to_string()
}
