//! Who asks.

use std::sync::Arc;

use crate::Scope;

/// Who asks, as the authorization function found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// Nobody in particular, in open mode: everything is allowed.
    Open,
    /// Nobody in particular, on a public route.
    Anonymous,
    /// The holder of the internal key of the configuration.
    Internal,
    /// The holder of a named key.
    Key {
        /// The key's public id.
        id: Arc<str>,
        /// What it allows.
        scope: Scope,
    },
}

impl Principal {
    /// A stable text that tells principals apart: for idempotency keys and logs. No secret.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Open => "open",
            Self::Anonymous => "anonymous",
            Self::Internal => "internal",
            Self::Key { id, .. } => id,
        }
    }
}
