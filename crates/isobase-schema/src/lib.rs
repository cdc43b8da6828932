//! JSON Schema: which schemas are taken, and what in a document violates one.
//!
//! A crate of its own because of what it costs to build: it has everything that is generic in the
//! library that knows the drafts. `Cargo.toml` of the workspace has both made small, so that the
//! compiler shares their code instead of making it twice.

#[cfg(feature = "validation")]
mod budget;
mod invalid;
#[cfg(feature = "validation")]
mod references;
#[cfg(feature = "validation")]
mod validator;
#[cfg(not(feature = "validation"))]
#[path = "without.rs"]
mod validator;

pub use invalid::InvalidSchema;
pub use validator::Validator;
