//! Engines on one database in memory.

use std::sync::atomic::{AtomicI64, Ordering};

use isobase_conformance::TestClock;
use isobase_engine::{
    Action, ChangeFeed, ChangesRequest, Engine, EngineError, IfMissing, IndexDefinition,
    ListRequest, Precondition, WriteBatch, WriteOperation, WriteOutcome, Written,
};
use isobase_journal::{
    JournalEngine, JournalOptions,
    testing::{FakeDatabase, FakeSettings},
};
use isobase_types::{Change, CollectionName, Document, DocumentId, Filter, Order, Sequence};

pub(crate) type FakeEngine = JournalEngine<FakeDatabase>;

pub(crate) fn database() -> FakeDatabase {
    FakeDatabase::new(FakeSettings::small_commits())
}

/// Another process on the database.
pub(crate) async fn open(database: &FakeDatabase) -> FakeEngine {
    static PROCESSES: AtomicI64 = AtomicI64::new(0);
    let clock = TestClock::default();
    // No two processes write the same thing in the same microsecond.
    clock.advance_us(PROCESSES.fetch_add(1, Ordering::Relaxed));
    let options = JournalOptions::default();
    JournalEngine::open(database.clone(), options, clock.shared()).await.unwrap()
}

pub(crate) fn name(name: &str) -> CollectionName {
    CollectionName::new(name).unwrap()
}

pub(crate) fn id(id: &str) -> DocumentId {
    DocumentId::parse(id).unwrap()
}

pub(crate) fn create(body: &str) -> WriteOperation {
    operation(Action::Create { body: body.to_owned() })
}

pub(crate) fn put(key: &str, body: &str) -> WriteOperation {
    let if_missing = IfMissing::Create;
    operation(Action::Put { id: id(key), body: body.to_owned(), if_missing })
}

pub(crate) fn delete(key: &str) -> WriteOperation {
    operation(Action::Delete { id: id(key) })
}

fn operation(action: Action) -> WriteOperation {
    WriteOperation { collection: name("a"), action, precondition: Precondition::None }
}

pub(crate) fn batch(operations: Vec<WriteOperation>) -> WriteBatch {
    WriteBatch { operations, idempotency: None, checks: Vec::new() }
}

pub(crate) async fn try_write(
    engine: &FakeEngine,
    operation: WriteOperation,
) -> Result<WriteOutcome, EngineError> {
    let report = engine.write(batch(vec![operation])).await?;
    Ok(report.outcomes.into_iter().next().unwrap())
}

pub(crate) async fn write(engine: &FakeEngine, operation: WriteOperation) -> Written {
    try_write(engine, operation).await.unwrap().unwrap()
}

pub(crate) async fn get(engine: &FakeEngine, key: &str) -> Option<Document> {
    engine.get(&name("a"), &id(key)).await.unwrap()
}

/// The ids of a listing.
pub(crate) async fn list(engine: &FakeEngine, order: &str) -> Vec<String> {
    let order = if order.is_empty() { Order::default() } else { Order::parse(order).unwrap() };
    let request = ListRequest {
        filter: Filter::all(),
        order,
        after: None,
        skip: 0,
        limit: 1_000,
        bytes_max: usize::MAX,
        scan_max: 100_000,
    };
    let listing = engine.list(&name("a"), &request).await.unwrap();
    listing.documents.iter().map(|document| document.id.to_string()).collect()
}

pub(crate) async fn count(engine: &FakeEngine) -> u64 {
    engine.count(&name("a"), &Filter::all(), 100_000).await.unwrap()
}

pub(crate) async fn changes(engine: &FakeEngine) -> Vec<Change> {
    let request =
        ChangesRequest { since: Sequence(0), collection: None, limit: 10_000, bodies: false };
    engine.read_changes(&request).await.unwrap().changes
}

/// `created 1`, `deleted abc` …
pub(crate) async fn told(engine: &FakeEngine) -> Vec<String> {
    let words = changes(engine).await.into_iter().map(|change| {
        let id = change.id.map_or_else(String::new, |id| format!(" {id}"));
        format!("{}{id}", change.kind.as_str())
    });
    words.collect()
}

pub(crate) fn index(fields: &str) -> IndexDefinition {
    IndexDefinition::new(Order::parse(fields).unwrap()).unwrap()
}
