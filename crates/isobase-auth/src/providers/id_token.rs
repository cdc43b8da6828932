//! A provider's statement about who signed in. Source: OpenID Connect Core 1.0, section 3.1.3.7.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use isobase_types::Timestamp;
use serde::{Deserialize, de::DeserializeOwned};
use subtle::ConstantTimeEq;

use super::jwk::{Algorithm, Jwk};

/// How far the clocks of two machines may be apart.
const LEEWAY_SECONDS: i64 = 60;
/// Longest subject. Source: OpenID Connect Core 1.0, section 2.
const SUBJECT_BYTES_MAX: usize = 255;
/// Longest token that is looked at.
const TOKEN_BYTES_MAX: usize = 64 << 10;

/// Requirements of a token.
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) nonce: &'a str,
    pub(super) algorithms: &'a [Algorithm],
    pub(super) now: Timestamp,
}

/// Why a token is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotBelieved {
    /// Signed with a key that is not known, perhaps a new one.
    UnknownKey,
    /// For good.
    Because(&'static str),
}

/// The members read of a token and of the resource about its person.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Claims {
    #[serde(default)]
    iss: String,
    #[serde(default)]
    pub(super) sub: String,
    #[serde(default)]
    aud: Audience,
    #[serde(default)]
    azp: Option<String>,
    #[serde(default)]
    exp: f64,
    #[serde(default)]
    iat: Option<f64>,
    #[serde(default)]
    nonce: Option<String>,
    #[serde(default)]
    pub(super) email: Option<String>,
    #[serde(default)]
    email_verified: Option<serde_json::Value>,
    #[serde(default)]
    pub(super) preferred_username: Option<String>,
    #[serde(default)]
    pub(super) name: Option<String>,
}

impl Claims {
    /// Whether the provider knows that the address is right. Some write the word as a text.
    pub(super) fn is_email_verified(&self) -> bool {
        self.email_verified.as_ref().is_some_and(|it| it == true || it == "true")
    }

    /// Takes over what the resource about the same person says and the token does not.
    pub(super) fn complete(&mut self, other: Self) {
        if self.email.is_none() {
            self.email = other.email;
            self.email_verified = other.email_verified;
        }
        self.preferred_username = self.preferred_username.take().or(other.preferred_username);
        self.name = self.name.take().or(other.name);
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Default for Audience {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    kid: Option<String>,
    /// Headers that must be understood; we understand nothing of it. Source: RFC 7515, section 4.1.11.
    #[serde(default)]
    crit: Option<serde_json::Value>,
}

/// Reads a token and checks everything that it says of itself.
pub(super) fn verify(
    token: &str,
    keys: &[Jwk],
    expected: &Expected<'_>,
) -> Result<Claims, NotBelieved> {
    let because = NotBelieved::Because;
    let parts: Vec<&str> = token.split('.').collect();
    let [header, body, signature] = parts[..] else { return Err(because("its token is none")) };
    if token.len() > TOKEN_BYTES_MAX {
        return Err(because("its token is too long"));
    }
    let head: Header = decoded(header).ok_or(because("its token cannot be read"))?;
    if head.crit.is_some() {
        return Err(because("its token asks for what is not known here"));
    }
    let algorithm = head.alg.parse().ok().filter(|it| expected.algorithms.contains(it));
    let algorithm = algorithm.ok_or(because("its token has a signature that is not allowed"))?;
    let of_token = |key: &&Jwk| head.kid.is_none() || key.kid == head.kid;
    let mut fitting = keys.iter().filter(of_token).filter(|key| key.fits(algorithm)).peekable();
    if fitting.peek().is_none() {
        return Err(NotBelieved::UnknownKey);
    }
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| because("its token is none"))?;
    let signed = &token.as_bytes()[..header.len() + 1 + body.len()];
    if !fitting.any(|key| key.signed(algorithm, signed, &signature)) {
        // A key may be replaced by another of the same name.
        return Err(NotBelieved::UnknownKey);
    }
    let claims: Claims = decoded(body).ok_or(because("its token cannot be read"))?;
    check(&claims, expected).map_err(because)?;
    Ok(claims)
}

fn check(claims: &Claims, expected: &Expected<'_>) -> Result<(), &'static str> {
    let now = expected.now.unix_us / 1_000_000;
    let only = |audience: &str| audience == expected.client_id;
    let is_for_us = match &claims.aud {
        Audience::One(audience) => only(audience),
        // Of another one nothing is known, so it is not trusted.
        Audience::Many(all) => !all.is_empty() && all.iter().all(|audience| only(audience)),
    };
    let nonce = claims.nonce.as_deref().unwrap_or_default();
    if claims.iss != expected.issuer {
        return Err("its token is of another issuer");
    }
    if !is_for_us {
        return Err("its token is for another service");
    }
    if claims.azp.as_deref().is_some_and(|azp| !only(azp)) {
        return Err("its token was issued to another service");
    }
    if !bool::from(nonce.as_bytes().ct_eq(expected.nonce.as_bytes())) {
        return Err("its token is of another sign-in");
    }
    if claims.exp <= (now - LEEWAY_SECONDS) as f64 {
        return Err("its token is too old");
    }
    if claims.iat.is_some_and(|iat| iat > (now + LEEWAY_SECONDS) as f64) {
        return Err("its token is of the future; is the clock of this machine right?");
    }
    if claims.sub.is_empty() || claims.sub.len() > SUBJECT_BYTES_MAX {
        return Err("its token names nobody");
    }
    Ok(())
}

fn decoded<T: DeserializeOwned>(part: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}
