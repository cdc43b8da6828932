//! Documents in native form: a tree of values beside which stands our bookkeeping.

mod hash;
mod meta;
mod number;
mod parse;
mod rebuild;
mod rules;
mod shape;
mod time;
mod tree;
mod wrap;

pub use meta::{META_FIELD, Meta, NativeDocument};
pub use rules::NativeRules;
pub use time::parse as parse_time;
pub use tree::{InvalidTree, Tree};
pub use wrap::WRAPPED_FIELD;
