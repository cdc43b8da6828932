//! Who asks, as rules see it.

use std::sync::Arc;

use isobase_types::User;

/// Who asks: what rules know of a principal. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    kind: Kind,
    user: Option<Arc<User>>,
}

/// How far rules bind somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Not at all.
    Service,
    /// When it writes.
    Reader,
    /// Where there are some.
    Open,
    /// Everywhere.
    Bound,
}

impl Caller {
    /// A service with a key, or the owner of this one: no rule binds it.
    #[must_use]
    pub fn service() -> Self {
        Self { kind: Kind::Service, user: None }
    }

    /// Anybody, in a service that is open: rules bind them where there are some, and collections
    /// that no one declares are theirs.
    #[must_use]
    pub fn open() -> Self {
        Self { kind: Kind::Open, user: None }
    }

    /// Anybody without a key and without an account.
    #[must_use]
    pub fn anonymous() -> Self {
        Self { kind: Kind::Bound, user: None }
    }

    /// Somebody who is signed in.
    #[must_use]
    pub fn account(user: Arc<User>) -> Self {
        Self { kind: Kind::Bound, user: Some(user) }
    }

    /// The same, bound by no rule.
    #[must_use]
    pub fn unbound(self) -> Self {
        Self { kind: Kind::Service, ..self }
    }

    /// The same, bound by no rule while it only reads.
    #[must_use]
    pub fn unbound_reading(self) -> Self {
        Self { kind: Kind::Reader, ..self }
    }

    /// A caller that is signed in.
    #[must_use]
    pub fn user(&self) -> Option<&User> {
        self.user.as_deref()
    }

    /// Whether no rule binds it.
    #[must_use]
    pub fn is_service(&self) -> bool {
        self.kind == Kind::Service
    }

    pub(crate) fn is_bound(&self) -> bool {
        matches!(self.kind, Kind::Bound | Kind::Reader)
    }

    /// Whether no rule binds it while it only reads.
    #[must_use]
    pub fn reads_everything(&self) -> bool {
        matches!(self.kind, Kind::Service | Kind::Reader)
    }

    pub(crate) fn is_open(&self) -> bool {
        self.kind == Kind::Open
    }
}
