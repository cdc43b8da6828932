//! A rule as it holds for one caller.

use isobase_types::{DocumentId, Filter};

/// A right to the documents of a collection.
#[derive(Clone, Debug, PartialEq)]
pub enum Right {
    /// All of them.
    All,
    /// None, whatever is in it.
    Nothing,
    /// Those that meet this.
    Where(Filter),
}

impl Right {
    /// The right that a bound rule gives.
    #[must_use]
    pub fn of(filter: Filter) -> Self {
        if filter.is_all() {
            return Self::All;
        }
        if filter.is_none() { Self::Nothing } else { Self::Where(filter) }
    }

    /// The right that both allow.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nothing, _) | (_, Self::Nothing) => Self::Nothing,
            (Self::All, right) | (right, Self::All) => right,
            (Self::Where(a), Self::Where(b)) if a == b => Self::Where(a),
            (Self::Where(a), Self::Where(b)) => Self::Where(Filter::And(vec![a, b])),
        }
    }

    /// Whether it reaches a document.
    #[must_use]
    pub fn reaches(&self, body: &str, id: &DocumentId) -> bool {
        match self {
            Self::All => true,
            Self::Nothing => false,
            Self::Where(filter) => filter.matches(body, id),
        }
    }

    /// Whether it reaches a document whose id may be yet to be assigned: a rule about ids does
    /// not.
    pub(crate) fn reaches_new(&self, body: &str, id: Option<&DocumentId>) -> bool {
        match (self, id) {
            (_, Some(id)) => self.reaches(body, id),
            (Self::Where(filter), None) if filter.fields().iter().any(|path| path.is_id()) => false,
            (_, None) => self.reaches(body, &DocumentId::Integer(0)),
        }
    }
}
