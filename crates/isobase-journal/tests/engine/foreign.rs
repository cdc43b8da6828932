//! Documents of other programs.

use isobase_engine::{
    Action, Engine as _, Indexes, Precondition, Reconcile, Reconciled, Rejection, WriteOperation,
};
use isobase_journal::testing::Fault;
use isobase_types::{ChangeKind, Revision};

use crate::setup::*;

fn at(operation: WriteOperation, revision: &Revision) -> WriteOperation {
    WriteOperation { precondition: Precondition::RevisionIn(vec![revision.clone()]), ..operation }
}

#[tokio::test]
async fn are_read_and_written_in_place() {
    let database = database();
    database.put_foreign(&name("a"), "x", "{\"b\":1.50,\"a\":[1]}");
    database.put_foreign(&name("a"), "7", "{\"n\":1}");
    let engine = open(&database).await;
    let found = get(&engine, "x").await.unwrap();
    assert_eq!(found.body, "{\"a\":[1],\"b\":1.5}");
    assert!(found.revision.to_string().starts_with("foreign-"));
    let stale = Revision::parse("foreign-0").unwrap();
    let refused = try_write(&engine, at(put("x", "{}"), &stale)).await.unwrap();
    let current = Some(found.revision.clone());
    assert_eq!(refused, Err(Rejection::RevisionConflict { current }));
    let written = write(&engine, at(put("x", "{\"c\":1}"), &found.revision)).await;
    assert_eq!((written.kind, written.revision.number()), (ChangeKind::Updated, Some(1)));
    assert_eq!(write(&engine, delete("7")).await.kind, ChangeKind::Deleted);
    assert_eq!(told(&engine).await, ["updated x", "deleted 7"]);
    // The integer is not given again.
    assert_eq!(write(&engine, create("{}")).await.id, 8.into());
}

#[tokio::test]
async fn are_adopted_by_the_first_listing() {
    let database = database();
    for n in 0..250 {
        database.put_foreign(&name("a"), &format!("k{n:03}"), &format!("{{\"n\":{}}}", 250 - n));
    }
    database.put_foreign(&name("a"), "12", "{\"n\":0}");
    let (engine, other) = (open(&database).await, open(&database).await);
    write(&engine, put("own", "{\"n\":-1}")).await;
    let (first, second) = tokio::join!(list(&engine, "n"), list(&other, "n"));
    assert_eq!(first, second);
    assert_eq!(first.len(), 252);
    assert_eq!(first[..3], ["own", "12", "k249"]);
    assert_eq!(count(&engine).await, 252);
    let told = told(&engine).await;
    assert_eq!(told.len(), 252);
    assert!(told.iter().all(|word| word.starts_with("created")));
    assert_eq!(write(&engine, create("{}")).await.id, 13.into());
    let document = get(&engine, "k000").await.unwrap();
    assert_eq!(
        (document.body.as_str(), document.revision.number().is_some()),
        ("{\"n\":250}", true)
    );
}

#[tokio::test]
async fn are_found_by_a_reconciliation() {
    let database = database();
    let engine = open(&database).await;
    engine.create_index(&name("a"), &index("n")).await.unwrap();
    for n in 0..5 {
        write(&engine, create(&format!("{{\"n\":{n}}}"))).await;
    }
    database.put_foreign(&name("a"), "1", "{\"n\":9}");
    database.put_foreign(&name("a"), "new", "{\"n\":-1}");
    let changed = get(&engine, "1").await.unwrap();
    assert!(changed.revision.to_string().starts_with("foreign-"));
    assert_eq!(list(&engine, "").await, ["1", "2", "3", "4", "5"]);
    let found = Reconcile::reconcile(&engine, &name("a")).await.unwrap();
    assert_eq!(found, Reconciled { examined: 6, created: 1, updated: 1, ..Reconciled::default() });
    assert_eq!(list(&engine, "n").await, ["new", "2", "3", "4", "5", "1"]);
    assert_eq!(list(&engine, "").await, ["1", "2", "3", "4", "5", "new"]);
    let again = Reconcile::reconcile(&engine, &name("a")).await.unwrap();
    assert_eq!(again, Reconciled { examined: 6, ..Reconciled::default() });
    let told = told(&engine).await;
    assert_eq!(told[5..], ["updated 1", "created new"]);
    assert_eq!(get(&engine, "1").await.unwrap().created_at, changed.created_at);
}

#[tokio::test]
async fn are_looked_for_in_collections_that_seem_to_be_empty() {
    let database = database();
    let engine = open(&database).await;
    write(&engine, create("{}")).await;
    write(&engine, delete("1")).await;
    assert_eq!(engine.collections().await.unwrap(), []);
    database.put_foreign(&name("b"), "x", "{}");
    assert_eq!(engine.reconcilable().await.unwrap(), [name("a"), name("b")]);
}

#[tokio::test]
async fn integers_they_took_are_passed_over() {
    let database = database();
    let engine = open(&database).await;
    write(&engine, put("own", "{}")).await;
    for n in 1..200 {
        database.put_foreign(&name("a"), &n.to_string(), "{}");
    }
    let written = write(&engine, create("{\"n\":1}")).await;
    assert_eq!(written.id, 200.into());
    assert_eq!(write(&engine, create("{}")).await.id, 201.into());
}

#[tokio::test]
async fn change_under_a_write_is_seen() {
    let database = database();
    let engine = open(&database).await;
    write(&engine, put("x", "{\"n\":1}")).await;
    database.inject(Fault::DocumentChanged);
    database.put_foreign(&name("a"), "x", "{\"n\":1,\"theirs\":true}");
    let patch = Action::Patch {
        id: id("x"),
        patch: isobase_types::json::Patch::Merge("{\"ours\":1}".to_owned()),
    };
    let operation =
        WriteOperation { collection: name("a"), action: patch, precondition: Precondition::None };
    let written = write(&engine, operation).await;
    assert_eq!(written.body.as_deref(), Some("{\"n\":1,\"theirs\":true,\"ours\":1}"));
}

#[tokio::test]
async fn their_field_id_is_kept() {
    let database = database();
    let engine = open(&database).await;
    database.put_foreign(&name("a"), "x", "{\"name\":\"x\",\"id\":\"ext-77\"}");
    assert_eq!(list(&engine, "").await, ["x"]);
    let found = get(&engine, "x").await.unwrap();
    assert_eq!(found.body, "{\"id\":\"ext-77\",\"name\":\"x\"}");
    write(&engine, put("x", "{\"name\":\"y\"}")).await;
    assert_eq!(get(&engine, "x").await.unwrap().body, "{\"id\":\"ext-77\",\"name\":\"y\"}");
    // To change it is to change the document.
    database.put_foreign(&name("a"), "x", "{\"name\":\"y\",\"id\":\"ext-78\"}");
    let changed = get(&engine, "x").await.unwrap();
    assert!(changed.revision.to_string().starts_with("foreign-"));
}

#[tokio::test]
async fn ids_that_are_too_long_are_named() {
    let database = database();
    let engine = open(&database).await;
    let long = "x".repeat(1_501);
    for id in ["a/b", "_x", &long] {
        database.put_foreign(&name("a"), id, "{}");
    }
    assert_eq!(list(&engine, "").await, ["_x", "a/b"]);
    let found = Reconcile::reconcile(&engine, &name("a")).await.unwrap();
    let unreadable_ids = vec![long];
    let expected =
        Reconciled { examined: 2, unreadable: 1, unreadable_ids, ..Reconciled::default() };
    assert_eq!(found, expected);
}

#[tokio::test]
async fn names_that_cannot_be_held_have_no_documents() {
    let database = database();
    let engine = open(&database).await;
    let collection = name("unholdable");
    assert_eq!(engine.get(&collection, &id("1")).await.unwrap(), None);
    assert_eq!(engine.delete_collection(&collection).await.unwrap(), 0);
    let operation = WriteOperation { collection: collection.clone(), ..create("{}") };
    let refused = try_write(&engine, operation).await.unwrap().unwrap_err();
    assert!(matches!(refused, Rejection::Unholdable { .. }));
    let operation = WriteOperation { collection: collection.clone(), ..delete("1") };
    assert_eq!(try_write(&engine, operation).await.unwrap(), Err(Rejection::NotFound));
    assert!(engine.create_index(&collection, &index("n")).await.is_err());
    assert_eq!(write(&engine, create("{}")).await.id, 1.into());
}
