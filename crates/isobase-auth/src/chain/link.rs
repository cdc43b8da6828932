//! The link of the chain in an entry of the audit.

use std::{fmt, str::FromStr};

use isobase_types::{Document, DocumentId, hex, json::merge_patch};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The hash before the first entry.
const BEFORE_ALL: &str = "0000000000000000000000000000000000000000000000000000000000000000";
/// Takes the seal away from an entry, which leaves the text that was written first.
const WITHOUT_SEAL: &str = r#"{"seal":null}"#;

/// The link of the chain in an entry: the member `seal`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seal {
    pub(crate) number: u64,
    /// The hash of the entry before.
    pub(crate) previous: String,
    /// Of that, and of this entry without its seal.
    pub(crate) hash: String,
}

#[derive(Deserialize)]
struct Sealed {
    #[serde(default)]
    seal: Option<Seal>,
}

impl Seal {
    /// The seal of an entry; `None` when it has none that can be read.
    pub(crate) fn of(entry: &Document) -> Option<Self> {
        serde_json::from_str::<Sealed>(&entry.body).ok()?.seal
    }
}

/// The end of a chain: the number of its last entry, and its hash. Written as `12:9f86d0…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainHead {
    /// The first entry has 1; an empty chain 0.
    pub number: u64,
    /// SHA-256, in 64 hexadecimal digits.
    pub hash: String,
}

impl ChainHead {
    /// Before the first entry.
    pub(crate) fn none() -> Self {
        Self { number: 0, hash: BEFORE_ALL.to_owned() }
    }

    /// The seal of the entry that comes next.
    pub(crate) fn seal(&self, id: &DocumentId, body: &str) -> Seal {
        let number = self.number + 1;
        Seal { number, previous: self.hash.clone(), hash: hash(&self.hash, number, id, body) }
    }
}

impl fmt::Display for ChainHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.number, self.hash)
    }
}

/// The text is no end of a chain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected the number of an entry, a colon and 64 hexadecimal digits")]
pub struct InvalidChainHead;

impl FromStr for ChainHead {
    type Err = InvalidChainHead;

    fn from_str(text: &str) -> Result<Self, InvalidChainHead> {
        let (number, hash) = text.split_once(':').ok_or(InvalidChainHead)?;
        let is_hash =
            hash.len() == BEFORE_ALL.len() && hash.bytes().all(|it| it.is_ascii_hexdigit());
        let number = number.parse().map_err(|_| InvalidChainHead)?;
        match is_hash {
            true => Ok(Self { number, hash: hash.to_ascii_lowercase() }),
            false => Err(InvalidChainHead),
        }
    }
}

/// The hash of an entry: of its parts with their lengths, so that no two lists of parts give the same
/// bytes.
pub(crate) fn hash(previous: &str, number: u64, id: &DocumentId, body: &str) -> String {
    let mut hasher = Sha256::new();
    for part in [previous, &number.to_string(), &id.to_string(), &merge_patch(body, WITHOUT_SEAL)] {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hex(&hasher.finalize())
}
