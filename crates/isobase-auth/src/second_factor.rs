//! An account's second factor as it is stored.

use isobase_types::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{NoRandomness, secret, totp::base32};

/// Codes that are made at a time.
pub(crate) const RECOVERY_CODES: usize = 10;
/// Random bytes of a code: 80 bits, so its hash cannot be reversed by guessing.
const RECOVERY_BYTES: usize = 10;
/// Characters between two hyphens of a code, for eyes and fingers.
const GROUP: usize = 4;

/// A second factor that counts.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct StoredTotp {
    /// The sealed secret.
    pub(crate) secret: String,
    /// The step of the last code that counted.
    pub(crate) last_step: i64,
    /// The hashes of the recovery codes that are left.
    pub(crate) recovery: Vec<String>,
    /// Microseconds since 1970.
    pub(crate) since_us: i64,
}

/// A second factor that is not confirmed yet.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct PendingTotp {
    /// The sealed secret.
    pub(crate) secret: String,
    /// Microseconds since 1970.
    pub(crate) until_us: i64,
}

/// A sign-in whose second step is to come.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct StoredChallenge {
    pub(crate) hash: String,
    /// Microseconds since 1970.
    pub(crate) until_us: i64,
    /// Codes that were tried.
    pub(crate) tried: u32,
}

impl StoredChallenge {
    pub(crate) fn accepts(&self, secret: &str, now: Timestamp) -> bool {
        now.unix_us < self.until_us && secret::is_hash_of(&self.hash, secret)
    }
}

/// An account's view of its second factor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecondFactor {
    /// Since when it counts.
    pub since: Timestamp,
    /// How many recovery codes are left.
    pub recovery_codes_left: usize,
}

/// A second factor on its way into an app, which confirms it by a code. Shown once.
pub struct SecondFactorOffer {
    /// The secret in base32, for hands.
    pub secret: String,
    /// The same as an address `otpauth://totp/…`, for a picture.
    pub uri: String,
    /// Until when it can be confirmed.
    pub expires_at: Timestamp,
}

/// Hides the secret: in a log it is a leak.
impl std::fmt::Debug for SecondFactorOffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecondFactorOffer")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// Recovery codes, and the hashes that are kept of them.
pub(crate) fn recovery_codes() -> Result<(Vec<String>, Vec<String>), NoRandomness> {
    let mut codes = Vec::with_capacity(RECOVERY_CODES);
    for _ in 0..RECOVERY_CODES {
        let letters = base32(&secret::random::<RECOVERY_BYTES>()?).to_ascii_lowercase();
        let groups: Vec<_> = letters
            .as_bytes()
            .chunks(GROUP)
            .map(|group| String::from_utf8_lossy(group).into_owned())
            .collect();
        codes.push(groups.join("-"));
    }
    let hashes = codes.iter().map(|code| recovery_hash(code)).collect();
    Ok((codes, hashes))
}

/// The stored form of a recovery code. Blanks, hyphens and case do not count.
pub(crate) fn recovery_hash(code: &str) -> String {
    let letters = code.chars().filter(|letter| !letter.is_whitespace() && *letter != '-');
    secret::hash(&letters.collect::<String>().to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recovery_codes_are_read_as_they_are_typed() {
        let (codes, hashes) = recovery_codes().unwrap();
        assert_eq!((codes.len(), hashes.len()), (RECOVERY_CODES, RECOVERY_CODES));
        let code = &codes[0];
        assert_eq!((code.len(), code.matches('-').count()), (19, 3), "{code}");
        for typed in [code.clone(), code.to_uppercase(), code.replace('-', " ")] {
            assert_eq!(recovery_hash(&typed), hashes[0], "{typed}");
        }
        assert_ne!(recovery_hash(&codes[1]), hashes[0]);
    }
}
