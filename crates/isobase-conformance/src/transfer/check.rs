//! The common parts of cases.

use std::sync::Arc;

use isobase_engine::{
    Action, ChangesPage, ChangesRequest, Counters, Engine, EngineError, Idempotency, IfMissing,
    IndexDefinition, ListRequest, Precondition, Snapshot, WriteBatch, WriteOperation, WriteReport,
    Written,
};
use isobase_types::{
    CollectionName, Document, DocumentId, Filter, Order, Revision, Sequence, Timestamp,
};

/// A year before the clock of the tests.
const CREATED_US: i64 = 1_735_689_600_000_000;

pub(crate) fn name(text: &str) -> CollectionName {
    CollectionName::new(text).unwrap()
}

pub(crate) fn id(text: &str) -> DocumentId {
    DocumentId::parse(text).unwrap()
}

/// A document as it was elsewhere. Its times follow from its revision.
pub(crate) fn document(id_text: &str, revision: u64, body: &str) -> Document {
    let since = i64::try_from(revision).unwrap();
    Document {
        id: id(id_text),
        revision: Revision::from_number(revision),
        created_at: Timestamp { unix_us: CREATED_US + since },
        updated_at: Timestamp { unix_us: CREATED_US + 2 * since },
        body: body.to_owned(),
    }
}

/// Documents with the ids and revisions of a range and the field `n`.
pub(crate) fn numbered(range: std::ops::Range<u64>) -> Vec<Document> {
    let body = |n| format!(r#"{{"n":{n},"group":"g{}"}}"#, n % 7);
    range.map(|n| document(&n.to_string(), n, &body(n))).collect()
}

pub(crate) async fn load(engine: &Arc<dyn Engine>, collection: &str, documents: &[Document]) {
    engine.load(&name(collection), documents.to_vec()).await.unwrap();
}

/// A whole load.
pub(crate) async fn load_whole(
    engine: &Arc<dyn Engine>,
    collection: &str,
    documents: &[Document],
    sequence: u64,
    last_id: i64,
) {
    engine.mark("under way").await.unwrap();
    load(engine, collection, documents).await;
    finish(engine, sequence, last_id).await;
}

pub(crate) async fn finish(engine: &Arc<dyn Engine>, sequence: u64, last_id: i64) {
    let counters = Counters { sequence: Sequence(sequence), last_id };
    engine.finish(counters).await.unwrap();
}

pub(crate) async fn snapshot(engine: &Arc<dyn Engine>) -> Box<dyn Snapshot> {
    engine.snapshot().await.unwrap()
}

/// The rest of a collection, in parts of so many bytes.
pub(crate) async fn read_rest(
    snapshot: &mut dyn Snapshot,
    collection: &str,
    mut after: Option<DocumentId>,
    bytes_max: usize,
) -> Vec<Document> {
    let collection = name(collection);
    let mut documents: Vec<Document> = Vec::new();
    loop {
        let part = snapshot.read(&collection, after.as_ref(), bytes_max).await.unwrap();
        let Some(last) = part.last() else { return documents };
        let but_last: usize = part[..part.len() - 1].iter().map(|d| d.body.len()).sum();
        assert!(
            but_last < bytes_max.max(1) * 2,
            "a part of {but_last} bytes where {bytes_max} were asked for"
        );
        assert!(after.as_ref() < Some(&last.id), "the reading stands still at {after:?}");
        after = Some(last.id.clone());
        documents.extend(part);
    }
}

/// A whole collection by listings.
pub(crate) async fn listed(
    engine: &Arc<dyn Engine>,
    collection: &str,
    order: &str,
) -> Vec<Document> {
    let collection = name(collection);
    let order = if order.is_empty() { Order::default() } else { Order::parse(order).unwrap() };
    let (mut documents, mut after) = (Vec::new(), None);
    loop {
        let request = ListRequest {
            filter: Filter::all(),
            order: order.clone(),
            after,
            skip: 0,
            limit: 1000,
            bytes_max: 64 << 20,
            scan_max: 1_000_000,
        };
        let page = engine.list(&collection, &request).await.unwrap();
        documents.extend(page.documents);
        after = page.next;
        if after.is_none() {
            return documents;
        }
    }
}

/// Id, and the text of the body.
pub(crate) fn texts(documents: &[Document]) -> Vec<(String, String)> {
    documents.iter().map(|d| (d.id.to_string(), d.body.clone())).collect()
}

pub(crate) async fn size(engine: &Arc<dyn Engine>, collection: &str) -> u64 {
    let collection = name(collection);
    let infos = engine.collections().await.unwrap();
    infos.iter().find(|info| info.name == collection).map_or(0, |info| info.documents)
}

pub(crate) async fn create(engine: &Arc<dyn Engine>, collection: &str, body: &str) -> Written {
    write(engine, collection, vec![Action::Create { body: body.to_owned() }]).await.remove(0)
}

/// The same request each time, under one idempotency key.
pub(crate) async fn create_once(engine: &Arc<dyn Engine>, collection: &str) -> Written {
    let operation = WriteOperation {
        collection: name(collection),
        action: Action::Create { body: "{}".to_owned() },
        precondition: Precondition::None,
    };
    let idempotency = Some(Idempotency { key: [7; 32], fingerprint: [8; 32] });
    let batch = WriteBatch { operations: vec![operation], idempotency, ..WriteBatch::default() };
    engine.write(batch).await.unwrap().outcomes.remove(0).unwrap()
}

pub(crate) async fn put(
    engine: &Arc<dyn Engine>,
    collection: &str,
    key: &str,
    body: &str,
) -> Written {
    let (id, body, if_missing) = (id(key), body.to_owned(), IfMissing::Create);
    write(engine, collection, vec![Action::Put { id, body, if_missing }]).await.remove(0)
}

/// Actions that must all be carried out, each on its own.
pub(crate) async fn write(
    engine: &Arc<dyn Engine>,
    collection: &str,
    actions: Vec<Action>,
) -> Vec<Written> {
    let report = try_write(engine, collection, actions).await.unwrap();
    report.outcomes.into_iter().map(|outcome| outcome.unwrap()).collect()
}

pub(crate) async fn try_write(
    engine: &Arc<dyn Engine>,
    collection: &str,
    actions: Vec<Action>,
) -> Result<WriteReport, EngineError> {
    let collection = name(collection);
    let operation = |action| WriteOperation {
        collection: collection.clone(),
        action,
        precondition: Precondition::None,
    };
    let operations = actions.into_iter().map(operation).collect();
    engine.write(WriteBatch { operations, ..WriteBatch::default() }).await
}

pub(crate) async fn changes(
    engine: &Arc<dyn Engine>,
    since: u64,
) -> Result<ChangesPage, EngineError> {
    let request =
        ChangesRequest { since: Sequence(since), collection: None, limit: 5000, bodies: false };
    engine.read_changes(&request).await
}

pub(crate) async fn latest(engine: &Arc<dyn Engine>) -> u64 {
    engine.latest().await.unwrap().0
}

pub(crate) fn index(text: &str) -> IndexDefinition {
    IndexDefinition::parse(text).unwrap()
}
