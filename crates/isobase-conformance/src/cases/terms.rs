//! Documents that expire, and collections that stay out of the change feed.

use std::time::Duration;

use isobase_engine::{Terms, sweep};
use isobase_types::CollectionName;

use crate::{Batch, Condition, Operation, RefusalKind, Shared, TestClock, check::*};

const SECOND: i64 = 1_000_000;

/// Documents of collection `a` expire after ten seconds; `None` if the engine is in another
/// process, or its clock is.
async fn ten_seconds(s: &Shared) -> Option<TestClock> {
    let clock = s.clock()?.clone();
    let expires = Some(Duration::from_secs(10));
    set_terms(s, Terms { expires, ..Terms::default() }).await.then_some(clock)
}

async fn set_terms(s: &Shared, terms: Terms) -> bool {
    let Some(engine) = s.engine() else { return false };
    engine.set_terms(&CollectionName::new("a").unwrap(), terms).await.unwrap();
    true
}

async fn sweep_once(s: &Shared) -> u64 {
    sweep(&**s.engine().unwrap()).await.unwrap()
}

pub(crate) async fn expired_documents_are_not_there(s: Shared) {
    create(&s, "a", r#"{"v":1}"#).await;
    let Some(clock) = ten_seconds(&s).await else { return };
    s.create_index("a", "v").await.unwrap();
    assert_eq!(s.indexes("a").await.unwrap(), ["v"]);
    let old = put_new(&s, "a", "k", r#"{"v":1}"#).await;
    put_new(&s, "b", "k", "{}").await;
    clock.advance_us(5 * SECOND);
    put_new(&s, "a", "l", r#"{"v":1}"#).await;
    write(&s, "a", Operation::patch("1", r#"{"w":1}"#)).await;
    clock.advance_us(5 * SECOND - 1);
    assert_eq!(ids(&s, "a", &[]).await, ["1", r#""k""#, r#""l""#]);
    clock.advance_us(1);
    // One that was changed since has its time from then on.
    assert_eq!(text(&s, "a", "k").await, None);
    assert!(text(&s, "a", "l").await.is_some() && text(&s, "b", "k").await.is_some());
    let living = ["1", r#""l""#];
    assert_eq!(ids(&s, "a", &[]).await, living);
    assert_eq!(ids(&s, "a", &[("v", "1")]).await, living);
    assert_eq!(ids(&s, "a", &[("sort", "-v")]).await, [living[1], living[0]]);
    for filter in [&[("count", "exact")][..], &[("v", "1"), ("count", "exact")]] {
        assert_eq!(list(&s, "a", filter).await.total, Some(2), "{filter:?}");
    }
    assert_eq!(s.totals().await.unwrap().documents, 3);
    // For writes it is not there either.
    let missing = RefusalKind::NotFound;
    assert_eq!(refused(&s, "a", Operation::put("k", "{}")).await, missing);
    clock.advance_us(5 * SECOND);
    assert_eq!(refused(&s, "a", Operation::patch("l", "{}")).await, missing);
    assert_eq!(refused(&s, "a", Operation::delete("1")).await, missing);
    let stale = Operation::put("k", "{}").at(&old);
    assert_eq!(refused(&s, "a", stale).await, RefusalKind::RevisionConflict);
    assert_eq!(s.totals().await.unwrap().collections, ["b"]);
    let new = write(&s, "a", Operation::upsert("l", "{}").when(Condition::Missing)).await;
    assert_eq!((new.kind.as_str(), new.text.as_deref()), ("created", Some(r#"{"id":"l"}"#)));
    let times = s.times("a", "l").await.unwrap().unwrap();
    assert_eq!(times.created_at, times.updated_at);
    assert_eq!(s.delete_collection("a").await.unwrap(), 1);
}

pub(crate) async fn expired_values_are_free(s: Shared) {
    let Some(clock) = ten_seconds(&s).await else { return };
    s.create_index("a", "unique(v)").await.unwrap();
    put_new(&s, "a", "k", r#"{"v":1}"#).await;
    assert_eq!(refused(&s, "a", Operation::create(r#"{"v":1}"#)).await, RefusalKind::NotUnique);
    clock.advance_us(10 * SECOND);
    put_new(&s, "a", "l", r#"{"v":1}"#).await;
    clock.advance_us(10 * SECOND);
    put_new(&s, "a", "m", r#"{"v":1}"#).await;
    for operation in [
        Operation::create(r#"{"v":1}"#),
        Operation::upsert("k", r#"{"v":1}"#),
        Operation::upsert("l", r#"{"v":1}"#),
    ] {
        assert_eq!(refused(&s, "a", operation).await, RefusalKind::NotUnique);
    }
    assert_eq!(ids(&s, "a", &[("v", "1")]).await, [r#""m""#]);
    // Nor do they keep other fields from being unique.
    put_new(&s, "a", "n", r#"{"w":1}"#).await;
    clock.advance_us(10 * SECOND);
    put_new(&s, "a", "o", r#"{"w":1}"#).await;
    s.create_index("a", "unique(w)").await.unwrap();
    assert_eq!(refused(&s, "a", Operation::create(r#"{"w":1}"#)).await, RefusalKind::NotUnique);
}

pub(crate) async fn expired_documents_refer_to_nothing(s: Shared) {
    let Some(clock) = ten_seconds(&s).await else { return };
    let long = "t".repeat(300);
    let teams = [("refuse", "t"), ("cascade", "u"), ("set_null", &*long)];
    let fields = teams.map(|(on_delete, _)| {
        format!("\"{on_delete}\":{{\"x-reference\":\"b\",\"x-on-delete\":\"{on_delete}\"}}")
    });
    let schema = format!("{{\"properties\":{{{}}}}}", fields.join(","));
    s.set_schema("a", Some(&schema)).await.unwrap();
    for (field, team) in teams {
        put_new(&s, "b", team, "{}").await;
        for n in 0..3 {
            put_new(&s, "a", &format!("{field}{n}"), &format!("{{\"{field}\":\"{team}\"}}")).await;
        }
    }
    clock.advance_us(10 * SECOND);
    // One that is there counts, however many there were before it.
    put_new(&s, "a", "stays", r#"{"refuse":"t"}"#).await;
    assert_eq!(refused(&s, "b", Operation::delete("t")).await, RefusalKind::Referenced);
    assert_eq!(s.delete_collection("b").await.unwrap_err().kind, RefusalKind::Referenced);
    write(&s, "a", Operation::delete("stays")).await;
    for (_, team) in teams {
        write(&s, "b", Operation::delete(team)).await;
    }
    assert_eq!(sweep_once(&s).await, 9);
    // And nothing can refer to them.
    s.set_schema("b", Some(r#"{"properties":{"of":{"x-reference":"a"}}}"#)).await.unwrap();
    put_new(&s, "a", "k", "{}").await;
    put_new(&s, "b", "x", r#"{"of":"k"}"#).await;
    clock.advance_us(10 * SECOND);
    let late = Operation::create(r#"{"of":"k"}"#);
    assert_eq!(refused(&s, "b", late).await, RefusalKind::ReferenceNotFound);
}

pub(crate) async fn sweeps_delete_what_has_expired(s: Shared) {
    let Some(clock) = ten_seconds(&s).await else { return };
    s.create_index("a", "v").await.unwrap();
    for id in ["k", "l", "m"] {
        put_new(&s, "a", id, r#"{"v":1}"#).await;
        clock.advance_us(4 * SECOND);
    }
    let seen = s.changes(None, 0, 100).await.unwrap().next;
    // A write that names one deletes it first, whatever else it comes to.
    assert_eq!(refused(&s, "a", Operation::put("k", "{}")).await, RefusalKind::NotFound);
    assert_eq!(sweep_once(&s).await, 0);
    clock.advance_us(3 * SECOND);
    // What is undone is undone wholly, also where a batch is one operation.
    let late = vec![Operation::upsert("l", "{}"), Operation::put("none", "{}")];
    for late in [late, vec![Operation::put("l", "{}")]] {
        batch(&s, "a", Batch::atomic(late)).await;
    }
    assert_eq!(sweep_once(&s).await, 1);
    assert_eq!(sweep_once(&s).await, 0);
    let told = all_changes(&s, None, seen, 100).await;
    let told = told.iter().map(|change| (change.kind.as_str(), change.id.as_deref().unwrap()));
    assert_eq!(told.collect::<Vec<_>>(), [("deleted", r#""k""#), ("deleted", r#""l""#)]);
    // They are stored no more.
    assert!(set_terms(&s, Terms::default()).await);
    assert_eq!(ids(&s, "a", &[("v", "1")]).await, [r#""m""#]);
    assert_eq!(list(&s, "a", &[("count", "exact")]).await.total, Some(1));
    assert_eq!(s.totals().await.unwrap().documents, 1);
}

pub(crate) async fn wrong_clock_lets_nothing_be_swept(s: Shared) {
    let Some(clock) = ten_seconds(&s).await else { return };
    clock.advance_us(20 * SECOND);
    put_new(&s, "a", "k", "{}").await;
    let forty_days = 40 * 86_400 * SECOND;
    clock.jump_us(forty_days);
    assert_eq!(text(&s, "a", "k").await, None);
    assert_eq!(sweep_once(&s).await, 0);
    clock.jump_us(-forty_days);
    assert!(text(&s, "a", "k").await.is_some());
    assert_eq!(sweep_once(&s).await, 0);
    clock.advance_us(10 * SECOND);
    assert_eq!(sweep_once(&s).await, 1);
}

pub(crate) async fn writes_without_changes_are_not_told(s: Shared) {
    if !set_terms(&s, Terms { changes: false, ..Terms::default() }).await {
        return;
    }
    s.create_index("a", "unique(v)").await.unwrap();
    let first = create(&s, "a", r#"{"v":1}"#).await;
    let key = Some("key");
    let operation = Operation::create(r#"{"v":2}"#);
    let second = s.write("a", &operation, key).await.unwrap();
    assert!(s.write("a", &operation, key).await.unwrap().replayed);
    assert_eq!(refused(&s, "a", operation).await, RefusalKind::NotUnique);
    let patched = revision(&write(&s, "a", Operation::patch(&first, r#"{"v":3}"#)).await);
    assert_ne!(Some(&patched), second.done.revision.as_ref());
    write(&s, "a", Operation::put(&first, "{}").at(&patched)).await;
    write(&s, "a", Operation::delete(&first)).await;
    let both = vec![Operation::create_as("x", "{}"), Operation::delete("x")];
    batch(&s, "a", Batch::each(both)).await;
    put_new(&s, "b", "k", "{}").await;
    assert_eq!(s.delete_collection("a").await.unwrap(), 1);
    let told = all_changes(&s, None, 0, 100).await;
    let [change] = &told[..] else { panic!("{told:?}") };
    assert_eq!((change.collection.as_str(), change.kind.as_str()), ("b", "created"));
    assert_eq!(s.changes(Some("a"), 0, 100).await.unwrap().changes, []);
    // From now on they are.
    assert!(set_terms(&s, Terms::default()).await);
    let new = write(&s, "a", Operation::create_as("x", "{}")).await;
    let last = all_changes(&s, Some("a"), change.sequence, 100).await;
    assert_eq!(last.len(), 1);
    assert_eq!(last[0].revision, new.revision);
}
