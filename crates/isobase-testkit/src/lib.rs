//! Test servers, fixtures and faults. Development only.
//!
//! Everything here listens on loopback, works in a temporary folder and ends
//! with the value that started it, also when a test panics.
//!
//! - [`TestServer`]: the built executable as a black box.
//! - [`TestPostgres`]: an own PostgreSQL cluster that may be stopped and killed.
//! - [`postgres_url`], [`dynamodb_url`], [`couchdb_url`], [`firestore_hosts`]: the
//!   shared servers of the whole suite.
//! - `ForeignDatabase`, with the feature `foreign`: document databases as other programs use them.
//! - `TlsFront`, with the feature `tls`: what ends TLS before a server; `PgBouncer`: a pooler before a PostgreSQL.
//! - [`FaultProxy`]: a TCP proxy that delays, swallows, refuses and cuts.
//! - [`http`]: a small blocking HTTP client with control over every byte.
//! - [`load`]: a closed-loop load client that is cheap enough to share the machine.

mod couchdb;
mod dynamodb;
mod executable;
#[cfg(feature = "foreign")]
mod foreign;
mod name;
#[cfg(feature = "tls")]
mod pgbouncer;
mod port;
mod postgres;
mod proxy;
mod server;
mod shared;
#[cfg(feature = "tls")]
mod tls;
mod usage;
mod wait;
mod wire;

pub mod histogram;
pub mod http;
pub mod load;

pub use couchdb::drop_couchdb_databases;
pub use dynamodb::drop_dynamodb_tables;
pub use executable::{EXECUTABLE_VARIABLE, executable};
#[cfg(feature = "foreign")]
pub use foreign::ForeignDatabase;
pub use name::unique_name;
#[cfg(feature = "tls")]
pub use pgbouncer::PgBouncer;
pub use port::ReservedPort;
pub use postgres::{Durability, PostgresBinaries, Stop, TestPostgres, TestPostgresBuilder};
pub use proxy::{Fault, FaultProxy};
pub use rustix::process::Signal;
pub use server::{TestServer, TestServerBuilder};
pub use shared::{
    BROWSER_PACKAGES_VARIABLE, Browser, CHROMIUM_VARIABLE, CLIENT_PACKAGES_VARIABLE,
    CLIENT_PYTHON_VARIABLE, COUCHDB_URL_VARIABLE, Clients, DYNAMODB_URL_VARIABLE,
    FIRESTORE_HOSTS_VARIABLE, FirestoreHost, NGINX_VARIABLE, NPM_PACKAGES_VARIABLE,
    OPENAPI_PACKAGES_VARIABLE, OPENAPI_PYTHON_VARIABLE, POSTGRES_BIN_VARIABLE,
    POSTGRES_URL_VARIABLE, POSTGRES_VERSIONS_VARIABLE, PROMTOOL_VARIABLE, PYTHON_PACKAGES_VARIABLE,
    REQUIRE_ALL_VARIABLE, Readers, SCHEMA_SUITE_VARIABLE, SOAK_VARIABLE, UPLOAD_PACKAGES_VARIABLE,
    UploadPackages, browser, clients, couchdb_url, dynamodb_url, firestore_hosts, is_soak,
    newest_postgres_url, nginx, npm_packages, oldest_postgres_url, postgres_url, readers,
    require_all, schema_suite, upload_packages,
};
#[cfg(feature = "tls")]
pub use tls::TlsFront;
pub use usage::ProcessUsage;
pub use wait::{wait_for_exit, wait_until};
