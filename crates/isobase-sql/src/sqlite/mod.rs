//! SQLite: a file or memory of the user's own. Every statement runs on a thread that may wait.
//!
//! The connection layer of the service is not for it: that one owns its file, refuses those of
//! other programs, and sets them up in its way.

mod access;
mod failure;
mod pool;
mod run;
mod schema;

pub(crate) use access::authorise_change;
pub(crate) use failure::refused;
pub(crate) use pool::{SqliteLease, SqlitePool};
pub(crate) use run::{bind, load, run, value};
pub(crate) use schema::check_schema;
