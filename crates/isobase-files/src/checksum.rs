//! Sums over the bytes of one request.

use ring::digest::{Algorithm, Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256};

/// The checksum that the bytes of a request must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checksum {
    algorithm: &'static Algorithm,
    digest: Vec<u8>,
}

impl Checksum {
    /// The names of the algorithms, as the protocol writes them. SHA-1 is the one that it demands:
    /// against mistakes of the way, not against people.
    pub const ALGORITHMS: &'static str = "sha1,sha256";

    /// A sum by the name of its algorithm; `None` if there is no such algorithm.
    #[must_use]
    pub fn new(algorithm: &str, digest: Vec<u8>) -> Option<Self> {
        let algorithm = match algorithm {
            "sha1" => &SHA1_FOR_LEGACY_USE_ONLY,
            "sha256" => &SHA256,
            _ => return None,
        };
        Some(Self { algorithm, digest })
    }

    pub(crate) fn context(&self) -> Context {
        Context::new(self.algorithm)
    }

    pub(crate) fn is_of(&self, context: Context) -> bool {
        context.finish().as_ref() == self.digest
    }
}
