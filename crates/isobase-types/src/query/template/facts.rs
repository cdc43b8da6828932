//! Facts about a request.

use std::sync::Arc;

use crate::{DocumentId, Timestamp, json};

/// Facts about a request.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Who asks, if somebody is signed in.
    pub user: Option<&'a User>,
    /// The time.
    pub now: Timestamp,
    /// The document as the write in question would leave it.
    pub new: Option<NewDocument<'a>>,
}

/// A document that is to be written.
#[derive(Clone, Copy, Debug)]
pub struct NewDocument<'a> {
    /// Its id; `None` while it is yet to be assigned.
    pub id: Option<&'a DocumentId>,
    /// The body that it has before; of a new document the same as after.
    pub before: &'a str,
    /// The body that it would have.
    pub after: &'a str,
}

/// Somebody who is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub(super) id: DocumentId,
    pub(super) role: Arc<str>,
    /// The other facts as a body, for filters.
    pub(super) body: Arc<str>,
}

impl User {
    /// A user.
    #[must_use]
    pub fn new(id: DocumentId, name: &str, role: &str) -> Self {
        let mut body = String::from("{\"name\":");
        body.push_str(&json::quoted(name));
        body.push_str(",\"role\":");
        body.push_str(&json::quoted(role));
        body.push('}');
        Self { id, role: role.into(), body: body.into() }
    }

    /// The id of the account.
    #[must_use]
    pub fn id(&self) -> &DocumentId {
        &self.id
    }

    /// The role of the account.
    #[must_use]
    pub fn role(&self) -> &str {
        &self.role
    }
}
