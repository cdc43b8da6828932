//! JSON Schema of collections: reading one, checking documents, keeping them in the database.

mod budget;
mod check;
mod parse;
mod references;
mod registry;

pub use parse::{InvalidSchema, SCHEMA_BYTES_MAX, Schema};
pub(crate) use registry::Registry;
pub use registry::{SCHEMAS_COLLECTION, SchemaInfo, SchemaOrigin};
