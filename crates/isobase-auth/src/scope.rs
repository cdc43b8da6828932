//! The scopes of a key.

use std::{fmt, str::FromStr};

use crate::Permission;

/// The features that have scopes of their own: what they keep is no document of the user's, so the
/// scopes `read` and `write` do not reach it.
pub const FEATURES: [&str; 8] =
    ["licences", "requests", "uploads", "operations", "webhooks", "accounts", "audit", "overview"];
/// Those that can only be read.
const READ_ONLY: [&str; 2] = ["audit", "overview"];

/// One thing that a key allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Read documents.
    Read,
    /// Read and change documents.
    Write,
    /// Read what one of the [`FEATURES`] keeps.
    ReadOf(&'static str),
    /// Read and change what one of the [`FEATURES`] keeps.
    WriteOf(&'static str),
    /// Everything.
    Admin,
}

impl Scope {
    /// Whether the scope is enough for a permission.
    #[must_use]
    pub fn allows(self, permission: Permission) -> bool {
        match permission {
            Permission::Public | Permission::Anyone => true,
            Permission::Read | Permission::ReadByRules => {
                matches!(self, Self::Read | Self::Write | Self::Admin)
            }
            Permission::Write | Permission::WriteByRules => {
                matches!(self, Self::Write | Self::Admin)
            }
            Permission::ReadOf(asked) => match self {
                Self::ReadOf(feature) | Self::WriteOf(feature) => feature == asked,
                _ => self == Self::Admin,
            },
            Permission::WriteOf(asked) => {
                matches!(self, Self::WriteOf(feature) if feature == asked) || self == Self::Admin
            }
            Permission::Admin => self == Self::Admin,
        }
    }
}

/// `read`, `write`, `admin`, `licences:read`.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read => f.write_str("read"),
            Self::Write => f.write_str("write"),
            Self::ReadOf(feature) => write!(f, "{feature}:read"),
            Self::WriteOf(feature) => write!(f, "{feature}:write"),
            Self::Admin => f.write_str("admin"),
        }
    }
}

impl FromStr for Scope {
    type Err = InvalidScope;

    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        let unknown = || InvalidScope(text.to_owned());
        match text {
            "read" => return Ok(Self::Read),
            "write" => return Ok(Self::Write),
            "admin" => return Ok(Self::Admin),
            _ => {}
        }
        let (feature, level) = text.split_once(':').ok_or_else(unknown)?;
        let feature = FEATURES.into_iter().find(|name| *name == feature).ok_or_else(unknown)?;
        match level {
            "read" => Ok(Self::ReadOf(feature)),
            "write" if !READ_ONLY.contains(&feature) => Ok(Self::WriteOf(feature)),
            _ => Err(unknown()),
        }
    }
}

/// Everything that a key allows: one scope or several.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    /// These scopes, each once. `None` for none: a key that allows nothing is a mistake.
    #[must_use]
    pub fn new(scopes: impl IntoIterator<Item = Scope>) -> Option<Self> {
        let mut scopes: Vec<_> = scopes.into_iter().collect();
        scopes.sort_unstable();
        scopes.dedup();
        (!scopes.is_empty()).then_some(Self(scopes))
    }

    /// Whether one of them is enough for a permission.
    #[must_use]
    pub fn allows(&self, permission: Permission) -> bool {
        self.0.iter().any(|scope| scope.allows(permission))
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = Scope> {
        self.0.iter().copied()
    }
}

impl From<Scope> for Scopes {
    fn from(scope: Scope) -> Self {
        Self(vec![scope])
    }
}

/// With commas between.
impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, scope) in self.0.iter().enumerate() {
            let comma = if number == 0 { "" } else { "," };
            write!(f, "{comma}{scope}")?;
        }
        Ok(())
    }
}

/// The text is no scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no scope {0:?}; use read, write, admin, or by feature {features}", features = of_features())]
pub struct InvalidScope(pub String);

/// `licences:read, licences:write, …`
fn of_features() -> String {
    let words = FEATURES.into_iter().map(|feature| match READ_ONLY.contains(&feature) {
        true => format!("{feature}:read"),
        false => format!("{feature}:read, {feature}:write"),
    });
    words.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: [Permission; 9] = [
        Permission::Public,
        Permission::Anyone,
        Permission::Read,
        Permission::Write,
        Permission::ReadOf("licences"),
        Permission::WriteOf("licences"),
        Permission::ReadOf("requests"),
        Permission::WriteOf("requests"),
        Permission::Admin,
    ];

    #[test]
    fn a_scope_allows_what_it_names_and_less() {
        let allowed = |text: &str| -> Vec<String> {
            let scope: Scope = text.parse().unwrap();
            let allowed = EVERY.into_iter().skip(2).filter(|it| scope.allows(*it));
            allowed.map(|permission| permission.to_string()).collect()
        };
        assert_eq!(allowed("read"), ["read"]);
        assert_eq!(allowed("write"), ["read", "write"]);
        assert_eq!(allowed("licences:read"), ["licences:read"]);
        assert_eq!(allowed("requests:write"), ["requests:read", "requests:write"]);
        assert_eq!(allowed("admin").len(), EVERY.len() - 2);
    }

    #[test]
    fn scopes_are_read_as_they_are_written() {
        for text in ["read", "write", "admin", "licences:read", "requests:write"] {
            assert_eq!(text.parse::<Scope>().unwrap().to_string(), text);
        }
        for text in ["", "Read", "licenses:read", "licences", "licences:", "audit:write", "a:b"] {
            assert!(text.parse::<Scope>().is_err(), "{text}");
        }
        for feature in FEATURES {
            let told = InvalidScope(String::new()).to_string();
            assert!(told.contains(&format!("{feature}:read")), "{told}");
        }
        let scopes = Scopes::new([Scope::ReadOf("requests"), Scope::Read, Scope::Read]).unwrap();
        assert_eq!(scopes.to_string(), "read,requests:read");
        assert_eq!(Scopes::new([]), None);
    }
}
