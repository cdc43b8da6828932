//! Accounts of other services, as accounts of this one keep them.

use std::collections::BTreeMap;

use isobase_types::Timestamp;
use serde::{Deserialize, Serialize};

/// The stored form of an identity in its account, under the provider's id.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct StoredIdentity {
    /// Unique among all accounts.
    pub(crate) key: String,
    pub(crate) subject: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) email: Option<String>,
    /// Microseconds since 1970.
    pub(crate) linked_us: i64,
}

/// The identities of an account, by the ids of their providers.
pub(crate) type Identities = BTreeMap<String, StoredIdentity>;

/// An account of another service that signs in to an account of this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkedIdentity {
    /// The provider's id.
    pub provider: String,
    /// The provider's name of the person.
    pub subject: String,
    /// The address that the provider told.
    pub email: Option<String>,
    /// When it was linked.
    pub linked_at: Timestamp,
}
