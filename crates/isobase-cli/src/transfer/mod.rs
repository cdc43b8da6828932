//! Whole databases: `copy`, `dump`, `restore`, `verify`, `reconcile`, `index plan`, and those of
//! other programs.

mod archive;
mod copy;
mod databases;
mod failure;
mod foreign;
mod place;
mod plan;
mod reconcile;
mod report;
mod same;
mod uploads;
mod watch;

pub(crate) use archive::{dump, make_backup, restore, verify};
pub(crate) use copy::copy;
pub(crate) use databases::{OtherDatabases, own_name};
pub(crate) use foreign::import_whole;
pub(crate) use plan::plan;
pub(crate) use reconcile::reconcile;
pub(crate) use uploads::{backups_with_files, file_place};
