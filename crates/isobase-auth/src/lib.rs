//! Who may do what: keys, scopes and the one authorization function. Knows no HTTP.
//!
//! Reading order: [`Permission`] and [`Scope`], [`Principal`], [`KeyStore`] (the keys' own small
//! file), [`Authorizer`] (the one decision), [`exposure_check`].

mod authorizer;
mod exposure;
mod key;
mod key_store;
mod permission;
mod principal;

pub use authorizer::{Authorizer, Denied};
pub use exposure::{Exposed, exposure_check};
pub use key::{CreatedKey, KeyInfo};
pub use key_store::{KeyError, KeyStore};
pub use permission::{InvalidScope, Permission, Scope};
pub use principal::Principal;
