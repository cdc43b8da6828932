//! Objects that a dump by COPY cannot hold.

use crate::{Error, Session, Transaction, Value};

/// Each names what it finds in the schemas `$1`, and nothing that an extension brought along.
const QUESTIONS: [(&str, &str); 8] = [
    (
        "view",
        "SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n \
         ON n.oid = c.relnamespace WHERE n.nspname = ANY ($1) AND c.relkind IN ('v', 'm') \
         AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')",
    ),
    (
        "table that is partitioned, inherits, is foreign or unlogged",
        "SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n \
         ON n.oid = c.relnamespace WHERE n.nspname = ANY ($1) AND (c.relkind IN ('p', 'f') \
         OR (c.relkind = 'r' AND (c.relpersistence <> 'p' OR c.relispartition \
         OR EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid))))",
    ),
    (
        "row level security of",
        "SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n \
         ON n.oid = c.relnamespace WHERE n.nspname = ANY ($1) AND c.relrowsecurity",
    ),
    (
        "function",
        "SELECT n.nspname || '.' || p.proname FROM pg_proc p JOIN pg_namespace n \
         ON n.oid = p.pronamespace WHERE n.nspname = ANY ($1) \
         AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')",
    ),
    (
        "trigger",
        "SELECT t.tgname || ' on ' || c.relname FROM pg_trigger t JOIN pg_class c \
         ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = ANY ($1) AND NOT t.tgisinternal",
    ),
    (
        "type",
        "SELECT n.nspname || '.' || t.typname FROM pg_type t JOIN pg_namespace n \
         ON n.oid = t.typnamespace LEFT JOIN pg_class c ON c.oid = t.typrelid \
         WHERE n.nspname = ANY ($1) AND (t.typtype IN ('d', 'r') OR (t.typtype = 'c' \
         AND c.relkind = 'c')) \
         AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = t.oid AND d.deptype = 'e')",
    ),
    (
        "rule",
        "SELECT r.rulename || ' on ' || c.relname FROM pg_rewrite r JOIN pg_class c \
         ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = ANY ($1) AND c.relkind = 'r'",
    ),
    (
        "extension",
        "SELECT extname::text FROM pg_extension WHERE extname <> 'plpgsql' \
         AND $1::text[] IS NOT NULL",
    ),
];

/// The names of what there is.
pub(super) async fn find(snapshot: &Transaction, schemas: &[String]) -> Result<Vec<String>, Error> {
    let schemas = Value::Array(schemas.iter().map(|schema| schema.as_str().into()).collect());
    let mut found = Vec::new();
    for (kind, sql) in QUESTIONS {
        let answer = snapshot.run(sql, std::slice::from_ref(&schemas)).await?;
        found.extend(answer.rows.iter().map(|row| format!("{kind} {}", row.values()[0])));
    }
    Ok(found)
}
