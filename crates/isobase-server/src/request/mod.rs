//! The parts that handlers of every slice read from a request.

pub(crate) mod filter;
pub(crate) mod idempotency;
mod json_body;
mod members;
mod parameters;

pub(crate) use json_body::{
    BodyKind, NDJSON, body_kind, document, require_json, require_lines, unusable,
};
pub(crate) use members::Members;
pub(crate) use parameters::{Parameters, no_parameters, refuse_parameters};
