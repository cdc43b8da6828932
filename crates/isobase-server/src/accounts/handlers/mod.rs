//! Handlers of the routes of accounts.

mod body;
mod caller;
pub(super) mod impersonate;
pub(super) mod mail;
pub(super) mod manage;
pub(super) mod me;
mod page;
pub(super) mod providers;
pub(super) mod second_factor;
pub(super) mod sessions;
pub(super) mod setup;
pub(super) mod sign_in;
