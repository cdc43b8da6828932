//! The one authorization function.

use crate::{Permission, Principal};

/// Decides who may do what.
#[derive(Debug, Default)]
pub struct Authorizer {}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// There are no credentials, or nobody has them.
    #[error("a valid key is required")]
    Unauthenticated,
    /// The key is valid and does not allow this.
    #[error("the key does not allow this")]
    Forbidden,
}

impl Authorizer {
    /// Decides whether the holder of these credentials may do this.
    ///
    /// # Errors
    /// [`Denied`].
    pub fn authorize(
        &self,
        _credentials: Option<&str>,
        _permission: Permission,
    ) -> Result<Principal, Denied> {
        Ok(Principal::Open)
    }
}
