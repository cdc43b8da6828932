//! JSON Schema of collections: reading one, checking documents, keeping them in the database.

#[cfg(feature = "schemas")]
mod budget;
mod check;
mod fields;
mod parse;
mod reference_check;
#[cfg(feature = "schemas")]
mod references;
mod registry;
#[cfg(feature = "schemas")]
mod validator;
#[cfg(not(feature = "schemas"))]
#[path = "without.rs"]
mod validator;

pub use fields::{FieldDefault, FieldInfo, FieldKind, OnDelete, Reference};
pub use parse::{InvalidSchema, SCHEMA_BYTES_MAX, Schema};
pub(crate) use reference_check::{ReferenceCheck, Referring};
pub(crate) use registry::Registry;
pub use registry::{SCHEMAS_COLLECTION, SchemaInfo, SchemaOrigin};
