//! Declared indexes.

use std::sync::Arc;

use isobase_engine::{Engine, IndexDefinition, IndexState, Indexes, Rejection};
use isobase_types::{Comparison, FieldPath, Filter, Literal, Operator};

use crate::fixture::{Ask, create, delete, name, order, outcome, put, with_schema, written};

fn definition(text: &str) -> IndexDefinition {
    IndexDefinition::new(order(text)).unwrap()
}

fn status_is(value: &str) -> Filter {
    let path = FieldPath::parse("status").unwrap();
    let operator = Operator::In(vec![Literal::Text(value.to_owned())]);
    Filter::Compare(Comparison { path, operator })
}

#[test]
fn index_holds_documents_from_before_and_after() {
    with_schema(async |schema| {
        let engine = schema.engine().await;
        let notes = name("notes");
        let mut many = create("notes", r#"{"status":"old"}"#);
        many.operations = vec![many.operations[0].clone(); 1500];
        engine.write(many).await.unwrap();
        written(&engine, put("notes", "x", r#"{"status":"open"}"#)).await;
        let info = engine.create_index(&notes, &definition("status")).await;
        assert_eq!(info.unwrap().state, IndexState::Ready);
        written(&engine, put("notes", "y", r#"{"status":"open"}"#)).await;
        written(&engine, put("notes", "1", r#"{"status":"open"}"#)).await;
        written(&engine, delete("notes", "2")).await;
        assert_eq!(schema.number("SELECT count(*) FROM {s}.index_entries").await, 1501);
        assert_eq!(engine.listed("notes", status_is("open"), "").await, ["1", "x", "y"]);
        assert_eq!(engine.listed("notes", status_is("open"), "-status").await, ["y", "x", "1"]);
        let count = engine.count(&notes, &status_is("open"), 1).await.unwrap();
        assert_eq!(count, 3);
        assert_eq!(engine.delete_collection(&notes).await.unwrap(), 1501);
        assert_eq!(schema.number("SELECT count(*) FROM {s}.index_entries").await, 0);
        assert_eq!(engine.indexes(&notes).await.unwrap().len(), 1);
    });
}

#[test]
fn racing_processes_keep_values_unique() {
    with_schema(async |schema| {
        let engines = [schema.engine().await, schema.engine().await].map(Arc::new);
        let unique = IndexDefinition::parse("unique(email)").unwrap();
        let people = name("people");
        engines[0].create_index(&people, &unique).await.unwrap();
        let writing = (0..40).map(|number| {
            let engine = Arc::clone(&engines[number % 2]);
            let body = format!(r#"{{"email":"{}@example.com"}}"#, number / 8);
            tokio::spawn(async move { outcome(&engine, create("people", &body)).await })
        });
        let outcomes = futures_util::future::join_all(writing).await;
        let (won, refused): (Vec<_>, Vec<_>) =
            outcomes.into_iter().map(Result::unwrap).partition(Result::is_ok);
        assert_eq!(won.len(), 5);
        for refused in refused {
            assert!(matches!(refused, Err(Rejection::NotUnique { .. })), "{refused:?}");
        }
        assert_eq!(schema.number("SELECT count(*) FROM {s}.index_entries").await, 10);
        assert_eq!(engines[1].delete_collection(&people).await.unwrap(), 5);
        assert_eq!(schema.number("SELECT count(*) FROM {s}.index_entries").await, 0);
    });
}

#[test]
fn index_built_under_writes_lacks_nothing() {
    with_schema(async |schema| {
        let engines = [schema.engine().await, schema.engine().await].map(Arc::new);
        let mut many = create("notes", r#"{"status":"open"}"#);
        many.operations = vec![many.operations[0].clone(); 2000];
        engines[0].write(many).await.unwrap();
        let writing = (0..200).map(|number| {
            let engine = Arc::clone(&engines[number % 2]);
            tokio::spawn(async move {
                let key = (number * 10 + 1).to_string();
                written(&engine, put("notes", &key, r#"{"status":"closed"}"#)).await;
                written(&engine, create("notes", r#"{"status":"closed"}"#)).await;
                written(&engine, delete("notes", &(number * 10 + 2).to_string())).await;
            })
        });
        let writing: Vec<_> = writing.collect();
        let notes = name("notes");
        engines[1].create_index(&notes, &definition("status")).await.unwrap();
        for write in writing {
            write.await.unwrap();
        }
        for engine in &engines {
            for (status, count) in [("open", 1600), ("closed", 400)] {
                let counted = engine.count(&notes, &status_is(status), 10_000).await.unwrap();
                assert_eq!(counted, count, "{status}");
            }
        }
        assert_eq!(schema.number("SELECT count(*) FROM {s}.index_entries").await, 2000);
    });
}

#[test]
fn dropped_index_is_gone_and_can_come_back() {
    with_schema(async |schema| {
        let engine = schema.engine().await;
        let notes = name("notes");
        written(&engine, put("notes", "x", r#"{"status":"open"}"#)).await;
        let status = definition("status");
        engine.create_index(&notes, &status).await.unwrap();
        engine.create_index(&notes, &status).await.unwrap();
        assert_eq!(engine.indexes(&notes).await.unwrap().len(), 1);
        assert!(engine.drop_index(&notes, &status).await.unwrap());
        assert!(!engine.drop_index(&notes, &status).await.unwrap());
        assert_eq!(engine.indexes(&notes).await.unwrap(), []);
        written(&engine, put("notes", "y", r#"{"status":"open"}"#)).await;
        // Another process may still read the dropped one: it stays complete for a while.
        assert_eq!(schema.number("SELECT count(*) FROM {s}.index_entries").await, 2);
        engine.create_index(&notes, &status).await.unwrap();
        assert_eq!(engine.listed("notes", status_is("open"), "").await, ["x", "y"]);
    });
}

#[test]
fn index_of_a_collection_without_documents_is_kept() {
    with_schema(async |schema| {
        let engine = schema.engine().await;
        let notes = name("notes");
        engine.create_index(&notes, &definition("status,-a")).await.unwrap();
        assert_eq!(engine.collections().await.unwrap(), []);
        written(&engine, put("notes", "x", r#"{"status":"open"}"#)).await;
        assert_eq!(engine.listed("notes", status_is("open"), "").await, ["x"]);
    });
}
