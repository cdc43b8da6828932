//! Statements are explained without writing, and the gain of an index is measured.

use std::time::Duration;

use isobase_sql::{ErrorKind, ExplainOptions, Oddity, Session, Settings, Value, explain};

use crate::fixture::Fixture;

const MEASURE: ExplainOptions = ExplainOptions { measure: true, timeout: Duration::from_secs(60) };

async fn fixture() -> Option<Fixture> {
    let fixture = Fixture::own_postgres().await?;
    fixture
        .script(
            "CREATE TABLE orders (id int PRIMARY KEY, \"Status\" varchar(20), day date, note text);
             INSERT INTO orders SELECT n, CASE WHEN n % 1000 = 0 THEN 'open' ELSE 'done' END,
                 date '2024-01-01' + n % 1000, repeat('x', 50) FROM generate_series(1, 30000) n;
             CREATE TABLE lines (id int PRIMARY KEY, order_id int NOT NULL, amount int);
             INSERT INTO lines SELECT n, n, n % 7 FROM generate_series(1, 30000) n;
             CREATE INDEX ON lines (order_id);
             CREATE SEQUENCE counter; ANALYZE;",
        )
        .await;
    Some(fixture)
}

#[tokio::test]
async fn a_missing_index_is_found_and_measured() {
    let Some(fixture) = fixture().await else { return };
    let sql = "SELECT * FROM orders o WHERE \"Status\" = $1 AND day > date '2024-01-05'";
    let explained = explain(&fixture.db, sql, &["open".into()], &MEASURE).await.unwrap();
    let step = "Seq Scan on orders o".to_owned();
    assert!(
        explained.oddities.contains(&Oddity::ReadsForNothing { step, read: 30_000.0, kept: 0.0 }),
        "{:?}",
        explained.oddities
    );
    let [index] = explained.suggestions.as_slice() else { panic!("{:?}", explained.suggestions) };
    assert_eq!(index.sql, "CREATE INDEX ON \"public\".\"orders\" (\"Status\", \"day\")");
    let measured = index.measured.as_ref().unwrap();
    assert!(measured.is_used && measured.bytes > 0, "{measured:?}");
    assert!(measured.after_ms < measured.before_ms, "{measured:?}");
    // It is gone again, and the table can be written to.
    let indexes = "SELECT count(*) FROM pg_indexes WHERE tablename = 'orders'";
    assert_eq!(fixture.value(indexes).await.as_int(), Some(1));
    fixture.db.run("UPDATE orders SET note = 'y' WHERE id = 1", &[]).await.unwrap();
    assert!(explained.plan.lines()[0].contains("orders"));
    assert_eq!(explained.to_json()["suggestions"][0]["measured"]["is_used"], true);
}

#[tokio::test]
async fn a_good_plan_is_left_alone() {
    let Some(fixture) = fixture().await else { return };
    let sql = "SELECT * FROM orders JOIN lines ON order_id = orders.id WHERE orders.id = 7";
    let explained = explain(&fixture.db, sql, &[], &MEASURE).await.unwrap();
    assert_eq!((explained.oddities, explained.suggestions), (vec![], vec![]));
    let whole = explain(&fixture.db, "SELECT count(*) FROM orders", &[], &MEASURE).await.unwrap();
    assert_eq!(whole.suggestions, vec![]);
}

/// The conditions are those that the server writes into its plan.
#[tokio::test]
async fn indexes_have_the_columns_that_are_compared() {
    let Some(fixture) = fixture().await else { return };
    fixture.script("CREATE INDEX ON orders (note);").await;
    let cases: [(&str, Option<&str>); 9] = [
        ("\"Status\" = 'open' AND day > '2026-01-01'", Some("\"Status\", \"day\"")),
        ("day > '2024-01-02' AND day < '2024-01-04'", Some("\"day\"")),
        ("\"Status\" IN ('a, (b', 'open')", Some("\"Status\"")),
        ("'2026-09-01' < day AND \"Status\" IS NULL", Some("\"Status\", \"day\"")),
        // No index of a column answers these.
        ("lower(\"Status\") = 'open'", None),
        ("\"Status\" = 'a' OR day = '2030-01-01'", None),
        ("\"Status\" = note", None),
        ("\"Status\" <> 'done'", None),
        // One begins with it, and does not help here.
        ("note = repeat('x', 50) AND \"Status\" = 'open'", Some("\"note\", \"Status\"")),
    ];
    for (condition, columns) in cases {
        let sql = format!("SELECT * FROM orders WHERE {condition}");
        let explained = explain(&fixture.db, &sql, &[], &ExplainOptions::default()).await.unwrap();
        let wanted = columns.map(|it| format!("CREATE INDEX ON \"public\".\"orders\" ({it})"));
        let found = explained.suggestions.first().map(|index| index.sql.clone());
        assert_eq!(found, wanted, "{condition}: {:#?}", explained.plan.lines());
        assert!(!explained.oddities.is_empty(), "{condition}");
    }
}

#[tokio::test]
async fn nothing_is_written() {
    let Some(fixture) = fixture().await else { return };
    let options = ExplainOptions::default();
    for sql in [
        "DELETE FROM orders",
        "WITH gone AS (DELETE FROM orders RETURNING 1) SELECT * FROM gone",
        "SELECT nextval('counter')",
        "SELECT * FROM orders FOR UPDATE",
    ] {
        let refused = explain(&fixture.db, sql, &[], &options).await.unwrap_err();
        assert_eq!(refused.code(), Some("25006"), "{sql}: {refused}");
    }
    for (sql, code) in [
        ("SELECT 1; DELETE FROM orders", "42601"),
        ("SELECT nope FROM orders", "42703"),
        ("VACUUM", "42601"),
    ] {
        let refused = explain(&fixture.db, sql, &[], &options).await.unwrap_err();
        assert_eq!(refused.code(), Some(code), "{sql}: {refused}");
    }
    let create = explain(&fixture.db, "CREATE TABLE made AS SELECT 1", &[], &options).await;
    assert_eq!(create.unwrap_err().kind, ErrorKind::Invalid);
    // The server lets this one run, although the transaction reads only.
    let into = explain(&fixture.db, "SELECT 1 AS a INTO made", &[], &MEASURE).await;
    assert!(into.is_ok_and(|explained| explained.suggestions.is_empty()));
    assert_eq!(fixture.value("SELECT to_regclass('made')::text").await, Value::Null);
    assert_eq!(fixture.value("SELECT count(*) FROM orders").await.as_int(), Some(30_000));
    let short = ExplainOptions { timeout: Duration::from_millis(50), ..options };
    let late = explain(&fixture.db, "SELECT pg_sleep(100)", &[], &short).await.unwrap_err();
    assert_eq!(late.code(), Some("57014"), "{late}");
    let sqlite = Fixture::sqlite(Settings::default());
    let refused = explain(&sqlite.db, "SELECT 1", &[], &options).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Invalid);
}
