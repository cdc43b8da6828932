//! A key as a document.

use std::time::SystemTime;

use isobase_types::{
    Document, Timestamp, hex,
    json::{InvalidJson, canonicalise_document},
};
use serde::{Deserialize, Serialize};

use crate::{KeyInfo, Scope, Scopes, key::SecretHash};

/// The field that is unique: the name of a valid key, and missing in a revoked one.
pub(crate) const VALID_NAME: &str = "valid_name";

/// The body of a key's document. Its id is the key's. Times are microseconds since 1970.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StoredKey {
    pub(crate) name: String,
    /// Of a newer version there may be some that this one does not know: they allow nothing here.
    pub(crate) scopes: Vec<String>,
    /// SHA-256 of the secret, in hexadecimal digits.
    pub(crate) hash: String,
    pub(crate) created_us: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_used_us: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) revoked_us: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires_us: Option<i64>,
    /// The id of the key that took its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) replaced_by: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) valid_name: Option<String>,
}

impl StoredKey {
    /// The stored form of a key.
    pub(crate) fn of(info: &KeyInfo, hash: &SecretHash) -> Self {
        Self {
            name: info.name.clone(),
            scopes: info.scopes.iter().map(|scope| scope.to_string()).collect(),
            hash: hex(hash),
            created_us: micros(info.created_at),
            last_used_us: info.last_used_at.map(micros),
            revoked_us: info.revoked_at.map(micros),
            expires_us: info.expires_at.map(micros),
            replaced_by: info.replaced_by.clone(),
            valid_name: info.revoked_at.is_none().then(|| info.name.clone()),
        }
    }

    /// The key of a document; `None` when it is no key.
    pub(crate) fn read(document: &Document) -> Option<Self> {
        serde_json::from_str(&document.body).ok()
    }

    /// The body of the document.
    pub(crate) fn body(&self) -> Result<String, InvalidJson> {
        let text = serde_json::to_vec(self).expect("a key's fields always serialise");
        canonicalise_document(&text)
    }

    /// The key as lists show it; `None` when it allows nothing that this version knows.
    pub(crate) fn info(&self, id: String) -> Option<KeyInfo> {
        Some(KeyInfo {
            id,
            name: self.name.clone(),
            scopes: Scopes::new(
                self.scopes.iter().filter_map(|scope| scope.parse::<Scope>().ok()),
            )?,
            created_at: moment(self.created_us),
            last_used_at: self.last_used_us.map(moment),
            revoked_at: self.revoked_us.map(moment),
            expires_at: self.expires_us.map(moment),
            replaced_by: self.replaced_by.clone(),
        })
    }

    /// The hash of the secret; `None` when the digits are not those of one.
    pub(crate) fn secret_hash(&self) -> Option<SecretHash> {
        let digits = self.hash.as_bytes();
        let mut hash = SecretHash::default();
        if digits.len() != hash.len() * 2 {
            return None;
        }
        for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).ok()?;
            *byte = u8::from_str_radix(pair, 16).ok()?;
        }
        Some(hash)
    }
}

/// Microseconds since 1970.
pub(crate) fn micros(time: SystemTime) -> i64 {
    Timestamp::from_system_time(time).unix_us
}

fn moment(unix_us: i64) -> SystemTime {
    Timestamp { unix_us }.to_system_time()
}
