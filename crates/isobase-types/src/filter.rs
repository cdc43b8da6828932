//! Conditions on documents.

use crate::{DocumentId, FieldPath};

/// Most comparisons in the filter of one query.
pub const FILTER_CONDITIONS_MAX: usize = 200;

/// Deepest nesting of groups in the filter of one query.
pub const FILTER_DEPTH_MAX: usize = 16;

/// Most values in one list of `in` or `nin`.
pub const FILTER_LIST_MAX: usize = 1000;

/// A condition on a document.
///
/// # Types and null
/// A field that is missing is null. Values of different types are never equal and never
/// comparable: `age[gt]=18` does not hold for the text `"20"`, nor for null. Numbers are compared
/// by value: an integer within 64 bits exactly, any other number as the nearest 64-bit float.
/// Strings are compared by their UTF-8 bytes. Arrays and objects are equal to nothing.
/// `Not` is the plain complement: `name[ne]=Ann` holds for a missing name.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// All hold. Empty: holds for every document.
    And(Vec<Filter>),
    /// At least one holds. Empty: holds for none.
    Or(Vec<Filter>),
    /// The condition does not hold.
    Not(Box<Filter>),
    /// A comparison of one field.
    Compare(Comparison),
}

impl Filter {
    /// The condition every document meets.
    #[must_use]
    pub fn all() -> Self {
        Self::And(Vec::new())
    }

    /// Whether a document meets the condition; the path `id` compares its id.
    #[must_use]
    pub fn matches(&self, _body: &str, _id: &DocumentId) -> bool {
        todo!()
    }
}

/// A comparison of one field with constants.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// The field.
    pub path: FieldPath,
    /// What is asked of its value.
    pub operator: Operator,
}

/// What is asked of a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Operator {
    /// Equals any of these. (`eq` has one, `in` several; `ne` and `nin` are its complement.)
    In(Vec<Literal>),
    /// Is of the same type as the literal and greater.
    Greater(Literal),
    /// Is of the same type as the literal and greater or equal.
    GreaterOrEqual(Literal),
    /// Is of the same type as the literal and less.
    Less(Literal),
    /// Is of the same type as the literal and less or equal.
    LessOrEqual(Literal),
    /// A string that matches the pattern: `%` any characters, `_` one character, `\` takes the
    /// next character as it is.
    Like {
        /// The pattern.
        pattern: String,
        /// Compare after Unicode lower-casing both sides.
        ignore_case: bool,
    },
    /// Is null or missing.
    Null,
    /// A string that contains the literal's text, or an array with an element equal to it.
    Contains(Literal),
}

/// A constant in a filter.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// `true` or `false`.
    Bool(bool),
    /// An integer within 64 bits.
    Integer(i64),
    /// Any other number, as the nearest 64-bit float; finite.
    Float(f64),
    /// A string.
    Text(String),
}
