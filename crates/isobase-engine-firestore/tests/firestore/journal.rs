//! Log, answers, and the note of a load.

use isobase_engine::Counters;
use isobase_remote::{Backend, CatalogueEntry, Head};
use isobase_types::{Sequence, Timestamp};

use crate::support::{answer, collection, commit, create, on_each};

#[test]
fn a_journal_is_made_once() {
    on_each(async |database| {
        let others = [database.other().await, database.other().await];
        let identity = database.backend.head().await.unwrap().identity;
        assert!(identity.is_some_and(|identity| identity.is_first_epoch()));
        for other in &others {
            assert_eq!(other.open().await.unwrap(), Head { identity, ..Head::default() });
        }
        database.backend.check().await.unwrap();
    });
}

#[test]
fn the_log_is_read_from_a_place_and_trimmed_to_one() {
    on_each(async |database| {
        let backend = &database.backend;
        for place in 0..4 {
            let head = backend.head().await.unwrap();
            let id = |name: &str| format!("{name}{place}");
            let writes =
                vec![create(backend, "a", &id("x"), "{}"), create(backend, "a", &id("y"), "{}")];
            let mut given = commit(head, writes);
            given.at = Timestamp { unix_us: 1_000_000 * (place + 1) };
            backend.commit(&given).await.unwrap().unwrap();
        }
        let last = async |since, limit| {
            let records = backend.read_log(Sequence(since), limit).await.unwrap();
            let of_record = |record: &isobase_remote::LogRecord| {
                record.changes.last().map_or(0, |change| change.sequence.0)
            };
            records.iter().map(of_record).collect::<Vec<_>>()
        };
        assert_eq!(last(0, 100).await, [2, 4, 6, 8]);
        assert_eq!(last(1, 100).await, [2, 4, 6, 8]);
        assert_eq!(last(2, 100).await, [4, 6, 8]);
        assert_eq!(last(0, 3).await, [2, 4]);
        assert_eq!(last(0, 1).await, [2]);
        assert_eq!(last(8, 100).await, [0_u64; 0]);

        let before = async |at| {
            backend.sequence_before(Timestamp { unix_us: at }).await.unwrap().map(|at| at.0)
        };
        assert_eq!(before(999_999).await, None);
        assert_eq!(before(1_000_000).await, Some(2));
        assert_eq!(before(2_999_999).await, Some(4));
        assert_eq!(before(9_000_000).await, Some(8));

        backend.trim_log(Sequence(5)).await.unwrap();
        assert_eq!(last(0, 100).await, [6, 8]);
    });
}

#[test]
fn answers_are_replaced_and_forgotten() {
    on_each(async |database| {
        let backend = &database.backend;
        let given = [answer(1, 1_000_000), answer(2, 2_000_000), answer(3, 3_000_000)];
        let head = backend.head().await.unwrap();
        let mut first = commit(head, Vec::new());
        first.answers = given.to_vec();
        backend.commit(&first).await.unwrap().unwrap();
        let mut again = commit(first.next, Vec::new());
        again.answers = vec![answer(1, 4_000_000)];
        backend.commit(&again).await.unwrap().unwrap();
        backend.forget_answers(Timestamp { unix_us: 3_000_000 }).await.unwrap();
        let read = backend.read_answers(&[[1; 32], [2; 32], [3; 32]]).await.unwrap();
        assert_eq!(read, [Some(answer(1, 4_000_000)), None, Some(given[2].clone())]);
    });
}

#[test]
fn a_load_is_noted_and_ends_with_a_new_journal() {
    on_each(async |database| {
        let backend = &database.backend;
        assert_eq!(backend.unfinished().await.unwrap(), None);
        backend.set_unfinished(Some("a note")).await.unwrap();
        let long = "é".repeat(30_000);
        backend.set_unfinished(Some(&long)).await.unwrap();
        assert_eq!(backend.unfinished().await.unwrap(), Some(long));

        database.commit(vec![create(backend, "old", "1", "{}")]).await;
        let entry = |name: &str| CatalogueEntry {
            collection: collection(name),
            indexes: Vec::new(),
            adopted: true,
            deleting: None,
        };
        let mut old = commit(backend.head().await.unwrap(), Vec::new());
        old.catalogue = vec![entry("a"), entry("b"), entry("__z__")];
        backend.commit(&old).await.unwrap().unwrap();
        let counters = Counters { sequence: Sequence(1 << 60), last_id: i64::MAX };
        let head = backend.reset(counters, &[entry("b"), entry("c")]).await.unwrap();
        assert_eq!(
            (head.sequence, head.last_id, head.floor),
            (counters.sequence, counters.last_id, counters.sequence,)
        );
        assert_eq!(backend.head().await.unwrap(), head);
        assert_eq!(backend.catalogue().await.unwrap(), [entry("b"), entry("c")]);
        assert!(backend.read_log(Sequence(0), 10).await.unwrap().is_empty());

        backend.set_unfinished(None).await.unwrap();
        assert_eq!(backend.unfinished().await.unwrap(), None);
        database.commit(vec![create(backend, "b", "1", "{}")]).await;
        let log = backend.read_log(counters.sequence, 10).await.unwrap();
        assert_eq!(log[0].changes[0].sequence, Sequence((1 << 60) + 1));
    });
}
