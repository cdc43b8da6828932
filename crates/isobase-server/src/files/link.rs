//! Links that show a private file to anyone who has them, for a while.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use isobase_auth::{SealError, Sealer};
use isobase_types::hex;
use ring::hmac;

/// The purpose of the key.
const PURPOSE: &str = "links to uploads";
/// Characters of a signature in hexadecimal.
const SIGNATURE_LENGTH: usize = 64;

/// Makes and knows links.
pub(crate) struct Links(Sealer);

/// The beginnings that make an address a link.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Link {
    /// Seconds since 1970.
    pub(super) expires: u64,
    /// In hexadecimal.
    pub(super) signature: String,
}

impl Links {
    pub(crate) fn new(sealer: Sealer) -> Self {
        Self(sealer)
    }

    /// A link to a file that holds for so long.
    pub(super) fn make(&self, name: &str, lasts: Duration) -> Result<Link, SealError> {
        let expires = seconds() + lasts.as_secs();
        let tag = hmac::sign(&self.key()?, message(name, expires).as_bytes());
        Ok(Link { expires, signature: hex(tag.as_ref()) })
    }

    /// Whether a link shows a file now. The comparison takes the same time for every signature.
    pub(super) fn shows(&self, name: &str, link: &Link) -> Result<bool, SealError> {
        let Some(signature) = bytes(&link.signature) else { return Ok(false) };
        let message = message(name, link.expires);
        let is_ours = hmac::verify(&self.key()?, message.as_bytes(), &signature).is_ok();
        Ok(is_ours && seconds() < link.expires)
    }

    fn key(&self) -> Result<hmac::Key, SealError> {
        Ok(hmac::Key::new(hmac::HMAC_SHA256, &self.0.key_for(PURPOSE)?))
    }
}

fn message(name: &str, expires: u64) -> String {
    format!("{name}\n{expires}")
}

fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn bytes(hexadecimal: &str) -> Option<Vec<u8>> {
    let is_plain = hexadecimal.bytes().all(|byte| byte.is_ascii_hexdigit());
    if hexadecimal.len() != SIGNATURE_LENGTH || !is_plain {
        return None;
    }
    let pairs = (0..hexadecimal.len()).step_by(2);
    pairs.map(|at| u8::from_str_radix(&hexadecimal[at..at + 2], 16).ok()).collect()
}
