//! The right that a route asks of its caller.

use std::fmt;

/// The right that a caller needs. Every route names one; the [`Gate`](crate::Gate) knows
/// what it takes.
///
/// The library itself looks at it for three things: a route that writes is closed to pages of
/// foreign origins, a write that is given up may have happened, and the OpenAPI document says
/// what a route takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// Nothing: anyone may ask, and credentials are not looked at.
    Public,
    /// Nothing, but credentials that are sent must be right: the handler decides what the caller
    /// may see or change. Routes that do not read count as ones that write.
    Anyone,
    /// To read.
    Read,
    /// To change.
    Write,
    /// To read documents. A caller without a key sees what rules let everybody see.
    ReadByRules,
    /// To change documents. A caller without a key may do what rules let everybody do.
    WriteByRules,
    /// To read what a feature keeps, which has scopes of its own: its name.
    ReadOf(&'static str),
    /// To change what a feature keeps.
    WriteOf(&'static str),
    /// Everything, also what concerns the service itself.
    Admin,
}

/// As the OpenAPI document has it: `public`, `read`, `licences:write`.
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
