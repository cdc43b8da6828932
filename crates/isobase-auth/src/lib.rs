//! Who may do what: keys, scopes and the one authorization function. Knows no HTTP.

mod authorizer;
mod permission;
mod principal;

pub use authorizer::{Authorizer, Denied};
pub use permission::{InvalidScope, Permission, Scope};
pub use principal::Principal;
