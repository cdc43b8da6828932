//! What the routes of accounts need.

use std::sync::Arc;

use isobase_auth::{Accounts, Authorizer};

/// What the routes of accounts need.
pub(crate) struct State {
    pub(crate) accounts: Arc<Accounts>,
    /// Told when the first account is made: the service is open no longer.
    pub(crate) authorizer: Arc<Authorizer>,
    /// The address that browsers use, if it is configured: says whether they use https.
    pub(crate) public_url: Option<String>,
}
