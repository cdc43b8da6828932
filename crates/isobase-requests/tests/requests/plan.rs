//! What is read to find a page.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use isobase_engine::{
    Engine, EngineError, ListRequest, Listing, SystemClock,
    testing::{Alteration, Altered},
};
use isobase_engine_sqlite::{SqliteEngine, SqliteOptions};
use isobase_requests::{NewRequest, RequestOptions, RequestQuery, Requests};
use isobase_store::{Store, StoreOptions};
use isobase_types::{CollectionName, Timestamp};

use super::START_US;

const ROWS: usize = 12_000;
/// Every so many rows one is rare.
const RARE: usize = 240;
const LIMIT: u32 = 40;
/// A page that is found without an index looks at some 9,600 rows.
const EXAMINED_MAX: u64 = 2_000;

/// An engine that examines few documents at a time, and counts how often it is asked.
struct Counted {
    engine: SqliteEngine,
    lists: Arc<AtomicUsize>,
}

#[async_trait]
impl Alteration for Counted {
    fn inner(&self) -> &dyn Engine {
        &self.engine
    }

    async fn list(
        &self,
        collection: &CollectionName,
        request: &ListRequest,
    ) -> Result<Listing, EngineError> {
        self.lists.fetch_add(1, Ordering::SeqCst);
        let request = ListRequest { scan_max: EXAMINED_MAX, ..request.clone() };
        self.engine.list(collection, &request).await
    }
}

fn report(number: usize) -> NewRequest {
    let is_rare = number % RARE == 7;
    let either = |rare: &str, other: &str| if is_rare { rare } else { other }.to_owned();
    NewRequest {
        service: either("rare", "web"),
        endpoint: either("/rare", "/x"),
        method: either("DELETE", "GET"),
        user_identifier: Some(either("rare@b.c", "a@b.c")),
        correlation_id: Some(either("one-trace", &format!("trace-{number}"))),
        status_code: Some(if is_rare { 503 } else { 200 }),
        duration_ms: Some(if is_rare { 60_000.0 } else { (number % 900) as f64 }),
        ..NewRequest::default()
    }
}

#[tokio::test]
async fn a_page_by_any_one_filter_reads_little_more_than_it_shows() {
    let folder = tempfile::tempdir().unwrap();
    let options = SqliteOptions::new(folder.path().join("a.db"));
    let engine = SqliteEngine::open(options, Arc::new(SystemClock)).unwrap();
    let lists = Arc::new(AtomicUsize::new(0));
    let counted = Counted { engine, lists: Arc::clone(&lists) };
    let store = Store::new(Arc::new(Altered(counted)), StoreOptions::default());
    let clock = Arc::new(AtomicUsize::new(0));
    let now: isobase_requests::Now = Arc::new(move || {
        let seconds = clock.fetch_add(1, Ordering::SeqCst);
        Timestamp { unix_us: START_US + i64::try_from(seconds).unwrap() * 1_000_000 }
    });
    let options = RequestOptions { retention: None, ..RequestOptions::default() };
    let log = Requests::new(&store, options).with_clock(now);
    for first in (0..ROWS).step_by(1_000) {
        let reports: Vec<_> = (first..first + 1_000).map(report).collect();
        log.ingest(&reports).await.unwrap();
    }
    let range = RequestQuery {
        from: Some(Timestamp { unix_us: START_US }),
        to: Some(Timestamp { unix_us: START_US + 86_400_000_000 }),
        ..RequestQuery::default()
    };
    let text = |text: &str| Some(text.to_owned());
    let filters = [
        RequestQuery { service: text("rare"), ..range.clone() },
        RequestQuery { endpoint: text("/rare"), ..range.clone() },
        RequestQuery { method: text("DELETE"), ..range.clone() },
        RequestQuery { user: text("rare@b.c"), ..range.clone() },
        RequestQuery { correlation_id: text("one-trace"), ..range.clone() },
        RequestQuery { status: Some(503), ..range.clone() },
        RequestQuery { class: Some(5), ..range.clone() },
        RequestQuery { min_ms: Some(5_000), ..range.clone() },
        RequestQuery { max_ms: Some(800), ..range.clone() },
        RequestQuery { service: text("web"), ..range.clone() },
        range,
    ];
    for filter in filters {
        let before = lists.load(Ordering::SeqCst);
        let page = log.list(&filter, LIMIT, None).await.unwrap();
        assert_eq!(page.entries.len(), LIMIT as usize, "{filter:?}");
        assert_eq!(page.searched_to, None);
        assert_eq!(lists.load(Ordering::SeqCst) - before, 1, "{filter:?}");
    }
    // Two that are rare together are looked for until the budget is used up, and it says how far.
    let none = RequestQuery { method: text("GET"), min_ms: Some(1_000), ..RequestQuery::default() };
    let options = RequestOptions {
        retention: None,
        search_budget: std::time::Duration::ZERO,
        ..RequestOptions::default()
    };
    let hasty = Requests::new(&store, options);
    let (mut cursor, mut before, mut pages) = (None, String::from("~"), 0);
    loop {
        let page = hasty.list(&none, LIMIT, cursor).await.unwrap();
        assert_eq!(page.entries.len(), 0);
        pages += 1;
        let Some(next) = page.cursor else { break };
        let reached = page.searched_to.unwrap();
        assert!(reached < before, "{reached} goes on from {before}");
        (cursor, before) = (Some(next), reached);
    }
    assert!(pages > 1 && pages < 20, "{pages} pages");
}
