//! Properties of the crate.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panic")]

mod codec;
