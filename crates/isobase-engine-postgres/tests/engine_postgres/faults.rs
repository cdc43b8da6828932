//! What happens when the server goes away.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use isobase_engine::{Engine, ErrorKind, SystemClock};
use isobase_engine_postgres::{PostgresEngine, PostgresOptions};
use isobase_testkit::{Fault, FaultProxy, ReservedPort, Stop};
use isobase_types::DocumentId;
use tokio::task::block_in_place;

use crate::fixture::{Ask, Schema, create, name, with_server, written};

/// Longest time that anything may take while the server is away.
const PATIENCE: Duration = Duration::from_secs(10);

#[test]
fn absent_server_is_named_without_the_password() {
    let port = ReservedPort::new().unwrap();
    let url = format!("postgres://ann:hunter2@127.0.0.1:{}/d", port.port());
    let options = PostgresOptions::new(&url).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let refused = runtime.block_on(PostgresEngine::connect(options, Arc::new(SystemClock)));
    let refused = refused.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Unavailable);
    assert!(refused.message.contains(&format!("127.0.0.1:{}", port.port())), "{refused}");
    assert!(!format!("{refused:?}").contains("hunter2"), "{refused:?}");
}

#[test]
fn restarts_lose_nothing_that_was_answered() {
    with_server(async |mut server| {
        let schema = Schema::new(&server.url());
        let engine = Arc::new(schema.engine().await);
        for how in [Stop::Fast, Stop::Immediate, Stop::Kill] {
            let load = Arc::new(Load::default());
            let writers: Vec<_> =
                (0..8).map(|_| tokio::spawn(Arc::clone(&load).run(Arc::clone(&engine)))).collect();
            load.wait_for_more().await;
            block_in_place(|| server.restart(how)).unwrap();
            let up = Instant::now();
            load.wait_for_more().await;
            assert!(up.elapsed() < PATIENCE, "{:?} after {how:?}", up.elapsed());
            load.is_over.store(true, Ordering::SeqCst);
            for writer in writers {
                for id in writer.await.unwrap() {
                    let found = engine.get(&name("notes"), &id).await.unwrap();
                    assert!(found.is_some(), "{id} was answered and is gone after {how:?}");
                }
            }
            let records = schema.number("SELECT count(*) FROM {s}.records").await;
            assert_eq!(schema.number("SELECT documents FROM {s}.collections").await, records);
            assert_eq!(schema.number("SELECT sequence FROM {s}.clock").await, records);
        }
    });
}

/// Writes and reads until told to stop.
#[derive(Default)]
struct Load {
    is_over: AtomicBool,
    answered: AtomicU64,
}

impl Load {
    /// The ids of the writes that were answered.
    async fn run(self: Arc<Self>, engine: Arc<PostgresEngine>) -> Vec<DocumentId> {
        let mut ids = Vec::new();
        while !self.is_over.load(Ordering::SeqCst) {
            let asked = Instant::now();
            match engine.write(create("notes", r#"{"a":1}"#)).await {
                Ok(mut report) => {
                    ids.push(report.outcomes.remove(0).unwrap().id);
                    self.answered.fetch_add(1, Ordering::SeqCst);
                }
                Err(error) => {
                    let allowed = [ErrorKind::Unavailable, ErrorKind::OutcomeUnknown];
                    assert!(allowed.contains(&error.kind), "{:?}: {error}", error.kind);
                }
            }
            let wrote = asked.elapsed();
            assert!(wrote < PATIENCE, "a write took {wrote:?}");
            if let Err(error) = engine.get(&name("notes"), &1.into()).await {
                assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
            }
            let read = asked.elapsed() - wrote;
            assert!(read < PATIENCE, "a read took {read:?}");
        }
        ids
    }

    async fn wait_for_more(&self) {
        let before = self.answered.load(Ordering::SeqCst);
        let deadline = Instant::now() + 6 * PATIENCE;
        while self.answered.load(Ordering::SeqCst) < before + 20 {
            assert!(Instant::now() < deadline, "nothing is written any more");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

#[test]
fn stopped_server_refuses_and_recovers() {
    with_server(async |mut server| {
        let schema = Schema::new(&server.url());
        let engine = schema.engine().await;
        written(&engine, create("notes", "{}")).await;
        block_in_place(|| server.stop(Stop::Fast)).unwrap();
        let asked = Instant::now();
        let (read, write, check) = tokio::join!(
            async { engine.get(&name("notes"), &1.into()).await.unwrap_err() },
            async { engine.write(create("notes", "{}")).await.unwrap_err() },
            async { engine.check().await.unwrap_err() },
        );
        for error in [read, write, check] {
            assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
        }
        assert!(asked.elapsed() < PATIENCE);
        block_in_place(|| server.start_again()).unwrap();
        written(&engine, create("notes", "{}")).await;
        assert!(engine.get(&name("notes"), &1.into()).await.unwrap().is_some());
        engine.check().await.unwrap();
    });
}

#[test]
fn silent_link_costs_seconds() {
    with_server(async |server| {
        let target = format!("127.0.0.1:{}", server.port()).parse().unwrap();
        let proxy = block_in_place(|| FaultProxy::start(target)).unwrap();
        let url =
            server.url().replace(&format!(":{}", server.port()), &format!(":{}", proxy.port()));
        let schema = Schema::new(&url);
        let engine = schema.engine().await;
        written(&engine, create("notes", "{}")).await;
        assert_eq!(engine.list_all().await.unwrap().documents.len(), 1);
        block_in_place(|| proxy.set(Fault::Blackhole)).unwrap();
        let asked = Instant::now();
        let (read, list, write) = tokio::join!(
            async { engine.get(&name("notes"), &1.into()).await.unwrap_err() },
            async { engine.list_all().await.unwrap_err() },
            async { engine.write(create("notes", "{}")).await.unwrap_err() },
        );
        assert!(asked.elapsed() < PATIENCE, "{:?}", asked.elapsed());
        for error in [read, list, write] {
            assert!(error.is_temporary(), "{:?}: {error}", error.kind);
        }
        block_in_place(|| proxy.set(Fault::None)).unwrap();
        let asked = Instant::now();
        written(&engine, create("notes", "{}")).await;
        assert!(engine.get(&name("notes"), &1.into()).await.unwrap().is_some());
        assert!(asked.elapsed() < PATIENCE, "{:?}", asked.elapsed());
    });
}

#[test]
fn lost_commit_is_of_unknown_outcome_and_a_key_makes_it_known() {
    with_server(async |server| {
        let target = format!("127.0.0.1:{}", server.port()).parse().unwrap();
        let proxy = block_in_place(|| FaultProxy::start(target)).unwrap();
        let url =
            server.url().replace(&format!(":{}", server.port()), &format!(":{}", proxy.port()));
        let schema = Schema::new(&url);
        let engine = schema.engine().await;
        written(&engine, create("notes", "{}")).await;
        proxy.reset_before(b"COMMIT");
        let mut marked = create("notes", "{}");
        let (key, fingerprint) = ([7; 32], [8; 32]);
        marked.idempotency = Some(isobase_engine::Idempotency { key, fingerprint });
        let lost = engine.write(marked.clone()).await.unwrap_err();
        assert_eq!(lost.kind, ErrorKind::OutcomeUnknown, "{lost}");
        proxy.reset_before(b"");
        let report = engine.write(marked.clone()).await.unwrap();
        assert_eq!(report.outcomes[0].as_ref().unwrap().id, 2.into());
        assert!(engine.write(marked).await.unwrap().replayed);
    });
}
