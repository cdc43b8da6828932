//! Documents in native form: a tree of values beside which stands our bookkeeping.

mod hash;
mod meta;
mod number;
mod parse;
mod rebuild;
mod rules;
mod shape;
mod tree;
mod wrap;

pub use meta::{Meta, NativeDocument};
pub use rules::{META_FIELD, NativeRules};
pub use tree::{InvalidTree, Tree};
pub use wrap::WRAPPED_FIELD;
