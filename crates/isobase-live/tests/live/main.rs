//! Listeners over the memory engine.
#![expect(clippy::unwrap_used, reason = "a failing helper fails its test")]

use std::{collections::VecDeque, sync::Arc, time::Duration};

use isobase_engine::SystemClock;
use isobase_engine_memory::{MemoryEngine, MemoryOptions};
use isobase_live::{Hub, Interest, Listener, LiveOptions, Sight, Subscription, Topic};
use isobase_store::{
    Action, Atomicity, Caller, IfMissing, Precondition, RuleBook, Store, StoreOptions, Unruled,
    WriteBatch, WriteOperation,
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

/// Documents with these names, in one commit.
async fn create(store: &Store, names: &[(&str, u32)]) {
    let operation = |(collection, number): &(&str, u32)| WriteOperation {
        collection: CollectionName::new(collection).unwrap(),
        action: Action::Create { body: format!("{{\"name\":\"no{number}.\"}}") },
        precondition: Precondition::None,
    };
    let operations = names.iter().map(operation).collect();
    let batch = WriteBatch { operations, ..WriteBatch::default() };
    let report = store.write(batch, Atomicity::AllOrNothing).await.unwrap();
    assert!(report.outcomes.iter().all(Result::is_ok));
}

async fn listen(hub: &Hub, topics: &[&str]) -> Hearing {
    let rules = Arc::new(RuleBook::new(Unruled::Open));
    let interest = |name: &&str| {
        let collection = CollectionName::new(name).unwrap();
        let sight = Sight::new(rules.clone(), Caller::open(), collection.clone());
        Interest::whole(Arc::new(Topic::plain(collection, *name)), sight)
    };
    let interests = topics.iter().map(interest).collect();
    let subscription = Subscription { interests, since: None, grounds: Vec::new() };
    Hearing(hub.listen(subscription).await.unwrap(), VecDeque::new())
}

/// A listener, and events that came with the last one.
struct Hearing(Listener, VecDeque<String>);

/// The next event: its name, and the number in its document if it has one.
async fn next(Hearing(listener, ready): &mut Hearing) -> (String, Option<u32>) {
    if ready.is_empty() {
        let piece = timeout(Duration::from_secs(60), listener.next()).await.unwrap().unwrap();
        let text = String::from_utf8(piece.text.to_vec()).unwrap();
        ready.extend(text.split_inclusive("\n\n").map(str::to_owned));
        assert_eq!(ready.len(), piece.events, "{text}");
    }
    let text = ready.pop_front().unwrap();
    assert!(text.ends_with("\n\n") && text.matches("\nid: ").count() == 1, "{text}");
    let name = text.lines().next().unwrap().strip_prefix("event: ").unwrap().to_owned();
    let number = text.split_once("no").and_then(|(_, rest)| rest.split_once('.'));
    (name, number.and_then(|(number, _)| number.parse().ok()))
}

#[tokio::test]
async fn changes_that_come_together_are_told_in_their_order() {
    let engine = MemoryEngine::new(Arc::new(SystemClock), MemoryOptions::default());
    let store = Store::new(Arc::new(engine), StoreOptions::default());
    let hub = Hub::new(&store, LiveOptions::default());
    let mut both = listen(&hub, &["apples", "pears"]).await;
    let mut pears = listen(&hub, &["pears"]).await;
    // Longer runs of one collection, and shorter ones.
    let of = |number| if number % 7 < 4 { "apples" } else { "pears" };
    let names: Vec<(&str, u32)> = (0..60).map(|number| (of(number), number)).collect();
    create(&store, &names).await;
    assert_eq!(next(&mut both).await.0, "connected");
    assert_eq!(next(&mut pears).await.0, "connected");
    for (collection, number) in &names {
        let event = (format!("{collection}_created"), Some(*number));
        assert_eq!(next(&mut both).await, event);
        if *collection == "pears" {
            assert_eq!(next(&mut pears).await, event);
        }
    }
}

#[tokio::test]
async fn every_one_of_many_is_told_or_hears_of_the_gap() {
    const EACH: u32 = 20;
    let engine = MemoryEngine::new(Arc::new(SystemClock), MemoryOptions::default());
    let store = Store::new(Arc::new(engine), StoreOptions::default());
    // Less than what is written in a go.
    let options = LiveOptions { queue_events_max: 8, ..LiveOptions::default() };
    let hub = Hub::new(&store, options);
    let mut listeners = Vec::new();
    for _ in 0..300 {
        let mut listener = listen(&hub, &["apples"]).await;
        assert_eq!(next(&mut listener).await.0, "connected");
        // What it was told last, or that it must read the list again.
        listeners.push(tokio::spawn(async move {
            let mut last = None;
            loop {
                match next(&mut listener).await {
                    (name, _) if name == "gap" => last = None,
                    (_, Some(1_000)) => return,
                    (_, number) => {
                        let number = number.unwrap();
                        assert!(last.is_none_or(|last| last + 1 == number), "{last:?} {number}");
                        last = Some(number);
                    }
                }
            }
        }));
    }
    for round in 0..3 {
        let names: Vec<_> = (0..EACH).map(|it| ("apples", round * EACH + it)).collect();
        create(&store, &names).await;
    }
    // A gap may swallow the end of what went before, and never what comes after it was heard of.
    while !listeners.iter().all(tokio::task::JoinHandle::is_finished) {
        create(&store, &[("apples", 1_000)]).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for listener in listeners {
        listener.await.unwrap();
    }
}
