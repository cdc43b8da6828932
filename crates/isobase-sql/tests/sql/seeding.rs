//! Rows for tests.

use std::fs;

use isobase_sql::{ErrorKind, SchemaSetup, Session, Value, record};

use crate::fixture::{Fixture, text};

#[tokio::test]
async fn seeds_load_twice_and_stay() {
    let Some(fixture) = Fixture::own_postgres().await else { return };
    SchemaSetup::new(fixture.db.clone()).unwrap().ensure_public_schema().await.unwrap();
    fixture
        .db
        .run("ALTER TABLE projects ADD COLUMN tag text, ADD COLUMN parent_project_id uuid", &[])
        .await
        .unwrap();
    let db = fixture.operator();
    let folder = tempfile::tempdir().unwrap();
    let seeds = folder.path().join("seed_projects.json");
    let id = "00000000-0000-0000-0000-000000000001";
    let rows = format!(
        "[{{\"id\": \"{id}\", \"name\": \"it's\", \"unknown\": 1, \
         \"metadata\": {{\"_test_protected\": true, \"n\": 1}}}}]"
    );
    fs::write(&seeds, rows).unwrap();
    for _ in 0..2 {
        assert_eq!(db.load_seed_data(&seeds, true).await.unwrap(), 1);
    }
    db.insert("projects", record([("name", "of a test".into())])).await.unwrap();

    let clone = db.clone_project(id, "00000000-0000-0000-0000-000000000002").await.unwrap();
    assert_eq!(text(&clone, "name"), "it's_clone");
    assert_eq!(clone.get("metadata"), Some(&Value::Json("{\"n\": 1}".into())));
    let parent = clone.get("parent_project_id").unwrap();
    assert_eq!(parent.to_string(), id);
    let missing = db.clone_project("00000000-0000-0000-0000-0000000000ff", id).await.unwrap_err();
    assert_eq!(missing.kind, ErrorKind::Invalid);
    assert!(missing.message.starts_with("Source project not found: "));

    // The clone bears the tag of its source.
    db.update(
        "projects",
        record([("tag", "test".into())]),
        record([("name", "it's_clone".into())]),
    )
    .await
    .unwrap();
    assert_eq!(db.cleanup_non_protected("public").await.unwrap(), 2);
    assert_eq!(db.count("projects", vec![]).await.unwrap(), 1);

    let odd = folder.path().join("other.json");
    let error = db.load_seed_data(&odd, true).await.unwrap_err();
    assert!(error.message.starts_with("Could not determine table name from path: "));
}
