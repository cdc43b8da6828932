//! Every ordered pair of engines: the same documents, or refused by name before anything is
//! written.

use std::{collections::BTreeMap, sync::Arc};

use isobase_engine::{Counters, Engine};
use isobase_ops::{CollectionDigest, Control, CopyOptions, CopyReport, OnRefused, OpsError, copy};
use isobase_types::CollectionName;

use crate::{
    fixture::{Fixture, Kind, memory},
    torture,
};

/// What an engine holds, read without the code that is tested.
pub(crate) async fn contents(
    engine: &Arc<dyn Engine>,
) -> (Counters, BTreeMap<CollectionName, CollectionDigest>) {
    let mut snapshot = engine.snapshot().await.unwrap();
    let mut digests = BTreeMap::new();
    for info in snapshot.collections().await.unwrap() {
        let mut digest = CollectionDigest::default();
        let mut after = None;
        loop {
            let part = snapshot.read(&info.name, after.as_ref(), 1 << 20).await.unwrap();
            let Some(last) = part.last() else { break };
            after = Some(last.id.clone());
            part.iter().for_each(|document| digest.add(document));
        }
        assert_eq!(digest.documents, info.documents, "{}", info.name);
        digests.insert(info.name, digest);
    }
    (snapshot.counters(), digests)
}

/// Copies as it is, and without what the target refuses when it refuses something.
async fn copy_all(from: &Arc<dyn Engine>, to: &Arc<dyn Engine>) -> CopyReport {
    let control = Control::default();
    let mut options = CopyOptions::new("test:");
    let (refusals, count) = match copy(from, to, &options, &control).await {
        Err(OpsError::Refused { refusals, count }) => (refusals, count),
        done => return done.unwrap(),
    };
    assert!(refusals.iter().all(|refusal| refusal.collection == "large"), "{refusals:?}");
    assert_eq!(contents(to).await, (Counters::default(), BTreeMap::new()));
    options.on_refused = OnRefused::LeaveOut;
    let report = copy(from, to, &options, &control).await.unwrap();
    assert_eq!((report.left_out.refused, &report.left_out.refusals), (count, &refusals));
    report
}

async fn pair(from: Kind, to: Kind) {
    let (Some(from), Some(to)) = (Fixture::new(from), Fixture::new(to)) else { return };
    let seed = memory();
    torture::write(&seed, torture::small()).await;
    let source = from.open_for_load().await;
    let brought = copy_all(&seed, &source).await;
    let left_out = brought.left_out.refused;
    assert!(left_out <= 5, "{:?}", brought.left_out);
    from.close(source).await;

    let (source, target) = (from.open().await.unwrap(), to.open_for_load().await);
    let report = copy_all(&source, &target).await;
    assert!(report.one_moment);
    assert_eq!(report.indexes, ["small: name", "small: even,-n", "empty: unique(n)"]);
    let (counters, mut expected) = contents(&source).await;
    from.close(source).await;
    to.close(target).await;

    let target = to.open().await.unwrap();
    let (copied_counters, copied) = contents(&target).await;
    assert_eq!(counters, copied_counters);
    if report.left_out.refused > 0 {
        let large = CollectionName::new("large").unwrap();
        let (before, after) = (expected.remove(&large).unwrap(), copied.get(&large));
        let after = after.map_or(0, |digest| digest.documents);
        assert_eq!(before.documents - after, report.left_out.refused);
        expected.extend(copied.get(&large).map(|digest| (large, *digest)));
    }
    assert_eq!(expected, copied);
    to.close(target).await;
}

macro_rules! pairs {
    ($($name:ident: $from:ident => $to:ident,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                pair(Kind::$from, Kind::$to).await;
            }
        )*
    };
}

pairs! {
    memory_to_memory: Memory => Memory,
    memory_to_sqlite: Memory => Sqlite,
    memory_to_postgres: Memory => Postgres,
    memory_to_couchdb: Memory => Couchdb,
    memory_to_dynamodb: Memory => Dynamodb,
    memory_to_firestore: Memory => Firestore,
    sqlite_to_memory: Sqlite => Memory,
    sqlite_to_sqlite: Sqlite => Sqlite,
    sqlite_to_postgres: Sqlite => Postgres,
    sqlite_to_couchdb: Sqlite => Couchdb,
    sqlite_to_dynamodb: Sqlite => Dynamodb,
    sqlite_to_firestore: Sqlite => Firestore,
    postgres_to_memory: Postgres => Memory,
    postgres_to_sqlite: Postgres => Sqlite,
    postgres_to_postgres: Postgres => Postgres,
    postgres_to_couchdb: Postgres => Couchdb,
    postgres_to_dynamodb: Postgres => Dynamodb,
    postgres_to_firestore: Postgres => Firestore,
    couchdb_to_memory: Couchdb => Memory,
    couchdb_to_sqlite: Couchdb => Sqlite,
    couchdb_to_postgres: Couchdb => Postgres,
    couchdb_to_couchdb: Couchdb => Couchdb,
    couchdb_to_dynamodb: Couchdb => Dynamodb,
    couchdb_to_firestore: Couchdb => Firestore,
    dynamodb_to_memory: Dynamodb => Memory,
    dynamodb_to_sqlite: Dynamodb => Sqlite,
    dynamodb_to_postgres: Dynamodb => Postgres,
    dynamodb_to_couchdb: Dynamodb => Couchdb,
    dynamodb_to_dynamodb: Dynamodb => Dynamodb,
    dynamodb_to_firestore: Dynamodb => Firestore,
    firestore_to_memory: Firestore => Memory,
    firestore_to_sqlite: Firestore => Sqlite,
    firestore_to_postgres: Firestore => Postgres,
    firestore_to_couchdb: Firestore => Couchdb,
    firestore_to_dynamodb: Firestore => Dynamodb,
    firestore_to_firestore: Firestore => Firestore,
}
