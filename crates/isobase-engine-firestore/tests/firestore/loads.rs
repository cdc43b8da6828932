//! Bulk writes past the journal.

use std::time::{Duration, Instant};

use googleapis_tonic_google_firestore_v1::google::firestore::v1 as proto;
use isobase_remote::{Backend, DocumentWrite};
use proto::{BatchWriteRequest, Document, Write, write};

use crate::support::{
    Database, after, after_at, before, client, collection, create, fields, key, on_each, owner,
    text,
};

#[test]
fn a_load_replaces_and_deletes_whatever_is_there() {
    on_each(async |database| {
        let backend = &database.backend;
        database.write_foreign("a/d1", fields([("by", text("another"))])).await;
        let id = |place: usize| format!("d{place}");
        let body = |place: usize| format!(r#"{{"place":{place}}}"#);
        let mut writes: Vec<_> =
            (0..1_200).map(|place| create(backend, "a", &id(place), &body(place))).collect();
        backend.load(writes.clone()).await.unwrap();
        backend.load(writes.clone()).await.unwrap();
        assert_eq!(backend.count(&collection("a")).await.unwrap(), 1_200);
        assert_eq!(database.body("a", "d1").await, Some(body(1)));
        for write in writes.iter_mut().skip(200) {
            write.after = None;
        }
        backend.load(writes).await.unwrap();
        assert_eq!(backend.count(&collection("a")).await.unwrap(), 200);
    });
}

#[test]
fn large_documents_are_loaded_in_several_requests() {
    on_each(async |database| {
        let backend = &database.backend;
        let body = format!(r#"{{"text":"{}"}}"#, "x".repeat(900_000));
        let write = |place: usize| create(backend, "a", &format!("d{place}"), &body);
        backend.load((0..12).map(write).collect()).await.unwrap();
        assert_eq!(backend.count(&collection("a")).await.unwrap(), 12);
        let page = backend.scan(&collection("a"), None, 100).await.unwrap();
        assert!(page.documents.len() < 12 && page.next.is_some(), "a page is bounded in bytes");
    });
}

#[test]
fn keys_are_rewritten_where_nothing_changed() {
    on_each(async |database| {
        let backend = &database.backend;
        for id in ["same", "changed", "gone"] {
            database.commit(vec![create(backend, "a", id, r#"{"v":1}"#)]).await;
        }
        let mut writes = Vec::new();
        for id in ["same", "changed", "gone"] {
            writes.push(DocumentWrite {
                key: key("a", id),
                before: Some(before(backend, "a", id).await),
                after: Some(after_at(backend, r#"{"v":1}"#, &[b"k", b"new"], 1)),
            });
        }
        database.write_foreign("a/changed", fields([("v", text("2"))])).await;
        database.delete_foreign("a/gone").await;
        assert_eq!(backend.rekey(&writes).await.unwrap(), [true, false, false]);
        assert_eq!(backend.rekey(&writes).await.unwrap(), [false, false, false]);
        assert_eq!(backend.count_keys(&collection("a"), 1, b"n", None).await.unwrap(), 1);
        assert_eq!(database.body("a", "same").await.as_deref(), Some(r#"{"v":1}"#));
        assert_eq!(database.body("a", "changed").await.as_deref(), Some(r#"{"v":"2"}"#));
        assert_eq!(database.body("a", "gone").await, None);
        assert!(backend.rekey(&[]).await.unwrap().is_empty());
    });
}

/// The share of a bare client's speed that a load must reach.
const SHARE_MIN: f64 = 0.8;

#[test]
#[ignore = "a measurement: run it alone, in a release build"]
fn a_load_is_as_fast_as_a_bare_client() {
    on_each(async |database| {
        const DOCUMENTS: usize = 20_000;
        let backend = &database.backend;
        let body = format!(r#"{{"name":"x","count":12,"text":"{}"}}"#, "x".repeat(150));
        let (mut bare, mut ours) = (Duration::MAX, Duration::MAX);
        for round in 0..3 {
            let native: Vec<_> = (0..DOCUMENTS)
                .map(|place| native(&database, &format!("bare{round}"), place))
                .collect();
            let started = Instant::now();
            bare_load(&database, native).await;
            bare = bare.min(started.elapsed());
            let writes = (0..DOCUMENTS).map(|place| DocumentWrite {
                key: key(&format!("ours{round}"), &format!("d{place:06}")),
                before: None,
                after: Some(after(backend, &body, &[format!("{place:06}").as_bytes()])),
            });
            let writes = writes.collect();
            let started = Instant::now();
            backend.load(writes).await.unwrap();
            ours = ours.min(started.elapsed());
        }
        let share = bare.as_secs_f64() / ours.as_secs_f64();
        eprintln!("{}: bare {bare:?}, load {ours:?}, share {share:.2}", database.host.name);
        assert!(share >= SHARE_MIN, "{share}");
    });
}

/// The same document as a load writes.
fn native(database: &Database, collection: &str, place: usize) -> Write {
    let name = format!("{}/{collection}/d{place:06}", database.documents());
    let key = proto::value::ValueType::BytesValue(format!("{place:06}").into_bytes());
    let keys = proto::MapValue { fields: fields([("k0", crate::support::value(key))]) };
    let number = |number| crate::support::value(proto::value::ValueType::IntegerValue(number));
    let meta = proto::MapValue {
        fields: fields([
            ("revision", number(1)),
            ("created_at", text("2026-11-20T14:09:00.123456Z")),
            ("updated_at", text("2026-11-20T14:09:00.123456Z")),
            ("hash", text("0123456789abcdef0123456789abcdef")),
            ("keys", crate::support::value(proto::value::ValueType::MapValue(keys))),
        ]),
    };
    let fields = fields([
        ("name", text("x")),
        ("count", number(12)),
        ("text", text(&"x".repeat(150))),
        ("isobase_meta", crate::support::value(proto::value::ValueType::MapValue(meta))),
    ]);
    let document = Document { name, fields, ..Document::default() };
    Write { operation: Some(write::Operation::Update(document)), ..Write::default() }
}

async fn bare_load(database: &Database, writes: Vec<Write>) {
    let client = client(&database.host.host).await;
    let mut requests = writes.chunks(500).map(<[Write]>::to_vec).collect::<Vec<_>>().into_iter();
    let mut running = tokio::task::JoinSet::new();
    loop {
        while running.len() < 8 {
            let Some(writes) = requests.next() else { break };
            let mut client = client.clone();
            let database = format!("projects/{}/databases/(default)", database.project);
            running.spawn(async move {
                let request =
                    BatchWriteRequest { database, writes, ..BatchWriteRequest::default() };
                client.batch_write(owner(request)).await.expect("a bulk write")
            });
        }
        if running.join_next().await.is_none() {
            break;
        }
    }
}
