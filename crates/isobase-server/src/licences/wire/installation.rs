//! Installations on the wire.

use isobase_licences::{self as library, parse_moment, seconds_text};
use schemars::JsonSchema;
use serde::Serialize;
use sha2::{Digest, Sha256};

/// Which installation gave its place up.
#[derive(Serialize, JsonSchema)]
pub(in crate::licences) struct Replaced {
    pub(in crate::licences) success: bool,
    pub(in crate::licences) replaced: String,
}

/// An installation.
#[derive(Serialize, JsonSchema)]
pub(in crate::licences) struct Installation {
    /// A number that is always the same for the same e-mail and installation.
    pub(super) id: u64,
    pub(super) email: String,
    pub(super) installation_id: String,
    /// `YYYY-MM-DD HH:MM:SS`, in UTC.
    pub(super) activated_at: Option<String>,
    pub(super) last_seen: Option<String>,
    /// What the client calls the machine, if it says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) label: Option<String>,
    /// The version of the product there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) app_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) platform: Option<String>,
}

impl Installation {
    pub(in crate::licences) fn of(email: &str, installation: &library::Installation) -> Self {
        let seen = Seen::of(installation);
        Self {
            id: number(email, &seen.installation_id),
            email: email.to_owned(),
            installation_id: seen.installation_id,
            activated_at: seen.activated_at,
            last_seen: seen.last_seen,
            label: installation.about.label.clone(),
            app_version: installation.about.app_version.clone(),
            platform: installation.about.platform.clone(),
        }
    }
}

/// A number of a pair of names, below 2^53.
pub(super) fn number(email: &str, installation: &str) -> u64 {
    let mut hasher = Sha256::new();
    for name in [email, installation] {
        hasher.update((name.len() as u64).to_be_bytes());
        hasher.update(name);
    }
    let bytes = hasher.finalize();
    bytes.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte)) >> 11
}

/// Installations of an e-mail or a licence, the one that was seen last first.
#[derive(Serialize, JsonSchema)]
pub(in crate::licences) struct Installations {
    pub(in crate::licences) installations: Vec<Installation>,
    pub(in crate::licences) count: usize,
}

/// An installation, of an e-mail that is known.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "InstallationOfEmail")]
pub(in crate::licences) struct Seen {
    pub(super) installation_id: String,
    pub(super) activated_at: Option<String>,
    pub(super) last_seen: Option<String>,
}

impl Seen {
    pub(in crate::licences) fn of(installation: &library::Installation) -> Self {
        let seconds = |text: &Option<String>| {
            let moment = parse_moment(text.as_deref()?).ok()?;
            Some(seconds_text(moment))
        };
        Self {
            installation_id: installation.installation_id.clone(),
            activated_at: seconds(&installation.activated_at),
            last_seen: seconds(&installation.last_seen),
        }
    }
}

/// The installations of an e-mail.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "InstallationsOfEmail")]
pub(in crate::licences) struct OfEmail {
    pub(in crate::licences) email: String,
    pub(in crate::licences) installations: Vec<Seen>,
    pub(in crate::licences) count: usize,
}
