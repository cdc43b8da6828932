//! Collections that an app declares, as its callers see them: what a document may hold, how it is
//! shown, and in which words a request is refused.

mod collection;
mod fields;
mod row;
mod texts;

pub use collection::AppCollection;
pub(crate) use fields::{Field, FieldKind, Refused, integer};
pub(crate) use row::Rows;
pub use texts::{FieldTexts, Texts};
