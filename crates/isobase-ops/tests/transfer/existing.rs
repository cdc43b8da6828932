//! Targets that have documents: what is theirs stays, whatever happens on the other side.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use futures_util::FutureExt;
use isobase_engine::{Action, Counters, Engine, testing::Altered};
use isobase_ops::{
    Control, CopyOptions, Event, Existing, Follow, OnRefused, OpsError, Stage,
    archive::{ArchiveInput, DumpOptions, RestoreOptions, Since, dump, restore},
    copy,
};
use isobase_testkit::{couchdb_url, drop_couchdb_databases, http};
use isobase_types::{Document, Revision, Sequence, Timestamp};
use tokio_util::sync::CancellationToken;

use crate::{
    copies::{body, id, many, name, put, write},
    fixture::{Fixture, Kind, memory},
    pairs::contents,
    wrapper::{Wrapped, once},
};

fn options(existing: Existing) -> CopyOptions {
    CopyOptions { existing, ..CopyOptions::new("test:") }
}

fn restart(options: &CopyOptions) -> CopyOptions {
    CopyOptions { restart: true, ..options.clone() }
}

/// What is written without waiting for anything, as in memory.
fn at_once(engine: &Arc<dyn Engine>, collection: &str, actions: Vec<Action>) {
    write(engine, collection, actions).now_or_never().unwrap();
}

/// A document that was loaded with a revision.
async fn load(engine: &Arc<dyn Engine>, collection: &str, key: &str, revision: &str) {
    let document = Document {
        id: id(key),
        revision: Revision::parse(revision).unwrap(),
        created_at: Timestamp { unix_us: 1 },
        updated_at: Timestamp { unix_us: 1 },
        body: "{}".to_owned(),
    };
    engine.load(&name(collection), vec![document]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_source_deletes_meanwhile_stays_in_the_target() {
    for existing in [Existing::Overwrite, Existing::Skip] {
        let (source, target) = (memory(), memory());
        write(&source, "a", vec![put("x", "{}")]).await;
        write(&source, "b", vec![put("x", "{}")]).await;
        for collection in ["a", "b"] {
            write(&target, collection, vec![put("theirs", "{}"), put("came", "{}")]).await;
        }
        let writing = source.clone();
        let wrapped = Wrapped { one_moment: false, ..Wrapped::new(&source) };
        let wrapped = wrapped.once_before_read(move || {
            writing.delete_collection(&name("a")).now_or_never().unwrap().unwrap();
            at_once(&writing, "b", vec![put("came", "{}"), Action::Delete { id: id("came") }]);
        });
        let wrapped: Arc<dyn Engine> = Arc::new(Altered(wrapped));
        copy(&wrapped, &target, &options(existing), &Control::default()).await.unwrap();
        for collection in ["a", "b"] {
            for key in ["theirs", "came"] {
                assert!(body(&target, collection, key).await.is_some(), "{collection}/{key}");
            }
        }
        assert_eq!(body(&target, "a", "x").await, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_out_stays_as_the_target_has_it() {
    let long = format!("{{\"long\":\"{}\"}}", "x".repeat(1_000));
    for is_meanwhile in [false, true] {
        let (source, target) = (memory(), memory());
        write(&source, "a", vec![put("x", "{}")]).await;
        write(&target, "a", vec![put("large", "{\"of\":\"target\"}")]).await;
        let writing = source.clone();
        let long = long.clone();
        let write_it = move || at_once(&writing, "a", vec![put("large", &long)]);
        let wrapped = Wrapped { one_moment: false, ..Wrapped::new(&source) };
        let wrapped = if is_meanwhile {
            wrapped.once_before_read(write_it)
        } else {
            write_it();
            wrapped
        };
        let source: Arc<dyn Engine> = Arc::new(Altered(wrapped));
        let narrow: Arc<dyn Engine> =
            Arc::new(Altered(Wrapped { body_bytes_max: 100, ..Wrapped::new(&target) }));
        let options =
            CopyOptions { on_refused: OnRefused::LeaveOut, ..options(Existing::Overwrite) };
        let report = copy(&source, &narrow, &options, &Control::default()).await.unwrap();
        assert!(report.left_out.refused > 0);
        assert_eq!(body(&target, "a", "large").await.unwrap(), "{\"of\":\"target\"}");
        assert!(body(&target, "a", "x").await.is_some());
    }
}

/// A target with a document of its own and a copy that broke off in the middle.
async fn broken_off(source: &Arc<dyn Engine>, existing: Existing) -> Arc<dyn Engine> {
    let target = memory();
    if existing != Existing::Refuse {
        write(&target, "many", vec![put("theirs", "{}")]).await;
    }
    let wrapped = Wrapped { fails_at: Some(id(60)), ..Wrapped::new(&target) };
    let wrapped: Arc<dyn Engine> = Arc::new(Altered(wrapped));
    let options = CopyOptions { part_bytes: 100, parallel: 1, ..options(existing) };
    let failed = copy(source, &wrapped, &options, &Control::default()).await.unwrap_err();
    assert!(matches!(failed, OpsError::Engine { .. }), "{failed:?}");
    assert!(contents(&target).await.1[&name("many")].documents > 20);
    target
}

async fn note(engine: &Arc<dyn Engine>) -> Option<String> {
    engine.unfinished().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_that_is_refused_changes_nothing() {
    let source = many(100).await;
    let target = broken_off(&source, Existing::Skip).await;
    let before = (contents(&target).await, note(&target).await);
    let control = Control::default();

    let mut mistyped = restart(&options(Existing::Skip));
    mistyped.collections = vec![name("mnay")];
    let refused = copy(&source, &target, &mistyped, &control).await.unwrap_err();
    assert!(matches!(refused, OpsError::NoSuchCollection { .. }), "{refused:?}");
    assert_eq!((contents(&target).await, note(&target).await), before);

    let again = restart(&options(Existing::Skip));
    let narrow: Arc<dyn Engine> =
        Arc::new(Altered(Wrapped { body_bytes_max: 7, ..Wrapped::new(&target) }));
    let refused = copy(&source, &narrow, &again, &control).await.unwrap_err();
    assert!(matches!(refused, OpsError::Refused { .. }), "{refused:?}");
    assert_eq!((contents(&target).await, note(&target).await), before);

    // The question whether the target is empty is asked of what was there before.
    let unasked = restart(&options(Existing::Refuse));
    let refused = copy(&source, &target, &unasked, &control).await.unwrap_err();
    assert!(matches!(refused, OpsError::NotEmpty { documents: 1, collections: 1 }), "{refused:?}");
    assert_eq!((contents(&target).await, note(&target).await), before);

    copy(&source, &target, &again, &control).await.unwrap();
    assert_eq!(contents(&target).await.1[&name("many")].documents, 101);
    assert_eq!(note(&target).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_that_is_cut_off_resumes_at_the_beginning() {
    let (source, target) = (many(100).await, memory());
    let options = CopyOptions { part_bytes: 100, ..options(Existing::Refuse) };
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    let observer = move |event: &Event| {
        if matches!(event, Event::Began(Stage::Load)) {
            stopping.cancel();
        }
    };
    let stopped = copy(&source, &target, &options, &Control::new(observer, stop)).await;
    assert!(matches!(stopped, Err(OpsError::Stopped { documents: 1.. })), "{stopped:?}");
    assert!(note(&target).await.unwrap().contains("\"after\""));
    let cut: Arc<dyn Engine> =
        Arc::new(Altered(Wrapped { fails_to_unload: true, ..Wrapped::new(&target) }));
    let failed = copy(&source, &cut, &restart(&options), &Control::default()).await.unwrap_err();
    assert!(matches!(failed, OpsError::Engine { .. }), "{failed:?}");
    let report = copy(&source, &target, &options, &Control::default()).await.unwrap();
    assert!(report.resumed);
    assert_eq!(contents(&source).await.1, contents(&target).await.1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_forgotten_load_left_is_taken_away_after_a_cut_too() {
    let (first, second) = (many(100).await, many(10).await);
    let target = broken_off(&first, Existing::Refuse).await;
    let cut: Arc<dyn Engine> =
        Arc::new(Altered(Wrapped { fails_to_unload: true, ..Wrapped::new(&target) }));
    let options = CopyOptions { part_bytes: 100, ..CopyOptions::new("test:second") };
    let failed = copy(&second, &cut, &restart(&options), &Control::default()).await.unwrap_err();
    assert!(matches!(failed, OpsError::Engine { .. }), "{failed:?}");
    copy(&second, &target, &options, &Control::default()).await.unwrap();
    assert_eq!(contents(&second).await.1, contents(&target).await.1);
}

/// A copy that ends as soon as it has marked its target, into which somebody wrote after the copy had
/// looked at it, and before everybody was kept out.
async fn ended_at_the_mark(source: &Arc<dyn Engine>) -> Arc<dyn Engine> {
    let target = memory();
    write(&target, "many", vec![put("theirs", "{}")]).await;
    let service = target.clone();
    let wrapped = Wrapped { fails_at_mark: 2, ..Wrapped::new(&target) };
    *wrapped.before_mark.lock().unwrap() = Some(once(move || {
        for key in ["late", "k5"] {
            let put = vec![put(key, "{\"of\":\"target\"}")];
            write(&service, "many", put).now_or_never().unwrap();
        }
    }));
    let wrapped: Arc<dyn Engine> = Arc::new(Altered(wrapped));
    let options = options(Existing::Skip);
    let failed = copy(source, &wrapped, &options, &Control::default()).await.unwrap_err();
    assert!(matches!(failed, OpsError::Engine { .. }), "{failed:?}");
    assert!(note(&target).await.is_some());
    target
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_before_everybody_was_kept_out_stays() {
    let source = memory();
    write(&source, "many", vec![put("k5", "{\"of\":\"source\"}"), put("k6", "{}")]).await;
    for options in [options(Existing::Skip), restart(&options(Existing::Skip))] {
        let target = ended_at_the_mark(&source).await;
        copy(&source, &target, &options, &Control::default()).await.unwrap();
        for key in ["late", "k5"] {
            let found = body(&target, "many", key).await;
            assert_eq!(found.as_deref(), Some("{\"of\":\"target\"}"), "{key} {options:?}");
        }
        assert!(body(&target, "many", "theirs").await.is_some());
        assert!(body(&target, "many", "k6").await.is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_was_written_before_everybody_was_kept_out_is_not_empty() {
    let (source, target) = (memory(), memory());
    write(&source, "many", vec![put("k5", "{\"of\":\"source\"}")]).await;
    let service = target.clone();
    let wrapped = Wrapped::new(&target);
    *wrapped.before_mark.lock().unwrap() = Some(once(move || {
        let late = vec![put("k5", "{\"of\":\"target\"}")];
        write(&service, "many", late).now_or_never().unwrap();
    }));
    let wrapped: Arc<dyn Engine> = Arc::new(Altered(wrapped));
    let (refuse, control) = (options(Existing::Refuse), Control::default());
    for (to, options) in [(&wrapped, &refuse), (&target, &refuse), (&target, &restart(&refuse))] {
        let refused = copy(&source, to, options, &control).await.unwrap_err();
        assert!(matches!(refused, OpsError::NotEmpty { documents: 1, .. }), "{refused:?}");
        let kept = body(&target, "many", "k5").await;
        assert_eq!(kept.as_deref(), Some("{\"of\":\"target\"}"));
    }
    let skip = restart(&options(Existing::Skip));
    copy(&source, &target, &skip, &control).await.unwrap();
    assert_eq!(body(&target, "many", "k5").await.as_deref(), Some("{\"of\":\"target\"}"));
    assert_eq!(note(&target).await, None);
}

#[tokio::test]
async fn work_may_be_carried_out_on_any_thread() {
    fn is_send(_: impl Send) {}
    let (from, to, control) = (memory(), memory(), Control::default());
    let (dumping, restoring) = (DumpOptions::default(), RestoreOptions::default());
    is_send(copy(&from, &to, &options(Existing::Refuse), &control));
    is_send(dump(&from, Box::new(Vec::new()), &dumping, &control));
    is_send(restore(Vec::new(), &to, &restoring, &control));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_copies_in_one_process_the_second_goes_on() {
    let (source, target) = (many(100).await, memory());
    let wrapped = Wrapped { fails_at: Some(id("no such id")), ..Wrapped::new(&target) };
    let slow: Arc<dyn Engine> = Arc::new(Altered(wrapped));
    let options = CopyOptions { part_bytes: 1_000, parallel: 1, ..options(Existing::Refuse) };
    let first = {
        let (source, slow, options) = (source.clone(), slow.clone(), options.clone());
        tokio::spawn(async move { copy(&source, &slow, &options, &Control::default()).await })
    };
    while note(&target).await.is_none() {
        tokio::task::yield_now().await;
    }
    let report = copy(&source, &slow, &options, &Control::default()).await.unwrap();
    let ended = first.await.unwrap();
    assert!(matches!(ended, Err(OpsError::TakenOver)), "{ended:?}");
    assert_eq!(report.documents, 100);
    assert_eq!(contents(&source).await.1, contents(&target).await.1);
    write(&target, "many", vec![put("after", "{}")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_note_that_cannot_be_read_is_not_forgotten() {
    let (source, target) = (many(10).await, memory());
    write(&target, "a", vec![put("theirs", "{}")]).await;
    target.mark("a stranger's load\n{}").await.unwrap();
    let before = contents(&target).await;
    let restarted = restart(&options(Existing::Overwrite));
    let refused = copy(&source, &target, &restarted, &Control::default()).await.unwrap_err();
    let OpsError::NotResumable { note, .. } = &refused else { panic!("{refused:?}") };
    assert_eq!(note, "a stranger's load");
    assert_eq!(contents(&target).await, before);

    let file = dumped(&source, &DumpOptions::default()).await;
    let restarted = RestoreOptions { restart: true, ..RestoreOptions::default() };
    let refused = restore(vec![file], &target, &restarted, &Control::default()).await.unwrap_err();
    assert!(matches!(refused, OpsError::NotResumable { .. }), "{refused:?}");
    assert_eq!(contents(&target).await, before);
}

async fn dumped(source: &Arc<dyn Engine>, options: &DumpOptions) -> ArchiveInput {
    let file = tempfile::tempfile().unwrap();
    let out = Box::new(file.try_clone().unwrap());
    dump(source, out, options, &Control::default()).await.unwrap();
    ArchiveInput::from_file("test.isobase", file, None)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_begins_anew_without_what_was_there() {
    let source = many(100).await;
    let target = broken_off(&source, Existing::Skip).await;
    let before = contents(&target).await;
    let control = Control::default();
    let again = RestoreOptions { restart: true, ..RestoreOptions::default() };
    let file = dumped(&source, &DumpOptions::default()).await;
    let refused = restore(vec![file], &target, &again, &control).await.unwrap_err();
    assert!(matches!(refused, OpsError::NotEmpty { documents: 1, .. }), "{refused:?}");
    assert_eq!(contents(&target).await, before);
    let again = RestoreOptions { existing: Existing::Overwrite, ..again };
    let file = dumped(&source, &DumpOptions::default()).await;
    restore(vec![file], &target, &again, &control).await.unwrap();
    assert_eq!(contents(&target).await.1[&name("many")].documents, 101);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revision_that_is_not_of_the_target_is_refused() {
    for existing in [Existing::Overwrite, Existing::Skip] {
        for revision in ["foreign-1", "17"] {
            let (source, target) = (many(3).await, memory());
            write(&target, "many", vec![put("x", "{}")]).await;
            load(&target, "many", "strange", revision).await;
            let before = contents(&target).await;
            let control = Control::default();
            let refused = copy(&source, &target, &options(existing), &control).await.unwrap_err();
            let OpsError::UnknownRevision { collection, id: found, .. } = &refused else {
                panic!("{refused:?}")
            };
            assert_eq!((collection, found), (&name("many"), &id("strange")));
            assert_eq!((contents(&target).await, note(&target).await), (before, None));
        }
    }
}

/// What another program wrote into the target, into a collection of ours and into one of its own.
#[tokio::test(flavor = "multi_thread")]
async fn what_other_programs_wrote_into_the_target_stays() {
    let Some(server) = couchdb_url() else { return };
    let address = server.strip_prefix("http://").unwrap().trim_end_matches('/').parse().unwrap();
    for existing in [Existing::Overwrite, Existing::Skip] {
        let fixture = Fixture::new(Kind::Couchdb).unwrap();
        let prefix = fixture.prefix();
        let foreign = |path: &str, body: &str| {
            let headers = [("content-type", "application/json")];
            let path = format!("/{prefix}{path}");
            let answer = http::request(address, "PUT", &path, &headers, body.as_bytes()).unwrap();
            assert!(answer.status < 300, "{}", answer.text());
        };
        let target = fixture.open_for_load().await;
        write(&target, "shared", vec![put("ours", "{}")]).await;
        foreign("shared/theirs", "{\"of\":\"target\"}");
        foreign("shared/both", "{\"of\":\"target\"}");
        foreign("own", "");
        foreign("own/theirs", "{\"of\":\"target\"}");
        let source = memory();
        write(&source, "shared", vec![put("both", "{\"of\":\"source\"}"), put("new", "{}")]).await;
        let control = Control::default();
        let report = copy(&source, &target, &options(existing), &control).await.unwrap();
        let (both, skipped) = match existing {
            Existing::Skip => ("{\"of\":\"target\"}", 1),
            _ => ("{\"of\":\"source\"}", 0),
        };
        assert_eq!(body(&target, "shared", "both").await.unwrap(), both);
        assert_eq!(report.skipped, skipped);
        for (collection, key) in
            [("shared", "ours"), ("shared", "new"), ("shared", "theirs"), ("own", "theirs")]
        {
            assert!(body(&target, collection, key).await.is_some(), "{collection}/{key}");
        }
        fixture.close(target).await;
        drop_couchdb_databases(&server, &prefix).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_other_programs_wrote_into_the_source_is_copied_and_dumped() {
    let Some(server) = couchdb_url() else { return };
    let address = server.strip_prefix("http://").unwrap().trim_end_matches('/').parse().unwrap();
    let fixture = Fixture::new(Kind::Couchdb).unwrap();
    let prefix = fixture.prefix();
    let source = fixture.open().await.unwrap();
    write(&source, "shared", vec![put("ours", "{}"), put("gone", "{}")]).await;
    write(&source, "emptied", vec![put("x", "{}")]).await;
    write(&source, "emptied", vec![Action::Delete { id: id("x") }]).await;
    for path in ["shared/theirs", "emptied/theirs"] {
        let headers = [("content-type", "application/json")];
        let path = format!("/{prefix}{path}");
        let answer = http::request(address, "PUT", &path, &headers, b"{\"n\":1}").unwrap();
        assert!(answer.status < 300, "{}", answer.text());
    }
    let control = Control::default();
    let copied = memory();
    let report = copy(&source, &copied, &options(Existing::Refuse), &control).await.unwrap();
    assert_eq!(report.documents, 4);
    let restored = memory();
    let archive = dumped(&source, &DumpOptions::default()).await;
    restore(vec![archive], &restored, &RestoreOptions::default(), &control).await.unwrap();
    for target in [&copied, &restored] {
        for collection in ["shared", "emptied"] {
            assert_eq!(body(target, collection, "theirs").await.unwrap(), "{\"n\":1}");
        }
    }
    fixture.close(source).await;
    drop_couchdb_databases(&server, &prefix).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_snapshot_is_held_while_a_source_is_followed() {
    let source = Wrapped::new(&many(100).await);
    let held = source.snapshots.clone();
    let watched = held.clone();
    let observer = move |event: &Event| {
        if matches!(event, Event::CaughtUp) {
            assert_eq!(watched.load(Ordering::SeqCst), 0);
        }
    };
    let source: Arc<dyn Engine> = Arc::new(Altered(source));
    let control = Control::new(observer, CancellationToken::new());
    let options = CopyOptions { follow: Follow::UntilCaughtUp, ..options(Existing::Refuse) };
    let report = copy(&source, &memory(), &options, &control).await.unwrap();
    assert!(report.one_moment && report.lag.is_some());

    let since = Since::parse("50");
    let options = DumpOptions { since, ..DumpOptions::default() };
    dump(&source, Box::new(std::io::sink()), &options, &control).await.unwrap();
    assert_eq!(held.load(Ordering::SeqCst), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_counter_is_behind_every_revision() {
    let source = many(3).await;
    // Written while the last page was read, after the counters.
    load(&source, "many", "later", "50").await;
    let target = memory();
    let report =
        copy(&source, &target, &options(Existing::Refuse), &Control::default()).await.unwrap();
    assert_eq!(report.sequence, 50);
    assert_eq!(contents(&target).await.0, Counters { sequence: Sequence(50), last_id: 3 });

    let file = dumped(&source, &DumpOptions::default()).await;
    let target = memory();
    write(&target, "other", vec![put("x", "{}"), put("y", "{}")]).await;
    let options = RestoreOptions { existing: Existing::Skip, ..RestoreOptions::default() };
    restore(vec![file], &target, &options, &Control::default()).await.unwrap();
    assert_eq!(contents(&target).await.0.sequence, Sequence(52));

    // A revision that is no number of a write does not move the counter.
    let source = memory();
    load(&source, "many", "foreign", &(1_u64 << 62).to_string()).await;
    let target = memory();
    copy(&source, &target, &CopyOptions::new("test:"), &Control::default()).await.unwrap();
    assert_eq!(contents(&target).await.0.sequence, Sequence(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_counter_is_behind_what_was_brought_over_last() {
    let source = many(3).await;
    let wrapped = Arc::new(Altered(Wrapped { one_moment: false, ..Wrapped::new(&source) }));
    let hooked = wrapped.clone();
    let observer = move |event: &Event| {
        // Both sides are compared when it is written again; and once more before it is read.
        if matches!(event, Event::Began(Stage::Verify)) {
            at_once(&source, "many", vec![put("1", "{\"n\":10}")]);
            let writing = source.clone();
            let again = once(move || at_once(&writing, "many", vec![put("1", "{\"n\":11}")]));
            *hooked.before_get.lock().unwrap() = Some(again);
        }
    };
    let (from, target): (Arc<dyn Engine>, _) = (wrapped, memory());
    let control = Control::new(observer, CancellationToken::new());
    copy(&from, &target, &options(Existing::Refuse), &control).await.unwrap();
    assert_eq!(body(&target, "many", "1").await.unwrap(), "{\"n\":11}");
    assert_eq!(contents(&target).await.0.sequence, Sequence(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_after_a_copy_has_failed() {
    let source = many(100).await;
    let target = Arc::new(Altered(Wrapped { fails_at: Some(id(1)), ..Wrapped::new(&memory()) }));
    let to: Arc<dyn Engine> = target.clone();
    let options = CopyOptions { part_bytes: 100, ..options(Existing::Refuse) };
    let failed = copy(&source, &to, &options, &Control::default()).await.unwrap_err();
    assert!(matches!(failed, OpsError::Engine { .. }), "{failed:?}");
    let loads = target.loads.load(Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(target.loads.load(Ordering::SeqCst), loads);

    let file = dumped(&source, &DumpOptions::default()).await;
    let target = Arc::new(Altered(Wrapped { fails_at: Some(id(1)), ..Wrapped::new(&memory()) }));
    let to: Arc<dyn Engine> = target.clone();
    let options = RestoreOptions { per_second: std::num::NonZero::new(100), ..Default::default() };
    restore(vec![file], &to, &options, &Control::default()).await.unwrap_err();
    let loads = target.loads.load(Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(target.loads.load(Ordering::SeqCst), loads);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_after_a_copy_was_dropped() {
    let source = many(100).await;
    let target =
        Arc::new(Altered(Wrapped { fails_at: Some(id("no such id")), ..Wrapped::new(&memory()) }));
    let to: Arc<dyn Engine> = target.clone();
    let options = CopyOptions { part_bytes: 100, ..options(Existing::Refuse) };
    let control = Control::default();
    let copying = copy(&source, &to, &options, &control);
    tokio::time::timeout(Duration::from_millis(100), copying).await.unwrap_err();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(target.loads.load(Ordering::SeqCst), 0);
}
