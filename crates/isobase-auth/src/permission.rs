//! What a route asks for and what a key allows.

use std::{fmt, str::FromStr};

/// What a caller must be allowed to do. Every route names one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// Anyone, also without credentials.
    Public,
    /// Read documents.
    Read,
    /// Read and change documents.
    Write,
    /// Everything, also what concerns the service itself.
    Admin,
}

/// What a key allows. Each scope holds the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Read documents.
    Read,
    /// Read and change documents.
    Write,
    /// Everything.
    Admin,
}

impl Scope {
    /// Whether the scope is enough for a permission.
    #[must_use]
    pub fn allows(self, permission: Permission) -> bool {
        match permission {
            Permission::Public => true,
            Permission::Read => self >= Self::Read,
            Permission::Write => self >= Self::Write,
            Permission::Admin => self >= Self::Admin,
        }
    }

    /// The scope in one word: `read`, `write` or `admin`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = InvalidScope;

    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        match text {
            "read" => Ok(Self::Read),
            "write" => Ok(Self::Write),
            "admin" => Ok(Self::Admin),
            _ => Err(InvalidScope(text.to_owned())),
        }
    }
}

/// The text is not a scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no scope {0:?}; use read, write or admin")]
pub struct InvalidScope(pub String);
