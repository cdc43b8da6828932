//! Differences between two sets of tables, as SQL.

use crate::{Column, Dialect, Table, definition, name::quoted};

/// The statements that turn what was found into what is expected, in an order in which they can
/// run. Comments begin those that would lose data, or that SQLite has no statement for.
pub(super) fn statements(
    dialect: Dialect,
    schemas: &[String],
    expected: &[Table],
    found: &[Table],
) -> Vec<String> {
    let mut sql = Vec::new();
    let mut made: Vec<&str> = schemas.iter().map(String::as_str).collect();
    for table in expected {
        if dialect == Dialect::Postgres && !made.contains(&table.schema.as_str()) {
            made.push(&table.schema);
            sql.push(format!("CREATE SCHEMA {};", quoted(&table.schema)));
        }
        match found.iter().find(|other| same(table, other)) {
            None => create(dialect, table, &mut sql),
            Some(other) => change(dialect, table, other, &mut sql),
        }
    }
    for table in found {
        if !expected.iter().any(|other| same(table, other)) {
            sql.push(format!("-- DROP TABLE {};", table.sql_name()));
        }
    }
    sql
}

fn same(one: &Table, other: &Table) -> bool {
    one.schema == other.schema && one.name == other.name
}

fn create(dialect: Dialect, table: &Table, sql: &mut Vec<String>) {
    sql.push(format!("{};", definition::create_table(dialect, table)));
    if dialect == Dialect::Postgres {
        let keys = table.foreign_keys.iter().map(|key| definition::foreign_key(table, key));
        sql.extend(keys.map(|key| format!("{key};")));
    }
    sql.extend(table.indexes.iter().map(|index| format!("{};", definition::index(index))));
}

fn change(dialect: Dialect, expected: &Table, found: &Table, sql: &mut Vec<String>) {
    let table = expected.sql_name();
    for column in &expected.columns {
        match found.column(&column.name) {
            None => {
                let definition = definition::column(column);
                sql.push(format!("ALTER TABLE {table} ADD COLUMN {definition};"));
            }
            Some(other) => change_column(dialect, &table, column, other, sql),
        }
    }
    for column in &found.columns {
        if expected.column(&column.name).is_none() {
            sql.push(format!("-- ALTER TABLE {table} DROP COLUMN {};", quoted(&column.name)));
        }
    }
    if dialect == Dialect::Postgres {
        change_constraints(&table, expected, found, sql);
    }
    for index in &found.indexes {
        if !expected.indexes.contains(index) {
            let (schema, name) = (quoted(&found.schema), quoted(&index.name));
            sql.push(format!("DROP INDEX {schema}.{name};"));
        }
    }
    for index in &expected.indexes {
        if !found.indexes.contains(index) {
            sql.push(format!("{};", definition::index(index)));
        }
    }
}

fn change_column(
    dialect: Dialect,
    table: &str,
    expected: &Column,
    found: &Column,
    sql: &mut Vec<String>,
) {
    let name = quoted(&expected.name);
    let mut changes = Vec::new();
    // SQLite keeps the letters that were typed.
    if !expected.data_type.eq_ignore_ascii_case(&found.data_type) {
        let data_type = &expected.data_type;
        changes.push(format!("TYPE {data_type} USING {name}::{data_type}"));
    }
    if expected.nullable != found.nullable {
        let verb = if expected.nullable { "DROP" } else { "SET" };
        changes.push(format!("{verb} NOT NULL"));
    }
    if expected.default != found.default && expected.generation == found.generation {
        changes.push(match &expected.default {
            Some(default) => format!("SET DEFAULT {default}"),
            None => "DROP DEFAULT".to_owned(),
        });
    }
    if expected.generation != found.generation {
        sql.push(format!("-- column {name} of {table} is to be {}", definition::column(expected)));
    }
    // SQLite can alter NOT NULL, from version 3.53 on, and neither types nor defaults.
    let possible = |change: &str| dialect == Dialect::Postgres || change.ends_with("NOT NULL");
    for change in changes {
        let mark = if possible(&change) { "" } else { "-- " };
        sql.push(format!("{mark}ALTER TABLE {table} ALTER COLUMN {name} {change};"));
    }
}

/// Constraints are the same when their definitions are: names may differ.
fn change_constraints(table: &str, expected: &Table, found: &Table, sql: &mut Vec<String>) {
    let all = |table: &Table| {
        let named = table.keys.iter().chain(&table.checks);
        let mut all: Vec<(String, String)> =
            named.map(|c| (c.name.clone(), c.definition.clone())).collect();
        let keys = table.foreign_keys.iter();
        all.extend(keys.map(|key| (key.name.clone(), key.definition.clone())));
        all
    };
    let (expected, found) = (all(expected), all(found));
    for (name, definition) in &found {
        if !expected.iter().any(|(_, other)| other == definition) {
            sql.push(format!("ALTER TABLE {table} DROP CONSTRAINT {};", quoted(name)));
        }
    }
    for (name, definition) in &expected {
        if !found.iter().any(|(_, other)| other == definition) {
            let name = quoted(name);
            sql.push(format!("ALTER TABLE {table} ADD CONSTRAINT {name} {definition};"));
        }
    }
}
