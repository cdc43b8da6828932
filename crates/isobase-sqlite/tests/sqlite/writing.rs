//! Group commit, and what one job's failure means for the others.

use std::thread;
use std::time::Duration;

use isobase_sqlite::{Database, Error, Options, Outcome, WriterState};

use crate::fixture::{Fixture, Job, LONG, Rows, create_table, ids, names};

#[tokio::test]
async fn waiting_jobs_share_one_commit() {
    let fixture = Fixture::new();
    let answers = fixture.batch((1..=10).map(Job::Insert)).await;
    let counts: Vec<i64> = answers.into_iter().map(|answer| answer.unwrap().unwrap()).collect();
    assert_eq!(counts, (1..=10).collect::<Vec<_>>(), "jobs run in the order they were queued");
    let metrics = fixture.database.metrics();
    assert_eq!((metrics.batches, metrics.last_batch_jobs, metrics.jobs), (2, 10, 11));
    assert_eq!(metrics.queue_jobs, 0);
    assert_eq!(metrics.rollbacks, 0);
}

#[tokio::test]
async fn answered_write_is_seen_by_readers() {
    let fixture = Fixture::new();
    for id in 1..=50 {
        fixture.insert(id).await.unwrap().unwrap();
        assert_eq!(fixture.ids().last(), Some(&id));
    }
}

#[tokio::test]
async fn no_reader_sees_uncommitted_job() {
    let fixture = Fixture::new();
    let hold = fixture.hold_writer().await;
    let first = fixture.writer.enqueue(Job::Insert(1), LONG).await.unwrap();
    let (entered, inside) = std::sync::mpsc::channel();
    let (release, gate) = std::sync::mpsc::channel::<()>();
    let second = fixture.writer.enqueue(Job::Hold { entered, gate }, LONG).await.unwrap();
    drop(hold);
    inside.recv_timeout(LONG).unwrap();
    assert_eq!(fixture.ids(), Vec::<i64>::new(), "the first job ran, but is not committed");
    drop(release);
    first.answer().await.unwrap().unwrap();
    second.answer().await.unwrap().unwrap();
    assert_eq!(fixture.ids(), [1]);
}

#[tokio::test]
async fn refused_job_harms_no_neighbour() {
    let fixture = Fixture::new();
    let refused = Job::InsertThenRefuse { id: 2, savepoint: true };
    let answers = fixture.batch([Job::Insert(1), refused, Job::Insert(3)]).await;
    assert_eq!(names(&answers), ["stored", "refused", "stored"]);
    assert_eq!(*answers[2].as_ref().unwrap(), Ok(2), "the handler's count was restored");
    assert_eq!(fixture.ids(), [1, 3]);
    assert_eq!(fixture.database.metrics().rollbacks, 0);
}

#[tokio::test]
async fn failure_after_change_without_savepoint_reruns_the_others() {
    let fixture = Fixture::new();
    let refused = Job::InsertThenRefuse { id: 2, savepoint: false };
    let answers = fixture.batch([Job::Insert(1), refused, Job::Insert(3)]).await;
    assert_eq!(names(&answers), ["stored", "refused", "stored"]);
    assert_eq!(*answers[2].as_ref().unwrap(), Ok(2));
    assert_eq!(fixture.ids(), [1, 3]);
    assert_eq!(fixture.database.metrics().rollbacks, 1);
}

#[tokio::test]
async fn failure_before_change_needs_no_savepoint() {
    let fixture = Fixture::new();
    let jobs = [Job::Insert(1), Job::Refuse, Job::Insert(1), Job::Insert(2)];
    let answers = fixture.batch(jobs).await;
    assert_eq!(names(&answers), ["stored", "refused", "sqlite", "stored"]);
    assert_eq!(*answers[3].as_ref().unwrap(), Ok(2));
    assert_eq!(fixture.ids(), [1, 2]);
    assert_eq!(fixture.database.metrics().rollbacks, 0, "SQLite undid the statement itself");
}

#[tokio::test]
async fn constraint_at_commit_fails_its_own_job() {
    let fixture = Fixture::new();
    let answers = fixture.batch([Job::Insert(1), Job::Orphan(7), Job::Insert(2)]).await;
    assert_eq!(names(&answers), ["stored", "sqlite", "stored"]);
    assert_eq!(fixture.ids(), [1, 2]);
    let answers = fixture.batch([Job::Orphan(7), Job::Insert(7)]).await;
    assert_eq!(names(&answers), ["stored", "stored"], "the parent came before COMMIT");
}

#[tokio::test]
async fn io_error_ends_writing_and_not_reading() {
    let fixture = Fixture::new();
    fixture.insert(1).await.unwrap().unwrap();
    let answers = fixture.batch([Job::Insert(2), Job::FailBatch, Job::Insert(3)]).await;
    assert_eq!(names(&answers), ["failed", "failed", "failed"]);
    assert!(matches!(fixture.database.state(), WriterState::Failed { .. }));
    let later = fixture.insert(4).await;
    assert!(
        matches!(later, Err(Error::WriterFailed { outcome: Outcome::NotStored, .. })),
        "{later:?}"
    );
    assert_eq!(fixture.ids(), [1]);
    assert_eq!(fixture.database.read(LONG, ids).await.unwrap(), [1]);
    assert!(matches!(fixture.database.close(), Err(Error::WriterFailed { .. })));
    let database = Database::open(Options::new(fixture.path()), create_table).unwrap();
    assert_eq!(database.read_inline(ids).unwrap(), [1], "the next start recovers");
}

#[tokio::test]
async fn panic_of_handler_ends_writing_and_not_reading() {
    let fixture = Fixture::new();
    let answers = fixture.batch([Job::Insert(1), Job::Panic]).await;
    assert_eq!(names(&answers), ["failed", "failed"]);
    let WriterState::Failed { reason } = fixture.database.state() else {
        panic!("the writer runs on");
    };
    assert!(reason.contains("as the test wants it"), "{reason}");
    assert_eq!(fixture.ids(), Vec::<i64>::new());
}

#[tokio::test]
async fn full_disk_refuses_and_recovers() {
    let fixture = Fixture::new();
    fixture.submit(Job::PagesMax(1)).await.unwrap().unwrap();
    let jobs = [Job::Insert(1), Job::Fill { id: 2, bytes: 100_000 }];
    assert_eq!(names(&fixture.batch(jobs).await), ["full", "full"]);
    assert_eq!(fixture.database.state(), WriterState::Running);
    assert_eq!(fixture.ids(), Vec::<i64>::new());
    fixture.submit(Job::PagesMax(0)).await.unwrap().unwrap();
    let jobs = [Job::Insert(1), Job::Fill { id: 2, bytes: 100_000 }];
    assert_eq!(names(&fixture.batch(jobs).await), ["stored", "stored"]);
    assert_eq!(fixture.ids(), [1, 2]);
}

#[tokio::test]
async fn full_queue_answers_busy() {
    let fixture = Fixture::with(|options| options.queue_jobs_max = 2);
    let hold = fixture.hold_writer().await;
    let mut queued = Vec::new();
    for id in 1..=2 {
        queued.push(fixture.writer.enqueue(Job::Insert(id), Duration::ZERO).await.unwrap());
    }
    let third = fixture.writer.submit(Job::Insert(3), Duration::ZERO).await;
    assert!(matches!(third, Err(Error::Busy)), "{third:?}");
    let writer = fixture.writer.clone();
    let blocking = thread::spawn(move || writer.submit_blocking(Job::Insert(3), Duration::ZERO));
    assert!(matches!(blocking.join().unwrap(), Err(Error::Busy)));
    drop(hold);
    for receipt in queued {
        receipt.answer().await.unwrap().unwrap();
    }
    fixture.insert(3).await.unwrap().unwrap();
    assert_eq!(fixture.ids(), [1, 2, 3]);
}

#[tokio::test]
async fn submitter_waits_for_room_in_queue() {
    let fixture = Fixture::with(|options| options.queue_jobs_max = 1);
    let hold = fixture.hold_writer().await;
    let queued = fixture.writer.enqueue(Job::Insert(1), LONG).await.unwrap();
    let waiting = tokio::spawn({
        let writer = fixture.writer.clone();
        async move { writer.submit(Job::Insert(2), LONG).await }
    });
    drop(hold);
    queued.answer().await.unwrap().unwrap();
    waiting.await.unwrap().unwrap().unwrap();
    assert_eq!(fixture.ids(), [1, 2]);
}

#[tokio::test]
async fn job_larger_than_every_bound_runs_alone() {
    let fixture = Fixture::with(|options| {
        options.queue_jobs_max = 2;
        options.batch_bytes_max = 10;
    });
    fixture.submit(Job::Fill { id: 1, bytes: 200_000 }).await.unwrap().unwrap();
    let fills = [2, 3].map(|id| Job::Fill { id, bytes: 9 });
    fixture.batch(fills).await;
    assert_eq!(fixture.ids(), [1, 2, 3]);
    assert_eq!(fixture.database.metrics().last_batch_jobs, 1);
}

#[tokio::test]
async fn dropped_submitter_does_not_take_job_back() {
    let fixture = Fixture::new();
    let hold = fixture.hold_writer().await;
    drop(fixture.writer.enqueue(Job::Insert(1), LONG).await.unwrap());
    drop(hold);
    fixture.insert(2).await.unwrap().unwrap();
    assert_eq!(fixture.ids(), [1, 2]);
}

#[tokio::test]
async fn close_commits_what_is_queued() {
    let fixture = Fixture::new();
    let hold = fixture.hold_writer().await;
    let mut receipts = Vec::new();
    for id in 1..=5 {
        receipts.push(fixture.writer.enqueue(Job::Insert(id), LONG).await.unwrap());
    }
    let closing = thread::spawn({
        let database = fixture.database.clone();
        move || database.close()
    });
    drop(hold);
    for receipt in receipts {
        receipt.answer().await.unwrap().unwrap();
    }
    closing.join().unwrap().unwrap();
    assert!(matches!(fixture.insert(6).await, Err(Error::Closed)));
    assert!(matches!(fixture.database.read_inline(ids), Err(Error::Closed)));
    assert!(matches!(fixture.database.read(LONG, ids).await, Err(Error::Closed)));
    assert!(!fixture.folder.path().join("data.db-wal").exists(), "the log was folded in");
    fixture.database.close().unwrap();
    let database = Database::open(Options::new(fixture.path()), create_table).unwrap();
    assert_eq!(database.read_inline(ids).unwrap(), [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn file_has_one_writer() {
    let fixture = Fixture::new();
    let second = fixture.database.start_writer(Rows::load);
    assert!(matches!(second, Err(Error::WriterStarted)));
}

#[tokio::test]
async fn blocking_submit_works_without_runtime() {
    let fixture = Fixture::new();
    let writer = fixture.writer.clone();
    let answer = thread::spawn(move || writer.submit_blocking(Job::Insert(1), LONG));
    assert!(matches!(answer.join().unwrap(), Ok(Ok(1))));
}

#[tokio::test]
async fn log_is_folded_into_file_as_it_grows() {
    let fixture = Fixture::with(|options| options.checkpoint_pages = 10);
    for id in 1..=20 {
        fixture.submit(Job::Fill { id, bytes: 20_000 }).await.unwrap().unwrap();
        // A connection that is in the middle of the log.
        fixture.database.read_short(ids).unwrap();
    }
    // The checkpoint follows the answers, so the last one may still run; earlier ones do not.
    let metrics = fixture.database.metrics();
    assert!(metrics.checkpoints >= 2, "{metrics:?}");
    assert!(metrics.log_pages < 100, "the log restarts: {metrics:?}");
}

/// Does something to the files of a database that is open, and asserts that writing ends.
#[cfg(unix)]
async fn writing_ends_after(change: impl FnOnce(&std::path::Path)) -> Fixture {
    let fixture = Fixture::new();
    fixture.insert(1).await.unwrap().unwrap();
    change(&fixture.path());
    let answer = fixture.insert(2).await;
    assert!(
        matches!(
            &answer,
            Err(Error::WriterFailed { outcome: isobase_sqlite::Outcome::NotStored, .. })
        ),
        "{answer:?}"
    );
    assert_eq!(fixture.ids(), [1], "what was answered can be read");
    fixture
}

#[cfg(unix)]
#[tokio::test]
async fn deleted_or_replaced_file_is_not_written_on() {
    use isobase_sqlite::WriterState;
    use std::fs;

    writing_ends_after(|path| fs::remove_dir_all(path.parent().unwrap()).unwrap()).await;
    writing_ends_after(|path| fs::remove_file(path).unwrap()).await;
    writing_ends_after(|path| fs::remove_file(path.with_extension("db-wal")).unwrap()).await;

    // Another database has its place: neither it nor its log is touched.
    let other = Fixture::new();
    other.insert(7).await.unwrap().unwrap();
    let fixture = writing_ends_after(|path| {
        for (end, old) in [("db", "old"), ("db-wal", "old-wal")] {
            fs::rename(path.with_extension(end), path.with_extension(old)).unwrap();
            fs::copy(other.path().with_extension(end), path.with_extension(end)).unwrap();
        }
    })
    .await;
    let read = |end: &str| fs::read(fixture.path().with_extension(end)).unwrap();
    let before = (read("db"), read("db-wal"));
    assert!(fixture.database.snapshot().is_err(), "it would be one of the other database");
    fixture.database.close().unwrap_err();
    assert!(before == (read("db"), read("db-wal")));

    // It is known without a write.
    let fixture = Fixture::new();
    assert_eq!(fixture.database.state(), WriterState::Running);
    fs::remove_file(fixture.path()).unwrap();
    let WriterState::Failed { reason } = fixture.database.state() else { panic!() };
    assert!(reason.starts_with("data.db was deleted or replaced"), "{reason}");
}
