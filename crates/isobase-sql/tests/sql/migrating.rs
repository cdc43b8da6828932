//! Migrations.

use std::{fs, path::Path};

use isobase_sql::{MigrationState, Migrations, Value};

use crate::fixture::Fixture;

fn write(folder: &Path, name: &str, sql: &str) {
    fs::write(folder.join(name), sql).unwrap();
}

#[tokio::test]
async fn migrations_run_once_each() {
    for fixture in Fixture::all_own().await {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let path = Migrations::create(folder, "Make Users").unwrap();
        assert!(path.ends_with("0001_make_users.sql"));
        write(folder, "0001_make_users.sql", "CREATE TABLE users (id int PRIMARY KEY, n text);");
        write(
            folder,
            "0002_add.sql",
            "ALTER TABLE users ADD COLUMN m text; INSERT INTO users VALUES (1, 'a', 'b');",
        );
        write(folder, "notes.txt", "no migration");
        let migrations = Migrations::read(folder).unwrap();
        let ran = migrations.up(&fixture.db).await.unwrap();
        assert_eq!(ran, ["0001_make_users", "0002_add"]);
        assert!(migrations.up(&fixture.db).await.unwrap().is_empty());
        assert_eq!(fixture.value("SELECT count(*) FROM users").await, Value::Int(1));

        // One that fails leaves nothing behind, and runs when it is mended.
        write(folder, "0003_broken.sql", "CREATE TABLE t (a int); INSERT INTO nope VALUES (1);");
        let error = Migrations::read(folder).unwrap().up(&fixture.db).await.unwrap_err();
        assert!(
            error
                .message
                .starts_with("the migration 0003_broken failed: Error executing statement 2/2"),
            "{error}"
        );
        write(folder, "0003_broken.sql", "CREATE TABLE t (a int);");
        let migrations = Migrations::read(folder).unwrap();
        assert_eq!(migrations.up(&fixture.db).await.unwrap(), ["0003_broken"]);

        write(folder, "0002_add.sql", "SELECT 1;");
        let migrations = Migrations::read(folder).unwrap();
        let status = migrations.status(&fixture.db).await.unwrap();
        let states: Vec<MigrationState> = status.iter().map(|(.., state)| *state).collect();
        assert_eq!(
            states,
            [MigrationState::Applied, MigrationState::Changed, MigrationState::Applied]
        );
        let error = migrations.up(&fixture.db).await.unwrap_err();
        assert_eq!(error.message, "the migration 0002_add was changed after it was run");
    }
}

#[tokio::test]
async fn many_at_once_run_each_once() {
    for fixture in Fixture::all_own().await {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "1_a.sql", "CREATE TABLE a (n int);");
        write(folder.path(), "2_b.sql", "INSERT INTO a VALUES (1);");
        let migrations = Migrations::read(folder.path()).unwrap();
        let all: Vec<_> = (0..4)
            .map(|_| {
                let (migrations, db) = (migrations.clone(), fixture.db.clone());
                tokio::spawn(async move { migrations.up(&db).await })
            })
            .collect();
        let mut ran = 0;
        for one in all {
            ran += one.await.unwrap().unwrap().len();
        }
        assert_eq!(ran, 2);
        assert_eq!(fixture.value("SELECT count(*) FROM a").await, Value::Int(1));
        write(folder.path(), "0_zero.sql", "");
        assert!(Migrations::read(folder.path()).is_err(), "numbers begin with 1");
    }
}

#[tokio::test]
async fn statements_without_a_transaction_are_noted() {
    let Some(fixture) = Fixture::own_postgres().await else { return };
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "1_t.sql", "CREATE TABLE t (a int);");
    let concurrently = "-- isobase: no transaction\nCREATE INDEX CONCURRENTLY i ON t (a);";
    write(folder.path(), "2_i.sql", concurrently);
    write(folder.path(), "3_bad.sql", "-- isobase: no transaction\nSELECT 1; SELECT nope;");
    let migrations = Migrations::read(folder.path()).unwrap();
    let error = migrations.up(&fixture.db).await.unwrap_err();
    assert!(error.message.starts_with("the migration 0003_bad failed"), "{error}");
    let error = migrations.up(&fixture.db).await.unwrap_err();
    assert!(error.message.starts_with("the migration 0003_bad was interrupted"), "{error}");
    let status = migrations.status(&fixture.db).await.unwrap();
    assert_eq!(status[2].2, MigrationState::Interrupted);
}

#[tokio::test]
async fn drift_is_shown_as_sql() {
    for fixture in Fixture::all_own().await {
        let folder = tempfile::tempdir().unwrap();
        write(
            folder.path(),
            "1_t.sql",
            "CREATE TABLE t (a int NOT NULL, b text DEFAULT 'x', CONSTRAINT c UNIQUE (b)); CREATE TABLE u (a int); CREATE INDEX ua ON u (a);",
        );
        let migrations = Migrations::read(folder.path()).unwrap();
        migrations.up(&fixture.db).await.unwrap();
        let url = fixture.url();
        assert_eq!(migrations.diff(&fixture.db, &url).await.unwrap(), Vec::<String>::new());
        fixture.db.run_script("DROP TABLE u; ALTER TABLE t ADD COLUMN extra int; CREATE TABLE odd (a int); CREATE INDEX tb ON t (b)").await.unwrap();
        let sql = migrations.diff(&fixture.db, &url).await.unwrap();
        let all = sql.join("\n");
        assert!(all.contains("-- ALTER TABLE") && all.contains("DROP COLUMN \"extra\";"), "{all}");
        assert!(all.contains("-- DROP TABLE") && all.contains("\"odd\""), "{all}");
        let script: Vec<&str> =
            sql.iter().map(String::as_str).filter(|s| !s.starts_with("--")).collect();
        fixture.db.run_script(&script.join("\n")).await.unwrap();
        let left = migrations.diff(&fixture.db, &url).await.unwrap();
        assert!(left.iter().all(|sql| sql.starts_with("--")), "{left:?}");
    }
}
