//! Answers that the test server cannot give: those of CouchDB 3.5.0 as recorded, and failures.

use std::{sync::Arc, time::Duration};

use isobase_engine::{
    self as engine, Engine, ErrorKind, Precondition, Rejection, SystemClock, WriteBatch,
    WriteOperation,
};
use isobase_engine_couchdb::{CouchDbDatabase, CouchDbOptions};
use isobase_journal::{DocumentDatabase, JournalOptions, KeyFetch};
use isobase_types::{Sequence, Timestamp};
use reqwest::Method;

use crate::{
    fixture::*,
    proxy::{Action, Proxy},
};

const WELCOME: &str = "{\"couchdb\":\"Welcome\",\"version\":\"3.5.0\",\"git_sha\":\"11f0d3643\",\
                       \"uuid\":\"4a9a\",\"features\":[],\"vendor\":{\"name\":\"The Apache Software Foundation\"}}\n";
const NO_DATABASE: &str = "{\"error\":\"not_found\",\"reason\":\"Database does not exist.\"}\n";
const UNAUTHORIZED: &str =
    "{\"error\":\"unauthorized\",\"reason\":\"Name or password is incorrect.\"}\n";

/// A database in front of a script.
async fn scripted(deadline: Duration) -> (CouchDbDatabase, Proxy) {
    let proxy = Proxy::start(None).await;
    let url = format!("couchdb://ann:secret@{}/p_", proxy.address);
    let options = CouchDbOptions::parse(&url).unwrap();
    (CouchDbDatabase::new(&options, deadline).unwrap(), proxy)
}

fn check<F: Future<Output = ()>>(test: impl FnOnce(CouchDbDatabase, Proxy) -> F) {
    runtime().block_on(async {
        let (native, proxy) = scripted(Duration::from_secs(5)).await;
        test(native, proxy).await;
    });
}

/// An engine behind a proxy.
pub(crate) async fn engine_behind(f: &Prefix) -> (impl Engine + use<>, Proxy) {
    let proxy = Proxy::start(Some(f.server.clone())).await;
    let remote = JournalOptions::default();
    let clock = Arc::new(SystemClock);
    let engine = isobase_engine_couchdb::open(f.options(&proxy.address), remote, clock);
    (engine.await.unwrap(), proxy)
}

fn create() -> WriteOperation {
    WriteOperation {
        collection: name("notes"),
        action: engine::Action::Create { body: "{}".to_owned() },
        precondition: Precondition::None,
    }
}

#[test]
fn a_wrong_password_names_the_user() {
    check(async |native, proxy| {
        proxy.rule(Method::GET, "/", 100, Action::Answer(401, UNAUTHORIZED));
        let refused = native.open().await.unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Unavailable);
        assert!(refused.message.contains("user 'ann'"), "{refused}");
        assert!(!format!("{refused:?}").contains("secret"));
        assert_eq!(proxy.seen(Method::GET, "/"), 1);
    });
}

#[test]
fn another_server_is_refused() {
    check(async |native, proxy| {
        proxy.rule(Method::GET, "/", 1, Action::Answer(200, "<html>hello</html>"));
        let refused = native.open().await.unwrap_err();
        assert!(refused.message.contains("is not a CouchDB"), "{refused}");
        proxy.rule(
            Method::GET,
            "/",
            1,
            Action::Answer(200, "{\"couchdb\":\"Welcome\",\"version\":\"1.7.2\"}"),
        );
        let refused = native.open().await.unwrap_err();
        assert!(refused.message.contains("2.1 or newer"), "{refused}");
    });
}

#[test]
fn a_server_that_is_not_there_is_named() {
    runtime().block_on(async {
        let options = CouchDbOptions::parse("couchdb://127.0.0.1:1/").unwrap();
        let native = CouchDbDatabase::new(&options, Duration::from_millis(300)).unwrap();
        let refused = native.open().await.unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Unavailable);
        assert!(refused.message.contains("127.0.0.1:1 cannot be reached"), "{refused}");
    });
}

#[test]
fn a_user_who_may_not_create_databases_is_told_the_way() {
    check(async |native, proxy| {
        proxy.rule(Method::GET, "/p_", 100, Action::Answer(404, NO_DATABASE));
        proxy.rule(Method::GET, "/", 1, Action::Answer(200, WELCOME));
        let answer = "{\"error\":\"unauthorized\",\"reason\":\"You are not a server admin.\"}\n";
        proxy.rule(Method::PUT, "/p_isobase_journal", 1, Action::Answer(401, answer));
        let refused = native.open().await.unwrap_err();
        assert!(refused.message.contains("p_isobase_journal"), "{refused}");
        assert!(refused.message.contains("index plan"), "{refused}");
    });
}

#[test]
fn a_database_that_another_process_made_is_fine() {
    check(async |native, proxy| {
        proxy.rule(Method::GET, "/p_notes/_all_docs", 1, Action::Answer(200, "{\"rows\":[{}]}"));
        proxy.rule(Method::GET, "/p_notes", 1, Action::Answer(404, NO_DATABASE));
        let exists = "{\"error\":\"file_exists\",\"reason\":\"The database could not be created, the file already exists.\"}\n";
        proxy.rule(Method::PUT, "/p_notes", 1, Action::Answer(412, exists));
        proxy.rule(Method::GET, "/p_notes", 1, Action::Answer(200, "{\"doc_count\":1}"));
        assert!(!native.prepare_collection(&name("notes")).await.unwrap());
    });
}

#[test]
fn refusals_are_waited_out() {
    check(async |native, proxy| {
        let busy = "{\"error\":\"too_many_requests\",\"reason\":\"\"}";
        proxy.rule(Method::GET, "/p_n/x", 2, Action::AnswerWith(429, "Retry-After: 0\r\n", busy));
        proxy.rule(
            Method::GET,
            "/p_n/x",
            1,
            Action::Answer(503, "{\"error\":\"maintenance_mode\"}"),
        );
        proxy.rule(Method::GET, "/p_n/x", 1, Action::Answer(500, "{\"error\":\"timeout\"}"));
        proxy.rule(Method::GET, "/p_n/x", 1, Action::Cut);
        proxy.rule(
            Method::GET,
            "/p_n/x",
            1,
            Action::Answer(200, "{\"_id\":\"x\",\"_rev\":\"1-a\"}"),
        );
        assert_eq!(body(&native, "n", "x").await.as_deref(), Some("{}"));
        assert_eq!(proxy.seen(Method::GET, "/p_n/x"), 6);
    });
}

#[test]
fn attempts_are_bounded() {
    check(async |native, proxy| {
        proxy.rule(Method::GET, "/p_n/x", 100, Action::Answer(500, "{\"error\":\"timeout\"}"));
        let key = [document_key("n", "x")];
        let failed = native.read(&key).await.unwrap_err();
        assert_eq!(failed.kind, ErrorKind::Unavailable, "{failed}");
        assert_eq!(proxy.seen(Method::GET, "/p_n/x"), 8);
    });
}

#[test]
fn a_server_that_does_not_answer_is_given_up_at_the_deadline() {
    runtime().block_on(async {
        let (native, proxy) = scripted(Duration::from_millis(200)).await;
        let gate = crate::proxy::Gate::new();
        proxy.rule(Method::GET, "/p_n/x", 100, Action::Hold(gate));
        let failed = native.read(&[document_key("n", "x")]).await.unwrap_err();
        assert_eq!(failed.kind, ErrorKind::TimedOut, "{failed}");
    });
}

#[test]
fn forbidden_is_said_at_once() {
    check(async |native, proxy| {
        let forbidden =
            "{\"error\":\"forbidden\",\"reason\":\"You are not allowed to access this db.\"}\n";
        proxy.rule(Method::GET, "/p_n/x", 1, Action::Answer(403, forbidden));
        let failed = native.read(&[document_key("n", "x")]).await.unwrap_err();
        assert!(failed.message.contains("not allowed to access"), "{failed}");
        assert_eq!(proxy.seen(Method::GET, "/p_n/x"), 1);
    });
}

#[test]
fn a_row_that_a_node_did_not_answer_is_no_missing_document() {
    check(async |native, proxy| {
        let rows = "{\"total_rows\":2,\"offset\":0,\"rows\":[{\"key\":\"x\",\"error\":\"not_found\"},\
                    {\"key\":\"y\",\"error\":\"timeout\"}]}";
        proxy.rule(Method::POST, "/p_n/_all_docs", 1, Action::Answer(200, rows));
        let keys = [document_key("n", "x"), document_key("n", "y")];
        assert_eq!(native.read(&keys).await.unwrap_err().kind, ErrorKind::Unavailable);
    });
}

#[test]
fn an_answer_that_breaks_off_is_asked_for_again() {
    with_prefix(async |f| {
        let (native, head, proxy) = f.open_behind(SHORT * 4).await;
        write(&native, head, &[("notes", "1", Some("{}")), ("notes", "2", Some("{}"))]).await;
        proxy.rule(Method::GET, "notes/_all_docs", 1, Action::CutWithin);
        assert_eq!(native.scan(&name("notes"), None, 10).await.unwrap().documents.len(), 2);
        let broken = "{\"total_rows\":2,\"offset\":0,\"rows\":[\r\n{\"error\":\"timeout\"}";
        proxy.rule(Method::GET, "notes/_all_docs", 1, Action::Answer(200, broken));
        let failed = native.scan(&name("notes"), None, 10).await.unwrap_err();
        assert_eq!(failed.kind, ErrorKind::Unavailable, "{failed}");
    });
}

#[test]
fn a_commit_that_is_too_large_writes_nothing() {
    with_prefix(async |f| {
        let (native, head, proxy) = f.open_behind(SHORT * 4).await;
        let large = "{\"error\":\"document_too_large\",\"reason\":\"log.0\"}\n";
        proxy.rule(Method::PUT, "/log.", 1, Action::Answer(413, large));
        let commit = made(&native, head, &[("notes", "1", Some("{}"))]).await;
        let failed = native.commit(&commit).await.unwrap_err();
        assert_eq!(failed.kind, ErrorKind::LimitExceeded, "{failed}");
        assert_eq!(body(&native, "notes", "1").await, None);
        assert_eq!(native.commit(&commit).await.unwrap(), Ok(()));
    });
}

#[test]
fn a_record_without_quorum_is_no_promise() {
    with_prefix(async |f| {
        let (native, head, proxy) = f.open_behind(SHORT * 4).await;
        let accepted =
            "{\"ok\":true,\"id\":\"log.0\",\"rev\":\"1-967a00dff5e02add41819138abb3284d\"}\n";
        proxy.rule(Method::PUT, "/log.", 1, Action::Answer(202, accepted));
        let commit = made(&native, head, &[("notes", "1", Some("{}"))]).await;
        let failed = native.commit(&commit).await.unwrap_err();
        assert_eq!(failed.kind, ErrorKind::OutcomeUnknown, "{failed}");
        // It did not last: the head is where it was.
        assert_eq!(native.head().await.unwrap(), head);
        write(&native, head, &[("notes", "1", Some("{}"))]).await;
    });
}

#[test]
fn a_record_without_quorum_is_not_settled_by_finding_it() {
    with_prefix(async |f| {
        let (engine, proxy) = engine_behind(&f).await;
        let accepted =
            "{\"ok\":true,\"id\":\"log.0\",\"rev\":\"1-967a00dff5e02add41819138abb3284d\"}\n";
        proxy.rule(Method::PUT, "/log.", 1, Action::AnswerAfter(202, accepted));
        let before = proxy.seen(Method::PUT, "/log.");
        let sent = || proxy.seen(Method::PUT, "/log.") - before;
        let batch = WriteBatch { operations: vec![create()], ..WriteBatch::default() };
        let failed = engine.write(batch.clone()).await.unwrap_err();
        assert_eq!(failed.kind, ErrorKind::OutcomeUnknown, "{failed}");
        assert_eq!(sent(), 1);
        // It lasted, as the next write finds.
        let written = engine.write(batch).await.unwrap().outcomes.remove(0).unwrap();
        assert_eq!((written.id, sent()), (2.into(), 2));
        engine.close().await.unwrap();
    });
}

#[test]
fn the_journal_has_one_copy() {
    with_prefix(async |f| {
        let proxy = Proxy::start(Some(f.server.clone())).await;
        let native = CouchDbDatabase::new(&f.options(&proxy.address), SHORT * 4).unwrap();
        let head = native.open().await.unwrap();
        assert_eq!(proxy.seen(Method::PUT, "isobase_journal?n=1"), 1);
        write(&native, head, &[("notes", "1", Some("{}"))]).await;
        assert_eq!(proxy.seen(Method::PUT, "notes?"), 0);
    });
}

#[test]
fn a_record_whose_answer_says_nothing_is_looked_for() {
    for (status, answer) in [(201, "<html>"), (408, ""), (500, ""), (503, ""), (520, "<html>")] {
        with_prefix(async |f| {
            let (native, head, proxy) = f.open_behind(SHORT * 4).await;
            let commit = made(&native, head, &[("notes", "1", Some("{}"))]).await;
            proxy.rule(Method::PUT, "/log.", 100, Action::AnswerAfter(status, answer));
            assert_eq!(native.commit(&commit).await.unwrap(), Ok(()), "{status}");
            assert_eq!(body(&native, "notes", "1").await.as_deref(), Some("{}"), "{status}");
        });
    }
}

#[test]
fn a_record_that_was_sent_and_cannot_be_looked_for_is_an_unknown_outcome() {
    for sent in [
        Action::AnswerAfter(500, ""),
        Action::CutAfter,
        Action::AnswerAfter(201, "<html>"),
        Action::AnswerAfter(507, "{\"error\":\"insufficient_storage\"}"),
    ] {
        with_prefix(async |f| {
            let (native, head, proxy) = f.open_behind(SHORT).await;
            let commit = made(&native, head, &[("notes", "1", Some("{}"))]).await;
            proxy.rule(Method::PUT, "/log.", 1, sent);
            proxy.rule(Method::GET, "/log.", 100, Action::Answer(500, "{}"));
            let failed = native.commit(&commit).await.unwrap_err();
            assert_eq!(failed.kind, ErrorKind::OutcomeUnknown, "{failed}");
            proxy.clear();
            assert_eq!(native.head().await.unwrap(), commit.next);
        });
    }
}

#[test]
fn only_clear_refusals_say_that_nothing_was_written() {
    let cases = [
        (400, ErrorKind::Unexpected, 1),
        (401, ErrorKind::Unavailable, 1),
        (403, ErrorKind::Unexpected, 1),
        (408, ErrorKind::OutcomeUnknown, 8),
        (413, ErrorKind::LimitExceeded, 1),
        (429, ErrorKind::Unavailable, 8),
        (501, ErrorKind::OutcomeUnknown, 8),
        (503, ErrorKind::OutcomeUnknown, 8),
        (507, ErrorKind::OutOfSpace, 1),
        (520, ErrorKind::OutcomeUnknown, 8),
    ];
    with_prefix(async |f| {
        let (native, head, proxy) = f.open_behind(SHORT * 4).await;
        let commit = made(&native, head, &[("notes", "1", Some("{}"))]).await;
        for (status, kind, attempts) in cases {
            let before = proxy.seen(Method::PUT, "/log.");
            let action = Action::AnswerWith(status, "Retry-After: 0\r\n", "{}");
            proxy.rule(Method::PUT, "/log.", attempts, action);
            let failed = native.commit(&commit).await.unwrap_err();
            assert_eq!(failed.kind, kind, "{status}: {failed}");
            assert_eq!(proxy.seen(Method::PUT, "/log.") - before, attempts, "{status}");
        }
        // What is known to have failed before may have been written by the attempt before it.
        proxy.rule(Method::PUT, "/log.", 1, Action::Answer(503, "{}"));
        proxy.rule(Method::PUT, "/log.", 1, Action::Answer(400, "{}"));
        let failed = native.commit(&commit).await.unwrap_err();
        assert_eq!(failed.kind, ErrorKind::OutcomeUnknown, "{failed}");
        assert_eq!(native.commit(&commit).await.unwrap(), Ok(()));
    });
}

#[test]
fn a_strange_answer_to_its_documents_does_not_end_a_commit() {
    for (status, answer) in [(405, ""), (415, ""), (520, "<html>"), (201, "{}"), (307, "")] {
        with_prefix(async |f| {
            let (native, head, proxy) = f.open_behind(SHORT * 4).await;
            let commit = made(&native, head, &[("notes", "1", Some("{}"))]).await;
            proxy.rule(Method::POST, "notes/_bulk_docs", 1, Action::Answer(status, answer));
            assert_eq!(native.commit(&commit).await.unwrap(), Ok(()), "{status}");
            assert_eq!(native.take_refused(commit.next.commit), [], "{status}");
            assert_eq!(body(&native, "notes", "1").await.as_deref(), Some("{}"), "{status}");
        });
    }
}

#[test]
fn old_answers_are_looked_for_from_where_the_last_look_ended() {
    fn page(letter: char, count: usize) -> &'static str {
        let row = |n| {
            let id = format!("answer.{letter}{n:04}");
            let hex = "07".repeat(32);
            format!(
                "{{\"id\":\"{id}\",\"key\":\"{id}\",\"value\":{{\"rev\":\"1-a\"}},\"doc\":{{\
                 \"_id\":\"{id}\",\"_rev\":\"1-a\",\"key\":\"{hex}\",\"fingerprint\":\"{hex}\",\
                 \"outcomes\":\"[]\",\"at\":\"2026-11-20T14:09:00.000000Z\"}}}}"
            )
        };
        let rows: Vec<String> = (0..count).map(row).collect();
        format!("{{\"rows\":[{}]}}", rows.join(",")).leak()
    }
    check(async |native, proxy| {
        let before = Timestamp { unix_us: 0 };
        let look = |us| native.forget_answers(Timestamp { unix_us: before.unix_us + us });
        let (first, after_a) = ("startkey=%22answer.%22", "startkey=%22answer.a0999");
        proxy.rule(Method::GET, first, 1, Action::Answer(200, page('a', 1_000)));
        proxy.rule(Method::GET, after_a, 1, Action::Answer(403, "{}"));
        assert!(look(5).await.is_err());
        assert_eq!(proxy.seen(Method::GET, first), 1);
        // It never ends here: each look ends by itself.
        proxy.rule(Method::GET, after_a, 1_000, Action::Answer(200, page('a', 1_000)));
        look(6).await.unwrap();
        assert_eq!((proxy.seen(Method::GET, first), proxy.seen(Method::GET, after_a)), (1, 21));
        proxy.clear();
        proxy.rule(Method::GET, after_a, 1, Action::Answer(200, page('b', 3)));
        look(7).await.unwrap();
        // All are younger than what the first look was for.
        look(5).await.unwrap();
        assert_eq!((proxy.seen(Method::GET, first), proxy.seen(Method::GET, after_a)), (1, 22));
        // Nor has any to go before the oldest has been old for an hour.
        let oldest_us = 1_795_183_740_000_000; // 2026-11-20T14:09:00Z
        proxy.rule(Method::GET, first, 9, Action::Answer(200, "{\"rows\":[]}"));
        look(oldest_us + 3_599_000_000).await.unwrap();
        assert_eq!(proxy.seen(Method::GET, first), 1);
        look(oldest_us + 3_601_000_000).await.unwrap();
        assert_eq!(proxy.seen(Method::GET, first), 2);
    });
}

#[test]
fn a_document_that_a_validation_function_refuses_does_not_stop_the_others() {
    with_prefix(async |f| {
        let (native, head, proxy) = f.open_behind(SHORT * 4).await;
        let answers = "[{\"id\":\"1\",\"error\":\"forbidden\",\"reason\":\"no\"}]";
        proxy.rule(Method::POST, "notes/_bulk_docs", 1, Action::Answer(201, answers));
        let head = write(&native, head, &[("notes", "1", Some("{}"))]).await;
        assert_eq!(body(&native, "notes", "1").await, None);
        write(&native, head, &[("notes", "2", Some("{}"))]).await;
        let refused = native.gauges().into_iter().find(|(name, _)| name.contains("refused"));
        assert_eq!(refused.unwrap().1, 1.0);
    });
}

#[test]
fn the_author_of_a_refused_document_is_told() {
    with_prefix(async |f| {
        let (engine, proxy) = engine_behind(&f).await;
        let answers = "[{\"id\":\"1\",\"error\":\"forbidden\",\"reason\":\"no title\"}]";
        proxy.rule(Method::POST, "notes/_bulk_docs", 1, Action::Answer(201, answers));
        let operations = vec![create(), create()];
        let batch = WriteBatch { operations, ..WriteBatch::default() };
        let outcomes = engine.write(batch).await.unwrap().outcomes;
        let Err(Rejection::Unholdable { reason, .. }) = &outcomes[0] else {
            panic!("{:?}", outcomes[0]);
        };
        assert!(reason.contains("no title"), "{reason}");
        assert!(outcomes[1].is_ok());
        engine.close().await.unwrap();
    });
}

#[test]
fn a_database_that_is_closed_to_us_does_not_stop_the_others() {
    with_prefix(async |f| {
        let (native, head, proxy) = f.open_behind(SHORT * 4).await;
        let writes = [("notes", "1", Some("{}")), ("other", "1", Some("{}"))];
        let commit = made(&native, head, &writes).await;
        let forbidden =
            "{\"error\":\"forbidden\",\"reason\":\"You are not allowed to access this db.\"}\n";
        proxy.rule(Method::POST, "notes/_bulk_docs", 100, Action::Answer(403, forbidden));
        assert_eq!(native.commit(&commit).await.unwrap(), Ok(()));
        let refused = native.take_refused(commit.next.commit);
        assert_eq!(refused.len(), 1);
        assert_eq!(refused[0].0, document_key("notes", "1"));
        assert!(native.take_refused(commit.next.commit).is_empty());
        assert_eq!(body(&native, "notes", "1").await, None);
        assert_eq!(body(&native, "other", "1").await.as_deref(), Some("{}"));
        assert_eq!(native.head().await.unwrap(), commit.next);
    });
}

#[test]
fn counts_come_from_the_view_of_the_index() {
    check(async |native, proxy| {
        let view = "/p_n/_design/isobase_k7/_view/k7?reduce=true&inclusive_end=false&startkey=%5B%220102%22%5D&endkey=%5B%2203%22%5D";
        let rows = "{\"rows\":[\r\n{\"key\":null,\"value\":42}\r\n]}\n";
        proxy.rule(Method::GET, view, 1, Action::Answer(200, rows));
        let count = native.count_keys(&name("n"), 7, &[1, 2], Some(&[3])).await.unwrap();
        assert_eq!(count, 42);
        proxy.rule(Method::GET, "/p_n/_design", 1, Action::Answer(200, "{\"rows\":[\r\n\r\n]}\n"));
        assert_eq!(native.count_keys(&name("n"), 7, &[1, 2], None).await.unwrap(), 0);
    });
}

#[test]
fn counts_are_taken_one_by_one_where_the_view_is_not_shown() {
    check(async |native, proxy| {
        let no_view = "{\"error\":\"not_found\",\"reason\":\"missing_named_view\"}";
        proxy.rule(Method::GET, "/_view/", 1, Action::Answer(404, no_view));
        let docs = "{\"docs\":[\r\n{\"isobase_meta\":{\"keys\":{\"k7\":\"01\"}}}],\r\n\"bookmark\":\"g1\"}\n";
        proxy.rule(Method::POST, "/p_n/_find", 2, Action::Answer(200, docs));
        for _ in 0..2 {
            assert_eq!(native.count_keys(&name("n"), 7, &[], None).await.unwrap(), 1);
        }
        assert_eq!(proxy.seen(Method::GET, "/_view/"), 1);
    });
}

#[test]
fn bookmarks_and_warnings_of_a_listing_are_passed_over() {
    check(async |native, proxy| {
        let docs = "{\"docs\":[\r\n{\"_id\":\"x\",\"_rev\":\"3-c\",\"n\":9007199254740993,\
                    \"isobase_meta\":{\"keys\":{\"k7\":\"0201\"}}},\r\n\
                    {\"_id\":\"a/b\",\"_rev\":\"1-c\",\"isobase_meta\":{\"keys\":{\"k7\":\"0202\"}}}\r\n],\r\n\
                    \"bookmark\":\"g1AAAABieJzLYWBg\",\"warning\":\"The number of documents examined is high\"}\n";
        proxy.rule(Method::POST, "/p_n/_find", 1, Action::Answer(200, docs));
        let fetch = KeyFetch {
            index: 7,
            lower: Vec::new(),
            upper: None,
            reverse: false,
            limit: 2,
            bytes_max: 1 << 20,
        };
        let fetched = native.fetch(&name("n"), &fetch).await.unwrap();
        assert!(!fetched.exhausted);
        assert_eq!(fetched.documents.len(), 2);
        assert_eq!(fetched.documents[1].document.id.to_string(), "a/b");
        assert_eq!(fetched.documents[0].key, [2, 1]);
        assert_eq!(fetched.documents[0].document.body, "{\"n\":9007199254740993}");
    });
}

#[test]
fn a_missing_index_is_made_and_asked_again() {
    check(async |native, proxy| {
        let missing = "{\"error\":\"no_usable_index\",\"reason\":\"No index exists for this sort, \
                       try indexing by the sort fields.\"}\n";
        proxy.rule(Method::POST, "/p_n/_find", 1, Action::Answer(400, missing));
        let entry = "{\"_id\":\"catalogue.p_n\",\"_rev\":\"1-a\"}";
        proxy.rule(Method::GET, "/catalogue.p_n", 1, Action::Answer(200, entry));
        proxy.rule(Method::GET, "/p_n/_design/isobase_k3", 1, Action::Answer(404, "{}"));
        proxy.rule(Method::POST, "/p_n/_index", 1, Action::Answer(200, "{\"result\":\"created\"}"));
        proxy.rule(
            Method::POST,
            "/p_n/_find",
            1,
            Action::Answer(200, "{\"docs\":[],\"bookmark\":\"nil\"}"),
        );
        let fetch = KeyFetch {
            index: 3,
            lower: Vec::new(),
            upper: None,
            reverse: false,
            limit: 2,
            bytes_max: 1 << 20,
        };
        assert!(native.fetch(&name("n"), &fetch).await.unwrap().exhausted);
    });
}

#[test]
fn a_database_of_others_gets_no_index_by_reading() {
    with_prefix(async |f| {
        let (native, _) = f.open().await;
        f.foreign(Method::PUT, "agents", "").await;
        f.foreign(Method::PUT, "agents/x", "{}").await;
        let fetch = KeyFetch {
            index: 0,
            lower: Vec::new(),
            upper: None,
            reverse: false,
            limit: 2,
            bytes_max: 1 << 20,
        };
        let fetched = native.fetch(&name("agents"), &fetch).await.unwrap();
        assert!(fetched.exhausted);
        assert_eq!(fetched.documents.len(), 1);
        assert_eq!(native.count_keys(&name("agents"), 0, &[], None).await.unwrap(), 1);
        let (_, info) = f.foreign(Method::GET, "agents", "").await;
        assert_eq!(info.get("doc_count").unwrap().as_u64(), Some(1));
    });
}

#[test]
fn collections_come_from_the_journal_where_names_are_not_shown() {
    check(async |native, proxy| {
        let answer = "{\"error\":\"unauthorized\",\"reason\":\"You are not a server admin.\"}\n";
        proxy.rule(Method::GET, "/_all_dbs", 1, Action::Answer(401, answer));
        let rows = "{\"rows\":[{\"id\":\"catalogue.p_notes\",\"key\":\"catalogue.p_notes\",\
                    \"value\":{\"rev\":\"1-a\"},\"doc\":{\"_id\":\"catalogue.p_notes\",\"_rev\":\"1-a\",\
                    \"collection\":\"notes\",\"indexes\":[],\"adopted\":true,\"version\":\"1\"}}]}";
        proxy.rule(Method::GET, "/p_isobase_journal/_all_docs", 1, Action::Answer(200, rows));
        proxy.rule(Method::GET, "/p_notes/_all_docs", 1, Action::Answer(200, "{\"rows\":[{}]}"));
        proxy.rule(Method::GET, "/p_notes", 1, Action::Answer(200, "{\"doc_count\":4}"));
        let found = native.collections().await.unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].name.as_str(), found[0].documents), ("notes", 3));
    });
}

#[test]
fn a_journal_that_is_gone_is_no_empty_one() {
    with_prefix(async |f| {
        let (native, head) = f.open().await;
        let commit = made(&native, head, &[("notes", "1", Some("{}"))]).await;
        f.foreign(Method::DELETE, "isobase_journal", "").await;
        assert_eq!(native.check().await.unwrap_err().kind, ErrorKind::Unavailable);
        let failed = native.commit(&commit).await.unwrap_err();
        assert_eq!(failed.kind, ErrorKind::Unavailable, "{failed}");
        assert_eq!(native.head().await.unwrap_err().kind, ErrorKind::Unavailable);
        let failed = native.read_log(Sequence(0), 1).await.unwrap_err();
        assert_eq!(failed.kind, ErrorKind::Unavailable);
    });
}
