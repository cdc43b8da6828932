//! What `cargo xtask test` hands to every test.

use std::env;

/// Holds the URL of the shared PostgreSQL of the suite.
pub const POSTGRES_URL_VARIABLE: &str = "ISOBASE_TEST_POSTGRES_URL";
/// Holds the folder of `postgres` and `initdb`.
pub const POSTGRES_BIN_VARIABLE: &str = "ISOBASE_TEST_POSTGRES_BIN";
/// When `1`, a test that lacks what it needs fails instead of stepping aside.
pub const REQUIRE_ALL_VARIABLE: &str = "ISOBASE_TEST_REQUIRE_ALL";

/// Whether every test must really run.
pub fn require_all() -> bool {
    env::var(REQUIRE_ALL_VARIABLE).is_ok_and(|value| value == "1")
}

/// The shared PostgreSQL of the suite, `postgres://postgres@127.0.0.1:PORT/postgres`.
///
/// `None` when there is none, and the test is not to run. Its durability is off:
/// a test that kills the server takes its own [`TestPostgres`](crate::TestPostgres).
///
/// # Panics
/// When there is none although every test must run: a test that is not run
/// must not look like one that passed.
pub fn postgres_url() -> Option<String> {
    let url = env::var(POSTGRES_URL_VARIABLE).ok().filter(|url| !url.is_empty());
    assert!(
        url.is_some() || !require_all(),
        "{POSTGRES_URL_VARIABLE} is not set, and {REQUIRE_ALL_VARIABLE}=1 wants every test to run: \
         start the tests with `cargo xtask test`"
    );
    url
}
