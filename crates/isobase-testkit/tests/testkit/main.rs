//! The testkit tests itself: what it starts, breaks and counts.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

mod couchdb;
mod load;
mod postgres;
mod proxy;
mod server;

/// A server on the executable that stands in for the real one.
fn fixture() -> isobase_testkit::TestServerBuilder {
    isobase_testkit::TestServer::builder().executable(env!("CARGO_BIN_EXE_testkit-fixture"))
}
