//! JSON Schema of collections: reading one, checking documents, keeping them in the database.

mod annotations;
mod cache;
mod check;
mod defaults;
mod field_rules;
mod fields;
mod fields_check;
mod parse;
mod reference_check;
mod registry;
mod stored;

pub use cache::{SchemaInfo, SchemaOrigin};
pub(crate) use check::SchemaCheck;
pub(crate) use field_rules::FieldRules;
pub use fields::{FieldDefault, FieldInfo, FieldKind, FileField, OnDelete, Reference};
pub(crate) use fields_check::FieldsCheck;
pub use isobase_schema::InvalidSchema;
pub use parse::{SCHEMA_BYTES_MAX, Schema};
pub(crate) use reference_check::{
    Leaving, ReferenceCheck, Referring, id_of, leaving, references_of,
};
pub(crate) use registry::Registry;
pub use stored::SCHEMAS_COLLECTION;
