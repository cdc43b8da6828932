//! Keys as text and as what is kept of them.

use std::{fmt, time::SystemTime};

use sha2::{Digest, Sha256};

use crate::{NoRandomness, Scopes, secret::random_text};

/// The prefix of every key, so that scanners for leaked secrets can find it.
const PREFIX: &str = "iso_";
/// Random bytes of a key's public id: names it in lists and logs.
const ID_BYTES: usize = 6;
/// Random bytes of a secret: 192 bits, so a plain hash cannot be reversed by guessing.
const SECRET_BYTES: usize = 24;
/// Longest credential that is looked at.
const CREDENTIAL_BYTES_MAX: usize = 256;

/// Hash of a secret; all that is kept of it.
pub(crate) type SecretHash = [u8; 32];

/// A new key. The secret is shown once: only its hash is kept.
pub struct CreatedKey {
    /// The stored part.
    pub info: KeyInfo,
    /// The key itself: `iso_<id>_<secret>`.
    pub secret: String,
}

/// Hides the secret: a key in a log is a leak.
impl fmt::Debug for CreatedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreatedKey").field("info", &self.info).finish_non_exhaustive()
    }
}

/// A key as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// The public id, a part of the key.
    pub id: String,
    /// The name it was given, unique among keys that are not revoked.
    pub name: String,
    /// Its scopes.
    pub scopes: Scopes,
    /// When it was made.
    pub created_at: SystemTime,
    /// When it was last used, to the minute; `None` when it never was.
    pub last_used_at: Option<SystemTime>,
    /// When it was revoked; `None` while it is valid.
    pub revoked_at: Option<SystemTime>,
    /// From when it is refused; `None` when it has no end.
    pub expires_at: Option<SystemTime>,
    /// The id of the key that took its place.
    pub replaced_by: Option<String>,
}

impl KeyInfo {
    /// Whether services accept it at a moment.
    #[must_use]
    pub fn is_valid(&self, now: SystemTime) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}

/// A new key's id, text and hash.
pub(crate) fn make() -> Result<(String, String, SecretHash), NoRandomness> {
    let id = random_text::<ID_BYTES>()?;
    let secret = random_text::<SECRET_BYTES>()?;
    let text = format!("{PREFIX}{id}_{secret}");
    let hash = hash(&secret);
    Ok((id, text, hash))
}

/// The id and secret of a key's text; `None` when it is no key of ours.
pub(crate) fn split(text: &str) -> Option<(&str, &str)> {
    if text.len() > CREDENTIAL_BYTES_MAX {
        return None;
    }
    text.strip_prefix(PREFIX)?.split_once('_')
}

/// The hash of a secret. Secrets are random, so a slow hash would add nothing.
pub(crate) fn hash(secret: &str) -> SecretHash {
    Sha256::digest(secret.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_key_splits_into_its_parts() {
        let (id, text, made) = make().unwrap();
        let (found, secret) = split(&text).unwrap();
        assert_eq!((found, hash(secret)), (id.as_str(), made));
        assert_eq!(secret.len(), SECRET_BYTES * 2);
        assert_ne!(make().unwrap().1, text);
    }

    #[test]
    fn other_text_is_no_key() {
        for text in ["", "iso_", "iso_abc", "Iso_a_b", "a_b", &format!("iso_a_{}", "b".repeat(300))]
        {
            assert_eq!(split(text), None, "{text}");
        }
    }
}
