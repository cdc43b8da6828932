//! What a route asks of its caller.

/// What a caller must be allowed to do. Every route names one; the [`Gate`](crate::Gate) knows
/// what it takes.
///
/// The library itself looks at it for three things: a route that writes is closed to pages of
/// foreign origins, a write that is given up may have happened, and the OpenAPI document says
/// what a route takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// Nothing: anyone may ask, also without credentials.
    Public,
    /// To read.
    Read,
    /// To change.
    Write,
    /// Everything, also what concerns the service itself.
    Admin,
}

impl Permission {
    /// Whether a route with it changes anything.
    #[must_use]
    pub fn writes(self) -> bool {
        matches!(self, Self::Write | Self::Admin)
    }

    /// In one word, as the OpenAPI document has it: `public`, `read`, `write` or `admin`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}
