//! Licences as the service uses them, over whole engines.

#![expect(clippy::unwrap_used, reason = "a failing helper fails its test")]
#![expect(unreachable_pub, reason = "nothing of a test binary is reachable from elsewhere")]

mod activation;
mod bulk;
mod clock;
mod faults;
mod files;
mod import;
mod lifecycle;
mod lists;
mod races;
mod support;
