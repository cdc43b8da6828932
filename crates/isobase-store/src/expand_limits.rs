//! How much is expanded at a time.

/// Deepest expansion: a document, what it refers to, what that refers to, and so once more.
pub const EXPAND_LEVELS_MAX: usize = 3;

/// Most references that one request expands. Ours: each costs a read for every page.
pub const EXPAND_REFERENCES_MAX: usize = 16;
