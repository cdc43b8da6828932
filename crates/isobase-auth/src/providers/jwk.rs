//! Public keys of providers, and what they signed.

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;

/// How a token is signed. Those with a shared secret, and none, are not among them.
/// Source: RFC 7518, section 3.1, and RFC 8037.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RSA, PKCS#1 1.5, SHA-256.
    Rs256,
    /// RSA, PSS, SHA-256.
    Ps256,
    /// ECDSA, P-256, SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Rs256, Self::Ps256, Self::Es256, Self::EdDsa];

    /// Its name in tokens.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Algorithm {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == text).ok_or(())
    }
}

/// Keys of a provider. Source: RFC 7517, section 5.
#[derive(Deserialize)]
pub(super) struct JwkSet {
    /// One that cannot be read is none of ours.
    keys: Vec<serde_json::Value>,
}

impl JwkSet {
    pub(super) fn into_keys(self) -> Vec<Jwk> {
        self.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect()
    }
}

/// A public key. Source: RFC 7517, section 4.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Jwk {
    kty: String,
    #[serde(default)]
    pub(super) kid: Option<String>,
    #[serde(default, rename = "use")]
    used_for: Option<String>,
    #[serde(default)]
    alg: Option<String>,
    #[serde(default)]
    crv: Option<String>,
    #[serde(default)]
    n: Option<String>,
    #[serde(default)]
    e: Option<String>,
    #[serde(default)]
    x: Option<String>,
    #[serde(default)]
    y: Option<String>,
}

impl Jwk {
    /// Whether the key can have made a signature of this kind.
    pub(super) fn fits(&self, algorithm: Algorithm) -> bool {
        let signs = self.used_for.as_deref().is_none_or(|used| used == "sig");
        let of_algorithm = self.alg.as_deref().is_none_or(|alg| alg == algorithm.as_str());
        let kind = (self.kty.as_str(), self.crv.as_deref());
        signs
            && of_algorithm
            && match algorithm {
                Algorithm::Rs256 | Algorithm::Ps256 => self.kty == "RSA",
                Algorithm::Es256 => kind == ("EC", Some("P-256")),
                Algorithm::EdDsa => kind == ("OKP", Some("Ed25519")),
            }
    }

    /// Whether the key made this signature of these bytes.
    pub(super) fn signed(&self, algorithm: Algorithm, bytes: &[u8], signature: &[u8]) -> bool {
        self.try_signed(algorithm, bytes, signature).is_some()
    }

    fn try_signed(&self, algorithm: Algorithm, bytes: &[u8], signature: &[u8]) -> Option<()> {
        let part = |part: &Option<String>| URL_SAFE_NO_PAD.decode(part.as_deref()?).ok();
        let verified = match algorithm {
            Algorithm::Rs256 | Algorithm::Ps256 => {
                let (n, e) = (part(&self.n)?, part(&self.e)?);
                let (n, e) = (without_zeros(&n), without_zeros(&e));
                let kind = match algorithm {
                    Algorithm::Ps256 => &RSA_PSS_2048_8192_SHA256,
                    _ => &RSA_PKCS1_2048_8192_SHA256,
                };
                RsaPublicKeyComponents { n, e }.verify(kind, bytes, signature)
            }
            Algorithm::Es256 => {
                let point = [&[4], &part(&self.x)?[..], &part(&self.y)?[..]].concat();
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(bytes, signature)
            }
            Algorithm::EdDsa => {
                UnparsedPublicKey::new(&ED25519, part(&self.x)?).verify(bytes, signature)
            }
        };
        verified.ok()
    }
}

/// Some write numbers with zeros in front, which RFC 7518, section 6.3.1.1, forbids.
fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}
