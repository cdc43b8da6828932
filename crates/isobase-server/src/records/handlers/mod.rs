//! One file for each noun of the record routes, and what they share.

pub(crate) mod answer;
pub(crate) mod batch;
pub(super) mod changes;
pub(super) mod collections;
pub(super) mod create;
pub(super) mod indexes;
mod lines;
pub(super) mod list;
pub(super) mod load;
mod own_names;
pub(super) mod patch;
pub(crate) mod preconditions;
pub(crate) mod record;
pub(crate) mod request;
pub(super) mod schemas;
