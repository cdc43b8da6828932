//! The rights of an account, in one word.

use std::{fmt, str::FromStr, sync::Arc};

use crate::{
    Permission,
    Scope::{self, Admin, Read, ReadOf, Write, WriteOf},
};

/// Longest name of a role, in bytes. Ours: it stands in rules and in lists.
pub const ROLE_BYTES_MAX: usize = 32;

/// The roles of those who work on a service, and the scopes that each has. All other roles are
/// words of apps: their accounts may do what rules allow them.
const WORKING: [(&str, &[Scope]); 5] = [
    ("owner", &[Admin]),
    ("admin", &[Admin]),
    (
        "editor",
        &[
            Write,
            WriteOf("licences"),
            WriteOf("requests"),
            WriteOf("uploads"),
            WriteOf("operations"),
            ReadOf("accounts"),
            ReadOf("audit"),
            ReadOf("overview"),
            ReadOf("webhooks"),
        ],
    ),
    (
        "support",
        &[
            WriteOf("licences"),
            WriteOf("accounts"),
            ReadOf("requests"),
            ReadOf("uploads"),
            ReadOf("audit"),
            ReadOf("overview"),
        ],
    ),
    (
        "viewer",
        &[
            Read,
            ReadOf("licences"),
            ReadOf("requests"),
            ReadOf("uploads"),
            ReadOf("operations"),
            ReadOf("accounts"),
            ReadOf("audit"),
            ReadOf("overview"),
            ReadOf("webhooks"),
        ],
    ),
];

/// The role of an account: `owner`, `admin`, `editor`, `support`, `viewer`, `user`, or a word of the
/// app's own.
///
/// The first two may do everything in the service, and only owners may make owners. The next three
/// have some [`Role::scopes`]. All others may do what the rules of the app allow them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Role(Arc<str>);

impl Role {
    /// The role of those who own the service.
    #[must_use]
    pub fn owner() -> Self {
        Self("owner".into())
    }

    /// The role of those who run the service for its owners.
    #[must_use]
    pub fn admin() -> Self {
        Self("admin".into())
    }

    /// The role of everyone who registers.
    #[must_use]
    pub fn user() -> Self {
        Self("user".into())
    }

    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is [`Role::owner`].
    #[must_use]
    pub fn is_owner(&self) -> bool {
        &*self.0 == "owner"
    }

    /// Its rights in the service, whatever the rules of an app say. None for words of apps.
    #[must_use]
    pub fn scopes(&self) -> &'static [Scope] {
        let known = WORKING.iter().find(|(role, _)| *role == &*self.0);
        known.map_or(&[], |(_, scopes)| scopes)
    }

    /// Whether it is the role of somebody who works on the service, and not a word of an app.
    #[must_use]
    pub fn works_on_service(&self) -> bool {
        !self.scopes().is_empty()
    }

    /// Whether one of its scopes is enough for a permission.
    #[must_use]
    pub fn allows(&self, permission: Permission) -> bool {
        self.scopes().iter().any(|scope| scope.allows(permission))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Role {
    type Err = InvalidRole;

    fn from_str(text: &str) -> Result<Self, InvalidRole> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let begins_with_letter = text.starts_with(|first: char| first.is_ascii_lowercase());
        match begins_with_letter && text.len() <= ROLE_BYTES_MAX && text.bytes().all(allowed) {
            true => Ok(Self(text.into())),
            false => Err(InvalidRole(text.chars().take(ROLE_BYTES_MAX).collect())),
        }
    }
}

/// The text is not the name of a role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no role; a role begins with a small letter and has up to {ROLE_BYTES_MAX} small \
     letters, digits and underscores"
)]
pub struct InvalidRole(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_words() {
        for word in ["owner", "admin", "user", "viewer", "team_2"] {
            assert_eq!(word.parse::<Role>().unwrap().as_str(), word);
        }
        let long = "x".repeat(33);
        for text in ["", "Owner", "2nd", "_a", "a b", "a-b", "\u{e9}", &long] {
            assert!(text.parse::<Role>().is_err(), "{text}");
        }
        assert!(Role::owner().allows(Permission::Admin) && Role::owner().is_owner());
        assert!(Role::admin().allows(Permission::Admin) && !Role::admin().is_owner());
        assert!(!Role::user().works_on_service());
    }
}
