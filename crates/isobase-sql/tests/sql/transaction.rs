//! All statements, or none.

use std::time::Duration;

use isobase_sql::{DbOperator, Dialect, ErrorKind, Session, TestTransaction, Value, record};

use crate::fixture::Fixture;

#[tokio::test]
async fn commits_and_rolls_back() {
    for fixture in Fixture::all().await {
        fixture.with_users().await;
        let eve = || record([("user_name", "eve".into())]);
        let transaction = fixture.db.begin().await.unwrap();
        DbOperator::new(&transaction).insert(fixture.table("users"), eve()).await.unwrap();
        transaction.rollback().await.unwrap();
        assert_eq!(fixture.value("SELECT count(*) FROM {s}.users").await, Value::Int(2));

        let transaction = fixture.db.begin().await.unwrap();
        DbOperator::new(&transaction).insert(fixture.table("users"), eve()).await.unwrap();
        drop(transaction);
        assert_eq!(fixture.value("SELECT count(*) FROM {s}.users").await, Value::Int(2));

        let transaction = fixture.db.begin().await.unwrap();
        assert!(transaction.run("COMMIT", &[]).await.is_err(), "not behind its back");
        DbOperator::new(&transaction).insert(fixture.table("users"), eve()).await.unwrap();
        transaction.commit().await.unwrap();
        assert_eq!(fixture.value("SELECT count(*) FROM {s}.users").await, Value::Int(3));
    }
}

#[tokio::test]
async fn tables_of_a_transaction_are_seen_in_it() {
    for fixture in Fixture::all().await {
        let transaction = fixture.db.begin().await.unwrap();
        let db = DbOperator::new(&transaction);
        let sql = format!("CREATE TABLE {}.fresh (name text)", fixture.schema);
        transaction.run(&sql, &[]).await.unwrap();
        db.insert(fixture.table("fresh"), record([("Names", "x".into())])).await.unwrap();
        transaction.rollback().await.unwrap();
        assert!(!fixture.operator().table_exists(fixture.table("fresh")).await.unwrap());
    }
}

/// PostgreSQL answers such a COMMIT as if all were well.
#[tokio::test]
async fn failed_transactions_do_not_commit() {
    let Some(fixture) = Fixture::postgres().await else { return };
    fixture.with_users().await;
    let sql = format!("INSERT INTO {}.users (user_name) VALUES ($1)", fixture.schema);
    let transaction = fixture.db.begin().await.unwrap();
    transaction.run(&sql, &["eve".into()]).await.unwrap();
    transaction.run(&sql, &["ann".into()]).await.unwrap_err();
    let error = transaction.commit().await.unwrap_err();
    assert!(error.message.contains("rolled back"), "{error}");
    assert_eq!(fixture.value("SELECT count(*) FROM {s}.users").await, Value::Int(2));

    let transaction = fixture.db.begin().await.unwrap();
    transaction.run(&sql, &["eve".into()]).await.unwrap();
    transaction.savepoint("odd \" name").await.unwrap();
    transaction.run(&sql, &["ann".into()]).await.unwrap_err();
    transaction.rollback_to("odd \" name").await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(fixture.value("SELECT count(*) FROM {s}.users").await, Value::Int(3));
}

#[tokio::test]
async fn cancelled_statements_leave_nothing_open() {
    for fixture in Fixture::all().await {
        fixture.with_users().await;
        let transaction = fixture.db.begin().await.unwrap();
        let sql = format!("DELETE FROM {}.users", fixture.schema);
        transaction.run(&sql, &[]).await.unwrap();
        let endless = match fixture.db.dialect() {
            Dialect::Postgres => "SELECT pg_sleep(100)",
            Dialect::Sqlite => {
                "WITH RECURSIVE n(a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM n) \
                 SELECT max(a) FROM n"
            }
        };
        let waited = Duration::from_millis(30);
        assert!(tokio::time::timeout(waited, transaction.run(endless, &[])).await.is_err());
        let error = transaction.run("SELECT 1", &[]).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Query, "{error}");
        assert!(transaction.commit().await.is_err());
        // The table is free again, and as it was.
        let sql = format!("UPDATE {}.users SET email = 'x'", fixture.schema);
        assert_eq!(fixture.db.run(&sql, &[]).await.unwrap().affected, 2);
    }
}

#[tokio::test]
async fn test_transactions_leave_nothing_behind() {
    for fixture in Fixture::all().await {
        fixture.with_users().await;
        let sql = format!("INSERT INTO {}.users (user_name) VALUES ($1)", fixture.schema);
        let count = format!("SELECT count(*) FROM {}.users", fixture.schema);
        let mut test = TestTransaction::begin(&fixture.db).await.unwrap();
        let none = test.rollback_to_savepoint(None).await.unwrap_err();
        assert_eq!(none.to_string(), "No savepoints available");
        test.run(&sql, &["eve".into()]).await.unwrap();
        assert_eq!(test.create_savepoint(None).await.unwrap(), "sp_1");
        for name in ["kim", "lee"] {
            test.run(&sql, &[name.into()]).await.unwrap();
            test.rollback_to_savepoint(None).await.unwrap();
        }
        let other = test.rollback_to_savepoint(Some("x")).await.unwrap_err();
        assert_eq!(other.to_string(), "Savepoint x not found");
        let row = test.fetch_one(&count, &[]).await.unwrap().unwrap();
        assert_eq!(row.values(), [Value::Int(3)]);
        test.release_savepoint(None).await.unwrap();
        test.finish().await.unwrap();
        assert_eq!(fixture.value("SELECT count(*) FROM {s}.users").await, Value::Int(2));

        let test = TestTransaction::begin(&fixture.db).await.unwrap().committing();
        test.run(&sql, &["eve".into()]).await.unwrap();
        test.finish().await.unwrap();
        assert_eq!(fixture.value("SELECT count(*) FROM {s}.users").await, Value::Int(3));
    }
}
