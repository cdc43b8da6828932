//! Migrations: SQL files that are run once each, in the order of their numbers.

mod compare;
mod files;
mod run;

pub use files::{Migration, Migrations};
pub use run::MigrationState;
