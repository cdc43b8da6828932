//! Inline reads, long reads, and how they end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use isobase_sqlite::rusqlite::{self, Connection, StatementStatus};
use isobase_sqlite::{Database, Error, Options};

use crate::fixture::{Fixture, LONG, create_table, ids};

fn endless(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n",
        [],
        |row| row.get(0),
    )
}

#[tokio::test]
async fn long_read_ends_at_its_deadline() {
    let fixture = Fixture::new();
    let answer = fixture.database.read(Duration::from_millis(20), endless).await;
    assert!(matches!(answer, Err(Error::TimedOut)), "{answer:?}");
    assert_eq!(fixture.database.read(LONG, ids).await.unwrap(), Vec::<i64>::new());
    let answer = fixture.database.read_blocking(Duration::from_millis(20), endless);
    assert!(matches!(answer, Err(Error::TimedOut)), "{answer:?}");
    assert_eq!(fixture.database.read_blocking(LONG, ids).unwrap(), Vec::<i64>::new());
}

#[tokio::test]
async fn dropped_read_frees_its_thread() {
    let fixture = Fixture::new();
    let (entered, mut inside) = tokio::sync::mpsc::unbounded_channel();
    let database = fixture.database.clone();
    let reading = tokio::spawn(async move {
        let read = move |connection: &Connection| {
            entered.send(()).unwrap();
            endless(connection)
        };
        database.read(LONG * 100, read).await
    });
    inside.recv().await.unwrap();
    reading.abort();
    assert!(reading.await.unwrap_err().is_cancelled());
    assert_eq!(fixture.database.read(LONG, ids).await.unwrap(), Vec::<i64>::new());
}

#[tokio::test]
async fn too_many_waiting_reads_are_busy() {
    let fixture = Fixture::with(|options| options.scans_waiting_max = 1);
    let (release, gate) = channel::<()>();
    let (entered, mut inside) = tokio::sync::mpsc::unbounded_channel();
    let running = tokio::spawn({
        let database = fixture.database.clone();
        let read = move |_: &Connection| {
            entered.send(()).unwrap();
            let _ = gate.recv();
            Ok(())
        };
        async move { database.read(LONG, read).await }
    });
    inside.recv().await.unwrap();
    let waiting = tokio::spawn({
        let database = fixture.database.clone();
        async move { database.read(LONG, ids).await }
    });
    while fixture.database.metrics().scans_waiting == 0 {
        tokio::task::yield_now().await;
    }
    assert!(matches!(fixture.database.read(LONG, ids).await, Err(Error::Busy)));
    drop(release);
    running.await.unwrap().unwrap();
    waiting.await.unwrap().unwrap();
}

#[tokio::test]
async fn close_stops_long_reads() {
    let fixture = Fixture::new();
    let (entered, mut inside) = tokio::sync::mpsc::unbounded_channel();
    let database = fixture.database.clone();
    let reading = tokio::spawn(async move {
        let read = move |connection: &Connection| {
            entered.send(()).unwrap();
            endless(connection)
        };
        database.read(LONG, read).await
    });
    inside.recv().await.unwrap();
    let database = fixture.database.clone();
    thread::spawn(move || database.close()).join().unwrap().unwrap();
    assert!(matches!(reading.await.unwrap(), Err(Error::Closed)));
}

#[tokio::test]
async fn panic_of_read_harms_no_later_read() {
    let fixture = Fixture::with(|options| options.readers = 1);
    let answer = fixture.database.read(LONG, |_| -> rusqlite::Result<()> { panic!("as wanted") });
    assert!(matches!(answer.await, Err(Error::Panicked)));
    assert_eq!(fixture.database.read(LONG, ids).await.unwrap(), Vec::<i64>::new());
    let inline = catch_unwind(AssertUnwindSafe(|| {
        fixture.database.read_inline(|_| -> rusqlite::Result<()> { panic!("as wanted") })
    }));
    assert!(inline.is_err());
    assert_eq!(fixture.ids(), Vec::<i64>::new());
}

#[tokio::test]
async fn open_transaction_of_read_is_ended() {
    let fixture = Fixture::with(|options| options.readers = 1);
    let open = |connection: &Connection| {
        connection.execute_batch("BEGIN")?;
        ids(connection)
    };
    fixture.database.read_inline(open).unwrap();
    fixture.database.read(LONG, open).await.unwrap();
    fixture.insert(1).await.unwrap().unwrap();
    assert_eq!(fixture.ids(), [1], "the old snapshot is gone");
    assert_eq!(fixture.database.read(LONG, ids).await.unwrap(), [1]);
}

#[tokio::test]
async fn short_reads_see_every_write_that_was_answered() {
    let fixture = Fixture::with(|options| options.readers = 1);
    let short = || fixture.database.read_short(ids).unwrap();
    for id in 1..=3 {
        fixture.insert(id).await.unwrap().unwrap();
        assert_eq!(short(), (1..=id).collect::<Vec<_>>());
        assert_eq!(short().len(), usize::try_from(id).unwrap());
    }
    let failed = fixture.database.read_short(|it| it.execute("DELETE FROM rows", []));
    assert!(matches!(failed, Err(Error::Sqlite(_))));
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        fixture.database.read_short(|_| -> rusqlite::Result<()> { panic!("as wanted") })
    }));
    assert!(panicked.is_err());
    fixture.insert(4).await.unwrap().unwrap();
    assert_eq!(short(), [1, 2, 3, 4]);
    let begin = |connection: &Connection| connection.execute_batch("BEGIN");
    fixture.database.read_inline(begin).unwrap();
    assert_eq!(short(), [1, 2, 3, 4]);
}

#[tokio::test]
async fn short_reads_see_what_another_program_writes() {
    let fixture = Fixture::with(|options| options.readers = 1);
    assert_eq!(fixture.database.read_short(ids).unwrap(), Vec::<i64>::new());
    let other = Connection::open(fixture.path()).unwrap();
    other.execute("INSERT INTO rows (id) VALUES (7)", []).unwrap();
    let began = std::time::Instant::now();
    while fixture.database.read_short(ids).unwrap() != [7] {
        assert!(began.elapsed() < LONG);
    }
}

#[tokio::test]
async fn readers_cannot_write() {
    let fixture = Fixture::new();
    let write = |connection: &Connection| connection.execute("DELETE FROM rows", []);
    assert!(matches!(fixture.database.read_inline(write), Err(Error::Sqlite(_))));
    assert!(matches!(fixture.database.read(LONG, write).await, Err(Error::Sqlite(_))));
}

#[tokio::test]
async fn snapshot_stays_at_its_moment() {
    let fixture = Fixture::new();
    fixture.insert(1).await.unwrap().unwrap();
    let snapshot = fixture.database.snapshot().unwrap();
    fixture.insert(2).await.unwrap().unwrap();
    assert_eq!(snapshot.read(LONG, ids).await.unwrap(), [1]);
    fixture.insert(3).await.unwrap().unwrap();
    assert_eq!(snapshot.read(LONG, ids).await.unwrap(), [1]);
    assert_eq!(fixture.database.read(LONG, ids).await.unwrap(), [1, 2, 3]);
    let late = fixture.database.snapshot().unwrap();
    assert_eq!(late.read(LONG, ids).await.unwrap(), [1, 2, 3]);
}

#[tokio::test]
async fn close_stops_a_snapshot_that_reads() {
    let fixture = Fixture::new();
    let snapshot = fixture.database.snapshot().unwrap();
    let (entered, mut inside) = tokio::sync::mpsc::unbounded_channel();
    let read = move |connection: &Connection| {
        entered.send(()).unwrap();
        endless(connection)
    };
    let reading = snapshot.read(LONG * 100, read);
    let database = fixture.database.clone();
    let close = async {
        inside.recv().await.unwrap();
        tokio::task::spawn_blocking(move || database.close()).await.unwrap().unwrap();
    };
    let (answer, ()) = tokio::join!(reading, close);
    assert!(matches!(answer, Err(Error::Closed)), "{answer:?}");
    assert!(matches!(snapshot.read(LONG, ids).await, Err(Error::Closed)));
    assert!(matches!(fixture.database.snapshot(), Err(Error::Closed)));
}

/// SQLite plans a statement anew for each value, once `ANALYZE` has told it how values are
/// distributed, and its own `PRAGMA optimize` runs that: seen with SQLite 3.54.1.
#[test]
fn statements_stay_prepared_in_an_analysed_file() {
    let fixture = Fixture::new();
    let path = fixture.path();
    drop(fixture.writer);
    fixture.database.close().unwrap();
    let analyse = "
        CREATE TABLE pairs (a INTEGER, b INTEGER, PRIMARY KEY (a, b)) WITHOUT ROWID;
        WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 999)
        INSERT INTO pairs SELECT i % 7, i FROM n;
        ANALYZE;";
    Connection::open(&path).unwrap().execute_batch(analyse).unwrap();
    let database = Database::open(Options::new(path), create_table).unwrap();
    let prepared_again = database.read_inline(|connection| {
        let range = "SELECT count(*) FROM pairs WHERE a = ?1 AND b >= ?2 AND b < ?3";
        let mut statement = connection.prepare(range)?;
        for first in 0..20 {
            statement.query_row([first % 7, first, first + 10], |_| Ok(()))?;
        }
        Ok(statement.get_status(StatementStatus::RePrepare))
    });
    assert_eq!(prepared_again.unwrap(), 0);
}
