//! JSON as text: checked and made canonical once, when it is written; after that, spliced.
//!
//! Canonical text is compact, keeps the order of keys and the text of numbers, and writes every
//! string in one way. Everything but [`canonicalise_document`], [`canonicalise_value`] and
//! [`ValueSplitter`] takes canonical text; other text gives useless answers, never a panic.

mod canonicalise;
mod decimal;
mod equal;
mod error;
mod frames;
mod json_patch;
mod merge;
mod node;
mod own_id;
mod patch;
mod patch_rules;
mod project;
mod raw;
mod set;
mod skip;
mod split;
mod string;
mod update;

pub use canonicalise::{canonicalise_document, canonicalise_value};
pub(crate) use decimal::Exact;
pub(crate) use equal::equal;
pub(crate) use error::cut;
pub use error::{InvalidJson, InvalidJsonKind};
pub use json_patch::JsonPatch;
pub use merge::merge_patch;
pub use own_id::{canonicalise_stored, own_id, with_own_id, without_own_id};
pub use patch::{Patch, PatchError};
pub use patch_rules::{InvalidPatch, PATCH_BYTES_MAX, PATCH_OPERATIONS_MAX, PatchRefused};
pub use project::project;
pub use raw::{Elements, Kind, Members, Number, Raw, find};
pub use set::{with_field, with_missing_field, without_field};
pub use split::{SplitError, ValueSplitter};
pub use string::write_string;
pub(crate) use string::{quoted, read_string};
pub use update::Update;

/// Deepest nesting of arrays and objects in a value: 128 levels are allowed.
///
/// From the design: well above what people write, and far below what any engine or recursive
/// reader of our answers could fail on.
pub const DEPTH_MAX: usize = 128;
