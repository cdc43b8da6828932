//! The service, through its router in process and over loopback.
#![expect(clippy::unwrap_used, reason = "a failing helper fails its test")]
#![expect(unreachable_pub, reason = "nothing of a test binary is reachable from elsewhere")]

mod accounts;
mod app;
mod files;
mod licences;
mod live;
mod records;
mod requests;
mod service;
