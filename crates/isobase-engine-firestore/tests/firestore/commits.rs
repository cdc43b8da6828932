//! A commit happens wholly or not at all, for one head.

use isobase_journal::{CatalogueEntry, CommitError, DocumentDatabase, DocumentWrite};
use isobase_types::Sequence;

use crate::support::{
    after, answer, before, collection, commit, create, fields, key, on_each, text,
};

#[test]
fn a_commit_writes_everything() {
    on_each(async |database| {
        let native = &database.native;
        let head = native.head().await.unwrap();
        let body = r#"{"z":1,"a":[true,null,1.50,"é😀\u0000"],"n":9007199254740993}"#;
        let mut given = commit(head, vec![create(native, "agents", "x", body)]);
        given.answers = vec![answer(7, 1_000_000)];
        given.next.last_id = i64::MAX;
        let entry = CatalogueEntry {
            collection: collection("agents"),
            indexes: Vec::new(),
            adopted: true,
            deleting: Some(Sequence(3)),
        };
        given.catalogue = vec![entry.clone()];
        assert_eq!(native.commit(&given).await.unwrap(), Ok(()));

        assert_eq!(database.body("agents", "x").await.as_deref(), Some(body));
        assert_eq!(native.head().await.unwrap(), given.next);
        assert_eq!(native.catalogue().await.unwrap(), [entry]);
        let answers = native.read_answers(&[[7; 32], [8; 32], [7; 32]]).await.unwrap();
        assert_eq!(answers, [Some(answer(7, 1_000_000)), None, Some(answer(7, 1_000_000))]);
        let log = native.read_log(Sequence(0), 10).await.unwrap();
        assert_eq!(log.len(), 1);
        assert_eq!(log[0].changes, given.changes);
        // Another process sees the same.
        assert_eq!(database.other().await.open().await.unwrap(), given.next);
    });
}

#[test]
fn only_the_first_commit_for_a_head_happens() {
    on_each(async |database| {
        let other = database.other().await;
        let head = database.native.head().await.unwrap();
        assert_eq!(other.open().await.unwrap(), head);
        let first = commit(head, vec![create(&other, "a", "1", r#"{"of":1}"#)]);
        assert_eq!(database.native.commit(&first).await.unwrap(), Ok(()));
        let second = commit(head, vec![create(&other, "a", "2", r#"{"of":2}"#)]);
        assert_eq!(other.commit(&second).await.unwrap(), Err(CommitError::HeadMoved));
        assert_eq!(database.native.commit(&second).await.unwrap(), Err(CommitError::HeadMoved));
        assert_eq!(database.body("a", "2").await, None);
        assert_eq!(other.head().await.unwrap(), first.next);
    });
}

#[test]
fn of_racing_commits_exactly_one_happens() {
    on_each(async |database| {
        let head = database.native.head().await.unwrap();
        let mut tasks = Vec::new();
        for racer in 0..6 {
            let native = database.other().await;
            tasks.push(tokio::spawn(async move {
                let id = format!("r{racer}");
                let writes = vec![create(&native, "race", &id, r#"{"a":1}"#)];
                native.commit(&commit(head, writes)).await.unwrap()
            }));
        }
        let mut happened = 0;
        for task in tasks {
            match task.await.unwrap() {
                Ok(()) => happened += 1,
                Err(error) => assert_eq!(error, CommitError::HeadMoved),
            }
        }
        assert_eq!(happened, 1, "{}", database.host.name);
        assert_eq!(database.native.count(&collection("race")).await.unwrap(), 1);
    });
}

#[test]
fn a_document_that_another_program_changed_stops_the_commit() {
    on_each(async |database| {
        let native = &database.native;
        let foreign = || fields([("by", text("another"))]);
        database.commit(vec![create(native, "a", "old", r#"{"v":1}"#)]).await;
        let changed = before(native, "a", "old").await;
        database.write_foreign("a/old", foreign()).await;
        database.write_foreign("a/new", foreign()).await;
        database.write_foreign("a/gone", foreign()).await;
        let gone = before(native, "a", "gone").await;
        database.delete_foreign("a/gone").await;

        let put = |id: &str, before| DocumentWrite {
            key: key("a", id),
            before,
            after: Some(after(native, r#"{"v":2}"#, &[b"k"])),
        };
        let remove = |id: &str, before| DocumentWrite { key: key("a", id), before, after: None };
        for write in [
            put("old", Some(changed.clone())),
            put("new", None),
            put("gone", Some(gone.clone())),
            remove("old", Some(changed)),
            remove("gone", Some(gone)),
        ] {
            let head = native.head().await.unwrap();
            let good = create(native, "a", "good", "{}");
            let given = commit(head, vec![good, write]);
            let refused = native.commit(&given).await.unwrap();
            assert_eq!(refused, Err(CommitError::DocumentChanged), "{given:?}");
            assert_eq!(native.head().await.unwrap(), head);
            assert_eq!(database.body("a", "good").await, None);
        }
        assert_eq!(database.body("a", "old").await.as_deref(), Some(r#"{"by":"another"}"#));
    });
}

#[test]
fn documents_are_replaced_and_deleted_as_they_were_read() {
    on_each(async |database| {
        let native = &database.native;
        database.commit(vec![create(native, "a", "1", r#"{"old":1,"both":1}"#)]).await;
        let write = DocumentWrite {
            key: key("a", "1"),
            before: Some(before(native, "a", "1").await),
            after: Some(after(native, r#"{"both":2}"#, &[b"k"])),
        };
        database.commit(vec![write]).await;
        assert_eq!(database.body("a", "1").await.as_deref(), Some(r#"{"both":2}"#));
        let write = DocumentWrite {
            key: key("a", "1"),
            before: Some(before(native, "a", "1").await),
            after: None,
        };
        database.commit(vec![write]).await;
        assert_eq!(database.body("a", "1").await, None);
        assert_eq!(native.count(&collection("a")).await.unwrap(), 0);
    });
}

#[test]
fn a_commit_holds_what_the_budget_allows() {
    on_each(async |database| {
        let native = &database.native;
        let budget = native.budget();
        let body = format!(r#"{{"text":"{}"}}"#, "x".repeat(6_000));
        let mut writes = Vec::new();
        let (mut items, mut bytes) = (0, 0);
        loop {
            let write = create(native, "many", &format!("d{}", writes.len()), &body);
            let cost = native.cost(&write);
            (items, bytes) = (items + cost.items, bytes + cost.bytes);
            if items > budget.items || bytes > budget.bytes {
                break;
            }
            writes.push(write);
        }
        let count = writes.len() as u64;
        assert!(count > 300, "{count}");
        database.commit(writes).await;
        assert_eq!(native.count(&collection("many")).await.unwrap(), count);
    });
}
