//! The CouchDB engine, under a prefix of its own for each case.

use std::sync::Arc;

use isobase_conformance::{Abilities, Opened, TestClock, transfer::Database};
use isobase_engine::Engine;
use isobase_engine_couchdb::{CouchDbEngine, CouchDbOptions};
use isobase_testkit::{couchdb_url, drop_couchdb_databases, unique_name};

#[expect(clippy::print_stderr, reason = "a case that does not run must say so")]
fn not_run(case: &str) {
    eprintln!("NOT RUN: {case}: there is no CouchDB, start with `cargo xtask test`");
}

/// Options for fresh databases; none without a server.
pub(crate) fn options(case: &str) -> Option<CouchDbOptions> {
    let Some(server) = couchdb_url() else {
        not_run(case);
        return None;
    };
    let prefix = format!("{}_", unique_name("conformance"));
    Some(CouchDbOptions { prefix, ..CouchDbOptions::parse(&server).expect("a URL") })
}

pub(crate) async fn open(options: &CouchDbOptions, clock: &TestClock) -> CouchDbEngine {
    let remote = crate::remote();
    let engine = isobase_engine_couchdb::open(options.clone(), remote, clock.shared());
    engine.await.expect("the server is there")
}

pub(crate) async fn drop_databases(options: CouchDbOptions) {
    let deleted = tokio::task::spawn_blocking(move || {
        drop_couchdb_databases(&options.base_url(), &options.prefix)
    });
    deleted.await.expect("nothing panics").expect("the databases are deleted");
}

async fn database(case: &'static str) -> Option<Database> {
    let options = options(case)?;
    let databases = options.clone();
    let open = move || {
        let options = options.clone();
        async move { Arc::new(open(&options, &TestClock::default()).await) as Arc<dyn Engine> }
    };
    Some(Database::open(open).await.at_end(drop_databases(databases)))
}

isobase_conformance::transfer_tests!(crate::couchdb::database);

mod in_process {
    use super::*;

    async fn open(case: &'static str) -> Option<Opened> {
        let (options, clock) = (options(case)?, TestClock::default());
        let engine = super::open(&options, &clock).await;
        let abilities = Abilities::of(&engine).sampled(4);
        let opened = crate::in_process_with(engine, clock, abilities);
        Some(opened.at_end(drop_databases(options)))
    }

    isobase_conformance::conformance_tests!(crate::couchdb::in_process::open);
}

mod over_http {
    use super::*;

    async fn open(case: &'static str) -> Option<Opened> {
        let (options, clock) = (options(case)?, TestClock::default());
        let engine = super::open(&options, &clock).await;
        let abilities = Abilities::of(&engine).sampled(8);
        let served = crate::http::serve_with(engine, clock, abilities).await;
        Some(served.at_end(drop_databases(options)))
    }

    isobase_conformance::conformance_tests!(crate::couchdb::over_http::open);
}
