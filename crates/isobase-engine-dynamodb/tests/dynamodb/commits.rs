//! Groups of writes, the log, answers, and reading by an index.

use isobase_engine::IndexDefinition;
use isobase_engine::IndexState;
use isobase_engine_dynamodb::DynamoDbDatabase;
use isobase_journal::{
    CatalogueEntry, CommitError, DocumentDatabase, Head, IndexEntry, JournalOptions, KeyFetch,
    StoredAnswer,
};
use isobase_types::{ChangeKind, Order, Sequence, Timestamp};

use crate::fixture::{
    AT, collection, commit, creation, deletion, document_key, everything, id_key, update,
    with_tables,
};

#[tokio::test]
async fn opening_makes_the_journal_and_nothing_else() {
    with_tables(async |tables| {
        let first = tables.native.open().await.unwrap();
        assert_eq!(Head { identity: None, ..first }, Head::default());
        assert!(first.identity.is_some_and(|identity| identity.is_first_epoch()));
        let journal = format!("{}isobase_journal", tables.options.prefix);
        assert_eq!(tables.list().await, [journal]);
        let head = tables.commit(first, vec![]).await;
        let remote = JournalOptions::default();
        let again = DynamoDbDatabase::new(&tables.options, &remote).await.unwrap();
        assert_eq!(again.open().await.unwrap(), head);
    })
    .await;
}

#[tokio::test]
async fn processes_that_open_at_once_find_one_journal() {
    with_tables(async |tables| {
        let natives = [0; 4].map(|_| async {
            let remote = JournalOptions::default();
            let native = DynamoDbDatabase::new(&tables.options, &remote).await.unwrap();
            native.open().await.unwrap()
        });
        let heads = futures_util::future::join_all(natives).await;
        let identity = heads[0].identity;
        assert!(identity.is_some());
        assert_eq!(heads, [Head { identity, ..Head::default() }; 4]);
    })
    .await;
}

#[tokio::test]
async fn reads_of_what_is_not_there_make_nothing() {
    with_tables(async |tables| {
        let native = &tables.native;
        native.open().await.unwrap();
        let users = collection("users");
        assert_eq!(tables.read(&document_key("users", "1")).await, None);
        let keys = [document_key("users", "1"), document_key("others", "1")];
        assert_eq!(native.read(&keys).await.unwrap(), [None, None]);
        assert_eq!(tables.ids("users", &everything(10)).await, [""; 0]);
        assert_eq!(native.count(&users).await.unwrap(), 0);
        assert_eq!(native.count_keys(&users, 0, &[], None).await.unwrap(), 0);
        assert_eq!(native.scan(&users, None, 10).await.unwrap().documents, []);
        assert_eq!(native.collections().await.unwrap(), []);
        native.purge(&users, Sequence(1)).await.unwrap();
        assert_eq!(tables.list().await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_group_is_written_and_read_in_order() {
    with_tables(async |tables| {
        let native = &tables.native;
        let head = native.open().await.unwrap();
        let users = collection("users");
        assert!(!native.prepare_collection(&users).await.unwrap());
        // As many as a commit can hold: each is a document and an entry.
        let ids: Vec<String> = (0..47).map(|id| id.to_string()).chain(["abc".into()]).collect();
        let writes = ids.iter().zip(1..).map(|(id, at)| creation("users", id, at, "{\"a\":1}"));
        let writes: Vec<_> = writes.collect();
        let cost: u64 = writes.iter().map(|write| native.cost(write).items).sum();
        assert_eq!(cost + 1, native.budget().items - 1);
        let mut group = commit(head, writes);
        group.catalogue = vec![CatalogueEntry {
            collection: users.clone(),
            indexes: vec![],
            adopted: true,
            deleting: None,
        }];
        native.commit(&group).await.unwrap().unwrap();
        assert_eq!(native.head().await.unwrap(), group.next);
        assert_eq!(native.count(&users).await.unwrap(), 48);
        assert_eq!(tables.ids("users", &everything(100)).await, ids);

        let part = KeyFetch {
            lower: id_key("3").key,
            upper: Some(id_key("7").key),
            limit: 3,
            ..everything(3)
        };
        assert_eq!(tables.ids("users", &part).await, ["3", "4", "5"]);
        let reverse = KeyFetch { reverse: true, limit: 10, ..part.clone() };
        assert_eq!(tables.ids("users", &reverse).await, ["6", "5", "4", "3"]);
        let upper = part.upper.as_deref();
        assert_eq!(native.count_keys(&users, 0, &part.lower, upper).await.unwrap(), 4);
        assert_eq!(native.count_keys(&users, 0, &[], None).await.unwrap(), 48);
        let few_bytes = KeyFetch { bytes_max: 1, ..everything(10) };
        let fetched = native.fetch(&users, &few_bytes).await.unwrap();
        assert_eq!((fetched.documents.len(), fetched.exhausted), (1, false));

        let keys = ["7", "none", "abc", "7"].map(|id| document_key("users", id));
        let read = native.read(&keys).await.unwrap();
        let found: Vec<_> = read.iter().map(|it| it.as_ref().map(|it| it.id.to_string())).collect();
        let id = |id: &str| Some(id.to_owned());
        assert_eq!(found, [id("7"), None, id("abc"), id("7")]);
        let infos = native.collections().await.unwrap();
        assert_eq!(
            infos.iter().map(|it| (it.name.as_str(), it.documents)).collect::<Vec<_>>(),
            [("users", 48)]
        );
        assert_eq!(native.catalogue().await.unwrap(), group.catalogue);
    })
    .await;
}

#[tokio::test]
async fn a_commit_for_an_old_head_or_document_writes_nothing() {
    with_tables(async |tables| {
        let native = &tables.native;
        let head = native.open().await.unwrap();
        native.prepare_collection(&collection("users")).await.unwrap();
        let key = document_key("users", "1");
        let next = tables.commit(head, vec![creation("users", "1", 1, "{\"v\":1}")]).await;
        let first = tables.read(&key).await.unwrap();

        let late = commit(head, vec![update(&first, "users", 1, "{\"v\":2}")]);
        assert_eq!(native.commit(&late).await.unwrap(), Err(CommitError::HeadMoved));
        let other = creation("users", "2", 2, "{}");
        let exists = commit(next, vec![other.clone(), creation("users", "1", 3, "{\"v\":3}")]);
        assert_eq!(native.commit(&exists).await.unwrap(), Err(CommitError::DocumentChanged));

        let next = tables.commit(next, vec![update(&first, "users", 2, "{\"v\":4}")]).await;
        for stale in [update(&first, "users", 3, "{\"v\":5}"), deletion(&first, "users")] {
            let stale = commit(next, vec![stale, other.clone()]);
            assert_eq!(native.commit(&stale).await.unwrap(), Err(CommitError::DocumentChanged));
        }
        assert_eq!(tables.read(&key).await.unwrap().body, "{\"v\":4}");
        assert_eq!(tables.read(&other.key).await, None);
        assert_eq!(native.head().await.unwrap(), next);

        let second = tables.read(&key).await.unwrap();
        tables.commit(next, vec![deletion(&second, "users")]).await;
        assert_eq!(tables.read(&key).await, None);
        assert_eq!(tables.ids("users", &everything(10)).await, [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn of_two_commits_for_one_head_one_wins() {
    with_tables(async |tables| {
        let native = &tables.native;
        let head = native.open().await.unwrap();
        native.prepare_collection(&collection("users")).await.unwrap();
        let commits: Vec<_> = (0..4)
            .map(|id| commit(head, vec![creation("users", &id.to_string(), 1, "{}")]))
            .collect();
        let done = futures_util::future::join_all(commits.iter().map(|it| native.commit(it))).await;
        let done: Vec<_> = done.into_iter().map(Result::unwrap).collect();
        assert_eq!(done.iter().filter(|it| it.is_ok()).count(), 1, "{done:?}");
        assert_eq!(done.iter().filter(|it| **it == Err(CommitError::HeadMoved)).count(), 3);
    })
    .await;
}

#[tokio::test]
async fn the_log_is_read_from_any_place_and_trimmed() {
    with_tables(async |tables| {
        let native = &tables.native;
        let mut head = native.open().await.unwrap();
        native.prepare_collection(&collection("c")).await.unwrap();
        for group in 0..3_u64 {
            let ids = [format!("a{group}"), format!("b{group}")];
            let writes = ids.iter().map(|id| creation("c", id, 1, "{}")).collect();
            let mut group_commit = commit(head, writes);
            group_commit.at = Timestamp { unix_us: AT.unix_us + i64::try_from(group).unwrap() };
            native.commit(&group_commit).await.unwrap().unwrap();
            head = group_commit.next;
        }
        let sequences = |records: Vec<isobase_journal::LogRecord>| {
            let changes = records.into_iter().flat_map(|record| record.changes);
            changes.map(|change| change.sequence.0).collect::<Vec<_>>()
        };
        let read =
            async |since, limit| sequences(native.read_log(Sequence(since), limit).await.unwrap());
        assert_eq!(read(0, 100).await, [1, 2, 3, 4, 5, 6]);
        // A record is given whole, also when the place is in its middle.
        assert_eq!(read(3, 100).await, [3, 4, 5, 6]);
        assert_eq!(read(0, 1).await, [1, 2]);
        assert_eq!(read(0, 3).await, [1, 2, 3, 4]);
        assert_eq!(read(6, 100).await, [0; 0]);
        assert_eq!(read(u64::MAX, 100).await, [0; 0]);

        let before = async |more| {
            let at = Timestamp { unix_us: AT.unix_us + more };
            native.sequence_before(at).await.unwrap()
        };
        assert_eq!(before(-1).await, None);
        assert_eq!(before(0).await, Some(Sequence(2)));
        assert_eq!(before(9).await, Some(Sequence(6)));

        native.trim_log(Sequence(4)).await.unwrap();
        assert_eq!(read(0, 100).await, [5, 6]);
    })
    .await;
}

#[tokio::test]
async fn answers_are_kept_with_their_commit_and_replaced() {
    with_tables(async |tables| {
        let native = &tables.native;
        let head = native.open().await.unwrap();
        let answer = |key: u8, outcomes: &str| StoredAnswer {
            key: [key; 32],
            fingerprint: [9; 32],
            outcomes: outcomes.to_owned(),
            at: AT,
        };
        let mut first = commit(head, vec![]);
        first.answers = vec![answer(1, "[1]"), answer(2, "[2]")];
        native.commit(&first).await.unwrap().unwrap();
        let mut second = commit(first.next, vec![]);
        second.answers = vec![answer(1, "[3]")];
        native.commit(&second).await.unwrap().unwrap();
        let keys = [[1; 32], [7; 32], [2; 32], [1; 32]];
        let read = native.read_answers(&keys).await.unwrap();
        let expected =
            [Some(answer(1, "[3]")), None, Some(answer(2, "[2]")), Some(answer(1, "[3]"))];
        assert_eq!(read, expected);
    })
    .await;
}

#[tokio::test]
async fn keys_are_written_again_only_for_what_did_not_change() {
    with_tables(async |tables| {
        let native = &tables.native;
        let head = native.open().await.unwrap();
        let users = collection("users");
        native.prepare_collection(&users).await.unwrap();
        let head = tables
            .commit(
                head,
                (0..40).map(|id: u32| creation("users", &id.to_string(), 1, "{}")).collect(),
            )
            .await;
        let keys: Vec<_> = (0..40).map(|id: u32| document_key("users", &id.to_string())).collect();
        let read = native.read(&keys).await.unwrap();
        let changed = read[7].clone().unwrap();
        tables.commit(head, vec![update(&changed, "users", 41, "{\"b\":1}")]).await;
        let writes: Vec<_> = read
            .iter()
            .flatten()
            .map(|was| {
                let mut write = update(was, "users", 1, &was.body);
                let key =
                    isobase_journal::IndexKey { index: 3, key: was.id.to_string().into_bytes() };
                write.after.as_mut().unwrap().keys.push(key);
                write
            })
            .collect();
        let done = native.rekey(&writes).await.unwrap();
        let expected: Vec<bool> = (0..40).map(|at| at != 7).collect();
        assert_eq!(done, expected);
        assert_eq!(native.count_keys(&users, 3, &[], None).await.unwrap(), 39);
        assert_eq!(tables.read(&keys[7]).await.unwrap().body, "{\"b\":1}");
        native.drop_index(&users, 3).await.unwrap();
        assert_eq!(native.count_keys(&users, 3, &[], None).await.unwrap(), 0);
        assert_eq!(native.count_keys(&users, 0, &[], None).await.unwrap(), 40);
    })
    .await;
}

#[tokio::test]
async fn a_deleted_collection_goes_and_newer_documents_stay() {
    with_tables(async |tables| {
        let native = &tables.native;
        let head = native.open().await.unwrap();
        let users = collection("users");
        native.prepare_collection(&users).await.unwrap();
        let definition = IndexDefinition::new(Order::parse("a").unwrap()).unwrap();
        let index = IndexEntry { number: 1, definition, state: IndexState::Ready };
        let mut entry = CatalogueEntry {
            collection: users.clone(),
            indexes: vec![index],
            adopted: true,
            deleting: None,
        };
        let mut writes: Vec<_> =
            (1..=20).map(|id: u64| creation("users", &id.to_string(), id, "{\"a\":1}")).collect();
        for write in &mut writes {
            let key = isobase_journal::IndexKey { index: 1, key: write.key.id.to_string().into() };
            write.after.as_mut().unwrap().keys.push(key);
        }
        let mut group = commit(head, writes);
        group.catalogue = vec![entry.clone()];
        native.commit(&group).await.unwrap().unwrap();

        let mut delete = commit(group.next, vec![]);
        delete.next.sequence = Sequence(21);
        entry.deleting = Some(Sequence(21));
        delete.catalogue = vec![entry.clone()];
        let mut change = group.changes[0].clone();
        (change.sequence, change.kind) = (Sequence(21), ChangeKind::CollectionDeleted);
        (change.id, change.revision) = (None, None);
        delete.changes = vec![change];
        native.commit(&delete).await.unwrap().unwrap();
        assert_eq!(native.count(&users).await.unwrap(), 0);

        let was = tables.read(&document_key("users", "5")).await.unwrap();
        let mut anew = commit(delete.next, vec![update(&was, "users", 22, "{\"a\":2}")]);
        anew.changes[0].kind = ChangeKind::Created;
        native.commit(&anew).await.unwrap().unwrap();
        assert_eq!(native.count(&users).await.unwrap(), 1);
        for _ in 0..2 {
            native.purge(&users, Sequence(21)).await.unwrap();
            assert_eq!(tables.ids("users", &everything(100)).await, ["5"]);
            assert_eq!(native.scan(&users, None, 100).await.unwrap().documents.len(), 1);
            assert_eq!(native.count_keys(&users, 0, &[], None).await.unwrap(), 1);
        }
        assert_eq!(native.count(&users).await.unwrap(), 1);
    })
    .await;
}
