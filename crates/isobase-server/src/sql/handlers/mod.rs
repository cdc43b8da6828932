//! Handlers of the SQL routes.

mod asked;
mod change;
mod objects;
pub(super) mod read;
pub(super) mod rows;
pub(super) mod write;
