//! Live events, through the service in process, on the memory engine.

mod connections;
mod fan_out;
mod resume;
mod ruled;
pub mod support;
mod told;
