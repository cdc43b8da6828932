//! Pages of partitions.

use crate::codec::Item;

/// Which page of a partition.
#[derive(Clone, Debug, Default)]
pub(crate) struct PartitionPage<'a> {
    pub(crate) pk: &'a str,
    pub(crate) first: &'a [u8],
    pub(crate) last: &'a [u8],
    pub(crate) reverse: bool,
    pub(crate) limit: Option<usize>,
    /// Where the page before ended.
    pub(crate) start: Option<Item>,
    pub(crate) only: Wanted<'a>,
}

/// Which attributes of items.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Wanted<'a> {
    #[default]
    All,
    /// Of the key.
    Keys,
    /// Of the key, and this one.
    And(&'a str),
}
