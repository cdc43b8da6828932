//! The topics of an endpoint.

use std::{fmt, str::FromStr};

use isobase_types::CollectionName;

/// The prefix of the names of the service's own collections.
const SYSTEM_PREFIX: &str = "isobase_";
const DOCUMENTS: &str = "documents:";

/// The topics of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Topic {
    /// Licences were made, changed, revoked, activated.
    Licences,
    /// Accounts were made, changed, deleted.
    Accounts,
    /// Files came and went.
    Uploads,
    /// Jobs ended, backups were deleted or downloaded.
    Operations,
    /// Documents of a collection were made, changed, deleted.
    Documents(CollectionName),
}

impl FromStr for Topic {
    type Err = InvalidTopic;

    fn from_str(text: &str) -> Result<Self, InvalidTopic> {
        let unknown = || InvalidTopic(text.chars().take(200).collect());
        match text {
            "licences" => Ok(Self::Licences),
            "accounts" => Ok(Self::Accounts),
            "uploads" => Ok(Self::Uploads),
            "operations" => Ok(Self::Operations),
            _ => {
                let name = text.strip_prefix(DOCUMENTS).ok_or_else(unknown)?;
                let name = CollectionName::new(name).map_err(|_| unknown())?;
                match name.as_str().starts_with(SYSTEM_PREFIX) {
                    true => Err(unknown()),
                    false => Ok(Self::Documents(name)),
                }
            }
        }
    }
}

/// As it is written: `licences`, `documents:orders`.
impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Licences => f.write_str("licences"),
            Self::Accounts => f.write_str("accounts"),
            Self::Uploads => f.write_str("uploads"),
            Self::Operations => f.write_str("operations"),
            Self::Documents(name) => write!(f, "{DOCUMENTS}{name}"),
        }
    }
}

/// The text is no topic.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no topic {0:?}; use licences, accounts, uploads, operations, or documents:NAME for a \
     collection of your own"
)]
pub struct InvalidTopic(pub String);
