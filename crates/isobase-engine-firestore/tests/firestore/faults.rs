//! Faults that emulators never show.

use std::{sync::Arc, time::Duration};

use isobase_engine::{EngineError, ErrorKind};
use isobase_engine_firestore::{Environment, FirestoreDatabase, FirestoreOptions};
use isobase_journal::{CommitError, DocumentDatabase, JournalOptions, KeyFetch};
use isobase_types::Sequence;
use tokio::{sync::Barrier, time::Instant};
use tonic::Code;

use crate::{
    proxy::{Fault, Proxy, Relay},
    support::{Database, before, collection, commit, create, fields, key, on_each, text},
};

/// Short, so that a test of silence is over soon; long enough for a busy machine.
const DEADLINE: Duration = Duration::from_secs(6);

const DOWN: Fault = Fault::Before(Code::Unavailable, "down");

/// A database behind a server with faults.
async fn behind(database: &Database) -> (FirestoreDatabase, Proxy) {
    let proxy = Proxy::start(&database.host.host).await;
    let url = format!("firestore://{}?emulator={}", database.project, proxy.address);
    let mut options = FirestoreOptions::new(&url).expect("a URL");
    options.connections = 1;
    let remote = JournalOptions { deadline: DEADLINE, ..JournalOptions::default() };
    let native = FirestoreDatabase::connect(options, &Environment::default(), remote).await;
    let native = native.expect("options are enough");
    native.open().await.expect("the journal is there");
    (native, proxy)
}

async fn read(native: &FirestoreDatabase) -> Result<usize, EngineError> {
    let found = native.read(&[key("a", "1")]).await?;
    Ok(found.into_iter().flatten().count())
}

#[test]
fn reads_are_repeated_where_it_helps() {
    on_each(async |database| {
        let (native, proxy) = behind(&database).await;
        database.commit(vec![create(&native, "a", "1", "{}")]).await;
        let faults = [
            DOWN,
            Fault::Before(Code::Aborted, "contention"),
            Fault::Before(Code::Internal, "internal"),
            Fault::Before(Code::DeadlineExceeded, "slow"),
            Fault::Cut(0),
            Fault::BreakAfter,
        ];
        let before = proxy.calls("BatchGetDocuments");
        for fault in faults {
            proxy.expect("BatchGetDocuments", [fault]);
            assert_eq!(read(&native).await.unwrap(), 1);
        }
        assert_eq!(proxy.calls("BatchGetDocuments"), before + 12);
        proxy.expect("BatchGetDocuments", [DOWN, DOWN, DOWN]);
        assert_eq!(read(&native).await.unwrap(), 1);
        proxy.expect(
            "BatchGetDocuments",
            [Fault::Before(Code::ResourceExhausted, "Quota exceeded.")],
        );
        assert_eq!(read(&native).await.unwrap(), 1);
        assert!(proxy.is_done());
    });
}

#[test]
fn a_read_is_given_up_with_a_named_error() {
    on_each(async |database| {
        let (native, proxy) = behind(&database).await;
        let cases = [
            (DOWN, ErrorKind::Unavailable, "UNAVAILABLE after 7 attempts: down"),
            (
                Fault::Before(Code::PermissionDenied, "Missing or insufficient permissions."),
                ErrorKind::Unexpected,
                "roles/datastore.user",
            ),
            (
                Fault::Before(Code::NotFound, "The database (default) does not exist"),
                ErrorKind::Unexpected,
                "create the database",
            ),
            (
                Fault::Before(Code::FailedPrecondition, "The query requires an index."),
                ErrorKind::Unexpected,
                "isobase_meta.keys",
            ),
        ];
        for (fault, kind, part) in cases {
            let count = if kind == ErrorKind::Unavailable { 7 } else { 1 };
            proxy.expect("BatchGetDocuments", vec![fault; count]);
            let error = read(&native).await.unwrap_err();
            assert_eq!(error.kind, kind, "{error}");
            let text = error.to_string();
            assert!(text.contains(part) && text.contains("'a/1'"), "{text}");
            assert!(proxy.is_done());
        }
    });
}

#[test]
fn silence_ends_with_the_deadline() {
    on_each(async |database| {
        let (native, proxy) = behind(&database).await;
        proxy.expect("BatchGetDocuments", vec![Fault::Silence; 20]);
        let started = Instant::now();
        let error = read(&native).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::TimedOut, "{error}");
        let elapsed = started.elapsed();
        assert!(elapsed < DEADLINE + Duration::from_secs(2), "{elapsed:?}");
        assert!(proxy.calls("BatchGetDocuments") >= 3, "there was time for other attempts");
    });
}

#[test]
fn one_silent_attempt_leaves_time_for_another() {
    on_each(async |database| {
        let (native, proxy) = behind(&database).await;
        proxy.expect("BatchGetDocuments", [Fault::Silence]);
        assert_eq!(read(&native).await.unwrap(), 0);
    });
}

#[test]
fn a_refused_token_is_replaced_once() {
    on_each(async |database| {
        let (native, proxy) = behind(&database).await;
        let refused = Fault::Before(Code::Unauthenticated, "token expired");
        let tokens = || {
            let gauges = native.gauges();
            gauges.iter().find(|(name, _)| *name == "remote_tokens_total").map(|(_, count)| *count)
        };
        assert_eq!(tokens(), Some(1.0));
        proxy.expect("BatchGetDocuments", [refused.clone()]);
        assert_eq!(read(&native).await.unwrap(), 0);
        assert_eq!(tokens(), Some(2.0));
        proxy.expect("BatchGetDocuments", [refused.clone(), refused]);
        let error = read(&native).await.unwrap_err();
        assert!(error.to_string().contains("check the credentials"), "{error}");
        assert_eq!(tokens(), Some(3.0));
    });
}

#[test]
fn a_query_that_was_cut_begins_again() {
    on_each(async |database| {
        let (native, proxy) = behind(&database).await;
        let id = |place: usize| format!("d{place:02}");
        let writes = (0..20).map(|place| create(&native, "a", &id(place), "{}"));
        native.load(writes.collect()).await.unwrap();
        let fetch = KeyFetch {
            index: 0,
            lower: Vec::new(),
            upper: None,
            reverse: false,
            limit: 100,
            bytes_max: usize::MAX,
        };
        for fault in [Fault::Cut(7), Fault::Cut(0), Fault::BreakAfter] {
            proxy.expect("RunQuery", [fault]);
            let found = native.fetch(&collection("a"), &fetch).await.unwrap();
            let ids = found.documents.iter().map(|found| found.document.id.to_string());
            assert!(ids.eq((0..20).map(id)));
            assert!(found.exhausted);
        }
        proxy.expect("RunAggregationQuery", [Fault::Cut(0), DOWN]);
        assert_eq!(native.count(&collection("a")).await.unwrap(), 20);
        proxy.expect("ListCollectionIds", [DOWN]);
        assert_eq!(native.collections().await.unwrap().len(), 1);
        assert!(proxy.is_done());
    });
}

#[test]
fn a_commit_whose_answer_got_lost_is_not_done_twice() {
    on_each(async |database| {
        let (native, proxy) = behind(&database).await;
        let faults = [
            vec![DOWN],
            vec![Fault::Before(Code::Aborted, "Too much contention on these documents.")],
            vec![Fault::After(Code::Unavailable, "lost")],
            vec![Fault::After(Code::DeadlineExceeded, "lost")],
            vec![Fault::After(Code::Internal, "lost")],
            vec![Fault::BreakAfter],
            vec![Fault::Cut(0)],
            vec![DOWN, Fault::After(Code::Unavailable, "lost"), DOWN],
            vec![Fault::SilenceAfter],
        ];
        let count = faults.len();
        for (place, faults) in faults.into_iter().enumerate() {
            let case = format!("{faults:?}");
            proxy.expect("Commit", faults);
            let head = native.head().await.unwrap();
            let writes = vec![create(&native, "a", &format!("d{place}"), "{}")];
            let given = commit(head, writes);
            assert_eq!(native.commit(&given).await.unwrap(), Ok(()), "{case}");
            assert_eq!(native.head().await.unwrap(), given.next, "{case}");
            assert!(proxy.is_done(), "{case}");
        }
        let log = native.read_log(Sequence(0), 100).await.unwrap();
        let changes: usize = log.iter().map(|record| record.changes.len()).sum();
        assert_eq!(changes, count);
    });
}

#[test]
fn a_lost_answer_is_found_in_the_log_when_the_head_moved_on() {
    on_each(async |database| {
        let (native, proxy) = behind(&database).await;
        let head = native.head().await.unwrap();
        let given = commit(head, vec![create(&native, "a", "1", "{}")]);
        // The answer is lost, and while the second attempt waits another process commits.
        proxy.expect("Commit", [Fault::SilenceAfter]);
        let committing = native.commit(&given);
        let moving = async {
            loop {
                let head = database.native.head().await.unwrap();
                if head == given.next {
                    break database.commit(vec![create(&native, "a", "2", "{}")]).await;
                }
            }
        };
        let (committed, _) = tokio::join!(committing, moving);
        assert_eq!(committed.unwrap(), Ok(()));
        assert_eq!(native.count(&collection("a")).await.unwrap(), 2);
    });
}

#[test]
fn a_commit_that_lost_against_another_process_says_so() {
    on_each(async |database| {
        let (native, proxy) = behind(&database).await;
        let head = native.head().await.unwrap();
        let given = commit(head, vec![create(&native, "a", "1", "{}")]);
        database.commit(vec![create(&native, "a", "2", "{}")]).await;
        proxy.expect("Commit", [DOWN]);
        assert_eq!(native.commit(&given).await.unwrap(), Err(CommitError::HeadMoved));
        assert_eq!(database.body("a", "1").await, None);
    });
}

#[test]
fn a_commit_that_may_have_happened_is_not_called_undone() {
    on_each(async |database| {
        let (native, proxy) = behind(&database).await;
        let head = native.head().await.unwrap();
        let given = commit(head, vec![create(&native, "a", "1", "{}")]);
        proxy.expect("Commit", vec![Fault::After(Code::Unavailable, "lost"); 7]);
        proxy.expect("BatchGetDocuments", vec![DOWN; 7]);
        let error = native.commit(&given).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::OutcomeUnknown, "{error}");
        assert!(proxy.is_done());
        assert_eq!(native.head().await.unwrap(), given.next);
    });
}

#[test]
fn a_reading_that_fails_does_not_say_that_nothing_was_written() {
    on_each(async |database| {
        let (native, proxy) = behind(&database).await;
        let head = native.head().await.unwrap();
        let given = commit(head, vec![create(&native, "a", "1", "{}")]);
        database.commit(vec![create(&native, "a", "2", "{}")]).await;
        // The answer is lost, then the service is gone; it shows another head, and is gone again.
        proxy.expect("Commit", [Fault::After(Code::Unavailable, "lost")]);
        proxy.expect("Commit", vec![DOWN; 6]);
        proxy.expect("BatchGetDocuments", [Fault::None]);
        proxy.expect("BatchGetDocuments", vec![DOWN; 7]);
        let error = native.commit(&given).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::OutcomeUnknown, "{error}");
        assert!(proxy.is_done());
        assert_eq!(native.commit(&given).await.unwrap(), Err(CommitError::HeadMoved));
    });
}

#[test]
fn a_deletion_takes_what_was_changed_meanwhile() {
    on_each(async |database| {
        let (native, proxy) = behind(&database).await;
        for id in ["1", "2", "3"] {
            database.write_foreign(&format!("a/{id}"), fields([("v", text("1"))])).await;
        }
        let gate = Arc::new(Barrier::new(2));
        proxy.expect("BatchWrite", [Fault::Gate(gate.clone())]);
        let name = collection("a");
        let changing = async {
            gate.wait().await;
            database.write_foreign("a/2", fields([("v", text("2"))])).await;
            gate.wait().await;
        };
        let (deleted, ()) = tokio::join!(native.purge(&name, Sequence(6)), changing);
        deleted.unwrap();
        assert_eq!(native.count(&name).await.unwrap(), 0);
    });
}

#[test]
fn a_commit_that_was_refused_for_good_says_why() {
    on_each(async |database| {
        let (native, proxy) = behind(&database).await;
        let head = native.head().await.unwrap();
        let given = commit(head, vec![create(&native, "a", "1", "{}")]);
        let cases = [
            (Fault::Before(Code::PermissionDenied, "no"), ErrorKind::Unexpected),
            (Fault::Before(Code::InvalidArgument, "bad"), ErrorKind::Unexpected),
            (
                Fault::Before(Code::ResourceExhausted, "message exceeds maximum size"),
                ErrorKind::LimitExceeded,
            ),
            // What goes counts too, and emulators do not count it.
            (
                Fault::Before(
                    Code::InvalidArgument,
                    "Transaction too big. Decrease transaction size.",
                ),
                ErrorKind::LimitExceeded,
            ),
            (
                Fault::Before(Code::FailedPrecondition, "Too many index entries for entity"),
                ErrorKind::LimitExceeded,
            ),
            // No condition failed: this is something else.
            (Fault::Before(Code::FailedPrecondition, "Datastore Mode"), ErrorKind::Unexpected),
        ];
        for (fault, kind) in cases {
            proxy.expect("Commit", [fault]);
            let error = native.commit(&given).await.unwrap_err();
            assert_eq!(error.kind, kind, "{error}");
            assert!(error.message.contains("'a/1'"), "{error}");
            assert!(proxy.is_done());
        }
        assert_eq!(native.commit(&given).await.unwrap(), Ok(()));
    });
}

#[test]
fn a_load_goes_on_where_firestore_had_too_much_to_do() {
    on_each(async |database| {
        let (native, proxy) = behind(&database).await;
        let id = |place: usize| format!("d{place}");
        let writes: Vec<_> = (0..700).map(|place| create(&native, "a", &id(place), "{}")).collect();
        proxy.expect(
            "BatchWrite",
            [
                DOWN,
                Fault::After(Code::Unavailable, "lost"),
                Fault::Before(Code::ResourceExhausted, "Quota exceeded."),
                Fault::BreakAfter,
            ],
        );
        native.load(writes).await.unwrap();
        assert!(proxy.is_done());
        assert_eq!(native.count(&collection("a")).await.unwrap(), 700);
    });
}

#[test]
fn a_server_that_is_not_there_is_named() {
    on_each(async |database| {
        let nobody = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = nobody.local_addr().expect("an address");
        drop(nobody);
        let url = format!("firestore://{}?emulator={address}", database.project);
        let options = FirestoreOptions::new(&url).expect("a URL");
        let remote = JournalOptions { deadline: DEADLINE, ..JournalOptions::default() };
        let native = FirestoreDatabase::connect(options, &Environment::default(), remote).await;
        let native = native.expect("options are enough");
        let error = native.open().await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
        assert!(error.to_string().contains("check the address"), "{error}");
        let given = commit(isobase_journal::Head::default(), Vec::new());
        let error = native.commit(&given).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unavailable, "nothing was sent: {error}");
    });
}

const TOO_MANY_ENTRIES: (Code, &str) =
    (Code::FailedPrecondition, "Too many index entries for entity");

#[test]
fn a_document_that_is_refused_in_a_load_is_named() {
    on_each(async |database| {
        let (native, proxy) = behind(&database).await;
        let writes = ["1", "2"].map(|id| create(&native, "a", id, "{}")).to_vec();
        let done = (Code::Ok, "");
        let cases = [
            (TOO_MANY_ENTRIES, ErrorKind::LimitExceeded),
            ((Code::InvalidArgument, "too many index entries"), ErrorKind::LimitExceeded),
            // Without a condition there is none that did not hold.
            ((Code::FailedPrecondition, "something else"), ErrorKind::Unexpected),
        ];
        for (answer, kind) in cases {
            proxy.expect("BatchWrite", [Fault::Each(vec![done, answer])]);
            let error = native.load(writes.clone()).await.unwrap_err();
            assert_eq!(error.kind, kind, "{error}");
            assert!(error.message.contains("'a/2'") && error.message.contains(answer.1), "{error}");
            assert!(proxy.is_done());
        }
    });
}

#[test]
fn a_condition_that_does_not_hold_is_no_other_refusal() {
    on_each(async |database| {
        let (native, proxy) = behind(&database).await;
        database.commit(vec![create(&native, "a", "1", "{}")]).await;
        let mut write = create(&native, "a", "1", "{}");
        write.before = Some(before(&native, "a", "1").await);
        let writes = [write];
        let changed = (Code::FailedPrecondition, "the stored version does not match");
        proxy.expect("BatchWrite", [Fault::Each(vec![changed])]);
        assert_eq!(native.rekey(&writes).await.unwrap(), [false]);
        proxy.expect("BatchWrite", [Fault::Each(vec![TOO_MANY_ENTRIES])]);
        let error = native.rekey(&writes).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::LimitExceeded, "{error}");
        assert!(error.message.contains("'a/1'"), "{error}");
        assert_eq!(native.rekey(&writes).await.unwrap(), [true]);
    });
}

#[test]
fn a_load_that_is_too_much_at_once_is_sent_in_halves() {
    on_each(async |database| {
        let (native, proxy) = behind(&database).await;
        let too_big =
            Fault::Before(Code::InvalidArgument, "Transaction too big. Decrease transaction size.");
        let writes: Vec<_> =
            (0..4).map(|place| create(&native, "a", &format!("d{place}"), "{}")).collect();
        proxy.expect("BatchWrite", [too_big.clone(), too_big.clone()]);
        native.load(writes.clone()).await.unwrap();
        assert_eq!(proxy.calls("BatchWrite"), 5);
        assert_eq!(native.count(&collection("a")).await.unwrap(), 4);
        // What is alone cannot be divided.
        proxy.expect("BatchWrite", [too_big]);
        let error = native.load(writes[..1].to_vec()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::LimitExceeded, "{error}");
        assert!(error.message.contains("'a/d0'"), "{error}");
    });
}

#[test]
fn a_connection_that_died_while_nobody_asked_is_replaced() {
    for host in isobase_testkit::firestore_hosts() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime can be built").block_on(async {
            let relay = Relay::start(&host.host).await;
            let project = isobase_testkit::unique_name("p").replace('_', "-");
            let url = format!("firestore://{project}?connections=1&emulator={}", relay.address);
            let options = FirestoreOptions::new(&url).expect("a URL");
            let remote = JournalOptions { deadline: DEADLINE, ..JournalOptions::default() };
            let native = FirestoreDatabase::connect(options, &Environment::default(), remote).await;
            let native = native.expect("options are enough");
            native.open().await.expect("the journal is made");
            assert_eq!(relay.connections(), 1);
            relay.go_deaf();
            tokio::time::pause();
            tokio::time::sleep(Duration::from_secs(65)).await;
            tokio::time::resume();
            let started = Instant::now();
            assert_eq!(read(&native).await.unwrap(), 0);
            assert!(started.elapsed() < DEADLINE / 2, "{:?}", started.elapsed());
            assert_eq!(relay.connections(), 2);
        });
    }
}
