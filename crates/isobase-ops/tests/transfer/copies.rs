//! What a copy does beside copying.

use std::{
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt;
use isobase_engine::{Action, Engine, IfMissing, Precondition, WriteBatch, WriteOperation};
use isobase_ops::{
    Control, CopyOptions, DifferenceKind, Event, Existing, Follow, OpsError, Stage, copy, samples,
};
use isobase_types::{CollectionName, DocumentId};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    fixture::{Fixture, Kind, memory},
    pairs::contents,
};

pub(crate) fn name(collection: &str) -> CollectionName {
    CollectionName::new(collection).unwrap()
}

pub(crate) fn id(id: impl ToString) -> DocumentId {
    DocumentId::parse(&id.to_string()).unwrap()
}

pub(crate) async fn write(engine: &Arc<dyn Engine>, collection: &str, actions: Vec<Action>) {
    let operation = |action| WriteOperation {
        collection: name(collection),
        action,
        precondition: Precondition::None,
    };
    let operations = actions.into_iter().map(operation).collect();
    let report = engine.write(WriteBatch { operations, ..WriteBatch::default() }).await.unwrap();
    assert!(report.outcomes.iter().all(Result::is_ok), "{:?}", report.outcomes);
}

pub(crate) fn put(id_: &str, body: &str) -> Action {
    Action::Put { id: id(id_), body: body.to_owned(), if_missing: IfMissing::Create }
}

/// A database in memory with many documents.
pub(crate) async fn many(documents: u32) -> Arc<dyn Engine> {
    let engine = memory();
    let create = |n| Action::Create { body: format!("{{\"n\":{n}}}") };
    write(&engine, "many", (0..documents).map(create).collect()).await;
    engine
}

pub(crate) async fn body(engine: &Arc<dyn Engine>, collection: &str, key: &str) -> Option<String> {
    engine.get(&name(collection), &id(key)).await.unwrap().map(|document| document.body)
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_that_are_there_are_replaced_or_stay() {
    for existing in [Existing::Overwrite, Existing::Skip] {
        let (source, target) = (memory(), memory());
        write(&source, "a", vec![put("both", "{\"of\":\"source\"}"), put("ours", "{}")]).await;
        write(&target, "a", vec![put("both", "{\"of\":\"target\"}"), put("theirs", "{}")]).await;
        write(&target, "b", (0..10).map(|n| put(&format!("x{n}"), "{}")).collect()).await;
        let mut options = CopyOptions::new("test:");
        let refused = copy(&source, &target, &options, &Control::default()).await.unwrap_err();
        assert!(matches!(refused, OpsError::NotEmpty { documents: 12, collections: 2 }));
        options.existing = existing;
        let report = copy(&source, &target, &options, &Control::default()).await.unwrap();
        let (expected, skipped) = match existing {
            Existing::Skip => ("{\"of\":\"target\"}", 1),
            _ => ("{\"of\":\"source\"}", 0),
        };
        assert_eq!(body(&target, "a", "both").await.unwrap(), expected);
        assert_eq!((report.skipped, report.documents), (skipped, 2 - skipped));
        assert!(body(&target, "a", "theirs").await.is_some());
        assert_eq!(report.revisions_moved_by, 12);
        let ours = target.get(&name("a"), &id("ours")).await.unwrap().unwrap();
        assert_eq!(ours.revision.number(), Some(14), "no revision is repeated");
        assert_eq!(contents(&target).await.0.sequence.0, 14);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_named_collections_are_copied() {
    let (source, target) = (memory(), memory());
    for collection in ["a", "b", "c"] {
        write(&source, collection, vec![put("x", "{}")]).await;
    }
    let mut options = CopyOptions::new("test:");
    options.collections = vec![name("a"), name("missing")];
    let refused = copy(&source, &target, &options, &Control::default()).await.unwrap_err();
    assert!(matches!(refused, OpsError::NoSuchCollection { .. }));
    options.collections = vec![name("a"), name("c")];
    let report = copy(&source, &target, &options, &Control::default()).await.unwrap();
    assert_eq!(report.documents, 2);
    assert!(body(&target, "b", "x").await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_rests_until_it_may_go_on_or_is_stopped() {
    for goes_on in [true, false] {
        let (source, target) = (many(20_000).await, memory());
        let (pause, rests) = watch::channel(false);
        // It is told to rest once.
        let (pausing, told) = (pause.clone(), AtomicBool::new(false));
        let observer = move |event: &Event| {
            let loads = matches!(event, Event::Progress(it) if it.stage == Stage::Load);
            if loads && !told.swap(true, Ordering::SeqCst) {
                pausing.send_replace(true);
            }
        };
        let (stop, to) = (CancellationToken::new(), target.clone());
        let control = Control::new(observer, stop.clone()).resting(rests);
        let mut options = CopyOptions::new("test:");
        options.per_second = NonZeroU32::new(100_000);
        let copying = async move { copy(&source, &to, &options, &control).await };
        let mut copying = tokio::spawn(copying);
        pause.subscribe().wait_for(|rests| *rests).await.unwrap();
        let early = tokio::time::timeout(Duration::from_millis(300), &mut copying).await;
        assert!(early.is_err(), "it went on: {early:?}");
        if goes_on {
            pause.send_replace(false);
            assert_eq!(copying.await.unwrap().unwrap().documents, 20_000);
        } else {
            stop.cancel();
            let stopped = copying.await.unwrap();
            assert!(matches!(stopped, Err(OpsError::Stopped { .. })), "{stopped:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_are_documents_of_both_sides() {
    let (source, target) = (many(50).await, memory());
    write(&source, "few", vec![put("x", "{\"a\":1}")]).await;
    copy(&source, &target, &CopyOptions::new("test:"), &Control::default()).await.unwrap();
    write(&target, "few", vec![put("x", "{\"a\":2}")]).await;
    let collections = [name("few"), name("many")];
    let found = samples(&source, &target, &collections, 20).await.unwrap();
    assert_eq!(found.len(), 11);
    let (first, others) = found.split_first().unwrap();
    assert_eq!((first.collection.as_str(), first.id.as_str(), first.equal), ("few", "x", false));
    assert_eq!(
        (first.source.as_deref(), first.target.as_deref()),
        (Some("{\"a\":1}"), Some("{\"a\":2}"))
    );
    assert!(others.iter().all(|it| it.equal && it.source == it.target && it.source.is_some()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_was_stopped_is_resumed() {
    let fixture = Fixture::new(Kind::Sqlite).unwrap();
    let source = many(20_000).await;
    let target = fixture.open_for_load().await;
    let mut options = CopyOptions::new("test:one");
    options.per_second = NonZeroU32::new(20_000);
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    let observer = move |event: &Event| {
        if matches!(event, Event::Progress(it) if it.stage == Stage::Load && it.documents > 5_000) {
            stopping.cancel();
        }
    };
    let stopped = copy(&source, &target, &options, &Control::new(observer, stop)).await;
    let Err(OpsError::Stopped { documents }) = stopped else { panic!("{stopped:?}") };
    assert!((5_000..20_000).contains(&documents), "{documents}");
    fixture.close(target).await;
    let refused = fixture.open().await.err().expect("an unfinished database").to_string();
    assert!(refused.contains("a copy from test:one, begun 20"), "{refused}");

    // What is written meanwhile is brought over, before and after the place of the cut.
    let patched = |n| Action::Patch {
        id: id(n),
        patch: isobase_types::json::Patch::Merge("{\"later\":true}".to_owned()),
    };
    write(&source, "many", vec![patched(1), patched(19_999)]).await;
    write(&source, "many", vec![Action::Delete { id: id(2) }, Action::Delete { id: id(20_000) }])
        .await;
    write(&source, "more", vec![put("x", "{}")]).await;

    let target = fixture.open_for_load().await;
    options.per_second = None;
    let other = CopyOptions { source: "test:two".to_owned(), ..options.clone() };
    let refused = copy(&source, &target, &other, &Control::default()).await.unwrap_err();
    assert!(matches!(refused, OpsError::NotResumable { .. }), "{refused:?}");
    let report = copy(&source, &target, &options, &Control::default()).await.unwrap();
    assert!(report.resumed && report.one_moment);
    assert!(report.documents_written < 20_000, "{}", report.documents_written);
    assert_eq!(contents(&source).await, contents(&target).await);
    fixture.close(target).await;
    fixture.close(fixture.open().await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unfinished_copy_can_begin_anew() {
    let fixture = Fixture::new(Kind::Sqlite).unwrap();
    let target = fixture.open_for_load().await;
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    let observer = move |event: &Event| {
        if matches!(event, Event::Progress(it) if it.stage == Stage::Load) {
            stopping.cancel();
        }
    };
    let mut options = CopyOptions::new("test:one");
    options.per_second = NonZeroU32::new(20_000);
    let first = many(20_000).await;
    let stopped = copy(&first, &target, &options, &Control::new(observer, stop)).await;
    assert!(matches!(stopped, Err(OpsError::Stopped { .. })), "{stopped:?}");
    let second = many(100).await;
    let options = CopyOptions { restart: true, ..CopyOptions::new("test:two") };
    copy(&second, &target, &options, &Control::default()).await.unwrap();
    // Ids that were there for a while are not given out again: the counter keeps them.
    assert_eq!(contents(&second).await.1, contents(&target).await.1);
    fixture.close(target).await;
}

/// Follows a source that is written, until it is stopped.
async fn followed(from: Kind, to: Kind, documents: u32, rounds: u32) {
    let (Some(first), Some(fixture)) = (Fixture::new(from), Fixture::new(to)) else { return };
    let source = first.open().await.unwrap();
    let create = |n| Action::Create { body: format!("{{\"n\":{n}}}") };
    write(&source, "many", (0..documents).map(create).collect()).await;
    let target = fixture.open_for_load().await;
    let stop = CancellationToken::new();
    let (writing, stopping) = (source.clone(), stop.clone());
    let (began, begin) = tokio::sync::oneshot::channel();
    let began = std::sync::Mutex::new(Some(began));
    let observer = move |event: &Event| {
        if matches!(event, Event::Began(Stage::Load)) {
            let _ = began.lock().unwrap().take().map(|began| began.send(()));
        }
    };
    let writer = tokio::spawn(async move {
        begin.await.unwrap();
        for n in 1..rounds {
            let patched = Action::Patch {
                id: id(n),
                patch: isobase_types::json::Patch::Merge(format!("{{\"round\":{n}}}")),
            };
            write(&writing, "many", vec![patched, Action::Delete { id: id(n + rounds) }]).await;
            write(&writing, "gone", vec![put(&format!("x{n}"), "{}")]).await;
            if n % (rounds / 5) == 0 {
                writing.delete_collection(&name("gone")).await.unwrap();
            }
            tokio::task::yield_now().await;
        }
        stopping.cancel();
    });
    let mut options = CopyOptions::new("test:");
    options.follow = Follow::UntilStopped;
    let control = Control::new(observer, stop);
    let report = match copy(&source, &target, &options, &control).await {
        // The writer was faster than the load: the next command goes on.
        Err(OpsError::Stopped { .. }) => {
            options.follow = Follow::UntilCaughtUp;
            copy(&source, &target, &options, &Control::default()).await
        }
        done => done,
    };
    writer.await.unwrap();
    let report = report.unwrap();
    assert!(report.one_moment && report.lag.is_some());
    assert_eq!(contents(&source).await, contents(&target).await);
    fixture.close(target).await;
    first.close(source).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_is_followed_until_it_is_stopped() {
    followed(Kind::Memory, Kind::Sqlite, 3_000, 500).await;
}

/// The clock is the runtime's own: a minute in which nothing is written is over at once.
#[tokio::test(start_paused = true)]
async fn a_source_that_is_not_written_is_waited_for() {
    let (source, target) = (many(10).await, memory());
    let looks = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = looks.clone();
    let observer = move |event: &Event| {
        if matches!(event, Event::Following(_)) {
            counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    };
    let stop = CancellationToken::new();
    let control = Control::new(observer, stop.clone());
    let mut options = CopyOptions::new("test:");
    options.follow = Follow::UntilStopped;
    let a_minute_later = async {
        tokio::time::sleep(Duration::from_secs(60)).await;
        stop.cancel();
    };
    let (report, ()) = tokio::join!(copy(&source, &target, &options, &control), a_minute_later);
    assert_eq!(report.unwrap().lag.map(|lag| lag.changes), Some(0));
    let looks = looks.load(std::sync::atomic::Ordering::Relaxed);
    assert!((1..=13).contains(&looks), "{looks} looks at a source that nobody wrote");
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_is_followed_into_dynamodb() {
    followed(Kind::Postgres, Kind::Dynamodb, 300, 50).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dynamodb_is_followed_into_firestore() {
    followed(Kind::Dynamodb, Kind::Firestore, 300, 50).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn firestore_is_followed_into_couchdb() {
    followed(Kind::Firestore, Kind::Couchdb, 300, 50).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn couchdb_is_followed_into_postgres() {
    followed(Kind::Couchdb, Kind::Postgres, 300, 50).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_that_another_process_goes_on_with_ends() {
    let (source, target) = (many(20_000).await, memory());
    let mut slow = CopyOptions::new("test:one");
    slow.per_second = NonZeroU32::new(4_000);
    let begun = Arc::new(tokio::sync::Notify::new());
    let under_way = begun.clone();
    let observer = move |event: &Event| {
        if matches!(event, Event::Progress(it) if it.stage == Stage::Load && it.documents > 1_000) {
            under_way.notify_one();
        }
    };
    let control = Control::new(observer, CancellationToken::new());
    let first = copy(&source, &target, &slow, &control);
    let second = async {
        begun.notified().await;
        let options = CopyOptions::new("test:one");
        copy(&source, &target, &options, &Control::default()).await.unwrap()
    };
    let (first, report) = tokio::join!(first, second);
    assert!(report.resumed);
    let ended = first.unwrap_err();
    assert!(matches!(ended, OpsError::TakenOver), "{ended}");
    // What is written after it stays.
    write(&target, "many", vec![put("1", "{\"newer\":true}")]).await;
    assert_eq!(target.unfinished().await.unwrap(), None);
    assert_eq!(report.documents, 20_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_difference_is_named_and_leaves_the_target_unfinished() {
    let source = many(100).await;
    let target = memory();
    let damaged = target.clone();
    let observer = move |event: &Event| {
        if matches!(event, Event::Began(Stage::Verify)) {
            let ids = [id(17)];
            damaged.unload(&name("many"), &ids).now_or_never().unwrap().unwrap();
        }
    };
    let control = Control::new(observer, CancellationToken::new());
    let differs = copy(&source, &target, &CopyOptions::new("test:"), &control).await;
    let Err(OpsError::Differs { differences, count: 1 }) = differs else { panic!("{differs:?}") };
    assert_eq!((&*differences[0].id, differences[0].kind), ("17", DifferenceKind::Missing));
    assert!(target.unfinished().await.unwrap().is_some());
}
