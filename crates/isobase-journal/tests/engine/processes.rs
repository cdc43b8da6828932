//! Several processes on one database, and processes that were killed.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use isobase_engine::{
    BulkLoad, ChangeFeed, Counters, Engine, ErrorKind, IndexDefinition, IndexState, Indexes,
    Precondition, Rejection, WriteOperation,
};
use isobase_journal::{
    DocumentDatabase,
    testing::{FakeDatabase, FakeSettings, Fault},
};
use isobase_types::Sequence;

use crate::setup::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn racing_processes_share_numbers_and_documents() {
    for settings in [FakeSettings::small_commits(), FakeSettings::large_commits()] {
        let database = FakeDatabase::new(settings.troubled());
        let mut engines = Vec::new();
        for _ in 0..3 {
            engines.push(Arc::new(open(&database).await));
        }
        let writers = engines.iter().flat_map(|engine| (0..6).map(move |n| (engine.clone(), n)));
        let tasks: Vec<_> = writers
            .map(|(engine, n)| {
                tokio::spawn(async move {
                    let mut won = 0;
                    for round in 0..8 {
                        write(&engine, create("{}")).await;
                        let only_one = WriteOperation {
                            precondition: Precondition::Missing,
                            ..put(&format!("r{round}"), &format!("{{\"by\":{n}}}"))
                        };
                        won += usize::from(try_write(&engine, only_one).await.unwrap().is_ok());
                    }
                    won
                })
            })
            .collect();
        let mut won = 0;
        for task in tasks {
            won += task.await.unwrap();
        }
        assert_eq!(won, 8);
        let ids: BTreeSet<_> = list(&engines[0], "").await.into_iter().collect();
        assert_eq!(ids.len(), 3 * 6 * 8 + 8);
        let changes = changes(&engines[1]).await;
        let places: Vec<_> = changes.iter().map(|change| change.sequence.0).collect();
        assert_eq!(places, (1..=152).collect::<Vec<_>>());
        let told: BTreeSet<_> = changes.iter().map(|c| c.id.clone().unwrap().to_string()).collect();
        assert_eq!(told, ids);
    }
}

#[tokio::test]
async fn index_of_one_process_is_kept_by_the_other() {
    let database = database();
    let (one, other) = (open(&database).await, open(&database).await);
    write(&other, create("{\"n\":5}")).await;
    let made = one.create_index(&name("a"), &index("n")).await.unwrap();
    assert_eq!(made.state, IndexState::Ready);
    write(&other, create("{\"n\":4}")).await;
    write(&other, put("1", "{\"n\":3}")).await;
    assert_eq!(list(&one, "n").await, ["1", "2"]);
    assert_eq!(database.entries(&name("a")), 4);
    assert!(other.drop_index(&name("a"), &index("n")).await.unwrap());
    assert_eq!(one.indexes(&name("a")).await.unwrap(), []);
    other.close().await.unwrap();
    assert_eq!(database.entries(&name("a")), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn racing_processes_keep_values_unique() {
    for settings in [FakeSettings::small_commits(), FakeSettings::large_commits()] {
        let database = FakeDatabase::new(settings.troubled());
        let engines = [Arc::new(open(&database).await), Arc::new(open(&database).await)];
        let unique = IndexDefinition::parse("unique(n)").unwrap();
        engines[0].create_index(&name("a"), &unique).await.unwrap();
        let tasks: Vec<_> = (0..40)
            .map(|n: usize| {
                let engine = engines[n % 2].clone();
                let body = format!("{{\"n\":{}}}", n / 8);
                tokio::spawn(async move { try_write(&engine, create(&body)).await.unwrap() })
            })
            .collect();
        let mut won = 0;
        for task in tasks {
            match task.await.unwrap() {
                Ok(_) => won += 1,
                Err(refused) => assert!(matches!(refused, Rejection::NotUnique { .. })),
            }
        }
        assert_eq!(won, 5);
        assert_eq!(list(&engines[1], "n").await.len(), 5);
    }
}

/// A declaration finds duplicates that are written while the index is built.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unique_index_built_under_writes_is_unique() {
    let database = database();
    let engines = [Arc::new(open(&database).await), Arc::new(open(&database).await)];
    for n in 0..120 {
        write(&engines[0], create(&format!("{{\"n\":{n}}}"))).await;
    }
    let other = engines[1].clone();
    let writing = tokio::spawn(async move {
        let mut written = Vec::new();
        for n in (0..120).rev() {
            let outcome = try_write(&other, create(&format!("{{\"n\":{n}}}"))).await.unwrap();
            written.extend(outcome.ok().map(|_| n));
        }
        written
    });
    let unique = IndexDefinition::parse("unique(n)").unwrap();
    let declared = engines[0].create_index(&name("a"), &unique).await;
    let written = writing.await.unwrap();
    match declared {
        Ok(_) => assert_eq!(written, Vec::<i32>::new()),
        Err(refused) => {
            assert_eq!(refused.kind, ErrorKind::NotUnique, "{refused}");
            assert_ne!(written, Vec::<i32>::new());
        }
    }
}

#[tokio::test]
async fn what_others_wrote_is_taken_in_though_it_is_not_unique() {
    let database = database();
    let engine = open(&database).await;
    let unique = IndexDefinition::parse("unique(n)").unwrap();
    engine.create_index(&name("a"), &unique).await.unwrap();
    write(&engine, create("{\"n\":1}")).await;
    database.put_foreign(&name("a"), "theirs", "{\"n\":1}");
    engine.reconcile().unwrap().reconcile(&name("a")).await.unwrap();
    assert_eq!(list(&engine, "n").await, ["1", "theirs"]);
    let refused = try_write(&engine, create("{\"n\":1}")).await.unwrap();
    assert!(matches!(refused, Err(Rejection::NotUnique { .. })), "{refused:?}");
    write(&engine, delete("1")).await;
    let refused = try_write(&engine, create("{\"n\":1}")).await.unwrap();
    assert!(matches!(refused, Err(Rejection::NotUnique { .. })), "{refused:?}");
    write(&engine, put("theirs", "{}")).await;
    write(&engine, create("{\"n\":1}")).await;
}

#[tokio::test]
async fn cut_off_build_is_resumed() {
    let database = database();
    let engine = open(&database).await;
    for n in 0..300 {
        write(&engine, create(&format!("{{\"n\":{}}}", 300 - n))).await;
    }
    {
        let (collection, definition) = (name("a"), index("n"));
        let build = engine.create_index(&collection, &definition);
        let cut_off = async {
            while database.entries(&name("a")) < 350 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            _ = build => panic!("it was too fast"),
            () = cut_off => {}
        }
    }
    let again = open(&database).await;
    let listed = again.indexes(&name("a")).await.unwrap();
    assert_eq!(listed[0].state, IndexState::Building);
    write(&again, put("1", "{\"n\":0}")).await;
    again.create_index(&name("a"), &index("n")).await.unwrap();
    assert_eq!(database.entries(&name("a")), 600);
    assert_eq!(list(&again, "n").await[..2], ["1", "300"]);
}

#[tokio::test]
async fn deletion_is_seen_at_once_and_spares_what_comes_after() {
    let database = database();
    let engine = open(&database).await;
    for n in 0..30 {
        write(&engine, put(&format!("k{n}"), "{}")).await;
    }
    database.put_foreign(&name("a"), "theirs", "{}");
    assert_eq!(engine.delete_collection(&name("a")).await.unwrap(), 31);
    assert_eq!(list(&engine, "").await, Vec::<String>::new());
    assert_eq!(get(&engine, "k3").await, None);
    assert_eq!(get(&engine, "theirs").await, None);
    let written = write(&engine, put("k3", "{\"n\":1}")).await;
    assert_eq!(written.kind, isobase_types::ChangeKind::Created);
    assert_eq!((list(&engine, "").await, count(&engine).await), (vec!["k3".to_owned()], 1));
    assert_eq!(engine.collections().await.unwrap()[0].documents, 1);
    engine.close().await.unwrap();
    assert_eq!(database.entries(&name("a")), 1);
    assert!(database.native(&name("a"), "k4").is_none());
}

#[tokio::test]
async fn cut_off_deletion_is_finished_when_opened_again() {
    let database = database();
    let engine = open(&database).await;
    for n in 0..10 {
        write(&engine, put(&format!("k{n}"), "{}")).await;
    }
    database.hold_purges(true);
    assert_eq!(engine.delete_collection(&name("a")).await.unwrap(), 10);
    assert!(database.native(&name("a"), "k4").is_some());
    write(&engine, put("k1", "{}")).await;
    assert_eq!((list(&engine, "").await, count(&engine).await), (vec!["k1".to_owned()], 1));
    assert_eq!(engine.delete_collection(&name("a")).await.unwrap(), 1);
    assert_eq!(engine.delete_collection(&name("a")).await.unwrap(), 0);
    write(&engine, put("k2", "{}")).await;
    database.hold_purges(false);
    let again = open(&database).await;
    assert_eq!(list(&again, "").await, ["k2"]);
    again.close().await.unwrap();
    assert_eq!(database.entries(&name("a")), 1);
    assert_eq!(list(&open(&database).await, "").await, ["k2"]);
}

#[tokio::test(start_paused = true)]
async fn what_was_under_way_when_a_load_began_is_not_written() {
    let database = database();
    let (service, loading) = (open(&database).await, open(&database).await);
    write(&service, create("{}")).await;
    // Sent before anybody told of the load, and there when everybody knows.
    database.inject(Fault::Slow(Duration::from_millis(1_500)));
    let late = tokio::spawn(async move { try_write(&service, create("{}")).await });
    while database.has_faults() {
        tokio::task::yield_now().await;
    }
    loading.mark("a copy").await.unwrap();
    loading.load(&name("a"), vec![get(&loading, "1").await.unwrap()]).await.unwrap();
    let refused = late.await.unwrap().unwrap_err();
    assert!(refused.message.contains("being loaded: a copy"), "{refused}");
    loading.finish(Counters { sequence: Sequence(5), last_id: 1 }).await.unwrap();
    assert_eq!(list(&loading, "").await, ["1"]);
}

#[tokio::test(start_paused = true)]
async fn a_head_that_was_long_on_its_way_is_not_written_for() {
    let database = database();
    let (service, loading) = (open(&database).await, open(&database).await);
    write(&service, create("{}")).await;
    // It looks for loads, finds none, and gets a head from after the beginning of one.
    tokio::time::sleep(Duration::from_secs(5)).await;
    database.slow_head(Duration::from_millis(1_500));
    let late = tokio::spawn(async move { try_write(&service, create("{}")).await });
    while database.has_slow_head() {
        tokio::task::yield_now().await;
    }
    loading.mark("a copy").await.unwrap();
    let latest = loading.latest().await.unwrap();
    let refused = late.await.unwrap().unwrap_err();
    assert!(refused.message.contains("being loaded: a copy"), "{refused}");
    assert_eq!(loading.latest().await.unwrap(), latest);
}

#[tokio::test(start_paused = true)]
async fn a_load_that_could_not_keep_the_others_out_keeps_itself_out() {
    let database = database();
    let (service, loading) = (open(&database).await, open(&database).await);
    write(&service, create("{}")).await;
    database.inject(Fault::Refused(ErrorKind::Unexpected));
    loading.mark("a copy").await.unwrap_err();
    for engine in [&service, &loading] {
        let refused = try_write(engine, create("{}")).await.unwrap_err();
        assert!(refused.message.contains("being loaded: a copy"), "{refused}");
    }
    loading.mark("a copy").await.unwrap();
    write(&loading, create("{}")).await;
    loading.finish(Counters::default()).await.unwrap();
    write(&service, create("{}")).await;
}

#[tokio::test(start_paused = true)]
async fn all_who_wait_for_another_process_cost_one_look_a_second() {
    const WAITERS: usize = 10_000;
    let database = database();
    let (here, there) = (Arc::new(open(&database).await), open(&database).await);
    write(&there, create("{}")).await;
    // A caller that waits has read before.
    assert_eq!(changes(&here).await.len(), 1);
    let before = database.heads_read();
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    assert_eq!(database.heads_read(), before, "nobody waits");
    let waits: Vec<_> = (0..WAITERS)
        .map(|_| {
            let here = here.clone();
            let of_a = name("a");
            tokio::spawn(async move {
                here.wait(Sequence(1), Some(&of_a)).await.unwrap();
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_secs(60)).await;
    let looks = database.heads_read() - before;
    assert!((50..70).contains(&looks), "{looks} looks in a minute");
    write(&there, create("{}")).await;
    let written = tokio::time::Instant::now();
    for wait in waits {
        wait.await.unwrap();
    }
    assert!(written.elapsed() <= Duration::from_secs(1));
    let after = database.heads_read();
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    assert!(database.heads_read() <= after + 1, "nobody waits any more");
}

#[tokio::test]
async fn a_journal_of_format_1_gets_its_identity_with_the_first_commit() {
    let database = database();
    database.forget_identity();
    let (reading, writing) = (open(&database).await, open(&database).await);
    let read = || async {
        changes(&reading).await;
        (reading.identity().await.unwrap(), database.head().await.unwrap().identity)
    };
    let (derived, kept) = read().await;
    // To open and to read writes nothing, and everybody has the same one.
    assert_eq!(kept, None);
    assert!(derived.is_first_epoch());
    assert_eq!(writing.identity().await.unwrap(), derived);
    write(&writing, create("{}")).await;
    assert_eq!(read().await, (derived, Some(derived)));
}

#[tokio::test(start_paused = true)]
async fn nobody_else_writes_while_it_is_loaded() {
    let database = database();
    let (service, loading) = (open(&database).await, open(&database).await);
    write(&service, create("{}")).await;
    loading.mark("a copy").await.unwrap();
    for _ in 0..2 {
        let refused = try_write(&service, create("{}")).await.unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Unavailable, "{refused}");
        assert!(refused.message.contains("being loaded: a copy"), "{refused}");
    }
    let mut document = get(&service, "1").await.unwrap();
    document.id = 2.into();
    loading.load(&name("a"), vec![document]).await.unwrap();
    loading.mark("a copy, farther on").await.unwrap();
    loading.finish(Counters { sequence: Sequence(5), last_id: 2 }).await.unwrap();
    let after = write(&service, create("{}")).await;
    assert_eq!((after.id, after.revision.number()), (3.into(), Some(6)));
}

/// Each commit takes a while to arrive: a caller that decides for a head that others are about to move
/// commits in vain. Without turns that is two of three.
#[tokio::test(start_paused = true)]
async fn processes_that_write_at_once_take_turns() {
    const WRITES: usize = 40;
    let database = database();
    for _ in 0..8 * WRITES {
        database.inject(Fault::Slow(Duration::from_millis(10)));
    }
    let mut engines = Vec::new();
    for _ in 0..3 {
        engines.push(Arc::new(open(&database).await));
    }
    let writers: Vec<_> = engines
        .iter()
        .map(|engine| {
            let engine = Arc::clone(engine);
            tokio::spawn(async move {
                for _ in 0..WRITES {
                    write(&engine, create("{}")).await;
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let in_vain = |engine: &Arc<FakeEngine>| {
        let gauges = engine.gauges();
        gauges.iter().find(|(name, _)| *name == "writer_heads_moved_total").unwrap().1
    };
    let in_vain: f64 = engines.iter().map(in_vain).sum();
    assert!(in_vain <= 60.0, "{in_vain} of {} commits", 3 * WRITES);
}
