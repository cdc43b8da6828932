//! The redo log: commits that are cut off, writers at once, other programs in between.

use std::sync::Arc;

use isobase_engine::{
    Action as Write, Engine, ErrorKind, IfMissing, Precondition, SystemClock, WriteBatch,
    WriteOperation,
};
use isobase_journal::{CommitError, DocumentDatabase, JournalOptions};
use isobase_types::{DocumentId, Sequence};
use reqwest::Method;

use crate::{
    fixture::*,
    proxy::{Action, Gate, Proxy},
};

const BULK: &str = "notes/_bulk_docs";
const RECORD: &str = "/log.";

#[test]
fn one_of_two_commits_for_one_head_wins() {
    with_prefix(async |f| {
        let (a, head) = f.open().await;
        let (b, _) = f.open().await;
        let ours = made(&a, head, &[("notes", "a", Some("{}"))]).await;
        let theirs = made(&b, head, &[("notes", "b", Some("{}"))]).await;
        let (first, second) = tokio::join!(a.commit(&ours), b.commit(&theirs));
        let outcomes = [first.unwrap(), second.unwrap()];
        assert!(outcomes.contains(&Ok(())) && outcomes.contains(&Err(CommitError::HeadMoved)));
        assert_eq!(a.count(&name("notes")).await.unwrap(), 1);
        assert_eq!(a.head().await.unwrap(), b.head().await.unwrap());
    });
}

#[test]
fn an_answer_that_was_lost_is_found_out() {
    with_prefix(async |f| {
        let (a, head, proxy) = f.open_behind(SHORT * 4).await;
        proxy.rule(Method::PUT, RECORD, 1, Action::CutAfter);
        proxy.rule(Method::POST, BULK, 1, Action::CutAfter);
        let head = write(&a, head, &[("notes", "1", Some("{\"n\":1}"))]).await;
        proxy.rule(Method::POST, BULK, 1, Action::CutAfter);
        write(&a, head, &[("notes", "1", Some("{\"n\":2}"))]).await;
        assert_eq!(body(&a, "notes", "1").await.as_deref(), Some("{\"n\":2}"));
        assert_eq!(a.read_log(Sequence(0), 10).await.unwrap().len(), 2);
    });
}

#[test]
fn what_was_committed_and_not_applied_is_finished_by_the_next() {
    with_prefix(async |f| {
        let (a, head, proxy) = f.open_behind(SHORT).await;
        let writes = [("notes", "1", Some("{\"n\":1}")), ("notes", "2", Some("{}"))];
        let head = write(&a, head, &writes).await;
        let writes = [
            ("notes", "1", Some("{\"n\":2}")),
            ("notes", "2", None),
            ("notes", "3", Some("{\"n\":3}")),
        ];
        let mut commit = made(&a, head, &writes).await;
        commit.answers = vec![answer(7, 1)];
        proxy.rule(Method::POST, "_bulk_docs", 1_000, Action::Cut);
        let failed = a.commit(&commit).await.unwrap_err();
        assert_eq!(failed.kind, ErrorKind::OutcomeUnknown, "{failed}");

        let (b, found) = f.open().await;
        assert_eq!(found, commit.next);
        assert_eq!(body(&b, "notes", "1").await.as_deref(), Some("{\"n\":2}"));
        assert_eq!(body(&b, "notes", "2").await, None);
        assert_eq!(body(&b, "notes", "3").await.as_deref(), Some("{\"n\":3}"));
        assert_eq!(b.read_answers(&[[7; 32]]).await.unwrap(), [Some(answer(7, 1))]);
        assert_eq!(b.read_log(Sequence(2), 10).await.unwrap()[0].changes, commit.changes);
        proxy.clear();
        assert_eq!(a.head().await.unwrap(), commit.next);
    });
}

#[test]
fn an_atomic_batch_that_was_cut_off_is_finished_whole() {
    with_prefix(async |f| {
        let remote = |deadline| JournalOptions { deadline, ..JournalOptions::default() };
        let put = |collection: &str, n: u8| WriteOperation {
            collection: name(collection),
            action: Write::Put {
                id: DocumentId::Text("k".into()),
                body: format!("{{\"n\":{n}}}"),
                if_missing: IfMissing::Create,
            },
            precondition: Precondition::None,
        };
        let both = |n| WriteBatch {
            operations: vec![put("notes", n), put("others", n)],
            ..WriteBatch::default()
        };
        let proxy = Proxy::start(Some(f.server.clone())).await;
        let options = f.options(&proxy.address);
        let open = isobase_engine_couchdb::open;
        let killed = open(options, remote(SHORT), Arc::new(SystemClock)).await.unwrap();
        killed.write_atomic(both(1)).await.unwrap();
        // The first of the two is written, and then it gets no further.
        proxy.rule(Method::POST, "others/_bulk_docs", 1_000, Action::Cut);
        let failed = killed.write_atomic(both(2)).await.unwrap_err();
        assert_eq!(failed.kind, ErrorKind::OutcomeUnknown, "{failed}");

        let address = f.server.trim_start_matches("http://");
        let options = f.options(address);
        let next = open(options, remote(SHORT * 10), Arc::new(SystemClock)).await.unwrap();
        for collection in ["notes", "others"] {
            let found = next.get(&name(collection), &DocumentId::Text("k".into())).await.unwrap();
            assert_eq!(found.unwrap().body, "{\"n\":2}", "{collection}");
        }
        next.close().await.unwrap();
    });
}

#[test]
fn the_author_finishes_its_own_commit_before_the_next() {
    with_prefix(async |f| {
        let (a, head, proxy) = f.open_behind(SHORT).await;
        let commit = made(&a, head, &[("notes", "1", Some("{\"n\":1}"))]).await;
        proxy.rule(Method::POST, "_bulk_docs", 1_000, Action::Cut);
        a.commit(&commit).await.unwrap_err();
        // A caller that asks for the head writes nothing of their own.
        assert_eq!(a.head().await.unwrap_err().kind, ErrorKind::Unavailable);
        proxy.clear();
        let head = a.head().await.unwrap();
        assert_eq!(head, commit.next);
        assert_eq!(body(&a, "notes", "1").await.as_deref(), Some("{\"n\":1}"));
        write(&a, head, &[("notes", "1", None)]).await;
    });
}

/// `a` stops right after it has committed; `b` finishes that, goes on, and only then `a` applies.
async fn late(
    f: &Prefix,
    held: (&str, Option<&str>),
    then: (&str, Option<&str>),
) -> Option<String> {
    let (a, head, proxy) = f.open_behind(SHORT * 10).await;
    let writes = [("notes", "old", Some("{\"n\":0}"))];
    let head = write(&a, head, &writes).await;
    let commit = made(&a, head, &[("notes", held.0, held.1)]).await;
    let gate = Gate::new();
    proxy.rule(Method::POST, BULK, 1, Action::Hold(gate.clone()));
    let late = async { a.commit(&commit).await.unwrap() };
    let other = async {
        gate.arrived().await;
        let (b, head) = f.open().await;
        assert_eq!(head, commit.next);
        assert_eq!(body(&b, "notes", held.0).await.as_deref(), held.1);
        write(&b, head, &[("notes", then.0, then.1)]).await;
        gate.open();
        b
    };
    let (outcome, b) = tokio::join!(late, other);
    assert_eq!(outcome, Ok(()));
    assert!(a.head().await.unwrap().commit > commit.next.commit);
    body(&b, "notes", held.0).await
}

#[test]
fn a_late_creation_does_not_bring_back_what_was_deleted() {
    with_prefix(async |f| {
        assert_eq!(late(&f, ("new", Some("{\"n\":1}")), ("new", None)).await, None);
    });
}

#[test]
fn a_late_creation_does_not_overwrite_a_later_write() {
    with_prefix(async |f| {
        let found = late(&f, ("new", Some("{\"n\":1}")), ("new", Some("{\"n\":2}"))).await;
        assert_eq!(found.as_deref(), Some("{\"n\":2}"));
    });
}

#[test]
fn a_late_update_does_not_bring_back_what_was_deleted() {
    with_prefix(async |f| {
        assert_eq!(late(&f, ("old", Some("{\"n\":1}")), ("old", None)).await, None);
    });
}

#[test]
fn a_late_update_does_not_overwrite_a_later_write() {
    with_prefix(async |f| {
        let found = late(&f, ("old", Some("{\"n\":1}")), ("old", Some("{\"n\":2}"))).await;
        assert_eq!(found.as_deref(), Some("{\"n\":2}"));
    });
}

#[test]
fn a_late_deletion_does_not_take_a_new_document() {
    with_prefix(async |f| {
        let found = late(&f, ("old", None), ("old", Some("{\"n\":2}"))).await;
        assert_eq!(found.as_deref(), Some("{\"n\":2}"));
    });
}

#[test]
fn a_foreign_write_before_the_commit_is_noticed() {
    with_prefix(async |f| {
        let (a, head) = f.open().await;
        let head = write(&a, head, &[("notes", "1", Some("{\"n\":1}"))]).await;
        let update = made(&a, head, &[("notes", "1", Some("{\"n\":2}"))]).await;
        let create = made(&a, head, &[("notes", "2", Some("{}"))]).await;
        let revision = read(&a, "notes", "1").await.unwrap().tag.0;
        f.foreign(Method::PUT, &format!("notes/1?rev={revision}"), "{\"foreign\":1}").await;
        f.foreign(Method::PUT, "notes/2", "{\"foreign\":2}").await;
        assert_eq!(a.commit(&update).await.unwrap(), Err(CommitError::DocumentChanged));
        assert_eq!(a.commit(&create).await.unwrap(), Err(CommitError::DocumentChanged));
        assert_eq!(a.head().await.unwrap(), head);
        assert_eq!(body(&a, "notes", "1").await.as_deref(), Some("{\"foreign\":1}"));
    });
}

#[test]
fn a_foreign_write_during_the_commit_is_overtaken() {
    with_prefix(async |f| {
        let (a, head, proxy) = f.open_behind(SHORT * 10).await;
        let writes = [("notes", "1", Some("{}")), ("notes", "2", Some("{}"))];
        let head = write(&a, head, &writes).await;
        let writes = [
            ("notes", "1", Some("{\"n\":1}")),
            ("notes", "2", None),
            ("notes", "3", Some("{\"n\":3}")),
        ];
        let commit = made(&a, head, &writes).await;
        let gate = Gate::new();
        proxy.rule(Method::POST, BULK, 2, Action::Hold(gate.clone()));
        let other = async {
            gate.arrived().await;
            for id in ["1", "2"] {
                let revision = read(&a, "notes", id).await.unwrap().tag.0;
                let path = format!("notes/{id}?rev={revision}");
                assert_eq!(f.foreign(Method::PUT, &path, "{\"foreign\":1}").await.0, 201);
            }
            assert_eq!(f.foreign(Method::PUT, "notes/3", "{\"foreign\":1}").await.0, 201);
            gate.open();
        };
        let (outcome, ()) = tokio::join!(async { a.commit(&commit).await.unwrap() }, other);
        assert_eq!(outcome, Ok(()));
        assert_eq!(body(&a, "notes", "1").await.as_deref(), Some("{\"n\":1}"));
        assert_eq!(body(&a, "notes", "2").await, None);
        assert_eq!(body(&a, "notes", "3").await.as_deref(), Some("{\"n\":3}"));
    });
}

#[test]
fn a_copy_of_the_journal_that_lags_behind_does_not_end_a_commit() {
    with_prefix(async |f| {
        let (a, head, proxy) = f.open_behind(SHORT * 10).await;
        let head = write(&a, head, &[("notes", "1", Some("{}"))]).await;
        let commit = made(&a, head, &[("notes", "1", Some("{\"n\":1}"))]).await;
        let gate = Gate::new();
        proxy.rule(Method::POST, BULK, 1, Action::Hold(gate.clone()));
        let other = async {
            gate.arrived().await;
            let revision = read(&a, "notes", "1").await.unwrap().tag.0;
            let path = format!("notes/1?rev={revision}");
            assert_eq!(f.foreign(Method::PUT, &path, "{\"foreign\":1}").await.0, 201);
            let first = "{\"rows\":[{\"id\":\"log.00000000000000000000.00000000000000000000\",\
                         \"key\":\"\",\"value\":{\"rev\":\"1-a\"}}]}";
            proxy.rule(Method::GET, "descending=true", 1, Action::Answer(200, first));
            gate.open();
        };
        let (outcome, ()) = tokio::join!(async { a.commit(&commit).await.unwrap() }, other);
        assert_eq!(outcome, Ok(()));
        assert_eq!(body(&a, "notes", "1").await.as_deref(), Some("{\"n\":1}"));
    });
}

#[test]
fn readers_at_once_finish_a_commit_once() {
    with_prefix(async |f| {
        let (a, head, proxy) = f.open_behind(SHORT).await;
        let (b, _, seen) = f.open_behind(SHORT * 10).await;
        let commit = made(&a, head, &[("notes", "1", Some("{}"))]).await;
        proxy.rule(Method::POST, BULK, 1_000, Action::Cut);
        a.commit(&commit).await.unwrap_err();
        let heads = futures_util::future::join_all((0..8).map(|_| b.head())).await;
        assert!(heads.into_iter().all(|head| head.unwrap() == commit.next));
        assert_eq!(b.head().await.unwrap(), commit.next);
        assert_eq!((seen.seen(Method::GET, RECORD), seen.seen(Method::POST, BULK)), (2, 1));
    });
}

#[test]
fn readers_leave_a_commit_to_its_author() {
    with_prefix(async |f| {
        let (a, head, proxy) = f.open_behind(SHORT * 10).await;
        let commit = made(&a, head, &[("notes", "1", Some("{}"))]).await;
        let gate = Gate::new();
        proxy.rule(Method::POST, BULK, 1, Action::Hold(gate.clone()));
        let reader = async {
            gate.arrived().await;
            let mut heads = Box::pin(futures_util::future::join_all((0..4).map(|_| a.head())));
            assert!(tokio::time::timeout(SHORT / 5, &mut heads).await.is_err());
            gate.open();
            heads.await
        };
        let (outcome, heads) = tokio::join!(async { a.commit(&commit).await.unwrap() }, reader);
        assert_eq!(outcome, Ok(()));
        assert!(heads.into_iter().all(|head| head.unwrap() == commit.next));
        assert_eq!(proxy.seen(Method::POST, BULK), 1);
    });
}

#[test]
fn a_foreign_write_after_the_commit_outlives_its_repetition() {
    with_prefix(async |f| {
        let (a, head, proxy) = f.open_behind(SHORT).await;
        let head = write(&a, head, &[("notes", "old", Some("{}"))]).await;
        let writes = [("notes", "old", Some("{\"n\":1}")), ("notes", "new", Some("{\"n\":1}"))];
        let commit = made(&a, head, &writes).await;
        // Everything is written, and the process never learns it.
        proxy.rule(Method::POST, BULK, 1_000, Action::CutAfter);
        a.commit(&commit).await.unwrap_err();
        for id in ["old", "new"] {
            let revision = read(&a, "notes", id).await.unwrap().tag.0;
            let path = format!("notes/{id}?rev={revision}");
            assert_eq!(f.foreign(Method::PUT, &path, "{\"foreign\":1}").await.0, 201);
        }
        let (b, found) = f.open().await;
        assert_eq!(found, commit.next);
        for id in ["old", "new"] {
            assert_eq!(body(&b, "notes", id).await.as_deref(), Some("{\"foreign\":1}"), "{id}");
        }
    });
}

#[test]
fn a_document_is_made_again_after_it_was_deleted() {
    with_prefix(async |f| {
        let (a, mut head) = f.open().await;
        for n in 0..3 {
            let text = format!("{{\"n\":{n}}}");
            head = write(&a, head, &[("notes", "1", Some(&text))]).await;
            assert_eq!(body(&a, "notes", "1").await, Some(text));
            head = write(&a, head, &[("notes", "1", None)]).await;
            assert_eq!(body(&a, "notes", "1").await, None);
        }
    });
}
