//! Reads `CREATE TABLE` and what belongs to it out of a script, also out of a dump.

use std::collections::HashMap;

use sqlparser::{
    ast::{
        AlterTableOperation, ColumnDef, ColumnOption, CreateIndex, CreateTable, Expr,
        ForeignKeyConstraint, GeneratedAs, Ident, IndexColumn, ObjectName, Statement,
        TableConstraint, UserDefinedTypeRepresentation,
    },
    dialect::{PostgreSqlDialect, SQLiteDialect},
    parser::Parser,
};

use crate::{Column, Constraint, Dialect, Error, ErrorKind, ForeignKey, Generation, Table, lexer};

/// What a script defines, as far as it was read.
#[derive(Default)]
struct Definitions {
    tables: Vec<Table>,
    /// The labels of enums, by the last part of their names in lower case.
    enums: HashMap<String, Vec<String>>,
}

pub(super) fn tables(dialect: Dialect, script: &str) -> Result<Vec<Table>, Error> {
    let script = without_data(script);
    let mut found = Definitions::default();
    for statement in lexer::statements(dialect, &script) {
        let words: Vec<String> =
            statement.split_whitespace().take(4).map(str::to_lowercase).collect();
        let is = |at: usize, word: &str| words.get(at).is_some_and(|w| w == word);
        let creates_table = is(0, "create") && words.iter().any(|word| word == "table");
        let matters = creates_table
            || (is(0, "create") && (is(1, "type") || is(1, "unique")))
            || (is(0, "alter") && is(1, "table"));
        if !matters {
            continue;
        }
        match parse(statement) {
            Ok(parsed) => parsed.into_iter().for_each(|statement| found.take(statement)),
            Err(reason) if creates_table => {
                let before = statement.as_ptr() as usize - script.as_ptr() as usize;
                let line = script[..before].lines().count() + 1;
                let message = format!("the CREATE TABLE at line {line} cannot be read: {reason}");
                return Err(Error::new(ErrorKind::Schema, message));
            }
            // One of the many other things that ALTER TABLE does.
            Err(_) => {}
        }
    }
    Ok(found.finish())
}

fn parse(statement: &str) -> Result<Vec<Statement>, String> {
    Parser::parse_sql(&PostgreSqlDialect {}, statement)
        .or_else(|error| Parser::parse_sql(&SQLiteDialect {}, statement).map_err(|_| error))
        .map_err(|error| error.to_string())
}

/// A dump holds rows after COPY, and lines for psql that begin with a backslash. Lines stay
/// lines, so that numbers of lines stay true.
fn without_data(script: &str) -> String {
    let mut clean = String::with_capacity(script.len());
    let mut in_data = false;
    for line in script.lines() {
        if in_data {
            in_data = line != "\\.";
        } else if !line.starts_with('\\') {
            let lower = line.trim_end().to_lowercase();
            in_data = lower.starts_with("copy ") && lower.ends_with("from stdin;");
            if !in_data {
                clean.push_str(line);
            }
        }
        clean.push('\n');
    }
    clean
}

impl Definitions {
    fn take(&mut self, statement: Statement) {
        match statement {
            Statement::CreateTable(table) => self.tables.push(table_of(&table)),
            Statement::CreateIndex(index) if index.unique => self.unique_index(&index),
            Statement::CreateType {
                name,
                representation: Some(UserDefinedTypeRepresentation::Enum { labels }),
            } => {
                let labels = labels.into_iter().map(|label| label.value).collect();
                self.enums.insert(name_of(&name).1.to_lowercase(), labels);
            }
            Statement::AlterTable(alter) => {
                let (schema, name) = name_of(&alter.name);
                let mut tables = self.tables.iter_mut();
                let table = tables.find(|t| t.name == name && t.schema == schema);
                let Some(table) = table else { return };
                for operation in &alter.operations {
                    match operation {
                        AlterTableOperation::AddConstraint { constraint, .. } => {
                            take_constraint(table, constraint);
                        }
                        AlterTableOperation::AddColumn { column_def, .. } => {
                            take_column(table, column_def);
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }

    fn unique_index(&mut self, index: &CreateIndex) {
        let (schema, name) = name_of(&index.table_name);
        let table = self.tables.iter_mut().find(|t| t.name == name && t.schema == schema);
        if let (Some(table), Some(columns), None) =
            (table, columns_of(&index.columns), &index.predicate)
        {
            table.uniques.push(columns);
        }
    }

    /// A key without columns refers to the primary key, which may be defined later.
    fn finish(mut self) -> Vec<Table> {
        let keys: HashMap<(String, String), Vec<String>> = self
            .tables
            .iter()
            .map(|t| ((t.schema.clone(), t.name.clone()), t.primary_key.clone()))
            .collect();
        for table in &mut self.tables {
            for key in &mut table.foreign_keys {
                if key.references.is_empty() {
                    let other = (key.schema.clone(), key.table.clone());
                    key.references = keys.get(&other).cloned().unwrap_or_default();
                }
            }
            for column in &mut table.columns {
                let name = column.data_type.rsplit('.').next().unwrap_or_default();
                let name = name.trim_end_matches("[]").trim_matches('"').to_lowercase();
                column.labels = self.enums.get(&name).cloned().unwrap_or_default();
                column.nullable &= !table.primary_key.contains(&column.name);
            }
        }
        self.tables
    }
}

fn table_of(definition: &CreateTable) -> Table {
    let (schema, name) = name_of(&definition.name);
    let mut table = Table { schema, name, ..Table::default() };
    for column in &definition.columns {
        take_column(&mut table, column);
    }
    for constraint in &definition.constraints {
        take_constraint(&mut table, constraint);
    }
    table
}

fn take_column(table: &mut Table, definition: &ColumnDef) {
    let name = folded(&definition.name);
    let data_type = without_sizes(&definition.data_type.to_string().to_lowercase());
    let base_type = data_type.split('(').next().unwrap_or_default().trim().to_owned();
    let is_serial = base_type.ends_with("serial");
    let mut column = Column {
        name: name.clone(),
        max_length: length(&data_type),
        default: is_serial.then(|| "nextval()".to_owned()),
        generated: is_serial,
        nullable: true,
        base_type,
        data_type,
        ..Column::default()
    };
    for option in &definition.options {
        match &option.option {
            ColumnOption::NotNull => column.nullable = false,
            ColumnOption::Default(value) => column.default = Some(value.to_string()),
            ColumnOption::PrimaryKey(_) => {
                table.primary_key = vec![name.clone()];
                // The number of the row, which SQLite makes.
                column.generated |= column.base_type == "integer" && column.default.is_none();
            }
            ColumnOption::Unique(_) => table.uniques.push(vec![name.clone()]),
            ColumnOption::Check(check) => table.checks.push(Constraint {
                name: String::new(),
                definition: format!("CHECK ({})", check.expr),
            }),
            ColumnOption::ForeignKey(key) => {
                let key = foreign_key(key, vec![name.clone()]);
                table.foreign_keys.push(key);
            }
            ColumnOption::Generated { generated_as, generation_expr, .. } => {
                column.generated = true;
                column.generation = match (generation_expr, generated_as) {
                    (Some(_), _) => Generation::Stored,
                    (None, GeneratedAs::Always) => Generation::IdentityAlways,
                    (None, _) => Generation::IdentityByDefault,
                };
                column.read_only =
                    generation_expr.is_some() || *generated_as == GeneratedAs::Always;
            }
            _ => {}
        }
    }
    table.columns.push(column);
}

fn take_constraint(table: &mut Table, constraint: &TableConstraint) {
    match constraint {
        TableConstraint::PrimaryKey(key) => {
            table.primary_key = columns_of(&key.columns).unwrap_or_default();
        }
        TableConstraint::Unique(unique) => table.uniques.extend(columns_of(&unique.columns)),
        TableConstraint::ForeignKey(key) => {
            let columns = key.columns.iter().map(folded).collect();
            table.foreign_keys.push(foreign_key(key, columns));
        }
        TableConstraint::Check(check) => table.checks.push(Constraint {
            name: check.name.as_ref().map(folded).unwrap_or_default(),
            definition: format!("CHECK ({})", check.expr),
        }),
        _ => {}
    }
}

fn foreign_key(key: &ForeignKeyConstraint, columns: Vec<String>) -> ForeignKey {
    let (schema, table) = name_of(&key.foreign_table);
    ForeignKey {
        columns,
        schema,
        table,
        references: key.referred_columns.iter().map(folded).collect(),
        definition: key.to_string(),
        name: key.name.as_ref().map(folded).unwrap_or_default(),
    }
}

/// `None` when one of them is an expression.
fn columns_of(columns: &[IndexColumn]) -> Option<Vec<String>> {
    let name = |column: &IndexColumn| match &column.column.expr {
        Expr::Identifier(name) => Some(folded(name)),
        _ => None,
    };
    columns.iter().map(name).collect()
}

/// Schema and name.
fn name_of(name: &ObjectName) -> (String, String) {
    let mut parts = name.0.iter().rev().filter_map(|part| part.as_ident()).map(folded);
    let table = parts.next().unwrap_or_default();
    (parts.next().unwrap_or_else(|| "public".to_owned()), table)
}

/// A name without quotes is meant in lower case.
fn folded(name: &Ident) -> String {
    match name.quote_style {
        Some(_) => name.value.clone(),
        None => name.value.to_lowercase(),
    }
}

/// `int[3]` as `int[]`: PostgreSQL takes lists of any length for either.
fn without_sizes(data_type: &str) -> String {
    let mut parts = data_type.split('[');
    let mut clean = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        clean.push('[');
        clean.push_str(part.trim_start_matches(|digit: char| digit.is_ascii_digit()));
    }
    clean
}

fn length(data_type: &str) -> Option<u32> {
    let (name, rest) = data_type.split_once('(')?;
    name.contains("char").then(|| rest.split(')').next()?.trim().parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dumps_and_scripts_are_read() {
        let script = r#"
\restrict x7
CREATE TYPE public.mood AS ENUM ('sad', 'ok');
CREATE TABLE IF NOT EXISTS shop.users (
    id bigserial PRIMARY KEY, "Full Name" varchar(50) NOT NULL, mood public.mood DEFAULT 'ok',
    age int CHECK (age > 0 AND age <= 150), price numeric(6,2), email text UNIQUE,
    twice int GENERATED ALWAYS AS (age * 2) STORED);
COPY shop.users (id, mood) FROM stdin;
1	CREATE TABLE not_me (a int);
\.
CREATE TABLE posts (id uuid DEFAULT gen_random_uuid(), user_id bigint NOT NULL REFERENCES shop.users,
    body jsonb, tags text[], PRIMARY KEY (id), CONSTRAINT u UNIQUE (user_id, body));
ALTER TABLE ONLY posts ADD CONSTRAINT fk FOREIGN KEY (user_id) REFERENCES shop.users(id);
CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ CREATE TABLE nor_me (a int); $$;
"#;
        let tables = tables(Dialect::Postgres, script).unwrap();
        let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
        assert_eq!(names, ["users", "posts"]);
        let (users, posts) = (&tables[0], &tables[1]);
        assert_eq!(users.schema, "shop");
        assert_eq!(users.primary_key, ["id"]);
        assert!(users.columns[0].generated && !users.columns[0].nullable);
        assert_eq!(
            (users.columns[1].name.as_str(), users.columns[1].max_length),
            ("Full Name", Some(50))
        );
        assert_eq!(users.columns[2].labels, ["sad", "ok"]);
        assert!(users.columns[6].read_only);
        assert_eq!(users.uniques, [["email"]]);
        assert_eq!(users.checks.len(), 1);
        assert_eq!(posts.primary_key, ["id"]);
        assert_eq!(posts.foreign_keys.len(), 2);
        assert_eq!(posts.foreign_keys[0].references, ["id"]);
        assert_eq!(posts.uniques, [["user_id", "body"]]);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let error = tables(Dialect::Postgres, "\n\nCREATE TABLE t (a int,,);").unwrap_err();
        assert!(error.message.starts_with("the CREATE TABLE at line 3 cannot be read"), "{error}");
        let sqlite = "CREATE TABLE t (a INTEGER PRIMARY KEY AUTOINCREMENT, b TEXT) STRICT;";
        assert_eq!(tables(Dialect::Sqlite, sqlite).unwrap()[0].columns.len(), 2);
    }
}
