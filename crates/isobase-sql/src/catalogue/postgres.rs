//! The catalogue of PostgreSQL 13 to 18.

use crate::{
    Answer, Column, Constraint, Error, ForeignKey, Generation, Index, Row, Session, Table, Value,
};

const COLUMNS: &str = "\
SELECT a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS data_type,
       coalesce(b.typname, t.typname)::text AS base_type,
       NOT (a.attnotnull OR t.typnotnull) AS nullable, pg_get_expr(d.adbin, d.adrelid) AS preset,
       CASE WHEN coalesce(b.typname, t.typname) IN ('varchar', 'bpchar')
            AND greatest(a.atttypmod, t.typtypmod) > 4
            THEN greatest(a.atttypmod, t.typtypmod) - 4 END AS max_length,
       (a.attidentity <> '' OR a.attgenerated <> '') AS generated,
       (a.attidentity = 'a' OR a.attgenerated <> '') AS read_only,
       a.attidentity::text || a.attgenerated::text AS generation,
       (SELECT array_agg(e.enumlabel::text ORDER BY e.enumsortorder)
          FROM pg_enum e WHERE e.enumtypid IN (coalesce(b.oid, t.oid), t.typelem)) AS labels
  FROM pg_attribute a
  JOIN pg_class c ON c.oid = a.attrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_type b ON b.oid = t.typbasetype AND t.typtype = 'd'
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
 WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
   AND a.attnum > 0 AND NOT a.attisdropped
 ORDER BY a.attnum";

/// Version 18 lists NOT NULL as well (`n`), which the columns say already.
const CONSTRAINTS: &str = "\
SELECT con.conname::text AS name, con.contype::text AS kind,
       (SELECT array_agg(a.attname::text ORDER BY k.place)
          FROM unnest(con.conkey) WITH ORDINALITY k(number, place)
          JOIN pg_attribute a ON a.attrelid = con.conrelid AND a.attnum = k.number) AS columns,
       fn.nspname::text AS other_schema, fc.relname::text AS other_table,
       (SELECT array_agg(a.attname::text ORDER BY k.place)
          FROM unnest(con.confkey) WITH ORDINALITY k(number, place)
          JOIN pg_attribute a ON a.attrelid = con.confrelid AND a.attnum = k.number) AS others,
       pg_get_constraintdef(con.oid) AS definition
  FROM pg_constraint con
  JOIN pg_class c ON c.oid = con.conrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_class fc ON fc.oid = con.confrelid
  LEFT JOIN pg_namespace fn ON fn.oid = fc.relnamespace
 WHERE n.nspname = $1 AND c.relname = $2 AND con.contype IN ('p', 'u', 'f', 'c', 'x')
 ORDER BY con.contype, con.conname";

const INDEXES: &str = "\
SELECT ic.relname::text AS name, i.indisunique AS is_unique,
       pg_get_indexdef(i.indexrelid) AS definition,
       (i.indpred IS NOT NULL OR 0 = ANY (i.indkey::int2[])) AS is_partial,
       (SELECT array_agg(a.attname::text ORDER BY k.place)
          FROM unnest(i.indkey::int2[]) WITH ORDINALITY k(number, place)
          JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
         WHERE k.place <= i.indnkeyatts) AS columns
  FROM pg_index i
  JOIN pg_class c ON c.oid = i.indrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_class ic ON ic.oid = i.indexrelid
 WHERE n.nspname = $1 AND c.relname = $2
   AND NOT EXISTS (SELECT FROM pg_constraint con
                    WHERE con.conindid = i.indexrelid AND con.contype IN ('p', 'u', 'x'))
 ORDER BY ic.relname";

pub(super) async fn read<S: Session>(
    session: &S,
    schema: &str,
    name: &str,
) -> Result<Option<Table>, Error> {
    let parameters = [schema.into(), name.into()];
    let columns = session.run(COLUMNS, &parameters).await?;
    if columns.rows.is_empty() {
        return Ok(None);
    }
    let mut table = Table {
        schema: schema.to_owned(),
        name: name.to_owned(),
        columns: columns.rows.iter().map(column).collect(),
        ..Table::default()
    };
    for row in session.run(CONSTRAINTS, &parameters).await?.rows {
        take_constraint(&mut table, &row);
    }
    for row in session.run(INDEXES, &parameters).await?.rows {
        take_index(&mut table, &row);
    }
    Ok(Some(table))
}

pub(super) async fn table_names<S: Session>(
    session: &S,
    schema: &str,
) -> Result<Vec<String>, Error> {
    let sql = "SELECT c.relname::text FROM pg_class c JOIN pg_namespace n \
               ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') \
               ORDER BY c.relname COLLATE \"C\"";
    Ok(first_column(session.run(sql, &[schema.into()]).await?))
}

pub(super) async fn schema_names<S: Session>(session: &S) -> Result<Vec<String>, Error> {
    let sql = "SELECT nspname::text FROM pg_namespace WHERE nspname !~ '^pg_' \
               AND nspname <> 'information_schema' ORDER BY nspname COLLATE \"C\"";
    Ok(first_column(session.run(sql, &[]).await?))
}

fn first_column(answer: Answer) -> Vec<String> {
    answer.rows.iter().filter_map(|row| row.values()[0].as_str().map(str::to_owned)).collect()
}

fn column(row: &Row) -> Column {
    Column {
        name: text(row, "name"),
        data_type: text(row, "data_type"),
        base_type: text(row, "base_type"),
        nullable: truth(row, "nullable"),
        default: row.get("preset").and_then(Value::as_str).map(str::to_owned),
        max_length: row
            .get("max_length")
            .and_then(Value::as_int)
            .and_then(|length| u32::try_from(length).ok()),
        generated: truth(row, "generated"),
        read_only: truth(row, "read_only"),
        generation: match text(row, "generation").as_str() {
            "a" => Generation::IdentityAlways,
            "d" => Generation::IdentityByDefault,
            "s" => Generation::Stored,
            "v" => Generation::Virtual,
            _ => Generation::None,
        },
        labels: texts(row, "labels"),
    }
}

fn take_constraint(table: &mut Table, row: &Row) {
    let (name, columns, definition) =
        (text(row, "name"), texts(row, "columns"), text(row, "definition"));
    let kind = text(row, "kind");
    if matches!(kind.as_str(), "p" | "u" | "x") {
        table.keys.push(Constraint { name: name.clone(), definition: definition.clone() });
    }
    match kind.as_str() {
        "p" => table.primary_key = columns,
        "u" => table.uniques.push(columns),
        "x" => {}
        "c" => table.checks.push(Constraint { name, definition }),
        _ => table.foreign_keys.push(ForeignKey {
            columns,
            schema: text(row, "other_schema"),
            table: text(row, "other_table"),
            references: texts(row, "others"),
            definition,
            name,
        }),
    }
}

fn take_index(table: &mut Table, row: &Row) {
    let unique = truth(row, "is_unique");
    if unique && !truth(row, "is_partial") {
        table.uniques.push(texts(row, "columns"));
    }
    let (name, definition) = (text(row, "name"), text(row, "definition"));
    table.indexes.push(Index { name, unique, definition });
}

fn text(row: &Row, column: &str) -> String {
    row.get(column).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn truth(row: &Row, column: &str) -> bool {
    row.get(column) == Some(&Value::Bool(true))
}

fn texts(row: &Row, column: &str) -> Vec<String> {
    match row.get(column) {
        Some(Value::Array(elements)) => {
            elements.iter().filter_map(|e| e.as_str().map(str::to_owned)).collect()
        }
        _ => Vec::new(),
    }
}
