//! A statement that changes something, and what it did.

use crate::{ReadAnswer, Value};

/// One statement, and the values of its `$1`, `$2`, ….
#[derive(Clone, Debug, PartialEq)]
pub struct WriteStatement {
    /// Its text.
    pub sql: String,
    /// The values.
    pub parameters: Vec<Value>,
}

/// The effect of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// The rows that it answered: of RETURNING, or of a query.
    pub answer: ReadAnswer,
    /// How many rows it inserted, changed or deleted, where the database says so. Rows of triggers and
    /// of cascades are not among them.
    pub affected: Option<u64>,
}
