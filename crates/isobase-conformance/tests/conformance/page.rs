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
    let Some((postgres, clock, options)) = crate::postgres::engine("matrix_page_is_fresh").await
    else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = SqliteOptions::new(folder.path().join("isobase.db"));
    let sqlite = SqliteEngine::open(file, clock.shared()).unwrap();
    let memory = MemoryEngine::new(TestClock::default().shared(), MemoryOptions::default());
    let engines: [(&str, &dyn Engine); 3] =
        [("memory", &memory), ("SQLite", &sqlite), ("PostgreSQL", &postgres)];
    let expected = format!("{HEAD}{}", matrix(&engines));
    postgres.close().await.unwrap();
    crate::postgres::drop_schema(options).await;

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
