//! The log as the service uses it, over a whole engine.

#![expect(clippy::unwrap_used, reason = "a failing helper fails its test")]

mod plan;
mod tail;

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use isobase_engine::SystemClock;
use isobase_engine_memory::{MemoryEngine, MemoryOptions};
use isobase_requests::{
    Ingested, ItemQuery, ItemUpdate, Items, LeftOut, NewItem, NewRequest, RequestOptions,
    RequestQuery, Requests, RequestsError,
};
use isobase_store::{Store, StoreOptions};
use isobase_types::Timestamp;

/// 2026-11-20T14:09:00Z
const START_US: i64 = 1_795_183_740_000_000;

/// A log over an empty database, whose clock goes on by a second whenever it is looked at.
fn log_with(options: RequestOptions) -> (Requests, Items, Store) {
    let engine = MemoryEngine::new(Arc::new(SystemClock), MemoryOptions::default());
    let store = Store::new(Arc::new(engine), StoreOptions::default());
    let clock = Arc::new(AtomicI64::new(START_US));
    let now: isobase_requests::Now =
        Arc::new(move || Timestamp { unix_us: clock.fetch_add(1_000_000, Ordering::SeqCst) });
    let requests = Requests::new(&store, options).with_clock(now.clone());
    (requests, Items::new(&store, now), store)
}

fn log() -> Requests {
    log_with(RequestOptions::default()).0
}

fn report(endpoint: &str, status: u16, ms: f64) -> NewRequest {
    NewRequest {
        service: "llm".to_owned(),
        endpoint: endpoint.to_owned(),
        method: "POST".to_owned(),
        status_code: Some(status),
        duration_ms: Some(ms),
        ..NewRequest::default()
    }
}

async fn endpoints(log: &Requests, query: RequestQuery) -> Vec<String> {
    let page = log.list(&query, 100, None).await.unwrap();
    page.entries.into_iter().map(|entry| entry.endpoint).collect()
}

#[tokio::test]
async fn a_report_that_is_repeated_is_one_entry() {
    let log = log();
    let mut one = report("/a", 200, 1.0);
    one.request_id = Some("r-1".to_owned());
    let other = NewRequest { service: "web".to_owned(), ..one.clone() };
    let batch = [one.clone(), one.clone(), other, report("/b", 200, 1.0)];
    let first = log.ingest(&batch).await.unwrap();
    let Ingested::Created(id) = first[0] else { panic!("{first:?}") };
    assert_eq!(first[1], Ingested::Duplicate(Some(id)));
    assert!(matches!((first[2], first[3]), (Ingested::Created(_), Ingested::Created(_))));
    assert_eq!(log.ingest(&[one]).await.unwrap(), [Ingested::Duplicate(Some(id))]);
    assert_eq!(log.count(&RequestQuery::default()).await.unwrap().unwrap().entries, 3);
    // Without an id each report is a request of its own.
    log.ingest(&[report("/b", 200, 1.0)]).await.unwrap();
    assert_eq!(log.count(&RequestQuery::default()).await.unwrap().unwrap().entries, 4);
}

#[tokio::test]
async fn secrets_and_long_bodies_are_never_stored() {
    let (log, _, store) =
        log_with(RequestOptions { body_characters_max: 40, ..RequestOptions::default() });
    let mut one = report("/x?api_key=hush-hush", 200, 1.0);
    one.request_body = Some(r#"{"password":"hush-hush","text":"ä"}"#.to_owned() + &"y".repeat(100));
    one.response_body = Some(format!("{}\"token\":\"hush-hush\"", "z".repeat(35)));
    one.error = Some("failed with Bearer hush-hush-hush".to_owned());
    let Ingested::Created(id) = log.ingest(&[one]).await.unwrap()[0] else { panic!() };
    let entry = log.get(id).await.unwrap();
    assert!(entry.request_body.as_deref().unwrap().ends_with("... [truncated]"), "{entry:?}");
    assert!(entry.truncated);
    assert_eq!(entry.redacted, 4);
    assert_eq!(entry.endpoint, "/x?api_key=[redacted]");
    let name = isobase_types::CollectionName::new("isobase_requests").unwrap();
    let stored = store.system().get(&name, &isobase_types::DocumentId::Integer(id)).await.unwrap();
    assert!(!stored.unwrap().body.contains("hush"));
}

#[tokio::test]
async fn what_cannot_be_an_entry_is_refused_before_anything_is_written() {
    let log = log();
    let good = report("/a", 200, 1.0);
    let bad = [
        NewRequest { service: String::new(), ..good.clone() },
        NewRequest { service: "a\nb".to_owned(), ..good.clone() },
        NewRequest { method: "X".repeat(21), ..good.clone() },
        NewRequest { request_id: Some(String::new()), ..good.clone() },
        NewRequest { duration_ms: Some(-1.0), ..good.clone() },
        NewRequest { duration_ms: Some(f64::NAN), ..good.clone() },
    ];
    for bad in bad {
        let refused = log.ingest(&[good.clone(), bad]).await.unwrap_err();
        assert!(matches!(refused, RequestsError::Invalid { .. }), "{refused}");
    }
    assert_eq!(log.count(&RequestQuery::default()).await.unwrap().unwrap().entries, 0);
    assert!(matches!(log.get(-1).await, Err(RequestsError::NotFound)));
}

#[tokio::test]
async fn entries_are_chosen_by_every_filter() {
    let log = log();
    let reports = [
        report("/a", 200, 5.0),
        report("/b", 404, 50.0),
        report("/c", 500, 500.0),
        NewRequest {
            service: "web".to_owned(),
            user_identifier: Some("ann".to_owned()),
            ..report("/d", 200, 1.0)
        },
        NewRequest { status_code: None, duration_ms: None, ..report("/e", 0, 0.0) },
    ];
    for report in reports {
        log.ingest(&[report]).await.unwrap();
    }
    let all = endpoints(&log, RequestQuery::default()).await;
    assert_eq!(all, ["/e", "/d", "/c", "/b", "/a"]);
    let text = |text: &str| Some(text.to_owned());
    let at = |seconds: i64| Some(Timestamp { unix_us: START_US + seconds * 1_000_000 });
    let cases = [
        (RequestQuery { service: text("web"), ..RequestQuery::default() }, vec!["/d"]),
        (RequestQuery { endpoint: text("/b"), ..RequestQuery::default() }, vec!["/b"]),
        (RequestQuery { user: text("ann"), ..RequestQuery::default() }, vec!["/d"]),
        (RequestQuery { status: Some(200), ..RequestQuery::default() }, vec!["/d", "/a"]),
        (RequestQuery { class: Some(5), ..RequestQuery::default() }, vec!["/c"]),
        (RequestQuery { min_ms: Some(50), ..RequestQuery::default() }, vec!["/c", "/b"]),
        (RequestQuery { max_ms: Some(5), ..RequestQuery::default() }, vec!["/d", "/a"]),
        (RequestQuery { from: at(1), to: at(3), ..RequestQuery::default() }, vec!["/c", "/b"]),
        (RequestQuery { text: text("/C"), ..RequestQuery::default() }, vec!["/c"]),
        (RequestQuery { method: text("GET"), ..RequestQuery::default() }, vec![]),
    ];
    for (query, expected) in cases {
        assert_eq!(endpoints(&log, query.clone()).await, expected, "{query:?}");
    }
}

#[tokio::test]
async fn pages_follow_each_other_without_gaps() {
    let log = log();
    let batch: Vec<_> = (0..25).map(|n| report(&format!("/{n}"), 200, 1.0)).collect();
    log.ingest(&batch).await.unwrap();
    let (mut cursor, mut seen) = (None, Vec::new());
    loop {
        let page = log.list(&RequestQuery::default(), 10, cursor).await.unwrap();
        seen.extend(page.entries.iter().map(|entry| entry.id));
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 25);
    assert!(seen.windows(2).all(|pair| pair[0] > pair[1]), "{seen:?}");
}

#[tokio::test]
async fn a_search_ends_at_its_budget_and_goes_on() {
    let options = RequestOptions { search_budget: Duration::ZERO, ..RequestOptions::default() };
    let (log, _, _) = log_with(options);
    let batch: Vec<_> = (0..500).map(|n| report(&format!("/{n}"), 200, 1.0)).collect();
    log.ingest(&batch).await.unwrap();
    let query = RequestQuery { text: Some("/7".to_owned()), ..RequestQuery::default() };
    let (mut cursor, mut found, mut steps) = (None, 0, 0);
    loop {
        let page = log.list(&query, 50, cursor).await.unwrap();
        found += page.entries.len();
        steps += 1;
        cursor = page.cursor;
        if cursor.is_none() {
            assert_eq!(page.searched_to, None);
            break;
        }
        assert!(page.searched_to.is_some());
    }
    assert_eq!((found, steps), (11, 3));
}

#[tokio::test]
async fn charts_count_each_entry_once() {
    let log = log();
    let mut one = report("/users/1", 200, 10.0);
    one.request_id = Some("r-1".to_owned());
    log.ingest(&[one.clone(), report("/users/2", 500, 1_000.0)]).await.unwrap();
    log.ingest(&[one]).await.unwrap();
    for _ in 0..8 {
        log.ingest(&[report("/users/3", 200, 10.0)]).await.unwrap();
    }
    let at = |seconds: i64| Timestamp { unix_us: START_US + seconds * 1_000_000 };
    let buckets = log.stats((at(-600), at(600)), 3_600, (Some("llm"), None), &[]).await.unwrap();
    assert_eq!(buckets.len(), 1);
    assert_eq!(
        (buckets[0].count, buckets[0].by_class["2xx"], buckets[0].by_class["5xx"]),
        (10, 9, 1)
    );
    let (half, most) = (buckets[0].quantile(0.5).unwrap(), buckets[0].quantile(0.99).unwrap());
    assert!((10.0..=12.0).contains(&half) && (1_000.0..=1_200.0).contains(&most), "{half} {most}");
    assert_eq!(buckets[0].sum_ms, 1_090.0);
    let none = log.stats((at(-600), at(600)), 300, (Some("web"), None), &[]).await.unwrap();
    assert!(none.is_empty());
    let grouped =
        log.stats((at(-600), at(600)), 300, (None, Some("/users/:id")), &[]).await.unwrap();
    assert_eq!(grouped.iter().map(|bucket| bucket.count).sum::<u64>(), 10);
}

#[tokio::test]
async fn health_checks_are_left_out_where_that_is_asked_for() {
    let log = log();
    let of_web = NewRequest { service: "web".to_owned(), ..report("/ready", 200, 1.0) };
    log.ingest(&[report("/ready", 200, 1.0), of_web, report("/a", 500, 1.0)]).await.unwrap();
    let left = |texts: &[&str]| texts.iter().map(|text| LeftOut::parse(text)).collect::<Vec<_>>();
    let at = |seconds: i64| Timestamp { unix_us: START_US + seconds * 1_000_000 };
    for (without, expected) in [
        (left(&[]), 3),
        (left(&["/ready"]), 1),
        (left(&["llm: /ready"]), 2),
        (left(&["llm:/ready", "/a", "/other"]), 1),
        (vec![LeftOut { service: Some("llm".to_owned()), endpoint: None }], 1),
    ] {
        let query = RequestQuery { without: without.clone(), ..RequestQuery::default() };
        assert_eq!(log.list(&query, 10, None).await.unwrap().entries.len(), expected);
        let total = log.count(&query).await.unwrap().unwrap();
        assert_eq!(total.entries, expected as u64);
        let all = (at(-600), at(600));
        let buckets = log.stats(all, 300, (None, None), &without).await.unwrap();
        assert_eq!(buckets.iter().map(|one| one.count).sum::<u64>(), expected as u64);
    }
}

#[tokio::test]
async fn work_for_the_same_input_is_done_once() {
    let (_, items, _) = log_with(RequestOptions::default());
    let new = |id: &str, hash: &str| NewItem {
        correlation_id: id.to_owned(),
        license_key: Some("KEY-1".to_owned()),
        input_hash: Some(hash.to_owned()),
        ..NewItem::default()
    };
    let (first, created) = items.create(&new("c-1", "h-1")).await.unwrap();
    assert!(created && first.status == "pending");
    let (again, created) = items.create(&new("c-2", "h-1")).await.unwrap();
    assert_eq!((again.id, created), (first.id, false));
    let clash = items.create(&new("c-1", "h-2")).await.unwrap_err();
    assert!(matches!(clash, RequestsError::ItemExists(_)), "{clash}");
    let done = ItemUpdate {
        correlation_id: "c-1".to_owned(),
        output_json: Some("[]".to_owned()),
        status: "completed".to_owned(),
        ..ItemUpdate::default()
    };
    assert!(items.update(&done).await.unwrap());
    let unknown = ItemUpdate { correlation_id: "c-9".to_owned(), ..done };
    assert!(!items.update(&unknown).await.unwrap());
    let found = items.by_input_hash("h-1").await.unwrap();
    assert_eq!((found.status.as_str(), found.output_json.as_deref()), ("completed", Some("[]")));
    assert!(matches!(items.by_input_hash("h-9").await, Err(RequestsError::ItemNotFound)));
    let query = ItemQuery { search: Some("key-".to_owned()), status: Some("completed".to_owned()) };
    assert_eq!(items.list(&query, (0, 10)).await.unwrap().total, 1);
    let query = ItemQuery { search: Some("x".to_owned()), ..ItemQuery::default() };
    assert_eq!(items.list(&query, (0, 10)).await.unwrap().total, 0);
}

#[tokio::test]
async fn entries_go_after_their_time_and_never_into_the_feed() {
    let clock = Arc::new(AtomicI64::new(START_US));
    let engine = MemoryEngine::new(Arc::new(Set(clock.clone())), MemoryOptions::default());
    let store = Store::new(Arc::new(engine), StoreOptions::default());
    let retention = Some(Duration::from_secs(86_400));
    let log = Requests::new(&store, RequestOptions { retention, ..RequestOptions::default() });
    let Ingested::Created(id) = log.ingest(&[report("/a", 200, 1.0)]).await.unwrap()[0] else {
        panic!()
    };
    clock.fetch_add(86_399_000_000, Ordering::SeqCst);
    assert!(log.get(id).await.is_ok());
    clock.fetch_add(2_000_000, Ordering::SeqCst);
    assert!(matches!(log.get(id).await, Err(RequestsError::NotFound)));
    assert_eq!(log.count(&RequestQuery::default()).await.unwrap().unwrap().entries, 0);
    let feed = isobase_store::FeedRequest {
        since: isobase_store::Since::parse("0").unwrap(),
        collection: None,
        limit: 10,
        bodies: false,
    };
    assert!(store.system().changes(feed).await.unwrap().changes.is_empty());
}

struct Set(Arc<AtomicI64>);

impl isobase_engine::Clock for Set {
    fn now(&self) -> Timestamp {
        Timestamp { unix_us: self.0.load(Ordering::SeqCst) }
    }
}
