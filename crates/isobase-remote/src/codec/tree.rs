//! JSON values as a tree that keeps what text says.

/// A JSON value. Numbers keep their text, objects the order of their fields.
#[derive(Clone, Debug, PartialEq)]
pub enum Tree {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// The text of a JSON number.
    Number(Box<str>),
    /// A string, decoded.
    String(String),
    /// An array.
    Array(Vec<Tree>),
    /// An object; no name occurs twice.
    Object(Vec<(String, Tree)>),
}
