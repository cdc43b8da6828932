//! A server that goes away.

use isobase_sql::{DbConnector, ErrorKind, Session, Settings, Value};
use isobase_testkit::{Stop, TestPostgres};

#[tokio::test]
async fn restarts_are_survived() {
    let mut server = TestPostgres::start().unwrap();
    let db = DbConnector::new(&server.url(), Settings::default()).unwrap();
    db.run("CREATE TABLE t (a int)", &[]).await.unwrap();
    let transaction = db.begin().await.unwrap();
    transaction.run("INSERT INTO t VALUES (1)", &[]).await.unwrap();
    server.restart(Stop::Fast).unwrap();
    let error = transaction.commit().await.unwrap_err();
    let kinds = [ErrorKind::Connection, ErrorKind::OutcomeUnknown];
    assert!(kinds.contains(&error.kind), "{error}");
    // A connection that was open before may fail once; the next one is new.
    let count = "SELECT count(*) FROM t";
    let answer = match db.run(count, &[]).await {
        Err(error) if error.kind == ErrorKind::Connection => db.run(count, &[]).await,
        answer => answer,
    };
    assert_eq!(answer.unwrap().into_value(), Some(Value::Int(0)));
}
