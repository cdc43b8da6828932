//! Whole databases: `copy`, `dump`, `restore`, `verify`, `reconcile`, `index plan`.

mod archive;
mod copy;
mod failure;
mod place;
mod plan;
mod reconcile;
mod report;
mod same;
mod watch;

pub(crate) use archive::{dump, restore, verify};
pub(crate) use copy::copy;
pub(crate) use plan::plan;
pub(crate) use reconcile::reconcile;
