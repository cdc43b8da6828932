//! Who asks.

use std::sync::Arc;

use isobase_types::DocumentId;

use crate::{Impersonator, Permission, Role, Scope, Scopes, Session};

/// Who asks, as the authorization function found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// No one in particular, in open mode: everything is allowed.
    Open,
    /// No one in particular in a service that is not open: on routes that anyone may use.
    Anonymous,
    /// The operator of the service: came by a way that no one else has, and may do everything.
    Operator,
    /// The holder of the internal key of the configuration.
    Internal,
    /// The holder of a named key.
    Key {
        /// The key's public id.
        id: Arc<str>,
        /// The name it was given.
        name: Arc<str>,
        /// Its scopes.
        scopes: Arc<Scopes>,
    },
    /// Somebody who signed in.
    Account {
        /// The account's id.
        id: DocumentId,
        /// The account's name.
        name: Arc<str>,
        /// The account's role.
        role: Role,
        /// The public id of the session.
        session: Arc<str>,
        /// The mark that tells accounts apart from keys and each other: `account:1`.
        mark: Arc<str>,
        /// The owner who acts as it; `None` where the account itself asks.
        by: Option<Arc<Impersonator>>,
    },
}

/// The rights of an owner who acts as somebody with all rights: all but what concerns the service
/// itself, what leaves it, its keys, and who signs in to it.
const ACTING: [Scope; 10] = [
    Scope::Write,
    Scope::WriteOf("licences"),
    Scope::WriteOf("requests"),
    Scope::WriteOf("uploads"),
    Scope::WriteOf("operations"),
    Scope::ReadOf("webhooks"),
    Scope::ReadOf("accounts"),
    Scope::ReadOf("audit"),
    Scope::ReadOf("overview"),
    Scope::Read,
];

impl Principal {
    /// The account that a session belongs to.
    #[must_use]
    pub fn of_session(session: &Session) -> Self {
        Self::Account {
            id: session.account.clone(),
            name: Arc::clone(&session.name),
            role: session.role.clone(),
            session: Arc::clone(&session.id),
            mark: Arc::clone(&session.mark),
            by: session.by.clone(),
        }
    }

    /// The owner who acts as this caller.
    #[must_use]
    pub fn impersonator(&self) -> Option<&Impersonator> {
        match self {
            Self::Account { by, .. } => by.as_deref(),
            _ => None,
        }
    }

    /// A stable text that tells principals apart, for logs. No secret.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Open => "open",
            Self::Anonymous => "anonymous",
            Self::Operator => "operator",
            Self::Internal => "internal",
            Self::Key { id, .. } => id,
            Self::Account { mark, .. } => mark,
        }
    }

    /// Whose idempotency keys this caller's are. The operator's are those of open mode: what a
    /// command began in the database itself it finishes through the service without writing twice.
    #[must_use]
    pub fn mark(&self) -> &str {
        match self {
            Self::Operator => Self::Open.id(),
            other => other.id(),
        }
    }

    /// The rights of this caller, in the words of scopes.
    #[must_use]
    pub fn scopes(&self) -> Vec<Scope> {
        match self {
            Self::Open | Self::Operator | Self::Internal => vec![Scope::Admin],
            Self::Anonymous => Vec::new(),
            Self::Account { role, by: Some(_), .. } => acting(role),
            Self::Account { role, .. } => role.scopes().to_vec(),
            Self::Key { scopes, .. } => scopes.iter().collect(),
        }
    }

    /// Whether this caller may do what takes a permission. Every decision is made here.
    #[must_use]
    pub fn allows(&self, permission: Permission) -> bool {
        match self {
            Self::Open | Self::Operator | Self::Internal => true,
            Self::Anonymous => permission.is_for_anybody(),
            Self::Account { role, by: Some(_), .. } => {
                permission.is_for_anybody()
                    || acting(role).iter().any(|scope| scope.allows(permission))
            }
            Self::Account { role, .. } => permission.is_for_anybody() || role.allows(permission),
            Self::Key { scopes, .. } => scopes.allows(permission),
        }
    }
}

/// The rights of an owner who acts as somebody of a role.
fn acting(role: &Role) -> Vec<Scope> {
    let allowed =
        |scope: &Scope| role.scopes().iter().any(|has| *has == Scope::Admin || has == scope);
    let mut scopes: Vec<Scope> = ACTING.into_iter().filter(allowed).collect();
    // Accounts are looked at and not changed.
    if role.scopes().contains(&Scope::WriteOf("accounts")) {
        scopes.push(Scope::ReadOf("accounts"));
    }
    scopes.extend(role.scopes().iter().filter(|scope| matches!(scope, Scope::ReadOf(_))));
    scopes.sort_unstable();
    scopes.dedup();
    scopes
}
