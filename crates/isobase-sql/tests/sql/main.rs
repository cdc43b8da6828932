//! The toolkit on PostgreSQL and SQLite.

#![expect(clippy::unwrap_used, reason = "a failing helper fails its test")]

mod connector;
mod explaining;
mod fault;
mod fixture;
mod guarding;
mod logging;
mod migrating;
mod mocking;
mod operator;
mod reading;
mod schemas;
mod seeding;
mod syncing;
mod transaction;
mod values;
