//! Access rules of collections: who may list, view, create, update and delete which documents.

mod book;
mod caller;
mod right;
mod rule;

pub(crate) use book::{Found, bind};
pub use book::{RuleBook, Rules, Unruled};
pub use caller::Caller;
pub use right::Right;
pub use rule::{InvalidRule, Rule, RuleAction};
