//! Properties of the crate against independent, naive versions of the same rules.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panic")]

mod json;
mod key;
mod query;
mod values;
