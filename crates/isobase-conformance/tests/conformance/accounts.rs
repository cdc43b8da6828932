//! What accounts need of every engine: names that are unique under races, sessions that end on
//! other services.

use std::{sync::Arc, time::Duration};

use isobase_auth::{
    Account, AccountError, AccountOptions, Accounts, AttemptLimits, NewAccount, PasswordOptions,
    SessionKind,
};
use isobase_engine::Engine;
use isobase_store::{Store, StoreOptions};
use isobase_testkit::postgres_url;

/// Nothing a test waits for takes this long, unless it never comes.
const PATIENCE: Duration = Duration::from_secs(60);

const RACING: usize = 100;

/// Two services on one database. Hashes cost nothing here.
fn services(engine: Arc<dyn Engine>) -> [Arc<Accounts>; 2] {
    let store = Store::new(engine, StoreOptions::default());
    let limits = AttemptLimits { registrations: 1_000, ..AttemptLimits::default() };
    let passwords = PasswordOptions { memory_kib: 8, passes: 1, threads: 2, waiting_max: 1_000 };
    let options = AccountOptions { passwords, limits, ..AccountOptions::default() };
    [options.clone(), options].map(|options| Arc::new(Accounts::new(&store, options)))
}

async fn register(accounts: &Accounts, name: &str) -> Result<Account, AccountError> {
    let new = NewAccount { name, email: None, password: "secret" };
    accounts.register(new, "192.0.2.1").await
}

async fn check(engine: Arc<dyn Engine>) {
    let services = services(engine);
    one_of_many_registrations_wins(&services).await;
    a_revocation_reaches_the_other_service(&services).await;
}

async fn one_of_many_registrations_wins(services: &[Arc<Accounts>; 2]) {
    let racing: Vec<_> = (0..RACING)
        .map(|number| {
            let accounts = Arc::clone(&services[number % 2]);
            tokio::spawn(async move { register(&accounts, "ann").await })
        })
        .collect();
    let mut made = 0;
    for racing in racing {
        match racing.await.expect("nothing panics") {
            Ok(_) => made += 1,
            Err(error) => assert!(matches!(error, AccountError::NameTaken), "{error}"),
        }
    }
    assert_eq!(made, 1);
    let listed = services[0].list(None, 10).await.expect("it is listed");
    assert_eq!(listed.accounts.len(), 1);
}

async fn a_revocation_reaches_the_other_service([here, there]: &[Arc<Accounts>; 2]) {
    let following = Arc::clone(there);
    let following = tokio::spawn(async move { following.sessions().follow().await });
    let bob = register(here, "bob").await.expect("the name is free");
    let begun = here.sessions().begin(&bob, SessionKind::Bearer, None).await.expect("it begins");
    let resolved = || async {
        there.sessions().resolve(&begun.token).await.expect("the database answers").is_some()
    };
    assert!(resolved().await);
    here.end_sessions(&bob, None).await.expect("they end");
    let ended = async {
        while resolved().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, ended).await.expect("it ends there too");
    following.abort();
}

#[tokio::test]
async fn memory() {
    let (engine, _) = crate::memory::engine();
    check(Arc::new(engine)).await;
}

#[tokio::test]
async fn sqlite() {
    let (engine, _, _folder) = crate::sqlite::engine();
    check(Arc::new(engine)).await;
}

#[tokio::test]
async fn postgres() {
    let Some((engine, _, options)) = crate::postgres::engine("accounts", postgres_url()).await
    else {
        return;
    };
    let engine = Arc::new(engine);
    check(engine.clone()).await;
    engine.close().await.expect("the engine closes");
    crate::postgres::drop_schema(options).await;
}

#[tokio::test]
async fn couchdb() {
    let Some(options) = crate::couchdb::options("accounts") else { return };
    let engine = crate::couchdb::open(&options, &isobase_conformance::TestClock::default()).await;
    let engine = Arc::new(engine);
    check(engine.clone()).await;
    engine.close().await.expect("the engine closes");
    crate::couchdb::drop_databases(options).await;
}

#[tokio::test]
async fn dynamodb() {
    let Some(options) = crate::dynamodb::options("accounts") else { return };
    let engine = crate::dynamodb::open(&options, &isobase_conformance::TestClock::default()).await;
    let engine = Arc::new(engine);
    check(engine.clone()).await;
    engine.close().await.expect("the engine closes");
    crate::dynamodb::drop_tables(options).await;
}

#[tokio::test]
async fn firestore() {
    let Some((engine, _)) = crate::firestore::engine("accounts", "mock").await else { return };
    check(Arc::new(engine)).await;
}
