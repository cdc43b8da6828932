//! The cases, grouped by noun.

pub(crate) mod batch;
pub(crate) mod changes;
pub(crate) mod checks;
pub(crate) mod collections;
pub(crate) mod counts;
pub(crate) mod documents;
pub(crate) mod fields;
pub(crate) mod filters;
pub(crate) mod idempotency;
pub(crate) mod ids;
pub(crate) mod indexes;
pub(crate) mod limits;
pub(crate) mod pages;
pub(crate) mod patch;
pub(crate) mod preconditions;
pub(crate) mod races;
pub(crate) mod references;
pub(crate) mod rules;
pub(crate) mod schemas;
pub(crate) mod sorts;
pub(crate) mod terms;
pub(crate) mod times;
pub(crate) mod unique;
pub(crate) mod values;
