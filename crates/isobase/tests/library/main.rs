//! What a user of the crate sees.
#![cfg(feature = "memory")]
#![expect(clippy::unwrap_used, reason = "the helpers of tests fail like tests")]

mod examples;
#[cfg(all(feature = "couchdb", feature = "dynamodb", feature = "firestore"))]
mod existing;
mod locations;
