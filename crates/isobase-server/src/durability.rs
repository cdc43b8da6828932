//! The failures that an answered write has survived.

/// The failures that an answered write has survived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// It is on the disk: it outlives a loss of power.
    Full,
    /// The database may lose the last writes when it or its machine stops.
    Relaxed,
    /// It is in memory only.
    None,
}

impl Durability {
    /// In one word: `full`, `relaxed` or `none`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Relaxed => "relaxed",
            Self::None => "none",
        }
    }
}
