//! The secret of licences alone, which former versions sealed keys with: it still opens them, and
//! signs licence files while it is there.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use ring::{aead, hkdf};

use crate::LicenceError;

/// Shortest secret, in bytes: 128 bits as hexadecimal text.
const SECRET_BYTES_MIN: usize = 32;

/// Derives keys for different uses from one secret of the operator.
#[derive(Clone)]
pub struct Secret(hkdf::Prk);

impl Secret {
    /// Takes a secret of at least 32 bytes.
    ///
    /// # Errors
    /// It is shorter.
    pub fn new(text: &str) -> Result<Self, LicenceError> {
        if text.len() < SECRET_BYTES_MIN {
            let message = format!(
                "expected at least {SECRET_BYTES_MIN} bytes, found {}; openssl rand -hex 32 makes one",
                text.len()
            );
            return Err(LicenceError::invalid("licences.secret", message));
        }
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"isobase licences");
        Ok(Self(salt.extract(text.as_bytes())))
    }

    /// 32 bytes for one use.
    pub(crate) fn derive(&self, usage: &[u8]) -> [u8; 32] {
        let mut out = [0; 32];
        let parts = [usage];
        let filled = self.0.expand(&parts, hkdf::HKDF_SHA256).and_then(|okm| okm.fill(&mut out));
        filled.expect("32 bytes are one block of SHA-256");
        out
    }

    /// Opens what was sealed; `None` if it was another secret, or another place.
    pub(crate) fn open(&self, sealed: &str, place: &str) -> Option<String> {
        let bytes = BASE64_STANDARD.decode(sealed).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(aead::NONCE_LEN)?;
        let nonce = aead::Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut sealed = sealed.to_vec();
        let opened = self.sealing_key().open_in_place(nonce, aead::Aad::from(place), &mut sealed);
        String::from_utf8(opened.ok()?.to_vec()).ok()
    }

    fn sealing_key(&self) -> aead::LessSafeKey {
        let bytes = self.derive(b"seal keys");
        let key = aead::UnboundKey::new(&aead::CHACHA20_POLY1305, &bytes);
        aead::LessSafeKey::new(key.expect("the key of this algorithm has 32 bytes"))
    }
}

/// Hides the secret.
impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sealed by a former version with 32 letters s, at the place `a`.
    const SEALED: &str = "AAECAwQFBgcICQoL57rCEKdX8uh4vGu+Miiinr7EKbod";

    #[test]
    fn only_the_same_secret_opens_at_the_same_place() {
        let secret = Secret::new(&"s".repeat(32)).unwrap();
        let other = Secret::new(&"t".repeat(32)).unwrap();
        assert_eq!(secret.open(SEALED, "a").as_deref(), Some("LIC-1"));
        assert_eq!(secret.open(SEALED, "b"), None);
        assert_eq!(other.open(SEALED, "a"), None);
        assert_eq!(secret.open("", "a"), None);
        assert!(Secret::new("short").is_err());
    }
}
