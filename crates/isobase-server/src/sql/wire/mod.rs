//! Answers of the SQL routes, and how these are described.

pub(super) mod read;
pub(super) mod rows;
pub(super) mod write;
