//! The DynamoDB engine, under a prefix of its own for each case.

use std::sync::Arc;

use isobase_conformance::{Abilities, Opened, TestClock, transfer::Database};
use isobase_engine::Engine;
use isobase_engine_dynamodb::{DynamoDbEngine, DynamoDbOptions};
use isobase_testkit::{drop_dynamodb_tables, dynamodb_url, unique_name};

#[expect(clippy::print_stderr, reason = "a case that does not run must say so")]
fn not_run(case: &str) {
    eprintln!("NOT RUN: {case}: there is no DynamoDB, start with `cargo xtask test`");
}

/// Options for fresh tables; none without a server.
pub(crate) fn options(case: &str) -> Option<DynamoDbOptions> {
    let Some(server) = dynamodb_url() else {
        not_run(case);
        return None;
    };
    let prefix = format!("{}_", unique_name("conformance"));
    let options = DynamoDbOptions::new("us-east-1", prefix).expect("a prefix");
    Some(options.with_endpoint(&server).expect("the URL of the test server"))
}

pub(crate) async fn open(options: &DynamoDbOptions, clock: &TestClock) -> DynamoDbEngine {
    let remote = crate::remote();
    let engine = isobase_engine_dynamodb::open(options, remote, clock.shared());
    engine.await.expect("the server is there")
}

pub(crate) async fn drop_tables(options: DynamoDbOptions) {
    let deleted = tokio::task::spawn_blocking(move || {
        let endpoint = options.endpoint.as_deref().expect("tests have an endpoint");
        drop_dynamodb_tables(endpoint, &options.prefix)
    });
    deleted.await.expect("nothing panics").expect("the tables are deleted");
}

async fn database(case: &'static str) -> Option<Database> {
    let options = options(case)?;
    let tables = options.clone();
    let open = move || {
        let options = options.clone();
        async move { Arc::new(open(&options, &TestClock::default()).await) as Arc<dyn Engine> }
    };
    Some(Database::open(open).await.at_end(drop_tables(tables)))
}

/// dynoxide 3.2.0 keeps the items of tables together whose names differ only in case.
fn abilities(engine: &DynamoDbEngine) -> Abilities {
    Abilities { server_folds_case: true, ..Abilities::of(engine) }
}

isobase_conformance::transfer_tests!(crate::dynamodb::database);

mod in_process {
    use super::*;

    async fn open(case: &'static str) -> Option<Opened> {
        let (options, clock) = (options(case)?, TestClock::default());
        let engine = super::open(&options, &clock).await;
        let abilities = abilities(&engine).sampled(4);
        Some(crate::in_process_with(engine, clock, abilities).at_end(drop_tables(options)))
    }

    isobase_conformance::conformance_tests!(crate::dynamodb::in_process::open);
}

mod over_http {
    use super::*;

    async fn open(case: &'static str) -> Option<Opened> {
        let (options, clock) = (options(case)?, TestClock::default());
        let engine = super::open(&options, &clock).await;
        let abilities = abilities(&engine).sampled(8);
        let served = crate::http::serve_with(engine, clock, abilities).await;
        Some(served.at_end(drop_tables(options)))
    }

    isobase_conformance::conformance_tests!(crate::dynamodb::over_http::open);
}
