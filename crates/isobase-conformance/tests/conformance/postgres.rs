//! The PostgreSQL engine, in a schema of its own for each case.

use std::{sync::Arc, time::Duration};

use isobase_conformance::{Abilities, CHANGES_KEPT, Opened, TestClock, transfer::Database};
use isobase_engine::Engine;
use isobase_engine_postgres::{PostgresEngine, PostgresOptions};
use isobase_postgres::Connection;
use isobase_testkit::{
    PgBouncer, newest_postgres_url, oldest_postgres_url, postgres_url, require_all, unique_name,
};
use tokio::time::Instant;

/// Dropping a schema waits for no one, but the machine may be busy.
const DROP_DEADLINE: Duration = Duration::from_secs(30);

#[expect(clippy::print_stderr, reason = "a case that does not run must say so")]
fn not_run(case: &str) {
    eprintln!("NOT RUN: {case}: a server is missing, start with `cargo xtask test`");
}

/// An engine over a fresh schema; none without a server.
pub(crate) async fn engine(
    case: &str,
    server: Option<String>,
) -> Option<(PostgresEngine, TestClock, PostgresOptions)> {
    let options = options(case, server)?;
    let clock = TestClock::default();
    let engine = PostgresEngine::connect(options.clone(), clock.shared()).await;
    Some((engine.expect("the server is there"), clock, options))
}

/// A fresh schema; none without a server.
fn options(case: &str, server: Option<String>) -> Option<PostgresOptions> {
    let Some(server) = server else {
        not_run(case);
        return None;
    };
    let separator = if server.contains('?') { '&' } else { '?' };
    let url = format!("{server}{separator}schema={}", unique_name("conformance"));
    let mut options = PostgresOptions::new(&url).expect("the URL of the test server");
    options.changes_max = CHANGES_KEPT;
    Some(options)
}

async fn database(case: &'static str) -> Option<Database> {
    let options = options(case, postgres_url())?;
    let schema = options.clone();
    let open = move || {
        let options = options.clone();
        async move {
            let engine = PostgresEngine::connect(options, TestClock::default().shared()).await;
            Arc::new(engine.expect("the server is there")) as Arc<dyn Engine>
        }
    };
    Some(Database::open(open).await.at_end(drop_schema(schema)))
}

isobase_conformance::transfer_tests!(crate::postgres::database);

pub(crate) async fn drop_schema(options: PostgresOptions) {
    let deadline = Instant::now() + DROP_DEADLINE;
    let connection = Connection::open(&options.config, deadline).await.expect("a connection");
    let sql = format!("DROP SCHEMA \"{}\" CASCADE", options.config.schema());
    connection.batch(&sql).await.expect("the schema is dropped");
}

/// On the oldest version.
mod in_process {
    use super::*;

    async fn open(case: &'static str) -> Option<Opened> {
        let (engine, clock, options) = engine(case, oldest_postgres_url()).await?;
        let abilities = Abilities::of(&engine).sampled(2);
        let opened = crate::in_process_with(engine, clock, abilities);
        Some(opened.at_end(drop_schema(options)))
    }

    isobase_conformance::conformance_tests!(crate::postgres::in_process::open);
}

/// On the newest version.
mod over_http {
    use super::*;

    async fn open(case: &'static str) -> Option<Opened> {
        let (engine, clock, options) = engine(case, newest_postgres_url()).await?;
        let abilities = Abilities::of(&engine).sampled(4);
        let served = crate::http::serve_with(engine, clock, abilities).await;
        Some(served.at_end(drop_schema(options)))
    }

    isobase_conformance::conformance_tests!(crate::postgres::over_http::open);
}

/// On the newest version behind PgBouncer in transaction mode, over TLS.
mod pooled {
    use isobase_postgres::Config;

    use super::*;

    #[tokio::test]
    async fn verify_ca_asks_for_the_authority_and_not_for_the_name() {
        let Some(server) = newest_postgres_url() else { return };
        let (pooler, stranger) = match (PgBouncer::start(&server), PgBouncer::start(&server)) {
            (Ok(pooler), Ok(stranger)) => (pooler, stranger),
            (Err(error), _) | (_, Err(error)) => {
                assert!(!require_all(), "{error:#}");
                return not_run(&format!("PgBouncer: {error:#}"));
            }
        };
        // Its certificate is of 127.0.0.1.
        let full = pooler.url().replace("@127.0.0.1:", "@localhost:");
        let chain = full.replace("sslmode=verify-full", "sslmode=verify-ca");
        let (place, file) = chain.split_once("sslrootcert=").unwrap();
        let other = stranger.url();
        let (_, other_file) = other.split_once("sslrootcert=").unwrap();
        for (url, is_trusted) in
            [(&chain, true), (&full, false), (&format!("{place}sslrootcert={other_file}"), false)]
        {
            let config = Config::parse(url).unwrap();
            let opened = Connection::open(&config, Instant::now() + DROP_DEADLINE).await;
            assert_eq!(opened.is_ok(), is_trusted, "{url}: {:?}", opened.err());
        }
        assert_ne!(file, other_file);
    }

    async fn open(case: &'static str) -> Option<Opened> {
        let server = newest_postgres_url()?;
        let pooler = match PgBouncer::start(&server) {
            Ok(pooler) => pooler,
            Err(error) if require_all() => panic!("{error:#}"),
            Err(error) => {
                not_run(&format!("{case} behind PgBouncer: {error:#}"));
                return None;
            }
        };
        let (engine, clock, options) = engine(case, Some(pooler.url())).await?;
        let abilities = Abilities::of(&engine).sampled(8);
        let opened = crate::in_process_with(engine, clock, abilities);
        Some(opened.at_end(drop_schema(options)).keep(pooler))
    }

    isobase_conformance::conformance_tests!(crate::postgres::pooled::open);
}
