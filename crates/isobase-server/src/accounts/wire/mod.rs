//! Accounts and sessions on the wire, and how their routes are described. Bodies that are read are
//! described only: they are read leniently, as their clients send them.

mod described;
mod impersonate;
mod mail;
mod manage;
mod me;
mod providers;
mod second_factor;
mod sessions;
mod setup;
mod sign_in;

pub(super) use described::{Done, Named};
pub(super) use impersonate::*;
pub(super) use mail::*;
pub(super) use manage::*;
pub(super) use me::*;
pub(super) use providers::*;
pub(super) use second_factor::*;
pub(super) use sessions::*;
pub(super) use setup::*;
pub(super) use sign_in::*;
