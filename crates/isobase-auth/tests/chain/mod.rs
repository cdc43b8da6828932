//! The chain of the audit: whole, changed, cut, raced for, left half done, trimmed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use isobase_auth::{
    AUDIT_COLLECTION, Actor, Audit, AuditChain, AuditEntry, AuditReport, ChainHead, Clock, Fault,
    FaultKind,
};
use isobase_store::{Action, Atomicity, Precondition, Store, WriteBatch, WriteOperation};
use isobase_types::{
    CollectionName, Count, Document, DocumentId, Filter, Order, PageRequest, Query, Timestamp,
    json::Patch,
};
use serde_json::{Value, json};

const DAY_US: i64 = 86_400_000_000;

/// An audit with a clock that tests set, and the keeper of its chain.
struct World {
    store: Store,
    now: Arc<AtomicI64>,
    audit: Audit,
}

impl World {
    fn new() -> Self {
        let super::Database(store) = super::Database::new();
        let now = Arc::new(AtomicI64::new(1_795_000_000_000_000));
        let audit = Audit::new(&store, clock(&now));
        Self { store: store.system(), now, audit }
    }

    /// The chain as another process finds it.
    fn chain(&self) -> AuditChain {
        AuditChain::new(&self.store, clock(&self.now))
    }

    async fn write(&self, count: u32) {
        for number in 0..count {
            self.now.fetch_add(1_000, Ordering::SeqCst);
            let entry = AuditEntry {
                by: &Actor::part("these tests"),
                action: "thing.changed",
                object_type: "thing",
                object_id: &number.to_string(),
                before: Value::Null,
                // Texts and numbers of every kind must come back as they were.
                after: json!({ "text": "é\u{1F600}\n", "number": 1.5e300, "null": null }),
            };
            self.audit.write(&entry).await.unwrap();
        }
    }

    /// Puts everything that was written into the chain.
    async fn seal(&self) -> usize {
        let (chain, mut sealed) = (self.chain(), 0);
        loop {
            match chain.seal().await.unwrap() {
                0 => return sealed,
                more => sealed += more,
            }
        }
    }

    async fn verify(&self, expected: Option<&str>) -> AuditReport {
        let expected: Option<ChainHead> = expected.map(|text| text.parse().unwrap());
        self.chain().verify(expected.as_ref(), |_, _| true).await.unwrap()
    }

    async fn entries(&self) -> Vec<Document> {
        let all = Query {
            filter: Filter::all(),
            order: Order::parse("at").unwrap(),
            page: PageRequest::All,
            fields: Vec::new(),
            count: Count::None,
        };
        self.store.list(&collection(AUDIT_COLLECTION), &all).await.unwrap().documents
    }

    /// What somebody does who reaches the database.
    async fn tamper(&self, name: &str, action: Action) {
        let operation = WriteOperation {
            collection: collection(name),
            action,
            precondition: Precondition::None,
        };
        let batch = WriteBatch { operations: vec![operation], ..WriteBatch::default() };
        let report = self.store.write(batch, Atomicity::EachAlone).await.unwrap();
        report.outcomes.into_iter().for_each(|outcome| drop(outcome.unwrap()));
    }

    async fn patch(&self, id: &DocumentId, patch: Value) {
        let patch = Patch::Merge(patch.to_string());
        self.tamper(AUDIT_COLLECTION, Action::Patch { id: id.clone(), patch }).await;
    }
}

fn clock(now: &Arc<AtomicI64>) -> Clock {
    let now = Arc::clone(now);
    Clock::new(move || Timestamp { unix_us: now.load(Ordering::SeqCst) })
}

fn collection(name: &str) -> CollectionName {
    CollectionName::new(name).unwrap()
}

fn faults(report: &AuditReport) -> Vec<(u64, FaultKind)> {
    report.faults.iter().map(|Fault { number, kind, .. }| (*number, *kind)).collect()
}

#[tokio::test]
async fn a_chain_of_what_was_written_is_whole() {
    let world = World::new();
    let nothing = world.verify(None).await;
    assert!(nothing.whole && nothing.entries == 0, "{nothing:?}");
    world.write(3).await;
    assert_eq!(world.verify(None).await.unsealed, Some(3));
    assert_eq!(world.seal().await, 3);
    let first = world.verify(None).await;
    assert!(first.whole, "{first:?}");
    assert_eq!((first.entries, first.unsealed), (3, Some(0)));
    assert!(first.head.starts_with("3:"), "{first:?}");
    // More than one write of the head, and the end that was noted stands.
    world.write(250).await;
    assert_eq!(world.seal().await, 250);
    let second = world.verify(Some(&first.head)).await;
    assert!(second.whole && second.entries == 253, "{second:?}");
}

#[tokio::test]
async fn the_entry_that_was_changed_deleted_or_put_between_is_named() {
    let world = World::new();
    world.write(10).await;
    world.seal().await;
    let entries = world.entries().await;
    let changed = &entries[2].id;
    world.patch(changed, json!({ "actor": "somebody else" })).await;
    let report = world.verify(None).await;
    assert_eq!(faults(&report), [(3, FaultKind::Changed)]);
    assert_eq!(report.faults[0].id, Some(changed.to_string()));
    // One that is whole by itself does not go on from the one before.
    world
        .patch(changed, json!({ "actor": "these tests", "seal": { "previous": "0".repeat(64) } }))
        .await;
    let kinds = faults(&world.verify(None).await);
    assert_eq!(kinds, [(3, FaultKind::Broken), (3, FaultKind::Changed)]);

    let world = World::new();
    world.write(10).await;
    world.seal().await;
    let entries = world.entries().await;
    for entry in [&entries[4], &entries[9]] {
        world.tamper(AUDIT_COLLECTION, Action::Delete { id: entry.id.clone() }).await;
    }
    assert_eq!(
        faults(&world.verify(None).await),
        [(5, FaultKind::Missing), (10, FaultKind::Missing)]
    );
    // Another one in its place.
    let fifth: Value = serde_json::from_str(&entries[4].body).unwrap();
    world.patch(&entries[5].id, json!({ "seal": fifth["seal"] })).await;
    let kinds = faults(&world.verify(None).await);
    assert_eq!(kinds[0], (5, FaultKind::Changed));
}

#[tokio::test]
async fn a_chain_that_was_cut_off_or_written_anew_is_not_the_one_expected() {
    let world = World::new();
    world.write(5).await;
    world.seal().await;
    let noted = world.verify(None).await.head;
    for entry in world.entries().await {
        world.tamper(AUDIT_COLLECTION, Action::Delete { id: entry.id }).await;
    }
    let head = DocumentId::Text("head".into());
    world.tamper("isobase_audit_chain", Action::Delete { id: head }).await;
    let cut = world.verify(Some(&noted)).await;
    assert_eq!(faults(&cut), [(5, FaultKind::End)]);
    world.write(6).await;
    world.seal().await;
    assert!(world.verify(None).await.whole);
    assert_eq!(faults(&world.verify(Some(&noted)).await), [(5, FaultKind::End)]);
    "12".parse::<ChainHead>().unwrap_err();
    "1:x".parse::<ChainHead>().unwrap_err();
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_race_make_one_chain() {
    let world = Arc::new(World::new());
    world.write(120).await;
    let sealing = (0..4).map(|_| {
        let world = Arc::clone(&world);
        tokio::spawn(async move {
            let chain = world.chain();
            for _ in 0..10 {
                chain.seal().await.unwrap();
            }
        })
    });
    let sealing: Vec<_> = sealing.collect();
    world.write(40).await;
    for one in sealing {
        one.await.unwrap();
    }
    world.seal().await;
    let report = world.verify(None).await;
    assert!(report.whole && report.entries == 160, "{report:?}");
    assert_eq!(report.unsealed, Some(0));
}

#[tokio::test]
async fn what_a_killed_process_began_the_next_one_ends() {
    let world = World::new();
    world.write(5).await;
    world.seal().await;
    // The head was written, and two of its entries have no seals yet.
    for entry in &world.entries().await[3..] {
        world.patch(&entry.id, json!({ "seal": null })).await;
    }
    let between = world.verify(None).await;
    assert!(between.whole && between.entries == 5, "{between:?}");
    world.write(2).await;
    world.seal().await;
    let after = world.verify(None).await;
    assert!(after.whole && after.entries == 7, "{after:?}");
}

#[tokio::test]
async fn old_entries_go_and_the_chain_says_where_it_begins() {
    let world = World::new();
    world.write(150).await;
    world.seal().await;
    let noted = world.verify(None).await.head;
    world.now.fetch_add(10 * DAY_US, Ordering::SeqCst);
    world.write(20).await;
    world.seal().await;
    let week = Duration::from_secs(7 * 86_400);
    assert_eq!(world.chain().trim(week).await.unwrap(), 150);
    assert_eq!(world.chain().trim(week).await.unwrap(), 0);
    world.seal().await;
    let report = world.verify(Some(&noted)).await;
    assert!(report.whole, "{report:?}");
    // Twenty, and the one that tells of those that went.
    assert_eq!((report.entries, report.trimmed.as_ref().map(|it| it.last)), (21, Some(150)));
    let told = world.entries().await;
    assert!(told.iter().any(|entry| entry.body.contains("audit.trimmed")));
    // What goes missing beyond that is found.
    let first = told.iter().find(|entry| entry.body.contains("\"number\":151,")).unwrap();
    world.tamper(AUDIT_COLLECTION, Action::Delete { id: first.id.clone() }).await;
    assert_eq!(faults(&world.verify(None).await), [(151, FaultKind::Missing)]);
    // A chain that is broken is trimmed no further.
    world.now.fetch_add(100 * DAY_US, Ordering::SeqCst);
    assert_eq!(world.chain().trim(week).await.unwrap(), 0);
}
