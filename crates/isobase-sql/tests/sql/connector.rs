//! Connections, deadlines and failures.

use std::time::Duration;

use isobase_sql::{DbConnector, Dialect, ErrorKind, Session, Settings, Value};

use crate::fixture::Fixture;

#[tokio::test]
async fn refusals_say_where_and_why() {
    for fixture in Fixture::all().await {
        let error = fixture.db.run("SELECT ☃ FRM x", &[]).await.unwrap_err();
        assert_eq!((error.kind, error.code()), (ErrorKind::Query, Some("42601")), "{error}");
        let refusal = error.refusal.as_deref().unwrap();
        assert_eq!(refusal.statement, "SELECT ☃ FRM x");
        assert_eq!(refusal.position, Some(14), "{error}");
        assert!(error.to_string().contains("(SQLSTATE 42601, at character 14)"));

        fixture.with_users().await;
        let sql = format!("INSERT INTO {}.users (user_name) VALUES ($1)", fixture.schema);
        let error = fixture.db.run(&sql, &["ann".into()]).await.unwrap_err();
        assert_eq!(error.code(), Some("23505"));
        assert!(!error.to_string().contains("ann"), "no value of a row: {error}");
        let error = fixture.db.run(&sql, &[]).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Invalid, "{error}");
        let error = fixture.db.run(&sql, &["a".into(), "b".into()]).await.unwrap_err();
        assert_eq!(error.message, "the statement has 1 parameters, 2 values were given");
        let error = fixture.db.run("SELECT * FROM no_such", &[]).await.unwrap_err();
        assert_eq!((error.kind, error.code()), (ErrorKind::Schema, Some("42P01")));
        assert!(fixture.db.run("SELECT 1; SELECT 2", &[]).await.is_err());
        assert!(fixture.db.run("BEGIN", &[]).await.is_err());
    }
}

#[tokio::test]
async fn scripts_are_run_whole_or_not() {
    for fixture in Fixture::all().await {
        let script = format!(
            "CREATE TABLE {0}.t (a int); -- ;\nINSERT INTO {0}.t VALUES (1);\nINSERT INTO no_such \
             VALUES (';'); SELECT 1",
            fixture.schema
        );
        let error = fixture.db.run_script(&script).await.unwrap_err();
        assert!(error.message.starts_with("Error executing statement 3/4: "), "{error}");
        assert!(!fixture.operator().table_exists(fixture.table("t")).await.unwrap());
    }
}

#[tokio::test]
async fn slow_statements_are_cancelled() {
    let settings = Settings { statement_timeout: Duration::from_millis(50), ..Settings::default() };
    let endless = "WITH RECURSIVE n(a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM n WHERE a < \
                   2000000000) SELECT max(a) FROM n";
    for fixture in Fixture::all_with(settings).await {
        let error = fixture.db.run(endless, &[]).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::TimedOut, "{error}");
        assert_eq!(fixture.value("SELECT 1").await, Value::Int(1), "the pool goes on");
        if fixture.db.dialect() == Dialect::Postgres {
            // Also when this process can no longer say so.
            assert_eq!(fixture.value("SHOW statement_timeout").await, Value::from("1050ms"));
        }
    }
}

#[tokio::test]
async fn busy_pools_say_so() {
    let settings = Settings {
        pool_size_max: 1,
        // Long enough to open a connection.
        acquire_timeout: Duration::from_millis(400),
        ..Settings::default()
    };
    for fixture in Fixture::all_with(settings).await {
        let mut held = Vec::new();
        let error = loop {
            match fixture.db.begin_snapshot().await {
                Ok(transaction) => held.push(transaction),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind, ErrorKind::Connection);
        assert_eq!(error.message, "all 1 connections of the pool are busy");
        held.remove(0).rollback().await.unwrap();
        assert_eq!(fixture.value("SELECT 1").await, Value::Int(1));
    }
}

#[tokio::test]
async fn sessions_do_not_leak() {
    let settings = Settings { pool_size_max: 1, ..Settings::default() };
    let Some(fixture) = Fixture::postgres_with(settings).await else { return };
    fixture.db.run("SET application_name = 'leak'", &[]).await.unwrap();
    let name = fixture.value("SELECT current_setting('application_name')").await;
    assert_eq!(name, Value::from("isobase"));
    let transaction = fixture.db.begin().await.unwrap();
    transaction.run("SET application_name = 'leak'", &[]).await.unwrap();
    transaction.commit().await.unwrap();
    let name = fixture.value("SELECT current_setting('application_name')").await;
    assert_eq!(name, Value::from("isobase"));
    fixture.db.run("CREATE TEMP TABLE leak (a int)", &[]).await.unwrap();
    assert!(fixture.db.run("SELECT * FROM leak", &[]).await.is_err());
}

#[tokio::test]
async fn schemas_are_searched_for_one_call() {
    let settings = Settings { pool_size_max: 1, ..Settings::default() };
    let Some(fixture) = Fixture::postgres_with(settings).await else { return };
    fixture.with_users().await;
    let sql = "SELECT count(*) FROM users";
    let answer = fixture.db.run_in_schema(&fixture.schema, sql, &[]).await.unwrap();
    assert_eq!(answer.into_value(), Some(Value::Int(2)));
    assert!(fixture.db.run(sql, &[]).await.is_err());
    let transaction = fixture.db.begin().await.unwrap();
    let answer = transaction.run_in_schema(&fixture.schema, sql, &[]).await.unwrap();
    assert_eq!(answer.into_value(), Some(Value::Int(2)));
    let path = transaction.run("SELECT current_setting('search_path')", &[]).await.unwrap();
    assert_eq!(path.into_value(), Some(Value::from("\"$user\", public")));
    transaction.rollback().await.unwrap();
}

#[test]
fn urls_are_refused_without_being_quoted() {
    for url in ["mysql://u:hunter2@h/d", "postgres://u:hunter2@h:x/d", "sqlite:", ""] {
        let error = DbConnector::new(url, Settings::default()).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Invalid);
        assert!(!error.to_string().contains("hunter2"));
    }
}

#[tokio::test]
async fn unreachable_servers_are_named() {
    let url = "postgres://u:hunter2@127.0.0.1:1/d";
    let db = DbConnector::new(url, Settings::default()).unwrap();
    let error = db.run("SELECT 1", &[]).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Connection);
    assert!(error.to_string().contains("127.0.0.1:1"), "{error}");
    assert!(!error.to_string().contains("hunter2"));
}
