//! State of the routes of accounts.

use std::sync::Arc;

use isobase_auth::{Accounts, Audit, Authorizer, Clock};
use isobase_store::Store;

/// State of the routes of accounts.
pub(crate) struct State {
    pub(crate) accounts: Arc<Accounts>,
    /// Told when the first account is made: the service is open no longer.
    pub(crate) authorizer: Arc<Authorizer>,
    /// The address that browsers use, if it is configured: says whether they use https.
    pub(crate) public_url: Option<String>,
    /// Where it is written who changed accounts of others.
    pub(crate) audit: Audit,
}

impl State {
    pub(crate) fn new(
        store: &Store,
        accounts: Arc<Accounts>,
        authorizer: Arc<Authorizer>,
        public_url: Option<String>,
    ) -> Self {
        Self { accounts, authorizer, public_url, audit: Audit::new(store, Clock::default()) }
    }
}
