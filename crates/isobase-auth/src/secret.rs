//! Random secrets and what is kept of them.

use isobase_types::hex;
use rand::TryRng;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The system gave no random bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system gave no random bytes: {0}")]
pub struct NoRandomness(pub String);

/// Random bytes of the system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    let filled = rand::rngs::SysRng.try_fill_bytes(&mut bytes);
    filled.map(|()| bytes).map_err(|error| NoRandomness(error.to_string()))
}

/// `N` random bytes as hexadecimal text: letters and digits survive every shell, URL and form.
///
/// # Errors
/// [`NoRandomness`].
pub fn random_text<const N: usize>() -> Result<String, NoRandomness> {
    Ok(hex(&random::<N>()?))
}

/// A password that no one guesses, to be shown once: 24 letters and digits.
///
/// # Errors
/// [`NoRandomness`].
pub fn random_password() -> Result<String, NoRandomness> {
    random_text::<12>()
}

/// The stored form of a secret: its SHA-256 as text. Secrets are random, so a slow hash would add
/// nothing.
pub(crate) fn hash(secret: &str) -> String {
    hex(&Sha256::digest(secret.as_bytes()))
}

/// Whether a secret is the one of which this hash was kept. Takes the same time for all secrets.
pub(crate) fn is_hash_of(kept: &str, secret: &str) -> bool {
    hash(secret).as_bytes().ct_eq(kept.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_known_by_its_hash() {
        let secret = random_text::<24>().unwrap();
        assert_eq!(secret.len(), 48);
        assert!(is_hash_of(&hash(&secret), &secret));
        for other in ["", &secret[1..], &hash(&secret)] {
            assert!(!is_hash_of(&hash(&secret), other), "{other}");
        }
        assert_ne!(random_text::<24>().unwrap(), secret);
    }
}
