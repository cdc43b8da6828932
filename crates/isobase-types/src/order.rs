//! The order of a listing.

use crate::FieldPath;

/// Fields to sort by, most significant first; equal documents follow the order of their ids.
///
/// Empty means the order of ids. The final order by id has the direction of the last field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Order(pub Vec<OrderField>);

/// One field of an [`Order`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OrderField {
    /// The field.
    pub path: FieldPath,
    /// Which end comes first.
    pub direction: Direction,
}

/// Which end of an order comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Small values first.
    #[default]
    Ascending,
    /// Large values first.
    Descending,
}

impl Order {
    /// Reads `-created_at,name`.
    ///
    /// # Errors
    /// [`InvalidOrder`].
    pub fn parse(_text: &str) -> Result<Self, InvalidOrder> {
        todo!()
    }
}

impl std::fmt::Display for Order {
    fn fmt(&self, _f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        todo!()
    }
}

/// Why a text is not an order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidOrder {
    /// No characters.
    #[error("an order must not be empty")]
    Empty,
}
