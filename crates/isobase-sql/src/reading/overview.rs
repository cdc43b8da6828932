//! The tables of a database, in few questions no matter how many there are.

use crate::{Answer, DbConnector, Dialect, Error, Row, Session, Value};

/// A table or a view in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSummary {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// `table`, `view`, `materialized view`, `foreign table`, `virtual`.
    pub kind: String,
    /// Rows, as PostgreSQL last estimated them; `None` if nothing is known.
    pub rows: Option<i64>,
    /// Bytes of its rows, as last counted by PostgreSQL.
    pub bytes: Option<i64>,
}

/// A column of a foreign key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The schema of the table that refers.
    pub schema: String,
    /// The table that refers.
    pub table: String,
    /// Its column.
    pub column: String,
    /// The schema of the table that is referred to.
    pub other_schema: String,
    /// The table that is referred to.
    pub other_table: String,
    /// The column that is referred to; `None` if SQLite means the key.
    pub other_column: Option<String>,
}

/// A trigger of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trigger {
    /// Its name.
    pub name: String,
    /// Whether it runs.
    pub enabled: bool,
    /// As SQL defines it.
    pub definition: String,
    /// The function that it runs, as SQL defines it; SQLite has it in the definition.
    pub function: Option<String>,
}

/// From pg_class alone: the size of a table that another session has locked would be waited for.
const TABLES: &str = "\
SELECT n.nspname::text AS schema, c.relname::text AS name,
       CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
            WHEN 'f' THEN 'foreign table' ELSE 'table' END AS kind,
       CASE WHEN c.reltuples >= 0 AND c.relkind IN ('r', 'm') THEN c.reltuples::int8 END AS rows,
       CASE WHEN c.relkind IN ('r', 'm')
            THEN c.relpages::int8 * current_setting('block_size')::int8 END AS bytes
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_'
   AND n.nspname <> 'information_schema'
 ORDER BY n.nspname COLLATE \"C\", c.relname COLLATE \"C\" LIMIT 2000";

const TABLES_OF_SQLITE: &str = "\
SELECT 'main' AS schema, name, CASE WHEN sql LIKE 'CREATE VIRTUAL%' THEN 'virtual' ELSE type END AS kind,
       NULL AS rows, NULL AS bytes
  FROM main.sqlite_schema
 WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
 ORDER BY name LIMIT 2000";

const REFERENCES: &str = "\
SELECT n.nspname::text AS schema, c.relname::text AS name, a.attname::text AS \"column\",
       fn.nspname::text AS other_schema, fc.relname::text AS other_table, f.attname::text AS other_column
  FROM pg_constraint con
  JOIN pg_class c ON c.oid = con.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_class fc ON fc.oid = con.confrelid JOIN pg_namespace fn ON fn.oid = fc.relnamespace
  CROSS JOIN LATERAL unnest(con.conkey, con.confkey) WITH ORDINALITY k(own, other, place)
  JOIN pg_attribute a ON a.attrelid = con.conrelid AND a.attnum = k.own
  JOIN pg_attribute f ON f.attrelid = con.confrelid AND f.attnum = k.other
 WHERE con.contype = 'f' AND con.conparentid = 0 AND n.nspname !~ '^pg_'
 ORDER BY 1, 2, con.conname, k.place LIMIT 4000";

const REFERENCES_OF_SQLITE: &str = "\
SELECT 'main' AS schema, m.name AS name, f.\"from\" AS \"column\", 'main' AS other_schema,
       f.\"table\" AS other_table, f.\"to\" AS other_column
  FROM main.sqlite_schema m, pragma_foreign_key_list(m.name) f
 WHERE m.type = 'table' ORDER BY m.name, f.id, f.seq LIMIT 4000";

const TRIGGERS: &str = "\
SELECT t.tgname::text AS name, t.tgenabled <> 'D' AS enabled,
       pg_get_triggerdef(t.oid, true) AS definition, pg_get_functiondef(t.tgfoid) AS function
  FROM pg_trigger t
  JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = $1 AND c.relname = $2 AND NOT t.tgisinternal
 ORDER BY t.tgname COLLATE \"C\" LIMIT 500";

const TRIGGERS_OF_SQLITE: &str = "\
SELECT name, 1 AS enabled, sql AS definition, NULL AS function
  FROM main.sqlite_schema
 WHERE type = 'trigger' AND $1 = 'main' AND tbl_name = $2 COLLATE NOCASE ORDER BY name LIMIT 500";

pub(super) async fn triggers(
    db: &DbConnector,
    schema: &str,
    table: &str,
) -> Result<Vec<Trigger>, Error> {
    let sql = match db.dialect() {
        Dialect::Postgres => TRIGGERS,
        Dialect::Sqlite => TRIGGERS_OF_SQLITE,
    };
    let answer = db.run(sql, &[schema.into(), table.into()]).await?;
    let trigger = |row: &Row| Trigger {
        name: text(row, "name").unwrap_or_default(),
        enabled: !matches!(row.get("enabled"), Some(Value::Bool(false) | Value::Int(0))),
        definition: text(row, "definition").unwrap_or_default(),
        function: text(row, "function"),
    };
    Ok(answer.rows.iter().map(trigger).collect())
}

pub(super) async fn tables(db: &DbConnector) -> Result<Vec<TableSummary>, Error> {
    let answer = asked(db, TABLES, TABLES_OF_SQLITE).await?;
    let table = |row: &Row| TableSummary {
        schema: text(row, "schema").unwrap_or_default(),
        name: text(row, "name").unwrap_or_default(),
        kind: text(row, "kind").unwrap_or_default(),
        rows: row.get("rows").and_then(Value::as_int),
        bytes: row.get("bytes").and_then(Value::as_int),
    };
    Ok(answer.rows.iter().map(table).collect())
}

pub(super) async fn references(db: &DbConnector) -> Result<Vec<Reference>, Error> {
    let answer = asked(db, REFERENCES, REFERENCES_OF_SQLITE).await?;
    let reference = |row: &Row| Reference {
        schema: text(row, "schema").unwrap_or_default(),
        table: text(row, "name").unwrap_or_default(),
        column: text(row, "column").unwrap_or_default(),
        other_schema: text(row, "other_schema").unwrap_or_default(),
        other_table: text(row, "other_table").unwrap_or_default(),
        other_column: text(row, "other_column"),
    };
    Ok(answer.rows.iter().map(reference).collect())
}

async fn asked(db: &DbConnector, postgres: &str, sqlite: &str) -> Result<Answer, Error> {
    let sql = match db.dialect() {
        Dialect::Postgres => postgres,
        Dialect::Sqlite => sqlite,
    };
    db.run(sql, &[]).await
}

fn text(row: &Row, column: &str) -> Option<String> {
    row.get(column).and_then(Value::as_str).map(str::to_owned)
}
