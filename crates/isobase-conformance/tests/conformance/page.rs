//! `docs/engines/matrix.md` says what the engines say of themselves.

use std::{fs, path::Path};

use isobase_engine::Engine;
use isobase_engine_memory::{MemoryEngine, MemoryOptions};
use isobase_engine_sqlite::{SqliteEngine, SqliteOptions};

use isobase_conformance::{TestClock, matrix};

const HEAD: &str = "# Engines

Every engine gives the same answers; what one cannot do it refuses with a named error. This page is
made from what the engines say of themselves. How to start each is in [README.md](README.md).

";

#[tokio::test]
async fn matrix_page_is_fresh() {
    let case = "matrix_page_is_fresh";
    let folder = tempfile::tempdir().unwrap();
    let file = SqliteOptions::new(folder.path().join("isobase.db"));
    let clock = TestClock::default();
    let sqlite = SqliteEngine::open(file, clock.shared()).unwrap();
    let memory = MemoryEngine::new(clock.shared(), MemoryOptions::default());
    let Some((postgres, _, schema)) =
        crate::postgres::engine(case, isobase_testkit::postgres_url()).await
    else {
        return;
    };
    let Some(databases) = crate::couchdb::options(case) else { return };
    let couchdb = crate::couchdb::open(&databases, &clock).await;
    let Some(tables) = crate::dynamodb::options(case) else { return };
    let dynamodb = crate::dynamodb::open(&tables, &clock).await;
    let Some((firestore, _)) = crate::firestore::engine(case, "mock").await else { return };
    let engines: [(&str, &dyn Engine); 6] = [
        ("memory", &memory),
        ("SQLite", &sqlite),
        ("PostgreSQL", &postgres),
        ("CouchDB", &couchdb),
        ("DynamoDB", &dynamodb),
        ("Firestore", &firestore),
    ];
    let expected = format!("{HEAD}{}", matrix(&engines));
    for (_, engine) in engines {
        engine.close().await.unwrap();
    }
    crate::postgres::drop_schema(schema).await;
    crate::couchdb::drop_databases(databases).await;
    crate::dynamodb::drop_tables(tables).await;

    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/engines/matrix.md");
    if std::env::var_os("ISOBASE_UPDATE_DOCS").is_some() {
        fs::create_dir_all(page.parent().unwrap()).unwrap();
        fs::write(&page, &expected).unwrap();
    }
    let found = fs::read_to_string(&page).unwrap_or_default();
    assert!(
        found == expected,
        "docs/engines/matrix.md is out of date: run this test with ISOBASE_UPDATE_DOCS=1"
    );
}
