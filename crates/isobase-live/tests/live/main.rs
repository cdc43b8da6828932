//! Listeners over the memory engine.
#![expect(clippy::unwrap_used, reason = "a failing helper fails its test")]

use std::{sync::Arc, time::Duration};

use isobase_engine::SystemClock;
use isobase_engine_memory::{MemoryEngine, MemoryOptions};
use isobase_live::{Hub, LiveOptions, Subscription};
use isobase_store::{
    Action, Atomicity, IfMissing, Precondition, Store, StoreOptions, WriteBatch, WriteOperation,
};
use isobase_types::{CollectionName, DocumentId};
use tokio::time::timeout;

fn session(id: &str) -> (CollectionName, DocumentId) {
    (CollectionName::new("isobase_sessions").unwrap(), DocumentId::parse(id).unwrap())
}

async fn write(store: &Store, collection: CollectionName, action: Action) {
    let operation = WriteOperation { collection, action, precondition: Precondition::None };
    let batch = WriteBatch { operations: vec![operation], ..WriteBatch::default() };
    let report = store.system().write(batch, Atomicity::EachAlone).await.unwrap();
    assert!(report.outcomes.iter().all(Result::is_ok));
}

#[tokio::test]
async fn a_stream_ends_with_what_it_stands_on() {
    let engine = MemoryEngine::new(Arc::new(SystemClock), MemoryOptions::default());
    let store = Store::new(Arc::new(engine), StoreOptions::default());
    let hub = Hub::new(&store, LiveOptions::default());
    for id in ["one", "other"] {
        let (collection, id) = session(id);
        let action = Action::Put { id, body: "{}".to_owned(), if_missing: IfMissing::Create };
        write(&store, collection, action).await;
    }
    let listen = |id: &str| {
        let grounds = vec![session(id)];
        hub.listen(Subscription { interests: Vec::new(), since: None, grounds })
    };
    let (mut one, mut other) = (listen("one").await.unwrap(), listen("other").await.unwrap());
    assert!(one.next().await.is_some() && other.next().await.is_some());
    let (collection, id) = session("one");
    write(&store, collection, Action::Delete { id }).await;
    let ended = timeout(Duration::from_secs(60), one.next()).await.unwrap();
    assert_eq!(ended, None);
    hub.close();
    assert_eq!(timeout(Duration::from_secs(60), other.next()).await.unwrap(), None);
    assert!(listen("other").await.unwrap().next().await.is_none());
}
