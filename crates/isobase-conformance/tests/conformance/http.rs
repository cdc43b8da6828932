//! An engine behind the service, on a port of its own.

use std::sync::Arc;

use isobase_auth::Authorizer;
use isobase_conformance::{Abilities, HttpSubject, Opened, TestClock};
use isobase_engine::Engine;
use isobase_server::{ServerConfig, compose, serve as serve_service};
use isobase_store::{Store, StoreOptions};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Serves an engine on a free port of the loopback address until the case is over.
pub(crate) async fn serve(engine: impl Engine, clock: TestClock) -> Opened {
    let abilities = Abilities::of(&engine);
    serve_with(engine, clock, abilities).await
}

/// The same on a server with faults.
pub(crate) async fn serve_with(
    engine: impl Engine,
    clock: TestClock,
    abilities: Abilities,
) -> Opened {
    let store = Store::new(Arc::new(engine), StoreOptions::default());
    let engine = Arc::clone(store.engine());
    let service = compose(store.clone(), Arc::new(Authorizer::open()), ServerConfig::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("a bound listener"));
    let shutdown = CancellationToken::new();
    let serving = tokio::spawn(serve_service(listener, service, shutdown.clone()));
    let subject = HttpSubject::new(&address, abilities, Some(clock)).expect("an address");
    let subject = subject.with_engine(engine);
    Opened::new(subject).at_end(async move {
        shutdown.cancel();
        serving.await.expect("the service does not panic").expect("the service stops in order");
        store.close().await.expect("the engine closes");
    })
}
