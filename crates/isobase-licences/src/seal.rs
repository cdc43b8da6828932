//! The secret of the operator: what seals keys at rest and signs offline files.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use rand::TryRng;
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

    /// A text that only this secret opens. It belongs to its place: elsewhere it does not open.
    ///
    /// # Errors
    /// When the system has no random bytes.
    pub(crate) fn seal(&self, text: &str, place: &str) -> Result<String, LicenceError> {
        let mut nonce = [0; aead::NONCE_LEN];
        rand::rngs::SysRng
            .try_fill_bytes(&mut nonce)
            .map_err(|error| LicenceError::Random(error.to_string()))?;
        let mut sealed = text.as_bytes().to_vec();
        let at = aead::Nonce::assume_unique_for_key(nonce);
        self.sealing_key()
            .seal_in_place_append_tag(at, aead::Aad::from(place), &mut sealed)
            .expect("a key is far shorter than what can be sealed");
        let mut whole = nonce.to_vec();
        whole.extend_from_slice(&sealed);
        Ok(BASE64_STANDARD.encode(whole))
    }

    /// Opens what was sealed; none when it was another secret, or another place.
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

    #[test]
    fn only_the_same_secret_opens_at_the_same_place() {
        let secret = Secret::new(&"s".repeat(32)).unwrap();
        let other = Secret::new(&"t".repeat(32)).unwrap();
        let sealed = secret.seal("LIC-1", "a").unwrap();
        assert!(!sealed.contains("LIC"));
        assert_eq!(secret.open(&sealed, "a").as_deref(), Some("LIC-1"));
        assert_eq!(secret.open(&sealed, "b"), None);
        assert_eq!(other.open(&sealed, "a"), None);
        assert_eq!(secret.open("", "a"), None);
        assert_ne!(secret.seal("LIC-1", "a").unwrap(), sealed);
        assert!(Secret::new("short").is_err());
    }
}
