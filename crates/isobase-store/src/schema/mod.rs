//! JSON Schema of collections: reading one, checking documents, keeping them in the database.

#[cfg(feature = "schemas")]
mod budget;
mod check;
mod parse;
#[cfg(feature = "schemas")]
mod references;
mod registry;
#[cfg(feature = "schemas")]
mod validator;
#[cfg(not(feature = "schemas"))]
#[path = "without.rs"]
mod validator;

pub use parse::{InvalidSchema, SCHEMA_BYTES_MAX, Schema};
pub(crate) use registry::Registry;
pub use registry::{SCHEMAS_COLLECTION, SchemaInfo, SchemaOrigin};
