//! The PostgreSQL engine: documents in the tables of one schema.
//!
//! One task of the process writes. It commits whatever is queued as one transaction, in two
//! round trips, and answers after the commit. Every transaction locks the one row of `clock`
//! first, so that sequences follow the order of commits, whichever process writes. Reads never
//! wait for it.
//!
//! Reading order: [`PostgresOptions`], `schema` and `sql` (what is stored), `engine`, then the
//! way of a write (`writer`, `transaction`, `batch`), of a read (`read`, `feed`), and of everything
//! at once (`transfer`, `load`).

mod batch;
mod catalogue;
mod channel;
mod codec;
mod collections;
mod copy;
mod current;
mod engine;
mod error;
mod feed;
mod index_jobs;
mod indexes;
mod limits;
mod listen;
mod load;
mod loader;
mod options;
mod others;
mod read;
mod schema;
mod special;
mod sql;
mod store;
mod transaction;
mod transfer;
mod writer;

pub use engine::PostgresEngine;
pub use isobase_postgres::InvalidUrl;
pub use options::PostgresOptions;
pub use schema::NoTables;
