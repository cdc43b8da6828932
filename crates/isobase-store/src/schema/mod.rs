//! JSON Schema of collections: reading one, checking documents, keeping them in the database.

mod annotations;
#[cfg(feature = "schemas")]
mod budget;
mod cache;
mod check;
mod defaults;
mod field_rules;
mod fields;
mod fields_check;
mod invalid;
mod parse;
mod reference_check;
#[cfg(feature = "schemas")]
mod references;
mod registry;
mod stored;
#[cfg(feature = "schemas")]
mod validator;
#[cfg(not(feature = "schemas"))]
#[path = "without.rs"]
mod validator;

pub use cache::{SchemaInfo, SchemaOrigin};
pub(crate) use check::SchemaCheck;
pub(crate) use field_rules::FieldRules;
pub use fields::{FieldDefault, FieldInfo, FieldKind, FileField, OnDelete, Reference};
pub(crate) use fields_check::FieldsCheck;
pub use invalid::InvalidSchema;
pub use parse::{SCHEMA_BYTES_MAX, Schema};
pub(crate) use reference_check::{
    Leaving, ReferenceCheck, Referring, id_of, leaving, references_of,
};
pub(crate) use registry::Registry;
pub use stored::SCHEMAS_COLLECTION;
