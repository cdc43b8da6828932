//! Webhooks of two processes on one database.

use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt};
use isobase_auth::{Actor, Clock, Sealer, SecretSource};
use isobase_engine_memory::{MemoryEngine, MemoryOptions};
use isobase_server::{Webhooks, WebhooksOptions};
use isobase_store::{
    Action, Atomicity, Precondition, Store, StoreOptions, WriteBatch, WriteOperation,
};
use isobase_types::CollectionName;
use isobase_webhooks::{NewEndpoint, Outgoing, Sender, Sent, Topic};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio_util::sync::CancellationToken;

use super::support::soon;

/// Tells what is sent, and says that it arrived.
struct Told(UnboundedSender<Outgoing>);

impl Sender for Told {
    fn check(&self, _: &str) -> Result<(), String> {
        Ok(())
    }

    fn send(&self, outgoing: Outgoing) -> BoxFuture<'_, Sent> {
        let told = self.0.send(outgoing).is_ok();
        let status = if told { 204 } else { 500 };
        async move { Sent::Answered { status, text: String::new(), retry_after: None } }.boxed()
    }
}

fn webhooks(store: &Store, sender: Option<Arc<dyn Sender>>) -> Webhooks {
    let secret = SecretSource::Text("a secret of these tests".into());
    let options = WebhooksOptions {
        sealer: Sealer::new(secret),
        sender,
        rules: Arc::default(),
        node: String::new(),
        clock: Clock::default(),
    };
    Webhooks::new(store, options)
}

async fn order(store: &Store, orders: &CollectionName) {
    let action = Action::Create { body: "{}".to_owned() };
    let collection = orders.clone();
    let operation = WriteOperation { collection, action, precondition: Precondition::None };
    let batch = WriteBatch { operations: vec![operation], ..WriteBatch::default() };
    let report = store.write(batch, Atomicity::EachAlone).await.unwrap();
    assert!(report.outcomes[0].is_ok(), "{report:?}");
}

#[tokio::test]
async fn a_secret_of_another_process_signs_the_next_delivery() {
    let engine = MemoryEngine::new(Arc::new(isobase_engine::SystemClock), MemoryOptions::default());
    let store = Store::new(Arc::new(engine), StoreOptions::default());
    let (told, mut sent) = unbounded_channel();
    let delivers = webhooks(&store, Some(Arc::new(Told(told))));
    let other = webhooks(&store, None);
    let by = Actor::part("these tests");
    let orders = CollectionName::new("orders").unwrap();
    let new = NewEndpoint {
        url: "https://example.com/".to_owned(),
        topics: vec![Topic::Documents(orders.clone())],
        description: String::new(),
    };
    let (endpoint, _) = delivers.create(new, &by).await.unwrap();
    let stop = CancellationToken::new();
    let running = tokio::spawn(delivers.clone().run(stop.clone()));
    let signatures = |outgoing: Outgoing| {
        let find = |(name, value): &(&str, String)| {
            (*name == "webhook-signature").then(|| value.split(' ').count())
        };
        outgoing.headers.iter().find_map(find).unwrap()
    };
    // It knows the endpoint as it was.
    order(&store, &orders).await;
    assert_eq!(signatures(soon("a delivery", sent.recv()).await.unwrap()), 1);
    other.rotate(&endpoint.id, &by).await.unwrap();
    order(&store, &orders).await;
    assert_eq!(signatures(soon("a delivery", sent.recv()).await.unwrap()), 2);
    stop.cancel();
    soon("the end", running).await.unwrap();
}
