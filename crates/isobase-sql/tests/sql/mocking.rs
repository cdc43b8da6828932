//! Made-up rows in databases.

use std::collections::HashSet;

use isobase_sql::{Dialect, MockDataGenerator, Record, SchemaRegistry, Session, Value};

use isobase_testkit::is_soak;

use crate::fixture::Fixture;

#[tokio::test]
async fn tables_are_filled_with_rows_that_fit() {
    for fixture in Fixture::all().await {
        fixture
            .script(
                "CREATE TABLE {s}.users (id {id}, user_name varchar(16) NOT NULL UNIQUE,
                     email text UNIQUE, age int CHECK (age >= 18 AND age < 100),
                     status text NOT NULL CHECK (status IN ('new', 'old')), joined timestamp);
                 CREATE TABLE {s}.posts (id int PRIMARY KEY, user_id int NOT NULL REFERENCES
                     {r}users(id), parent_id int REFERENCES {r}posts(id),
                     price numeric(6,2) CHECK (price > 0), data {json});",
            )
            .await;
        let registry = SchemaRegistry::from_database(&fixture.db).await.unwrap();
        let mut generator = MockDataGenerator::new(&registry, 42);
        // In the order of their references, whatever the order of the names.
        let tables = ["posts", "users"];
        let filled = generator.fill(&fixture.db, &fixture.schema, &tables, 300).await.unwrap();
        assert_eq!(filled.tables, [("users".to_owned(), 300), ("posts".to_owned(), 300)]);
        assert_eq!(filled.unreadable_checks, Vec::<String>::new());
        // Again: what is unique goes on.
        let mut generator = MockDataGenerator::new(&registry, 42);
        generator.fill(&fixture.db, &fixture.schema, &tables, 20).await.unwrap();
        assert_eq!(fixture.value("SELECT count(*) FROM {s}.users").await, Value::Int(320));
        let orphans = "SELECT count(*) FROM {s}.posts p LEFT JOIN {s}.users u ON u.id = p.user_id \
                       WHERE u.id IS NULL";
        assert_eq!(fixture.value(orphans).await, Value::Int(0));
        let error = {
            let other = SchemaRegistry::from_database(&fixture.db).await.unwrap();
            fixture.db.run(&format!("DELETE FROM {}.posts", fixture.schema), &[]).await.unwrap();
            fixture.db.run(&format!("DELETE FROM {}.users", fixture.schema), &[]).await.unwrap();
            let mut generator = MockDataGenerator::new(&other, 1);
            generator.fill(&fixture.db, &fixture.schema, &["posts"], 1).await.unwrap_err()
        };
        assert!(error.message.contains("fill users first"), "{error}");
    }
}

#[tokio::test]
async fn unique_references_take_turns() {
    for fixture in Fixture::all().await {
        fixture
            .script(
                "CREATE TABLE {s}.users (id int PRIMARY KEY, born date UNIQUE, code char(2) UNIQUE);
                 CREATE TABLE {s}.tags (id int PRIMARY KEY);
                 CREATE TABLE {s}.profiles (user_id int PRIMARY KEY REFERENCES {r}users(id));
                 CREATE TABLE {s}.tagged (user_id int REFERENCES {r}users(id), tag_id int REFERENCES
                     {r}tags(id), PRIMARY KEY (user_id, tag_id));",
            )
            .await;
        let registry = SchemaRegistry::from_database(&fixture.db).await.unwrap();
        let mut generator = MockDataGenerator::new(&registry, 42);
        let mut fill = async |tables: &[&str], count| {
            generator.fill(&fixture.db, &fixture.schema, tables, count).await
        };
        fill(&["users", "tags"], 40).await.unwrap();
        fill(&["profiles"], 30).await.unwrap();
        fill(&["profiles"], 10).await.unwrap();
        fill(&["tagged"], 1_600).await.unwrap();
        for (table, room) in [("profiles", 40), ("tagged", 1_600)] {
            let error = fill(&[table], 1).await.unwrap_err();
            assert!(error.message.contains(&format!("has only {room} different")), "{error}");
        }
    }
}

#[tokio::test]
async fn types_that_only_postgres_has_are_made_up_validly() {
    let Some(fixture) = Fixture::postgres().await else { return };
    fixture
        .script(
            "CREATE TABLE {s}.rare (a int4range UNIQUE, b int8range, c numrange, d daterange, e tsrange,
                 f tstzrange, g int4multirange, h point, i line, j lseg, k box, l path, m polygon,
                 n circle, o macaddr UNIQUE, p macaddr8, q bit(3), r bit varying(9), s tsvector,
                 t tsquery, u xml, v jsonpath, w pg_lsn, x oid, y money, z cidr, aa int4range[],
                 bb timetz, cc bit, dd datemultirange);",
        )
        .await;
    let registry = SchemaRegistry::from_database(&fixture.db).await.unwrap();
    let mut generator = MockDataGenerator::new(&registry, 7);
    generator.fill(&fixture.db, &fixture.schema, &["rare"], 100).await.unwrap();
    assert_eq!(fixture.value("SELECT count(*) FROM {s}.rare").await, Value::Int(100));
}

#[tokio::test]
async fn postgres_types_are_made_up_validly() {
    let Some(fixture) = Fixture::postgres().await else { return };
    fixture
        .script(
            "CREATE TYPE {s}.mood AS ENUM ('so so', 'it''s ok');
             CREATE DOMAIN {s}.pos AS int CHECK (VALUE > 0);
             CREATE TABLE {s}.all_types (a uuid, b {s}.mood NOT NULL, c {s}.pos, d int[], e text[],
                 f jsonb NOT NULL, g inet, h interval, i bytea, j date UNIQUE, k time, l float4,
                 m smallint UNIQUE, n timestamptz, o bool, p {s}.mood[],
                 q int GENERATED ALWAYS AS (m + 1) STORED, r varchar(3) UNIQUE, s char(4));",
        )
        .await;
    let registry = SchemaRegistry::from_database(&fixture.db).await.unwrap();
    let mut generator = MockDataGenerator::new(&registry, 42);
    let filled = generator.fill(&fixture.db, &fixture.schema, &["all_types"], 30).await.unwrap();
    assert_eq!(filled.tables[0].1, 30);
}

#[tokio::test]
async fn realistic_texts_fit_as_well() {
    for fixture in Fixture::all().await {
        fixture
            .script(
                "CREATE TABLE {s}.people (id {id}, first_name varchar(8) NOT NULL, last_name text NOT NULL,
                     email varchar(40) NOT NULL UNIQUE, city text NOT NULL, street_address text NOT NULL,
                     phone text NOT NULL, bio text NOT NULL, status text NOT NULL, code text NOT NULL);",
            )
            .await;
        let registry = SchemaRegistry::from_database(&fixture.db).await.unwrap();
        let rows = |seed| {
            let mut generator = MockDataGenerator::new(&registry, seed).realistic();
            generator.generate_rows(&fixture.schema, "people", 50, &vec![]).unwrap()
        };
        assert_eq!(rows(7), rows(7));
        assert_ne!(rows(7), rows(8));
        let first_name = |row: &Record| {
            row.iter().find(|(name, _)| name == "first_name").map(|(_, value)| value.to_string())
        };
        let names: HashSet<_> = rows(7).iter().filter_map(first_name).collect();
        assert!(names.len() > 30 && names.iter().all(|name| !name.contains("Name")), "{names:?}");
        let mut generator = MockDataGenerator::new(&registry, 7).realistic();
        let is_large = is_soak() && fixture.db.dialect() == Dialect::Postgres;
        let count = if is_large { 1_000_000 } else { 1_000 };
        let filled =
            generator.fill(&fixture.db, &fixture.schema, &["people"], count).await.unwrap();
        assert_eq!(filled.tables, [("people".to_owned(), count)]);
        let odd = "SELECT count(*) FROM {s}.people WHERE email NOT LIKE '%_@example.___' \
                   OR bio NOT LIKE '% %' OR street_address NOT LIKE '% %' OR code NOT LIKE 'mock-%'";
        assert_eq!(fixture.value(odd).await, Value::Int(0));
    }
}
