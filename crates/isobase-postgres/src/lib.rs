//! The connection layer of PostgreSQL: where it is, TLS, deadlines, pools, and what a failure
//! means. It knows PostgreSQL and nothing of documents.
//!
//! Invariants:
//! - Nothing waits without a deadline. A connection that did not answer in time is closed, not
//!   asked again.
//! - No message holds a password or a value from a row.
//! - A failure while committing is told apart from every other failure.

mod config;
mod connection;
mod deadline;
mod error;
mod guarded;
mod invalid_url;
mod lanes;
mod pool;
mod stream;
mod texts;
mod tls;

pub use config::{Config, Pooling};
pub use connection::{Connection, Sql};
pub use deadline::within;
pub use error::{During, Error, ErrorKind, kind_of_code};
pub use invalid_url::InvalidUrl;
pub use lanes::Lanes;
pub use pool::{Lease, Pool, PoolStatus};
pub use stream::{CopyIn, Rows};
pub use texts::Keep;
pub use tokio_postgres;
pub use tokio_postgres::{
    Row,
    types::{ToSql, Type},
};
