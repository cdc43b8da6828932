//! What the journal remembers.

use isobase_engine::{Counters, ErrorKind};
use isobase_journal::{CommitError, DocumentDatabase, Head};
use isobase_types::{Sequence, Timestamp};
use reqwest::Method;

use crate::fixture::*;

async fn sequences(native: &impl DocumentDatabase, since: u64, limit: u32) -> Vec<u64> {
    let records = native.read_log(Sequence(since), limit).await.unwrap();
    records.iter().flat_map(|record| &record.changes).map(|change| change.sequence.0).collect()
}

#[test]
fn the_log_is_read_from_any_place() {
    with_prefix(async |f| {
        let (native, head) = f.open().await;
        let one = write(&native, head, &[("a", "1", Some("{}")), ("a", "2", Some("{}"))]).await;
        // A commit without changes is no record of the feed.
        let commit = made(&native, one, &[]).await;
        assert_eq!(native.commit(&commit).await.unwrap(), Ok(()));
        let two = write(&native, commit.next, &[("a", "3", Some("{}"))]).await;
        write(&native, two, &[("a", "4", Some("{}")), ("a", "5", Some("{}"))]).await;
        assert_eq!(sequences(&native, 0, 100).await, [1, 2, 3, 4, 5]);
        assert_eq!(sequences(&native, 1, 100).await, [1, 2, 3, 4, 5]);
        assert_eq!(sequences(&native, 2, 100).await, [3, 4, 5]);
        assert_eq!(sequences(&native, 2, 1).await, [3]);
        assert_eq!(sequences(&native, 4, 100).await, [4, 5]);
        assert_eq!(sequences(&native, 5, 100).await, [0; 0]);
    });
}

#[test]
fn trimmed_records_are_gone_and_their_numbers_stay_taken() {
    with_prefix(async |f| {
        let (native, head) = f.open().await;
        let (stale, stale_head) = f.open().await;
        assert_eq!(head, stale_head);
        let mut next = head;
        for n in 0..6 {
            next = write(&native, next, &[("a", &n.to_string(), Some("{}"))]).await;
        }
        native.trim_log(Sequence(4)).await.unwrap();
        let left = sequences(&native, 0, 100).await;
        assert!(left.ends_with(&[5, 6]) && left[0] > 1, "{left:?}");

        // A process that slept since the beginning finds no room for its commit.
        let commit = made(&stale, stale_head, &[("a", "9", Some("{}"))]).await;
        assert_eq!(stale.commit(&commit).await.unwrap(), Err(CommitError::HeadMoved));
        assert_eq!(stale.head().await.unwrap(), next);
        assert_eq!(body(&native, "a", "9").await, None);
        write(&stale, next, &[("a", "9", Some("{}"))]).await;
    });
}

#[test]
fn effects_leave_the_log_when_they_are_applied() {
    with_prefix(async |f| {
        let (native, head) = f.open().await;
        write(&native, head, &[("a", "1", Some("{\"secret\":1}"))]).await;
        native.close().await.unwrap();
        let all = f.foreign(Method::GET, "isobase_journal/_all_docs?include_docs=true", "").await.1;
        assert!(!all.to_text().contains("secret"));
        assert_eq!(sequences(&native, 0, 10).await, [1]);
    });
}

#[test]
fn whole_records_of_killed_processes_are_stripped_later() {
    with_prefix(async |f| {
        let (native, head) = f.open().await;
        let head = write(&native, head, &[("a", "1", Some("{\"secret\":1}"))]).await;
        write(&native, head, &[("a", "2", Some("{}"))]).await;
        // The process ends here; its records are whole, as the next one sees.
        let (next, _) = f.open().await;
        let all = "isobase_journal/_all_docs?include_docs=true";
        let is_stripped = async {
            while f.foreign(Method::GET, all, "").await.1.to_text().contains("secret") {
                next.close().await.unwrap();
            }
        };
        tokio::time::timeout(SHORT * 10, is_stripped).await.unwrap();
    });
}

#[test]
fn time_finds_its_place_in_the_log() {
    with_prefix(async |f| {
        let (native, mut head) = f.open().await;
        for n in 1..=9_i64 {
            let mut commit = made(&native, head, &[("a", &n.to_string(), Some("{}"))]).await;
            commit.at = Timestamp { unix_us: n * 10 };
            assert_eq!(native.commit(&commit).await.unwrap(), Ok(()));
            head = commit.next;
        }
        let before = async |us| native.sequence_before(Timestamp { unix_us: us }).await.unwrap();
        assert_eq!(before(5).await, Some(Sequence(0)));
        assert_eq!(before(10).await, Some(Sequence(1)));
        assert_eq!(before(45).await, Some(Sequence(4)));
        assert_eq!(before(1_000).await, Some(Sequence(9)));
    });
}

#[test]
fn answers_are_remembered_and_forgotten() {
    with_prefix(async |f| {
        let (native, head) = f.open().await;
        let mut commit = made(&native, head, &[]).await;
        commit.answers = vec![answer(1, 100), answer(2, 200)];
        assert_eq!(native.commit(&commit).await.unwrap(), Ok(()));
        let keys = [[2; 32], [3; 32], [1; 32]];
        let found = native.read_answers(&keys).await.unwrap();
        assert_eq!(found, [Some(answer(2, 200)), None, Some(answer(1, 100))]);

        let mut again = made(&native, commit.next, &[]).await;
        again.answers = vec![answer(1, 300)];
        assert_eq!(native.commit(&again).await.unwrap(), Ok(()));
        for _ in 0..2 {
            native.forget_answers(Timestamp { unix_us: 300 }).await.unwrap();
        }
        let found = native.read_answers(&keys).await.unwrap();
        assert_eq!(found, [None, None, Some(answer(1, 300))]);
        // They may stay an hour longer than they must.
        native.forget_answers(Timestamp { unix_us: 3_600_000_301 }).await.unwrap();
        assert_eq!(native.read_answers(&keys).await.unwrap(), [None, None, None]);
    });
}

#[test]
fn a_load_leaves_its_note_and_a_new_beginning() {
    with_prefix(async |f| {
        let (native, head) = f.open().await;
        let mut commit = made(&native, head, &[("a", "1", Some("{}"))]).await;
        commit.next.last_id = 3;
        assert_eq!(native.commit(&commit).await.unwrap(), Ok(()));
        assert_eq!(native.unfinished().await.unwrap(), None);
        native.set_unfinished(None).await.unwrap();
        for note in ["one", "two \"2\""] {
            native.set_unfinished(Some(note)).await.unwrap();
            assert_eq!(native.unfinished().await.unwrap().as_deref(), Some(note));
        }
        let counters = Counters { sequence: Sequence(40), last_id: i64::MAX };
        let head = native.reset(counters, &[]).await.unwrap();
        assert_eq!(
            (head.sequence, head.floor, head.last_id),
            (Sequence(40), Sequence(40), i64::MAX)
        );
        native.set_unfinished(None).await.unwrap();
        assert_eq!(native.unfinished().await.unwrap(), None);

        let (other, found) = f.open().await;
        assert_eq!(found, head);
        assert_eq!(sequences(&other, 40, 10).await, [0; 0]);
        let head = write(&other, head, &[("a", "2", Some("{}"))]).await;
        assert_eq!(sequences(&other, 40, 10).await, [41]);
        // The one that loaded is told that the head moved.
        let commit = made(&native, found, &[("a", "3", Some("{}"))]).await;
        assert_eq!(native.commit(&commit).await.unwrap(), Err(CommitError::HeadMoved));
        assert_eq!(native.head().await.unwrap(), head);
    });
}

#[test]
fn counters_beyond_floats_are_kept() {
    with_prefix(async |f| {
        let (native, _) = f.open().await;
        let counters = Counters { sequence: Sequence(1 << 61), last_id: i64::MAX - 1 };
        let head = native.reset(counters, &[]).await.unwrap();
        let (_, found) = f.open().await;
        assert_eq!(found, head);
        assert_eq!(found.last_id, i64::MAX - 1);
    });
}

#[test]
fn a_newer_journal_is_left_alone() {
    with_prefix(async |f| {
        let (native, _) = f.open().await;
        let (_, format) = f.foreign(Method::GET, "isobase_journal/format", "").await;
        let revision = format.get("_rev").unwrap().as_str().unwrap();
        let newer = format!("{{\"_rev\":\"{revision}\",\"version\":\"3\"}}");
        f.foreign(Method::PUT, "isobase_journal/format", &newer).await;
        let refused = native.open().await.unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Unavailable);
        assert!(refused.message.contains("newer program"), "{refused}");
    });
}

#[test]
fn opening_at_once_makes_one_journal() {
    with_prefix(async |f| {
        let opened = futures_util::future::join_all((0..4).map(|_| f.open())).await;
        let identity = opened[0].1.identity;
        assert!(identity.is_some_and(|identity| identity.is_first_epoch()));
        for (_, head) in opened {
            assert_eq!(head, Head { identity, ..Head::default() });
        }
    });
}
