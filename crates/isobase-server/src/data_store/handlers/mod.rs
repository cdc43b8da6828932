//! One file for each noun of the data store, and what they share.

mod caller;
mod fields;
mod identity;
pub(super) mod namespaces;
pub(super) mod record;
pub(super) mod records;
