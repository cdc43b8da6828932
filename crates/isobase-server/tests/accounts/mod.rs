//! Accounts and sessions over HTTP.

mod hidden;
mod impersonation;
mod managed;
mod origins;
mod page;
mod roles;
mod second_factor;
mod sessions;
mod setup;
mod sign_in;
mod streams;
mod support;
