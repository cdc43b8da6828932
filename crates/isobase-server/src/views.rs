//! The view that each caller has of the documents.

use std::sync::Arc;

use isobase_auth::Principal;
use isobase_store::{Caller, RuleBook, Store, View};

/// Makes the view of a caller: what every face that shows documents asks. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Views {
    store: Store,
    rules: Arc<RuleBook>,
}

impl Views {
    pub(crate) fn new(store: Store, rules: Arc<RuleBook>) -> Self {
        Self { store, rules }
    }

    /// What a caller sees and may do now.
    pub(crate) fn of(&self, principal: &Principal) -> View {
        View::new(self.store.clone(), Arc::clone(&self.rules), caller(principal))
    }

    /// The store itself, for what is not about documents or takes an administrator.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }
}

/// Who asks, as rules see it: keys see everything that their scopes let them ask for.
fn caller(principal: &Principal) -> Caller {
    match principal {
        Principal::Open => Caller::open(),
        Principal::Anonymous => Caller::anonymous(),
        Principal::Operator | Principal::Internal | Principal::Key { .. } => Caller::service(),
    }
}
