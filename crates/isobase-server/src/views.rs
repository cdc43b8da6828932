//! The view that each caller has of the documents.

use std::sync::Arc;

use isobase_auth::{Permission, Principal};
use isobase_http::Permission as Asked;
use isobase_store::{Caller, RuleBook, Store, View};
use isobase_types::{DocumentId, User};

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

    /// The present view of a caller.
    pub(crate) fn of(&self, principal: &Principal) -> View {
        let store = match principal {
            // Documents remember a key by its id (`x-default: "user"`).
            Principal::Key { id, .. } => self.store.asked_by(Some(DocumentId::Text((**id).into()))),
            _ => self.store.clone(),
        };
        View::new(store, Arc::clone(&self.rules), caller(principal))
    }

    /// A caller's view of documents at a route that is about something else, if its rights reach
    /// to documents at all: there the route has not asked for them.
    pub(crate) fn beside(&self, principal: &Principal, asks: Beside) -> Option<View> {
        let permission = match (asks, self.rules.has_rules()) {
            (Beside::Read, false) => Permission::Read,
            (Beside::Write, false) => Permission::Write,
            // A key's scopes bind it; rules bind accounts.
            (Beside::Read, true) => match principal {
                Principal::Key { .. } => Permission::Read,
                _ => Permission::ReadByRules,
            },
            (Beside::Write, true) => match principal {
                Principal::Key { .. } => Permission::Write,
                _ => Permission::WriteByRules,
            },
        };
        principal.allows(permission).then(|| self.of(principal))
    }

    /// What the routes of a face that shows documents take.
    pub(crate) fn permissions(&self) -> Permissions {
        match self.rules.has_rules() {
            true => Permissions::BY_RULES,
            false => Permissions::KEYED,
        }
    }

    /// The store itself, for what is not about documents or takes an administrator.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }
}

/// What a route that is about something else wants of documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beside {
    Read,
    Write,
}

/// What routes take that read and change documents.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Permissions {
    pub(crate) read: Asked,
    pub(crate) write: Asked,
}

impl Permissions {
    /// A key, unless the service is open.
    pub(crate) const KEYED: Self = Self { read: Asked::Read, write: Asked::Write };
    /// Nothing: rules decide what a caller without a key sees.
    pub(crate) const BY_RULES: Self = Self { read: Asked::ReadByRules, write: Asked::WriteByRules };
}

/// Who asks, as rules see it: keys see everything that their scopes let them ask for.
fn caller(principal: &Principal) -> Caller {
    match principal {
        Principal::Open => Caller::open(),
        Principal::Anonymous => Caller::anonymous(),
        Principal::Account { id, name, role, .. } => {
            let caller = Caller::account(Arc::new(User::new(id.clone(), name, role.as_str())));
            match () {
                () if role.allows(Permission::Write) => caller.unbound(),
                () if role.allows(Permission::Read) => caller.unbound_reading(),
                () => caller,
            }
        }
        Principal::Operator | Principal::Internal | Principal::Key { .. } => Caller::service(),
    }
}
