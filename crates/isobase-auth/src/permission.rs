//! The right that a route asks for.

use std::fmt;

/// The right that a caller needs. Every route names one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// Anyone, also without credentials, which are not looked at.
    Public,
    /// Anyone. Credentials that are sent must be right: what the caller sees or changes is
    /// decided by the rules of a collection.
    Anyone,
    /// Read documents.
    Read,
    /// Read and change documents.
    Write,
    /// Read documents; without a key, what rules let everybody see.
    ReadByRules,
    /// Read and change documents; without a key, as far as rules let everybody.
    WriteByRules,
    /// Read what a feature keeps, such as `licences`.
    ReadOf(&'static str),
    /// Read and change what a feature keeps.
    WriteOf(&'static str),
    /// Everything, also what concerns the service itself.
    Admin,
}

impl Permission {
    /// Whether it takes neither a key nor an account: what is shown, rules may decide.
    #[must_use]
    pub fn is_for_anybody(self) -> bool {
        matches!(self, Self::Public | Self::Anyone | Self::ReadByRules | Self::WriteByRules)
    }
}

/// As scopes are written: `read`, `licences:write`.
impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Public => f.write_str("public"),
            Self::Anyone => f.write_str("anyone"),
            Self::Read | Self::ReadByRules => f.write_str("read"),
            Self::Write | Self::WriteByRules => f.write_str("write"),
            Self::ReadOf(feature) => write!(f, "{feature}:read"),
            Self::WriteOf(feature) => write!(f, "{feature}:write"),
            Self::Admin => f.write_str("admin"),
        }
    }
}
