//! One file for each thing that is done with licences, and what they share.

pub(super) mod actions;
pub(super) mod bulk;
pub(super) mod flows;
pub(super) mod installations;
pub(super) mod lists;
pub(super) mod lookups;
mod read;
