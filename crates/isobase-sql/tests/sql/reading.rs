//! Statements of people that only read, and what they would do otherwise.

use std::time::{Duration, Instant};

use isobase_sql::{
    DbConnector, Dialect, ErrorKind, ReadEnd, ReadError, ReadLimits, Session, Settings, SqlReader,
    Value,
};
use isobase_testkit::unique_name;

use crate::fixture::Fixture;

const LIMITS: ReadLimits = ReadLimits {
    rows_max: 3,
    bytes_max: 4096,
    cell_characters_max: 100,
    timeout: Duration::from_secs(20),
    mark: 1,
};

/// A database with a table of two rows, and a reader of it under a role that may read.
async fn all() -> Vec<(Fixture, SqlReader)> {
    let mut all = Vec::new();
    let mut fixtures = Fixture::all_own().await;
    fixtures.extend(Fixture::own_of_oldest().await);
    for fixture in fixtures {
        let made = "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT); \
                    INSERT INTO notes VALUES (1, 'a'), (2, NULL); \
                    CREATE TABLE tags (note INTEGER REFERENCES notes (id), tag TEXT)";
        fixture.db.run_script(made).await.unwrap();
        let url = match fixture.db.dialect() {
            Dialect::Sqlite => fixture.url(),
            Dialect::Postgres => reader_url(&fixture).await,
        };
        all.push((fixture, SqlReader::new(&url).unwrap()));
    }
    all
}

/// The URL of a role that owns the tables, so that only the transaction keeps it from writing.
async fn reader_url(fixture: &Fixture) -> String {
    let role = unique_name("reader");
    let script = format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'p'; ALTER TABLE notes OWNER TO {role}; \
         ALTER TABLE tags OWNER TO {role}; GRANT ALL ON SCHEMA public TO {role}"
    );
    fixture.db.run_script(&script).await.unwrap();
    format!("{}&user={role}&password=p", fixture.url())
}

fn texts(rows: &[Vec<Option<isobase_sql::ReadCell>>]) -> Vec<Vec<Option<&str>>> {
    rows.iter().map(|row| row.iter().map(|it| it.as_ref().map(|it| &*it.text)).collect()).collect()
}

fn sql_of(error: ReadError) -> isobase_sql::Error {
    match error {
        ReadError::Sql(error) => error,
        error => panic!("{error:?}"),
    }
}

#[tokio::test]
async fn values_are_shown_as_they_are_and_answers_have_ends() {
    for (_fixture, reader) in all().await {
        let sql =
            "SELECT id, text, 9007199254740993 AS big, '' AS none FROM notes ORDER BY id; -- x";
        let answer = reader.read(sql, &[], &LIMITS).await.unwrap();
        let rows = [
            vec![Some("1"), Some("a"), Some("9007199254740993"), Some("")],
            vec![Some("2"), None, Some("9007199254740993"), Some("")],
        ];
        assert_eq!(texts(&answer.rows), rows);
        let names: Vec<_> = answer.columns.iter().map(|column| &*column.name).collect();
        assert_eq!(names, ["id", "text", "big", "none"]);
        assert_eq!(answer.ended_by, None);

        let five = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5) \
                    SELECT i, i FROM n";
        let answer = reader.read(five, &[], &LIMITS).await.unwrap();
        assert_eq!((answer.rows.len(), answer.ended_by), (3, Some(ReadEnd::Rows)));

        let by_key = "SELECT text FROM notes WHERE id = $1";
        let answer = reader.read(by_key, &["1".into()], &LIMITS).await.unwrap();
        assert_eq!(texts(&answer.rows), [[Some("a")]]);
        let named = "SELECT text, ':id' AS said FROM notes WHERE id = :id AND :id = id -- :id";
        let (sql, values) = reader.numbered(named, &[("id".into(), "1".into())]).unwrap();
        let answer = reader.read(&sql, &values, &LIMITS).await.unwrap();
        assert_eq!(texts(&answer.rows), [[Some("a"), Some(":id")]]);
        assert!(reader.numbered("SELECT 1::int", &[("int".into(), "1".into())]).is_err());
    }
}

#[tokio::test]
async fn nothing_is_written_whatever_is_tried() {
    for (fixture, reader) in all().await {
        let everywhere = [
            "SELECT 1; DELETE FROM notes",
            "DELETE FROM notes",
            "INSERT INTO notes VALUES (3, 'x') RETURNING id",
            "UPDATE notes SET text = 'x'",
            "DROP TABLE tags",
            "CREATE TABLE more (a INTEGER)",
            "CREATE TEMP TABLE more (a INTEGER)",
            "COMMIT; DROP TABLE tags",
            "SAVEPOINT a; DELETE FROM notes",
            "EXPLAIN ANALYZE DELETE FROM notes",
            "VACUUM",
        ];
        let on_postgres = [
            "SET TRANSACTION READ WRITE; DELETE FROM notes",
            "WITH gone AS (DELETE FROM notes RETURNING id) SELECT * FROM gone",
            "SELECT * INTO more FROM notes",
            "SELECT id FROM notes FOR UPDATE",
            "DO $$ BEGIN DELETE FROM notes; END $$",
            "DO $$ BEGIN COMMIT; DELETE FROM notes; END $$",
            "COPY notes TO PROGRAM 'cat > /tmp/isobase-reading'",
            "COPY notes TO '/tmp/isobase-reading'",
            "COPY notes FROM STDIN",
            "COPY notes TO STDOUT",
            "SELECT pg_read_file('/etc/passwd')",
            "SELECT lo_export(1, '/tmp/isobase-reading')",
            "SELECT set_config('transaction_read_only', 'off', false)",
            "ALTER SYSTEM SET work_mem = '1MB'",
        ];
        let on_sqlite = [
            "ATTACH '/tmp/isobase-reading.db' AS other",
            "VACUUM INTO '/tmp/isobase-reading.db'",
            "PRAGMA writable_schema = on",
            "PRAGMA journal_mode = delete",
            "PRAGMA wal_checkpoint",
            "PRAGMA query_only = off",
            "SELECT load_extension('x')",
            "BEGIN IMMEDIATE",
            "SELECT * FROM pragma_wal_checkpoint",
        ];
        let dialect = fixture.db.dialect();
        let of_engine: &[&str] = match dialect {
            Dialect::Postgres => &on_postgres,
            Dialect::Sqlite => &on_sqlite,
        };
        for sql in everywhere.iter().chain(of_engine) {
            let refused = reader.read(sql, &[], &LIMITS).await;
            assert!(refused.is_err(), "{dialect:?}: {sql} was answered with {refused:?}");
        }
        // What ends the transaction, or asks for another kind, changes nothing for what follows.
        for sql in ["COMMIT", "SET TRANSACTION READ WRITE", "BEGIN READ WRITE", "ROLLBACK"] {
            let _ = reader.read(sql, &[], &LIMITS).await;
            assert!(reader.read("DELETE FROM notes", &[], &LIMITS).await.is_err(), "{sql}");
        }
        let left = "SELECT (SELECT count(*) FROM notes) + (SELECT count(*) FROM tags)";
        let left = fixture.db.run(left, &[]).await.unwrap().into_value();
        assert_eq!(left, Some(Value::Int(2)));
        assert!(!std::path::Path::new("/tmp/isobase-reading").exists());
        assert!(!std::path::Path::new("/tmp/isobase-reading.db").exists());
    }
}

#[tokio::test]
async fn refusals_say_where_and_why() {
    for (fixture, reader) in all().await {
        let is_postgres = fixture.db.dialect() == Dialect::Postgres;
        let error = sql_of(reader.read("SELECT id FROM nots", &[], &LIMITS).await.unwrap_err());
        assert_eq!(error.code(), Some("42P01"), "{error}");
        let error = sql_of(reader.read("SELECT 1 +* 2", &[], &LIMITS).await.unwrap_err());
        let refusal = error.refusal.unwrap();
        assert_eq!(refusal.code, if is_postgres { "42883" } else { "42601" });
        assert_eq!(refusal.position, Some(if is_postgres { 10 } else { 11 }), "{refusal:?}");
        let error = sql_of(reader.read("DELETE FROM notes", &[], &LIMITS).await.unwrap_err());
        assert_eq!(error.code(), Some("25006"), "{error}");
        for (sql, why) in
            [("", "no statement"), ("SELECT '\0'", "NUL"), ("SELECT 1; SELECT 2", "one")]
        {
            let error = sql_of(reader.read(sql, &[], &LIMITS).await.unwrap_err());
            assert_eq!(error.kind, ErrorKind::Invalid);
            assert!(error.message.contains(why), "{error}");
        }
    }
}

#[tokio::test]
async fn what_takes_long_or_is_large_ends() {
    for (fixture, reader) in all().await {
        let short = ReadLimits { timeout: Duration::from_millis(300), ..LIMITS };
        let endless = match fixture.db.dialect() {
            Dialect::Postgres => "SELECT pg_sleep(600)",
            Dialect::Sqlite => {
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
            }
        };
        let began = Instant::now();
        // More than there are connections: each is free again when its statement is stopped.
        for _ in 0..6 {
            let error = sql_of(reader.read(endless, &[], &short).await.unwrap_err());
            assert_eq!(error.kind, ErrorKind::TimedOut, "{error}");
        }
        // One that no one waits for is stopped, too.
        for _ in 0..6 {
            let left = tokio::time::timeout(
                Duration::from_millis(100),
                reader.read(endless, &[], &LIMITS),
            );
            assert!(left.await.is_err());
        }
        assert!(began.elapsed() < Duration::from_secs(60));
        let large = match fixture.db.dialect() {
            Dialect::Postgres => "SELECT repeat('x', 200000000) AS a, 'é' AS b",
            Dialect::Sqlite => "SELECT printf('%.*c', 20000000, 'x') AS a, 'é' AS b",
        };
        let answer = reader.read(large, &[], &LIMITS).await.unwrap();
        let [first, second] = &answer.rows[0][..] else { panic!("{answer:?}") };
        let (first, second) = (first.as_ref().unwrap(), second.as_ref().unwrap());
        assert_eq!((first.text.len(), first.is_cut), (100, true));
        assert_eq!((&*second.text, second.is_cut), ("é", false));
    }
}

#[tokio::test]
async fn what_no_limit_of_a_cell_cuts_is_not_taken_whole() {
    for (fixture, reader) in all().await {
        if fixture.db.dialect() == Dialect::Sqlite {
            continue;
        }
        let text = "repeat('x', 100000000)";
        let plan = reader.plan(&format!("SELECT {text}"), &[], false, &LIMITS).await.unwrap_err();
        assert!(matches!(plan, ReadError::TooLarge), "{plan:?}");
        for sql in [
            format!("EXPLAIN VERBOSE SELECT {text}"),
            format!("SELECT ({text})::int"),
            format!("DO $$ BEGIN RAISE NOTICE '%', {text}; END $$"),
        ] {
            let error = reader.read(&sql, &[], &LIMITS).await.unwrap_err();
            assert!(matches!(error, ReadError::TooLarge), "{sql}: {error:?}");
        }
        assert_eq!(reader.read("SELECT 1", &[], &LIMITS).await.unwrap().rows.len(), 1);
    }
}

#[tokio::test]
async fn plans_are_trees_and_nothing_runs_unless_it_is_wanted() {
    for (fixture, reader) in all().await {
        let sql = "SELECT * FROM notes JOIN tags ON tags.note = notes.id";
        let plan = reader.plan(sql, &[], false, &LIMITS).await.unwrap();
        assert!(!plan.steps.is_empty());
        assert_eq!(plan.execution_ms, None);
        let run = reader.plan(sql, &[], true, &LIMITS).await.unwrap();
        assert_eq!(run.execution_ms.is_some(), fixture.db.dialect() == Dialect::Postgres);
        let gone = reader.plan("DELETE FROM notes", &[], true, &LIMITS).await;
        assert!(gone.is_err() || fixture.db.dialect() == Dialect::Sqlite);
        let made = reader.plan("CREATE TABLE x AS SELECT 1", &[], true, &LIMITS).await;
        assert!(made.is_err() || fixture.db.dialect() == Dialect::Sqlite);
    }
}

#[tokio::test]
async fn the_catalogue_is_told() {
    for (fixture, reader) in all().await {
        let tables = reader.tables().await.unwrap();
        let names: Vec<_> = tables.iter().map(|table| (&*table.name, &*table.kind)).collect();
        assert_eq!(names, [("notes", "table"), ("tags", "table")]);
        let references = reader.references().await.unwrap();
        let [reference] = &references[..] else { panic!("{references:?}") };
        assert_eq!((&*reference.table, &*reference.column), ("tags", "note"));
        assert_eq!(reference.other_table, "notes");
        let table = reader.table(&fixture.schema, "tags").await.unwrap();
        assert_eq!(table.column_names(), ["note", "tag"]);
        let missing = reader.table(&fixture.schema, "none").await.unwrap_err();
        assert_eq!(missing.kind, ErrorKind::Schema);
    }
}

#[tokio::test]
async fn roles_that_reach_the_server_are_refused_and_files_are_not_made() {
    if let Some(fixture) = Fixture::own_postgres().await {
        let reader = SqlReader::new(&fixture.url()).unwrap();
        let refused = reader.read("SELECT 1", &[], &LIMITS).await.unwrap_err();
        assert!(matches!(refused, ReadError::PowerfulRole(_)), "{refused:?}");
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("none.db");
    let reader = SqlReader::new(&format!("sqlite://{}", file.display())).unwrap();
    let missing = sql_of(reader.read("SELECT 1", &[], &LIMITS).await.unwrap_err());
    assert_eq!(missing.kind, ErrorKind::Connection, "{missing}");
    assert!(!file.exists());
    assert!(SqlReader::new("sqlite::memory:").is_err());
    assert!(DbConnector::new("sqlite::memory:", Settings::default()).is_ok());
}
