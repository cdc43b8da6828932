//! The log as it grows.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use isobase_engine::{
    Engine, EngineError, ListRequest, Listing, SystemClock,
    testing::{Alteration, Altered},
};
use isobase_engine_memory::{MemoryEngine, MemoryOptions};
use isobase_requests::{
    Ingested, MissedReason, RequestOptions, RequestQuery, Requests, Tail, TailOptions, Told,
    Watcher,
};
use isobase_store::{Store, StoreOptions};
use isobase_types::{CollectionName, DocumentId};

use super::report;

/// Nothing a test waits for takes this long, unless it never comes.
const PATIENCE: Duration = Duration::from_secs(60);

fn options() -> TailOptions {
    TailOptions { every: Duration::from_millis(20), ..TailOptions::default() }
}

fn store() -> Store {
    let engine = MemoryEngine::new(Arc::new(SystemClock), MemoryOptions::default());
    Store::new(Arc::new(engine), StoreOptions::default())
}

fn log_of(store: &Store) -> Arc<Requests> {
    Arc::new(Requests::new(store, RequestOptions::default()))
}

async fn log(requests: &Requests, endpoints: &[&str]) -> Vec<i64> {
    let reports: Vec<_> = endpoints.iter().map(|endpoint| report(endpoint, 200, 1.0)).collect();
    let number = |it: Ingested| match it {
        Ingested::Created(id) => id,
        Ingested::Duplicate(_) => panic!("{it:?}"),
    };
    requests.ingest(&reports).await.unwrap().into_iter().map(number).collect()
}

async fn next(watcher: &mut Watcher) -> Told {
    tokio::time::timeout(PATIENCE, watcher.next()).await.expect("something in time").unwrap()
}

async fn endpoint(watcher: &mut Watcher) -> String {
    match next(watcher).await {
        Told::Entry(entry) => entry.endpoint.clone(),
        Told::Missed(missed) => panic!("{missed:?}"),
    }
}

#[tokio::test]
async fn a_watcher_is_told_what_any_process_logs() {
    let store = store();
    let (here, elsewhere) = (log_of(&store), log_of(&store));
    log(&here, &["/before"]).await;
    let tail = Tail::new(here.clone(), options());
    let mut all = tail.watch(&RequestQuery::default(), None).await.unwrap();
    let of_b = RequestQuery { text: Some("/B".to_owned()), ..RequestQuery::default() };
    let mut some = tail.watch(&of_b, None).await.unwrap();
    log(&elsewhere, &["/a", "/b"]).await;
    log(&here, &["/c"]).await;
    for expected in ["/a", "/b", "/c"] {
        assert_eq!(endpoint(&mut all).await, expected);
    }
    assert_eq!(endpoint(&mut some).await, "/b");
    // The same entries are never told twice, and after a pause it goes on.
    drop(all);
    drop(some);
    let mut again = tail.watch(&RequestQuery::default(), None).await.unwrap();
    log(&elsewhere, &["/d"]).await;
    assert_eq!(endpoint(&mut again).await, "/d");
}

#[tokio::test]
async fn a_slow_watcher_is_told_what_was_left_out() {
    let requests = log_of(&store());
    let tail = Tail::new(requests.clone(), TailOptions { queue_entries_max: 2, ..options() });
    let of_a = RequestQuery { text: Some("/a".to_owned()), ..RequestQuery::default() };
    let mut slow = tail.watch(&of_a, None).await.unwrap();
    let mut quick = tail.watch(&RequestQuery { ..of_a.clone() }, None).await.unwrap();
    let first = log(&requests, &["/a0"]).await;
    // When the quick one has it, it waits for the slow one too.
    assert_eq!(endpoint(&mut quick).await, "/a0");
    let ids = log(&requests, &["/a1", "/b", "/a2", "/a3", "/b", "/a4"]).await;
    assert_eq!(endpoint(&mut quick).await, "/a1");
    assert_eq!(endpoint(&mut slow).await, "/a0");
    assert_eq!(endpoint(&mut slow).await, "/a1");
    let Told::Missed(missed) = next(&mut slow).await else { panic!("nothing was left out") };
    assert_eq!((missed.reason, missed.entries), (MissedReason::TooSlow, Some(3)));
    assert_eq!(missed.ids, (ids[2], ids[5]));
    let (from, to) = missed.moments.unwrap();
    let entry = async |id: i64| requests.get(id).await.unwrap().at;
    assert!(entry(ids[2]).await >= from && entry(ids[5]).await <= to);
    assert!(first[0] < ids[0] && slow.place() == ids[5]);
    log(&requests, &["/a5"]).await;
    assert_eq!(endpoint(&mut slow).await, "/a5");
}

#[tokio::test]
async fn a_watcher_that_comes_back_is_told_what_it_missed() {
    let requests = log_of(&store());
    let tail = Tail::new(requests.clone(), TailOptions { replay_max: 4, ..options() });
    let ids = log(&requests, &["/a", "/b", "/c"]).await;
    let mut back = tail.watch(&RequestQuery::default(), Some(ids[0])).await.unwrap();
    assert_eq!(endpoint(&mut back).await, "/b");
    assert_eq!(back.place(), ids[1]);
    assert_eq!(endpoint(&mut back).await, "/c");
    log(&requests, &["/d"]).await;
    assert_eq!(endpoint(&mut back).await, "/d");
    // More than is told afterwards.
    let more = log(&requests, &["/e", "/f", "/g"]).await;
    for _ in &more {
        endpoint(&mut back).await;
    }
    let mut far = tail.watch(&RequestQuery::default(), Some(ids[0])).await.unwrap();
    for expected in ["/b", "/c", "/d", "/e"] {
        assert_eq!(endpoint(&mut far).await, expected);
    }
    let Told::Missed(missed) = next(&mut far).await else { panic!("nothing was left out") };
    assert_eq!((missed.reason, missed.ids), (MissedReason::TooFar, (more[1], more[2])));
    // A number that this log never gave.
    let mut foreign = tail.watch(&RequestQuery::default(), Some(more[2] + 100)).await.unwrap();
    let Told::Missed(missed) = next(&mut foreign).await else { panic!("it was taken for ours") };
    assert_eq!(missed.reason, MissedReason::PastGone);
}

/// An engine whose pages are not of one moment: one entry is seen later than those after it.
struct Late {
    memory: MemoryEngine,
    /// The id that is not seen yet; -1 for none.
    hidden: Arc<AtomicI64>,
}

#[async_trait]
impl Alteration for Late {
    fn inner(&self) -> &dyn Engine {
        &self.memory
    }

    fn lists_one_moment(&self) -> bool {
        false
    }

    async fn list(
        &self,
        collection: &CollectionName,
        request: &ListRequest,
    ) -> Result<Listing, EngineError> {
        let mut listing = self.memory.list(collection, request).await?;
        let hidden = DocumentId::Integer(self.hidden.load(Ordering::SeqCst));
        listing.documents.retain(|document| document.id != hidden);
        Ok::<_, EngineError>(listing)
    }
}

#[tokio::test]
async fn an_entry_that_is_seen_late_is_told_once() {
    let hidden = Arc::new(AtomicI64::new(-1));
    let memory = MemoryEngine::new(Arc::new(SystemClock), MemoryOptions::default());
    let engine = Altered(Late { memory, hidden: hidden.clone() });
    let requests = log_of(&Store::new(Arc::new(engine), StoreOptions::default()));
    let before = log(&requests, &["/before"]).await;
    let tail = Tail::new(requests.clone(), TailOptions { settle: PATIENCE, ..options() });
    let mut watcher = tail.watch(&RequestQuery::default(), None).await.unwrap();
    hidden.store(before[0] + 1, Ordering::SeqCst);
    log(&requests, &["/late", "/b"]).await;
    assert_eq!(endpoint(&mut watcher).await, "/b");
    hidden.store(-1, Ordering::SeqCst);
    assert_eq!(endpoint(&mut watcher).await, "/late");
    log(&requests, &["/c"]).await;
    assert_eq!(endpoint(&mut watcher).await, "/c");
}
