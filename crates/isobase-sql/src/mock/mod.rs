//! Rows that fit their tables, made up.

mod checks;
mod fill;
mod literals;
mod place;
mod realistic;
mod unique;
mod values;

use std::collections::{BTreeMap, HashMap, HashSet};

use checks::{Bounds, Checks};
pub use fill::Filled;
use place::{Place, is_made_by_database};

use crate::{Column, Error, Family, Record, SchemaRegistry, Table, Value, random::Random};

/// Makes rows up. The same seed gives the same rows.
#[derive(Debug)]
pub struct MockDataGenerator<'r> {
    registry: &'r SchemaRegistry,
    random: Random,
    /// Rows made of each table, by schema and name.
    made: HashMap<(String, String), i64>,
    /// The forms of tables, by schema and name.
    plans: HashMap<(String, String), Plan>,
    realistic: bool,
}

/// Rows of another table that refer to a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Related {
    /// Their schema; that of the row when there is none.
    pub schema: Option<String>,
    /// How many.
    pub count: usize,
    /// The column that refers; else the foreign key says it, else it is `<table>_id`.
    pub column: Option<String>,
}

/// The form of a table, found out once.
#[derive(Clone, Debug)]
struct Plan {
    table: std::sync::Arc<Table>,
    families: Vec<Family>,
    checks: Checks,
    /// Columns whose values keep rows apart.
    apart: HashSet<String>,
}

impl<'r> MockDataGenerator<'r> {
    /// A generator for the tables of a registry.
    #[must_use]
    pub fn new(registry: &'r SchemaRegistry, seed: u64) -> Self {
        let random = Random::new(seed);
        let (made, plans) = (HashMap::new(), HashMap::new());
        Self { registry, random, made, plans, realistic: false }
    }

    /// Texts are as people have them where the name of the column says what they are: names,
    /// addresses, towns, sentences. The same seed gives the same rows of the same release.
    #[must_use]
    pub fn realistic(mut self) -> Self {
        self.realistic = true;
        self
    }

    /// A row. Columns whose value the database makes are left out; `overrides` win, also those
    /// that the table does not have.
    ///
    /// # Errors
    /// [`ErrorKind::Schema`](crate::ErrorKind::Schema) when there is no such table,
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) when a unique column has no more values.
    pub fn generate_row(
        &mut self,
        schema: &str,
        table: &str,
        overrides: &Record,
    ) -> Result<Record, Error> {
        let plan = self.plan(schema, table)?;
        let number = self.next_number(schema, table);
        let mut row = Record::new();
        for (column, family) in plan.table.columns.iter().zip(&plan.families) {
            let given = overrides.iter().find(|(name, _)| *name == column.name);
            match given {
                Some((name, value)) => row.push((name.clone(), value.clone())),
                None if is_made_by_database(column) => {}
                None => row.push((column.name.clone(), self.value(&plan, column, family, number)?)),
            }
        }
        let unknown = overrides.iter().filter(|(name, _)| plan.table.column(name).is_none());
        row.extend(unknown.cloned());
        Ok(row)
    }

    /// Several rows.
    ///
    /// # Errors
    /// As [`MockDataGenerator::generate_row`].
    pub fn generate_rows(
        &mut self,
        schema: &str,
        table: &str,
        count: usize,
        overrides: &Record,
    ) -> Result<Vec<Record>, Error> {
        (0..count).map(|_| self.generate_row(schema, table, overrides)).collect()
    }

    /// Rows with rows of other tables that refer to them, by the key that the row itself has:
    /// it is given one where the database would have made it.
    ///
    /// # Errors
    /// As [`MockDataGenerator::generate_row`].
    pub fn generate_related_rows(
        &mut self,
        schema: &str,
        table: &str,
        related: &BTreeMap<String, Related>,
        count: usize,
    ) -> Result<BTreeMap<String, Vec<Record>>, Error> {
        let mut all: BTreeMap<String, Vec<Record>> = BTreeMap::new();
        for _ in 0..count {
            let plan = self.plan(schema, table)?;
            let key = key_of(&plan.table);
            let mut overrides = Record::new();
            if let Some(column) = plan.table.column(&key).filter(|c| is_made_by_database(c)) {
                let number = self.next_number(schema, table);
                let value = self.value(&plan, column, &Family::of(column), number)?;
                overrides.push((key.clone(), value));
            }
            let row = self.generate_row(schema, table, &overrides)?;
            let id = row.iter().find(|(name, _)| *name == key).map(|(_, value)| value.clone());
            let id = id.unwrap_or(Value::Null);
            for (other, wish) in related {
                let other_schema = wish.schema.as_deref().unwrap_or(schema);
                let column = self.referring_column(&plan.table, other_schema, other, wish)?;
                let overrides = vec![(column, id.clone())];
                let rows = self.generate_rows(other_schema, other, wish.count, &overrides)?;
                all.entry(other.clone()).or_default().extend(rows);
            }
            all.entry(table.to_owned()).or_default().push(row);
        }
        Ok(all)
    }

    /// The conditions of a table that could not be read, so that rows may break them.
    ///
    /// # Errors
    /// As [`MockDataGenerator::generate_row`].
    pub fn unreadable_checks(&mut self, schema: &str, table: &str) -> Result<Vec<String>, Error> {
        Ok(self.plan(schema, table)?.checks.unreadable)
    }

    fn referring_column(
        &self,
        parent: &Table,
        schema: &str,
        table: &str,
        wish: &Related,
    ) -> Result<String, Error> {
        if let Some(column) = &wish.column {
            return Ok(column.clone());
        }
        let other = self.registry.table(schema, table)?;
        let mut keys = other.foreign_keys.iter();
        let key = keys.find(|key| key.table == parent.name && key.columns.len() == 1);
        Ok(key.map_or_else(|| format!("{}_id", parent.name), |key| key.columns[0].clone()))
    }

    fn value(
        &mut self,
        plan: &Plan,
        column: &Column,
        family: &Family,
        number: i64,
    ) -> Result<Value, Error> {
        let none = Bounds::default();
        let bounds = plan.checks.columns.get(&column.name).unwrap_or(&none);
        if unique::refers(&plan.table, &column.name) && column.nullable && !bounds.not_null {
            // It refers to no row rather than to one that does not exist.
            return Ok(Value::Null);
        }
        let unique = plan.apart.contains(&column.name);
        let realistic = self.realistic;
        let place = Place { column, family, bounds, number, unique, realistic };
        values::value(&place, &mut self.random)
            .map_err(|taken| no_more_values(&plan.table.name, &column.name, taken))
    }

    fn plan(&mut self, schema: &str, table: &str) -> Result<Plan, Error> {
        let key = (schema.to_owned(), table.to_owned());
        if let Some(plan) = self.plans.get(&key) {
            return Ok(plan.clone());
        }
        let table = std::sync::Arc::clone(self.registry.table(schema, table)?);
        let families: Vec<Family> = table.columns.iter().map(Family::of).collect();
        let checks = Checks::of(&table);
        let apart = unique::columns_apart(&table, &families, &checks);
        let plan = Plan { checks, families, table, apart };
        self.plans.insert(key, plan.clone());
        Ok(plan)
    }

    fn next_number(&mut self, schema: &str, table: &str) -> i64 {
        let made = self.made.entry((schema.to_owned(), table.to_owned())).or_default();
        *made += 1;
        *made
    }
}

fn no_more_values(table: &str, columns: &str, taken: unique::Taken) -> Error {
    let count = taken.0;
    let message = format!(
        "{columns} of {table} must differ in each row, and has only {count} different values: make fewer rows"
    );
    Error::invalid(message)
}

/// The column that others refer to: `id`, else the first of the primary key.
fn key_of(table: &Table) -> String {
    if table.column("id").is_some() {
        return "id".to_owned();
    }
    table.primary_key.first().cloned().unwrap_or_else(|| "id".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dialect, record};

    const TABLES: &str = "
        CREATE TABLE users (id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            user_name varchar(12) NOT NULL UNIQUE, email text UNIQUE, status text,
            date_count int NOT NULL CHECK (date_count BETWEEN 5 AND 7), price numeric(4,2) NOT NULL,
            born date, tags text[], extra jsonb, code char(2) NOT NULL CHECK (length(code) = 2));
        CREATE TABLE posts (id serial PRIMARY KEY, user_id uuid NOT NULL REFERENCES users,
            title text NOT NULL, parent_id int REFERENCES posts);";

    #[test]
    fn rows_fit_their_tables() {
        let registry = SchemaRegistry::from_sql(Dialect::Postgres, TABLES).unwrap();
        let mut generator = MockDataGenerator::new(&registry, 1);
        let rows = generator.generate_rows("public", "users", 50, &vec![]).unwrap();
        for row in &rows {
            registry.validate_insert_data("public", "users", row).unwrap();
            let value = |name: &str| &row.iter().find(|(n, _)| n == name).unwrap().1;
            assert!((5..=7).contains(&value("date_count").as_int().unwrap()));
            assert_eq!(value("code").as_str().unwrap().len(), 2);
            assert!(value("price").as_str().unwrap().parse::<f64>().unwrap() < 100.0);
        }
        let mut names: Vec<String> = rows.iter().map(|row| row[0].1.to_string()).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 50);
        let mut again = MockDataGenerator::new(&registry, 1);
        assert_eq!(again.generate_rows("public", "users", 50, &vec![]).unwrap(), rows);
    }

    #[test]
    fn related_rows_have_the_key_of_their_parent() {
        let registry = SchemaRegistry::from_sql(Dialect::Postgres, TABLES).unwrap();
        let mut generator = MockDataGenerator::new(&registry, 1);
        let wish = Related { schema: None, count: 3, column: None };
        let related = BTreeMap::from([("posts".to_owned(), wish)]);
        let rows = generator.generate_related_rows("public", "users", &related, 2).unwrap();
        assert_eq!((rows["users"].len(), rows["posts"].len()), (2, 6));
        let id = &rows["users"][0][0];
        assert_eq!(id.0, "id");
        let fk = |row: &Record| row.iter().find(|(name, _)| name == "user_id").unwrap().1.clone();
        assert!(rows["posts"][..3].iter().all(|post| fk(post) == id.1));
        assert!(rows["posts"][3..].iter().all(|post| fk(post) == rows["users"][1][0].1));
    }

    #[test]
    fn unique_values_differ_or_end_with_an_error() {
        let script = "CREATE TYPE mood AS ENUM ('ok', 'ms'); CREATE TABLE t (a varchar(1) UNIQUE,
            b mood UNIQUE, c bool UNIQUE, d int UNIQUE CHECK (d BETWEEN 5 AND 7), e smallint UNIQUE,
            f numeric(2,1) UNIQUE, g date UNIQUE, h char(2) UNIQUE CHECK (length(h) = 2),
            i timestamp(0) UNIQUE, j float4 UNIQUE, k inet UNIQUE, l jsonb UNIQUE, m int[] UNIQUE,
            n text CHECK (n IN ('x', 'y')) UNIQUE, o interval UNIQUE, p bool, q text, UNIQUE (q, p));";
        let registry = SchemaRegistry::from_sql(Dialect::Postgres, script).unwrap();
        let rooms = [("a", 35), ("b", 2), ("c", 2), ("d", 3), ("f", 81), ("n", 2)];
        for (column, room) in rooms {
            // Only this one is made; the others are given.
            let given: Record = registry
                .table("public", "t")
                .unwrap()
                .columns
                .iter()
                .filter(|other| other.name != column)
                .map(|other| (other.name.clone(), Value::Null))
                .collect();
            let mut generator = MockDataGenerator::new(&registry, 1);
            let rows = generator.generate_rows("public", "t", room, &given).unwrap();
            let value = |row: &Record| row.iter().find(|(n, _)| n == column).unwrap().1.to_string();
            let values: HashSet<String> = rows.iter().map(value).collect();
            assert_eq!(values.len(), room, "{column}: {values:?}");
            let error = generator.generate_row("public", "t", &given).unwrap_err();
            let reason =
                format!("{column} of t must differ in each row, and has only {room} different");
            assert!(error.message.starts_with(&reason), "{error}");
        }
        let full: Record =
            rooms.iter().map(|(column, _)| ((*column).to_owned(), Value::Null)).collect();
        let mut generator = MockDataGenerator::new(&registry, 1);
        let rows = generator.generate_rows("public", "t", 1_000, &full).unwrap();
        for column in ["e", "g", "h", "i", "j", "k", "l", "m", "o", "q"] {
            let value = |row: &Record| row.iter().find(|(n, _)| n == column).unwrap().1.to_string();
            let values: HashSet<String> = rows.iter().map(value).collect();
            assert_eq!(values.len(), 1_000, "{column}");
        }
    }

    #[test]
    fn lists_of_enums_of_a_script_hold_its_labels() {
        let script = "CREATE TYPE shop.\"Mood\" AS ENUM ('so so', 'ok');
            CREATE TABLE t (a shop.\"Mood\"[] NOT NULL, b \"Mood\"[3] NOT NULL, c int[2] NOT NULL);";
        let registry = SchemaRegistry::from_sql(Dialect::Postgres, script).unwrap();
        let mut generator = MockDataGenerator::new(&registry, 1);
        for row in generator.generate_rows("public", "t", 20, &vec![]).unwrap() {
            registry.validate_insert_data("public", "t", &row).unwrap();
            let labels = |value: &Value| match value {
                Value::Array(labels) => {
                    labels.iter().all(|label| matches!(label.as_str(), Some("so so" | "ok")))
                }
                _ => false,
            };
            assert!(labels(&row[0].1) && labels(&row[1].1), "{row:?}");
        }
        let wrong = record([("a", Value::Array(vec!["mock".into()])), ("b", Value::Null)]);
        assert!(registry.validate_insert_data("public", "t", &wrong).is_err());
    }

    #[test]
    fn overrides_win_and_unknown_tables_are_errors() {
        let registry = SchemaRegistry::from_sql(Dialect::Postgres, TABLES).unwrap();
        let mut generator = MockDataGenerator::new(&registry, 1);
        let overrides = record([("title", "x".into()), ("odd", 1.into())]);
        let row = generator.generate_row("public", "posts", &overrides).unwrap();
        assert!(row.contains(&("title".to_owned(), "x".into())));
        assert!(row.contains(&("odd".to_owned(), 1.into())));
        assert!(row.contains(&("parent_id".to_owned(), Value::Null)));
        assert!(generator.generate_row("public", "nope", &vec![]).is_err());
    }
}
