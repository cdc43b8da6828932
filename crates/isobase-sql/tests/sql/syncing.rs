//! Dumps and restores with PostgreSQL's own programs.

use std::{fs, path::Path, time::Duration};

use isobase_sql::{
    DatabaseSync, DbConnector, DumpOptions, Environment, ErrorKind, Programs, SchemaRegistry,
    Settings, TableName, Value,
};
use isobase_testkit::is_soak;

use crate::fixture::Fixture;

/// Two databases, and a folder for dumps.
async fn two() -> Option<(Fixture, Fixture, tempfile::TempDir, DatabaseSync)> {
    let production = Fixture::own_of_machine().await?;
    let test = Fixture::own_of_machine().await?;
    let folder = tempfile::tempdir().unwrap();
    let path = std::env::var_os("PATH");
    let sync = DatabaseSync::new(folder.path(), production.url(), test.url(), path);
    Some((production, test, folder, sync))
}

const TABLES: &str = "CREATE TABLE a (id int PRIMARY KEY, \"odd \"\" name\" text);
    CREATE TABLE b (a_id int REFERENCES a, n int GENERATED ALWAYS AS (a_id * 2) STORED, x text);
    INSERT INTO a SELECT n, E'\\\\.\\n\\t☃' || n FROM generate_series(1, 300) n;
    INSERT INTO b (a_id, x) SELECT n, NULL FROM generate_series(1, 200) n;";

#[tokio::test]
async fn dumps_are_restored_and_compared() {
    let Some((production, test, _folder, sync)) = two().await else { return };
    production.db.run_script(TABLES).await.unwrap();
    let options = DumpOptions::default();
    let file = sync.dump_database(Environment::Production, true, &options).await.unwrap();
    assert!(file.file_name().unwrap().to_str().unwrap().starts_with("prod_db_20"));
    let dumps = sync.available_dumps().unwrap();
    assert_eq!(dumps.production[0], "prod_db_latest.sql");
    assert_eq!((dumps.production.len(), dumps.test.len()), (2, 0));

    let latest = Path::new("prod_db_latest.sql");
    let rows = sync.restore_database(latest, Environment::Test, None).await.unwrap();
    assert_eq!(rows, 500);
    assert_eq!(test.value("SELECT count(*) FROM b WHERE n = a_id * 2").await, Value::Int(200));
    // Over what is there.
    sync.restore_database(latest, Environment::Test, None).await.unwrap();

    let error = sync.restore_database(latest, Environment::Production, None).await.unwrap_err();
    assert!(error.message.contains("confirm with 'toolkit_db"), "{error}");
    let error = sync.restore_from_latest(None).await.unwrap_err();
    assert_eq!(error.message, "Latest dumps not found. Create dumps first.");
    let error = sync.restore_database(Path::new("nope.sql"), Environment::Test, None).await;
    assert_eq!(error.unwrap_err().message, "Database dump not found: nope.sql");
}

/// With all that it can hold; and what it cannot is named.
#[tokio::test]
async fn dumps_work_without_programs() {
    let Some((production, test, _folder, sync)) = two().await else { return };
    let sync = sync.with_programs(Programs::BuiltIn);
    let script = "CREATE SCHEMA \"od\"\"d\"; CREATE TYPE \"od\"\"d\".mood AS ENUM ('it''s', 'b\\');
        CREATE TABLE \"od\"\"d\".a (id serial PRIMARY KEY, \"x;\" \"od\"\"d\".mood DEFAULT 'it''s',
            n numeric(5,2) CHECK (n > 0), UNIQUE (n), twice int GENERATED ALWAYS AS (id * 2) STORED);
        CREATE INDEX i ON \"od\"\"d\".a (lower(id::text)) WHERE n > 1;
        CREATE TABLE b (id bigint GENERATED ALWAYS AS IDENTITY, a int NOT NULL REFERENCES \"od\"\"d\".a,
            t text[], moods \"od\"\"d\".mood[]);
        INSERT INTO \"od\"\"d\".a (n) SELECT n FROM generate_series(1, 99) n;
        INSERT INTO b (a, t) SELECT id, ARRAY[E'\\\\.', E'a\\n\\tb', NULL] FROM \"od\"\"d\".a;
        CREATE SEQUENCE s INCREMENT 5; SELECT nextval('s');";
    production.db.run_script(&format!("{TABLES}DROP TABLE a, b;{script}")).await.unwrap();
    let options = DumpOptions::default();
    let file = sync.dump_database(Environment::Production, false, &options).await.unwrap();
    for _ in 0..2 {
        let rows = sync.restore_database(&file, Environment::Test, None).await.unwrap();
        assert_eq!(rows, 198);
    }
    for sql in ["nextval('s')", "nextval('\"od\"\"d\".a_id_seq')", "nextval('b_id_seq')"] {
        let next = format!("SELECT {sql}");
        assert_eq!(test.value(&next).await, production.value(&next).await, "{sql}");
    }
    let tables = |db: &DbConnector| {
        let db = db.clone();
        async move {
            let registry = SchemaRegistry::from_database(&db).await.unwrap();
            let schemas: Vec<String> = registry.schemas().map(str::to_owned).collect();
            schemas.iter().flat_map(|schema| registry.tables(schema)).collect::<Vec<_>>()
        }
    };
    assert_eq!(tables(&test.db).await, tables(&production.db).await);
    // psql reads it as well.
    let with_psql = sync.clone().with_programs(Programs::Postgres);
    assert_eq!(with_psql.restore_database(&file, Environment::Test, None).await.unwrap(), 198);
    // And what pg_dump writes can be restored without psql.
    let file = with_psql.dump_database(Environment::Production, true, &options).await.unwrap();
    assert_eq!(sync.restore_database(&file, Environment::Test, None).await.unwrap(), 198);

    production.db.run_script("CREATE VIEW v AS SELECT 1; CREATE DOMAIN d AS int").await.unwrap();
    let refused = sync.dump_database(Environment::Production, true, &options).await.unwrap_err();
    assert!(refused.message.contains("view public.v, type public.d"), "{refused}");
    let skip = DumpOptions { skip_others: true, ..options };
    sync.dump_database(Environment::Production, true, &skip).await.unwrap();
}

#[tokio::test]
async fn built_in_dumps_move_between_versions() {
    let Some(newest) = Fixture::own_postgres().await else { return };
    let Some(oldest) = Fixture::own_of_oldest().await else { return };
    newest.db.run_script(TABLES).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (from, to) in [(&newest, &oldest), (&oldest, &newest)] {
        let sync = DatabaseSync::new(folder.path(), from.url(), to.url(), None);
        let sync = sync.with_programs(Programs::BuiltIn);
        let options = DumpOptions::default();
        let file = sync.dump_database(Environment::Production, false, &options).await.unwrap();
        assert_eq!(sync.restore_database(&file, Environment::Test, None).await.unwrap(), 500);
    }
}

/// Of the newest server by the newest programs that can, and of this machine's by its own; in the soak
/// with a million rows.
#[tokio::test]
async fn newer_dumps_are_restored_in_the_oldest_version() {
    let rows = if is_soak() { 1_000_000 } else { 200 };
    for source in [Fixture::own_postgres().await, Fixture::own_of_machine().await] {
        let (Some(source), Some(oldest)) = (source, Fixture::own_of_oldest().await) else { return };
        let script = format!(
            "CREATE TABLE numbers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL UNIQUE,
                 price numeric(12,2), at timestamptz, tags text[], data jsonb);
             INSERT INTO numbers (name, price, at, tags, data)
                 SELECT E'n\\t☃' || n, n / 7.0, timestamptz '2024-01-01' + n * interval '1 minute', ARRAY[n::text, NULL],
                     jsonb_build_object('n', n) FROM generate_series(1, {rows}) n;
             CREATE INDEX ON numbers (at);"
        );
        let own = Settings { statement_timeout: Duration::from_secs(600), ..Settings::default() };
        DbConnector::new(&source.url(), own).unwrap().run_script(&script).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = std::env::var_os("PATH");
        let sync = DatabaseSync::new(folder.path(), source.url(), oldest.url(), path);
        let sync = sync.with_programs(Programs::Either);
        let options = DumpOptions::default();
        let file = sync.dump_database(Environment::Production, false, &options).await.unwrap();
        assert_eq!(sync.restore_database(&file, Environment::Test, None).await.unwrap(), rows);
        let next = "INSERT INTO numbers (name) VALUES ('next') RETURNING id";
        assert_eq!(oldest.value(next).await, Value::Int(i64::try_from(rows).unwrap() + 1));
    }
}

#[tokio::test]
async fn broken_dumps_change_nothing() {
    let Some((production, test, folder, sync)) = two().await else { return };
    production.db.run_script(TABLES).await.unwrap();
    test.db.run_script("CREATE TABLE mine (a int); INSERT INTO mine VALUES (1)").await.unwrap();
    let options = DumpOptions::default();
    let file = sync.dump_database(Environment::Production, false, &options).await.unwrap();
    let dump = fs::read_to_string(&file).unwrap();

    let cut = folder.path().join("cut.sql");
    fs::write(&cut, &dump[..dump.len() / 2]).unwrap();
    let error = sync.restore_database(&cut, Environment::Test, None).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid, "{error}");

    let wrong = folder.path().join("wrong.sql");
    let refused =
        dump.replacen("CREATE TABLE public.b (", "CREATE TABLE public.b (\n    z no_such_type,", 1);
    assert_ne!(refused, dump);
    fs::write(&wrong, refused).unwrap();
    let built_in = sync.clone().with_programs(Programs::BuiltIn);
    let error = built_in.restore_database(&wrong, Environment::Test, None).await.unwrap_err();
    assert!(
        error.message.contains("no_such_type") && error.message.contains("at line "),
        "{error}"
    );
    let error = sync.restore_database(&wrong, Environment::Test, None).await.unwrap_err();
    assert!(
        error.message.contains("no_such_type") && error.message.contains("at line "),
        "{error}"
    );
    assert!(!test.operator().table_exists("a").await.unwrap(), "all of it was rolled back");
    assert_eq!(test.value("SELECT count(*) FROM mine").await, Value::Int(1));

    // A newer dump's setting that this server may not know.
    let newer = folder.path().join("newer.sql");
    fs::write(&newer, format!("SET transaction_timeout = 0;\n{dump}")).unwrap();
    assert_eq!(sync.restore_database(&newer, Environment::Test, None).await.unwrap(), 500);
}

#[tokio::test]
async fn test_databases_are_refreshed() {
    let Some((production, test, _folder, sync)) = two().await else { return };
    production.db.run_script(TABLES).await.unwrap();
    let own = "CREATE TABLE a (other int); CREATE SCHEMA mine; CREATE VIEW mine.v AS TABLE a";
    test.db.run_script(own).await.unwrap();
    let tables = [TableName::from("b"), TableName::from("a")];
    assert_eq!(sync.refresh_test_db(&tables).await.unwrap(), 500);
    assert_eq!(sync.sync_tables(&tables).await.unwrap(), 500, "again");
    let same = "SELECT md5(string_agg(a::text, '' ORDER BY id)) FROM a";
    assert_eq!(test.value(same).await, production.value(same).await);
}

#[tokio::test]
async fn production_in_the_place_of_the_test_database_stays() {
    let Some(production) = Fixture::own_of_machine().await else { return };
    production.db.run_script(TABLES).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let url = production.url();
    let sync = DatabaseSync::new(folder.path(), &url, &url, None).with_programs(Programs::BuiltIn);
    let options = DumpOptions::default();
    let file = sync.dump_database(Environment::Test, false, &options).await.unwrap();
    let tables = [TableName::from("a")];
    let refused = [
        sync.refresh_test_db(&tables).await.unwrap_err(),
        sync.sync_tables(&tables).await.unwrap_err(),
        sync.restore_database(&file, Environment::Test, None).await.unwrap_err(),
    ];
    for error in refused {
        assert!(error.message.starts_with("production is not overwritten"), "{error}");
    }
    assert_eq!(production.value("SELECT count(*) FROM b").await, Value::Int(200));
}

#[tokio::test]
async fn dumps_are_committed() {
    let Some((production, _test, folder, sync)) = two().await else { return };
    production.db.run_script("CREATE TABLE t (a int)").await.unwrap();
    let git = |arguments: &[&str]| {
        let output =
            std::process::Command::new("git").arg("-C").arg(folder.path()).args(arguments).output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    };
    git(&["init", "--quiet"]);
    git(&["config", "user.email", "test@example.org"]);
    git(&["config", "user.name", "test"]);
    sync.dump_database(Environment::Production, false, &DumpOptions::default()).await.unwrap();
    fs::write(sync.folder().join("temp_x"), "x").unwrap();
    assert!(sync.commit_dumps(Some("dumps")).await.unwrap());
    assert!(!sync.commit_dumps(None).await.unwrap(), "nothing new");
    let files = git(&["ls-files"]);
    assert!(files.contains("db_dumps/prod_db_latest.sql") && !files.contains("temp_x"), "{files}");
    assert!(sync.push("--upload-pack=x", None).await.is_err());
    assert!(sync.push("nowhere", None).await.is_err());
}
