//! Log, answers, and the note of a load.

use isobase_engine::Counters;
use isobase_journal::{CatalogueEntry, DocumentDatabase, Head};
use isobase_types::{Sequence, Timestamp};

use crate::support::{answer, collection, commit, create, on_each};

#[test]
fn a_journal_is_made_once() {
    on_each(async |database| {
        let others = [database.other().await, database.other().await];
        let identity = database.native.head().await.unwrap().identity;
        assert!(identity.is_some_and(|identity| identity.is_first_epoch()));
        for other in &others {
            assert_eq!(other.open().await.unwrap(), Head { identity, ..Head::default() });
        }
        database.native.check().await.unwrap();
    });
}

#[test]
fn the_log_is_read_from_a_place_and_trimmed_to_one() {
    on_each(async |database| {
        let native = &database.native;
        for place in 0..4 {
            let head = native.head().await.unwrap();
            let id = |name: &str| format!("{name}{place}");
            let writes =
                vec![create(native, "a", &id("x"), "{}"), create(native, "a", &id("y"), "{}")];
            let mut given = commit(head, writes);
            given.at = Timestamp { unix_us: 1_000_000 * (place + 1) };
            native.commit(&given).await.unwrap().unwrap();
        }
        let last = async |since, limit| {
            let records = native.read_log(Sequence(since), limit).await.unwrap();
            let of_record = |record: &isobase_journal::LogRecord| {
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
            native.sequence_before(Timestamp { unix_us: at }).await.unwrap().map(|at| at.0)
        };
        assert_eq!(before(999_999).await, None);
        assert_eq!(before(1_000_000).await, Some(2));
        assert_eq!(before(2_999_999).await, Some(4));
        assert_eq!(before(9_000_000).await, Some(8));

        native.trim_log(Sequence(5)).await.unwrap();
        assert_eq!(last(0, 100).await, [6, 8]);
    });
}

#[test]
fn answers_are_replaced_and_forgotten() {
    on_each(async |database| {
        let native = &database.native;
        let given = [answer(1, 1_000_000), answer(2, 2_000_000), answer(3, 3_000_000)];
        let head = native.head().await.unwrap();
        let mut first = commit(head, Vec::new());
        first.answers = given.to_vec();
        native.commit(&first).await.unwrap().unwrap();
        let mut again = commit(first.next, Vec::new());
        again.answers = vec![answer(1, 4_000_000)];
        native.commit(&again).await.unwrap().unwrap();
        native.forget_answers(Timestamp { unix_us: 3_000_000 }).await.unwrap();
        let read = native.read_answers(&[[1; 32], [2; 32], [3; 32]]).await.unwrap();
        assert_eq!(read, [Some(answer(1, 4_000_000)), None, Some(given[2].clone())]);
    });
}

#[test]
fn a_load_is_noted_and_ends_with_a_new_journal() {
    on_each(async |database| {
        let native = &database.native;
        assert_eq!(native.unfinished().await.unwrap(), None);
        native.set_unfinished(Some("a note")).await.unwrap();
        let long = "é".repeat(30_000);
        native.set_unfinished(Some(&long)).await.unwrap();
        assert_eq!(native.unfinished().await.unwrap(), Some(long));

        database.commit(vec![create(native, "old", "1", "{}")]).await;
        let entry = |name: &str| CatalogueEntry {
            collection: collection(name),
            indexes: Vec::new(),
            adopted: true,
            deleting: None,
        };
        let mut old = commit(native.head().await.unwrap(), Vec::new());
        old.catalogue = vec![entry("a"), entry("b"), entry("__z__")];
        native.commit(&old).await.unwrap().unwrap();
        let counters = Counters { sequence: Sequence(1 << 60), last_id: i64::MAX };
        let head = native.reset(counters, &[entry("b"), entry("c")]).await.unwrap();
        assert_eq!(
            (head.sequence, head.last_id, head.floor),
            (counters.sequence, counters.last_id, counters.sequence,)
        );
        assert_eq!(native.head().await.unwrap(), head);
        assert_eq!(native.catalogue().await.unwrap(), [entry("b"), entry("c")]);
        assert!(native.read_log(Sequence(0), 10).await.unwrap().is_empty());

        native.set_unfinished(None).await.unwrap();
        assert_eq!(native.unfinished().await.unwrap(), None);
        database.commit(vec![create(native, "b", "1", "{}")]).await;
        let log = native.read_log(counters.sequence, 10).await.unwrap();
        assert_eq!(log[0].changes[0].sequence, Sequence((1 << 60) + 1));
    });
}
