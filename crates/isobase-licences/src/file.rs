//! Licence files: what a product may check without asking anybody.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use isobase_types::{Timestamp, hex};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    Licence, LicenceError, Licences, Secret, activation::refusal, licence::DAY_US, parse_moment,
};

const BEGIN: &str = "-----BEGIN ISOBASE LICENSE-----";
const END: &str = "-----END ISOBASE LICENSE-----";

/// The prefix that is signed before the text: a signature cannot be taken for one of another kind of file.
const DOMAIN: &[u8] = b"isobase license file 1\n";

/// The purpose that the key is derived for.
const USAGE: &str = "sign licence files";

/// Characters in a line of a file (RFC 7468).
const LINE: usize = 64;

/// Longest file that is read.
const FILE_BYTES_MAX: usize = 64 << 10;

/// Longest time a file may be good for.
const FILE_DAYS_MAX: u32 = 3_650;

/// Signs licence files with Ed25519 (RFC 8032).
pub struct Signer {
    pair: Ed25519KeyPair,
}

impl Signer {
    /// The signer of the secret of licences.
    #[must_use]
    pub fn new(secret: &Secret) -> Self {
        Self::of(&secret.derive(USAGE.as_bytes()))
    }

    fn of(seed: &[u8; 32]) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed);
        Self { pair: pair.expect("a seed of 32 bytes is one of Ed25519") }
    }

    /// The public key: 32 bytes as Base64.
    #[must_use]
    pub fn public_key(&self) -> String {
        BASE64_STANDARD.encode(self.pair.public_key())
    }

    /// Names the key.
    #[must_use]
    pub fn key_id(&self) -> String {
        key_id(self.pair.public_key().as_ref())
    }

    fn sign(&self, file: &LicenceFile) -> String {
        let payload = serde_json::to_vec(file).expect("a licence file has text keys");
        let signature = self.pair.sign(&[DOMAIN, &payload].concat());
        let envelope = Envelope {
            alg: "ed25519".to_owned(),
            kid: self.key_id(),
            payload: BASE64_STANDARD.encode(&payload),
            signature: BASE64_STANDARD.encode(signature),
        };
        let envelope = serde_json::to_vec(&envelope).expect("an envelope has text keys");
        let mut text = format!("{BEGIN}\n");
        for line in BASE64_STANDARD.encode(envelope).as_bytes().chunks(LINE) {
            text.push_str(std::str::from_utf8(line).expect("Base64 is ASCII"));
            text.push('\n');
        }
        text.push_str(END);
        text.push('\n');
        text
    }
}

fn key_id(public_key: &[u8]) -> String {
    hex(&Sha256::digest(public_key)[..8])
}

#[derive(Serialize, Deserialize)]
struct Envelope {
    alg: String,
    kid: String,
    payload: String,
    signature: String,
}

/// The content of a licence file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicenceFile {
    /// Of which licence it is.
    pub license_id: i64,
    /// Whose it is.
    pub email: String,
    /// The last four letters and digits of its key.
    pub key_last4: String,
    /// The machine it is for; none: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installation_id: Option<String>,
    /// When the licence expires; none: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// When the file was made.
    pub issued_at: String,
    /// Until when the file itself is good: then a new one is needed.
    pub valid_until: String,
}

/// Why a file is not good.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileFault {
    /// It is no licence file.
    #[error("it is no licence file: {0}")]
    Malformed(&'static str),
    /// The public key is none.
    #[error("the public key is not 32 bytes as Base64")]
    PublicKey,
    /// It was signed with another key.
    #[error("it was signed with the key {found}, and the public key given is {given}")]
    OtherKey {
        /// The key that the file names.
        found: String,
        /// The key that was given.
        given: String,
    },
    /// It was changed, or not signed with this key.
    #[error("the signature does not fit: the file was changed")]
    Signature,
    /// It is for another machine.
    #[error("it is for the installation {0:?}")]
    OtherInstallation(String),
    /// The licence has expired.
    #[error("the licence expired on {0}")]
    LicenceExpired(String),
    /// The file has.
    #[error("the file was good until {0}; get a new one")]
    FileExpired(String),
}

/// Reads a file and says what is in it, if it is good at a moment, for a machine.
///
/// # Errors
/// [`FileFault`].
pub fn verify(
    text: &str,
    public_key: &str,
    installation: Option<&str>,
    now: Timestamp,
) -> Result<LicenceFile, FileFault> {
    if text.len() > FILE_BYTES_MAX {
        return Err(FileFault::Malformed("it is too long"));
    }
    let inside = text.split_once(BEGIN).and_then(|(_, rest)| rest.split_once(END));
    let (inside, _) = inside.ok_or(FileFault::Malformed("its first or last line is missing"))?;
    let inside: String = inside.split_whitespace().collect();
    let decode = |text: &str| {
        BASE64_STANDARD.decode(text).map_err(|_| FileFault::Malformed("it is no Base64"))
    };
    let envelope: Envelope = serde_json::from_slice(&decode(&inside)?)
        .map_err(|_| FileFault::Malformed("it has not the members of a licence file"))?;
    let key = BASE64_STANDARD.decode(public_key.trim()).ok().filter(|key| key.len() == 32);
    let key = key.ok_or(FileFault::PublicKey)?;
    if envelope.alg != "ed25519" {
        return Err(FileFault::Malformed("it is not signed with ed25519"));
    }
    if envelope.kid != key_id(&key) {
        return Err(FileFault::OtherKey { found: envelope.kid, given: key_id(&key) });
    }
    let (payload, signature) = (decode(&envelope.payload)?, decode(&envelope.signature)?);
    UnparsedPublicKey::new(&ED25519, &key)
        .verify(&[DOMAIN, &payload].concat(), &signature)
        .map_err(|_| FileFault::Signature)?;
    let file: LicenceFile = serde_json::from_slice(&payload)
        .map_err(|_| FileFault::Malformed("it is of a later version"))?;
    check(&file, installation, now)?;
    Ok(file)
}

fn check(file: &LicenceFile, installation: Option<&str>, now: Timestamp) -> Result<(), FileFault> {
    if let (Some(wanted), Some(given)) = (&file.installation_id, installation)
        && wanted != given
    {
        return Err(FileFault::OtherInstallation(wanted.clone()));
    }
    let is_over = |text: &str| parse_moment(text).is_ok_and(|moment| moment <= now);
    if let Some(expiry) = file.expires_at.as_deref().filter(|expiry| is_over(expiry)) {
        return Err(FileFault::LicenceExpired(expiry.to_owned()));
    }
    match is_over(&file.valid_until) {
        true => Err(FileFault::FileExpired(file.valid_until.clone())),
        false => Ok(()),
    }
}

impl Licences {
    /// The signer of files.
    ///
    /// # Errors
    /// [`LicenceError::NoSecret`] when there is none.
    pub fn signer(&self) -> Result<Signer, LicenceError> {
        if let Some(secret) = &self.options.secret {
            return Ok(Signer::new(secret));
        }
        let derived = self.options.sealer.as_ref().and_then(|sealer| sealer.key_for(USAGE).ok());
        derived.map(|seed| Signer::of(&seed)).ok_or(LicenceError::NoSecret("a licence file"))
    }

    /// A file for a licence that is in force, good for some days and never longer than it.
    ///
    /// # Errors
    /// [`LicenceError::WrongStanding`] when the licence lets nothing in, or
    /// [`LicenceError::NoSecret`].
    pub fn file(
        &self,
        licence: &Licence,
        installation: Option<&str>,
        days: u32,
    ) -> Result<String, LicenceError> {
        let signer = self.signer()?;
        let now = self.now();
        if !(1..=FILE_DAYS_MAX).contains(&days) {
            let message = format!("expected an integer from 1 to {FILE_DAYS_MAX}");
            return Err(LicenceError::invalid("days", message));
        }
        if refusal(licence, now).is_some() {
            let standing = licence.standing(now).as_str();
            let expected = "only one that is in force has a file";
            return Err(LicenceError::WrongStanding { standing, expected });
        }
        let until = now.unix_us.saturating_add(i64::from(days) * DAY_US);
        let until =
            licence.expiry().map_or(until, |expiry| until.min(expiry.unix_us.max(now.unix_us)));
        Ok(signer.sign(&LicenceFile {
            license_id: licence.id,
            email: licence.email.clone(),
            key_last4: licence.key_last4.clone(),
            installation_id: installation.map(str::to_owned),
            expires_at: licence.expiry().map(|expiry| expiry.to_string()),
            issued_at: now.to_string(),
            valid_until: Timestamp { unix_us: until }.to_string(),
        }))
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").field("key_id", &self.key_id()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> LicenceFile {
        LicenceFile {
            license_id: 7,
            email: "a@b.c".to_owned(),
            key_last4: "7K3Q".to_owned(),
            installation_id: Some("m-1".to_owned()),
            expires_at: Some("2027-01-01T00:00:00.000000Z".to_owned()),
            issued_at: "2026-11-30T00:00:00.000000Z".to_owned(),
            valid_until: "2026-12-30T00:00:00.000000Z".to_owned(),
        }
    }

    fn signer(letter: &str) -> Signer {
        Signer::new(&Secret::new(&letter.repeat(32)).unwrap())
    }

    fn at(text: &str) -> Timestamp {
        parse_moment(text).unwrap()
    }

    #[test]
    fn a_signed_file_is_read_back() {
        let signer = signer("s");
        let text = signer.sign(&file());
        let now = at("2026-12-01");
        let key = signer.public_key();
        for text in [text.clone(), text.replace('\n', "\r\n"), format!("mail says:\n{text}\nbye")] {
            assert_eq!(verify(&text, &key, Some("m-1"), now), Ok(file()), "{text}");
        }
        assert_eq!(verify(&text, &key, None, now), Ok(file()));
        let other = verify(&text, &key, Some("m-2"), now);
        assert_eq!(other, Err(FileFault::OtherInstallation("m-1".to_owned())));
        let late = verify(&text, &key, None, at("2026-12-31"));
        assert!(matches!(late, Err(FileFault::FileExpired(_))), "{late:?}");
        let later = verify(&text, &key, None, at("2027-01-01"));
        assert!(matches!(later, Err(FileFault::LicenceExpired(_))), "{later:?}");
    }

    #[test]
    fn a_changed_file_is_refused() {
        let signer = signer("s");
        let text = signer.sign(&file());
        let (key, now) = (signer.public_key(), at("2026-12-01"));
        let inside: String = text.lines().filter(|line| !line.starts_with('-')).collect();
        let envelope = BASE64_STANDARD.decode(&inside).unwrap();
        let mut envelope: Envelope = serde_json::from_slice(&envelope).unwrap();
        let payload =
            String::from_utf8(BASE64_STANDARD.decode(&envelope.payload).unwrap()).unwrap();
        envelope.payload = BASE64_STANDARD.encode(payload.replace("2027", "2099"));
        let forged = BASE64_STANDARD.encode(serde_json::to_vec(&envelope).unwrap());
        let forged = format!("{BEGIN}\n{forged}\n{END}");
        assert_eq!(verify(&forged, &key, None, now), Err(FileFault::Signature));
        for end in 0..text.len() - END.len() {
            assert!(verify(&text[..end], &key, None, now).is_err());
        }
        let other = super::tests::signer("t").public_key();
        assert!(matches!(verify(&text, &other, None, now), Err(FileFault::OtherKey { .. })));
        assert_eq!(verify(&text, "abc", None, now), Err(FileFault::PublicKey));
        assert!(verify("", &key, None, now).is_err());
    }
}
