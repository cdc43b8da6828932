//! A dump without `pg_dump`: tables, keys, checks, indexes, sequences, enums and rows, by COPY.
//!
//! It is a script that `psql` runs as well. What else a database has is named, and refused unless
//! it may be left out.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::Path,
};

use super::{
    complete::LAST_LINE,
    elsewhere,
    options::{DumpOptions, DumpParts},
};
use crate::{
    DbConnector, Error, Generation, Session, Table, Transaction, Value, catalogue, definition,
    name::{literal, quoted},
};

/// A sequence, as the catalogue has it.
struct Sequence {
    name: String,
    definition: String,
    /// Its last value, and whether that was given out.
    place: Option<(i64, bool)>,
    /// The column that it goes with, if it is not the column's own identity.
    owner: Option<String>,
    of_identity: bool,
}

/// Writes a dump; gives the names of what was left out.
pub(super) async fn dump(
    db: &DbConnector,
    options: &DumpOptions,
    file: &Path,
) -> Result<Vec<String>, Error> {
    let snapshot = db.begin_snapshot().await?;
    // With nothing to search, every definition names its schemas.
    snapshot.run("SELECT pg_catalog.set_config('search_path', '', true)", &[]).await?;
    let schemas = match options.schemas.as_slice() {
        [] => catalogue::schema_names(&snapshot).await?,
        chosen => chosen.to_vec(),
    };
    let others = elsewhere::find(&snapshot, &schemas).await?;
    if !others.is_empty() && !options.skip_others {
        return Err(Error::invalid(format!(
            "a dump without pg_dump cannot hold: {}. Install postgresql-client, or leave them out",
            others.join(", ")
        )));
    }
    let partial = file.with_extension("sql.tmp");
    let written = write(&snapshot, options, &schemas, &partial).await;
    snapshot.rollback().await?;
    let ended = written.and_then(|()| {
        fs::rename(&partial, file).map_err(|error| Error::io("write", file, &error))
    });
    if ended.is_err() {
        let _ = fs::remove_file(&partial);
    }
    ended.map(|()| others)
}

async fn write(
    snapshot: &Transaction,
    options: &DumpOptions,
    schemas: &[String],
    file: &Path,
) -> Result<(), Error> {
    let io = |error| Error::io("write", file, &error);
    let mut out = BufWriter::new(File::create(file).map_err(io)?);
    let mut tables = Vec::new();
    let mut sequences = Vec::new();
    for schema in schemas {
        tables.extend(catalogue::read_schema(snapshot, schema).await?);
        sequences.extend(read_sequences(snapshot, schema).await?);
    }
    let tables = catalogue::in_order_of_references(tables);
    let structure = options.parts != DumpParts::Rows;
    let mut script = String::from("-- Isobase dump\n\nSET client_encoding = 'UTF8';\n");
    script.push_str("SELECT pg_catalog.set_config('search_path', '', false);\n\n");
    if structure {
        make(snapshot, schemas, &tables, &sequences, &mut script).await?;
    }
    out.write_all(script.as_bytes()).map_err(io)?;
    if options.parts != DumpParts::Structure {
        for table in &tables {
            write_rows(snapshot, table, &mut out, file).await?;
        }
    }
    let mut script = String::new();
    if options.parts != DumpParts::Structure {
        for sequence in &sequences {
            if let Some((last, given)) = sequence.place {
                let name = literal(&sequence.name);
                script.push_str(&format!("SELECT pg_catalog.setval({name}, {last}, {given});\n"));
            }
        }
    }
    if structure {
        finish(&tables, &sequences, &mut script);
    }
    script.push_str(&format!("\n{LAST_LINE}\n"));
    out.write_all(script.as_bytes()).map_err(io)?;
    let file = out.into_inner().map_err(|error| io(error.into_error()))?;
    file.sync_all().map_err(io)
}

/// What must be there before the rows.
async fn make(
    snapshot: &Transaction,
    schemas: &[String],
    tables: &[Table],
    sequences: &[Sequence],
    script: &mut String,
) -> Result<(), Error> {
    for table in tables.iter().rev() {
        script.push_str(&format!("DROP TABLE IF EXISTS {} CASCADE;\n", table.sql_name()));
    }
    for sequence in sequences.iter().filter(|sequence| !sequence.of_identity) {
        script.push_str(&format!("DROP SEQUENCE IF EXISTS {} CASCADE;\n", sequence.name));
    }
    for schema in schemas {
        script.push_str(&format!("CREATE SCHEMA IF NOT EXISTS {};\n", quoted(schema)));
        for (name, labels) in read_enums(snapshot, schema).await? {
            let labels: Vec<String> = labels.iter().map(|label| literal(label)).collect();
            let labels = labels.join(", ");
            script.push_str(&format!("DROP TYPE IF EXISTS {name} CASCADE;\n"));
            script.push_str(&format!("CREATE TYPE {name} AS ENUM ({labels});\n"));
        }
    }
    for sequence in sequences.iter().filter(|sequence| !sequence.of_identity) {
        script.push_str(&format!("CREATE SEQUENCE {} {};\n", sequence.name, sequence.definition));
    }
    for table in tables {
        // Keys come after the rows: an index that is built at once is built sooner.
        let bare = Table { keys: Vec::new(), ..table.clone() };
        script.push_str(&definition::create_table(crate::Dialect::Postgres, &bare));
        script.push_str(";\n");
    }
    script.push('\n');
    Ok(())
}

/// What needs the rows.
fn finish(tables: &[Table], sequences: &[Sequence], script: &mut String) {
    for table in tables {
        for key in &table.keys {
            let (table, name) = (table.sql_name(), quoted(&key.name));
            let sql = format!("ALTER TABLE {table} ADD CONSTRAINT {name} {};\n", key.definition);
            script.push_str(&sql);
        }
        for index in &table.indexes {
            script.push_str(&format!("{};\n", definition::index(index)));
        }
    }
    for table in tables {
        for key in &table.foreign_keys {
            script.push_str(&format!("{};\n", definition::foreign_key(table, key)));
        }
    }
    for sequence in sequences {
        if let Some(owner) = &sequence.owner {
            script.push_str(&format!("ALTER SEQUENCE {} OWNED BY {owner};\n", sequence.name));
        }
    }
}

async fn write_rows(
    snapshot: &Transaction,
    table: &Table,
    out: &mut BufWriter<File>,
    file: &Path,
) -> Result<(), Error> {
    let io = |error| Error::io("write", file, &error);
    let columns = table
        .columns
        .iter()
        .filter(|column| !matches!(column.generation, Generation::Stored | Generation::Virtual));
    let names: Vec<String> = columns.map(|column| quoted(&column.name)).collect();
    let place = format!("{} ({})", table.sql_name(), names.join(", "));
    writeln!(out, "COPY {place} FROM stdin;").map_err(io)?;
    let copy = format!("COPY {place} TO STDOUT");
    snapshot.copy_out(&copy, |piece| out.write_all(piece).map_err(io)).await?;
    out.write_all(b"\\.\n\n").map_err(io)
}

async fn read_enums(
    snapshot: &Transaction,
    schema: &str,
) -> Result<Vec<(String, Vec<String>)>, Error> {
    let sql = "SELECT t.typname::text, array_agg(e.enumlabel::text ORDER BY e.enumsortorder) \
               FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace \
               JOIN pg_enum e ON e.enumtypid = t.oid WHERE n.nspname = $1 \
               GROUP BY t.typname ORDER BY t.typname COLLATE \"C\"";
    let rows = snapshot.run(sql, &[schema.into()]).await?.rows;
    let read = rows.iter().map(|row| {
        let name = row.values()[0].as_str().unwrap_or_default();
        let labels = match &row.values()[1] {
            Value::Array(labels) => labels.iter().map(Value::to_string).collect(),
            _ => Vec::new(),
        };
        (format!("{}.{}", quoted(schema), quoted(name)), labels)
    });
    Ok(read.collect())
}

async fn read_sequences(snapshot: &Transaction, schema: &str) -> Result<Vec<Sequence>, Error> {
    let sql = "SELECT c.relname::text, format_type(s.seqtypid, NULL), s.seqincrement, s.seqmin, \
                      s.seqmax, s.seqstart, s.seqcache, s.seqcycle, d.deptype::text, \
                      tn.nspname::text, t.relname::text, a.attname::text \
                 FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid \
                 JOIN pg_namespace n ON n.oid = c.relnamespace \
                 LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid \
                      AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') \
                 LEFT JOIN pg_class t ON t.oid = d.refobjid \
                 LEFT JOIN pg_namespace tn ON tn.oid = t.relnamespace \
                 LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid \
                WHERE n.nspname = $1 ORDER BY c.relname COLLATE \"C\"";
    let mut found = Vec::new();
    for row in snapshot.run(sql, &[schema.into()]).await?.rows {
        let text = |at: usize| row.values()[at].to_string();
        let name = format!("{}.{}", quoted(schema), quoted(&text(0)));
        let kind = text(8);
        let cycle = if row.values()[7] == Value::Bool(true) { " CYCLE" } else { "" };
        let definition = format!(
            "AS {} INCREMENT BY {} MINVALUE {} MAXVALUE {} START WITH {} CACHE {}{cycle}",
            text(1),
            text(2),
            text(3),
            text(4),
            text(5),
            text(6)
        );
        let owner = (kind == "a")
            .then(|| format!("{}.{}.{}", quoted(&text(9)), quoted(&text(10)), quoted(&text(11))));
        let place = snapshot.run(&format!("SELECT last_value, is_called FROM {name}"), &[]).await?;
        let place = place.into_first().and_then(|row| {
            Some((row.values()[0].as_int()?, row.values()[1] == Value::Bool(true)))
        });
        found.push(Sequence { name, definition, place, owner, of_identity: kind == "i" });
    }
    Ok(found)
}
