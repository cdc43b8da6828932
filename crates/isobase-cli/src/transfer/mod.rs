//! Whole databases: what `copy`, `dump`, `restore`, `verify`, `reconcile` and `backup` share.

pub(crate) mod archives;
mod databases;
pub(crate) mod failure;
pub(crate) mod place;
pub(crate) mod report;
pub(crate) mod same;
pub(crate) mod uploads;
pub(crate) mod watch;

pub(crate) use databases::{OtherDatabases, own_name};
