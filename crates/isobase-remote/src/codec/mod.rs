//! Documents in native form: a tree of values beside which stands our bookkeeping.

mod hash;
mod meta;
mod rules;
mod shape;
mod tree;

pub use meta::{META_FIELD, Meta, NativeDocument};
pub use rules::NativeRules;
pub use tree::Tree;
