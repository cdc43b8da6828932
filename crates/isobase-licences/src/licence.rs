//! A licence: what is stored of it, and how it stands now.

use isobase_auth::{SealedPlace, Sealer};
use isobase_store::Store;
use isobase_types::{Document, DocumentId, Revision, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{LicenceError, Secret, moment::parse_moment};

/// Where licences are.
pub const LICENCES_COLLECTION: &str = "isobase_licences";

/// Microseconds of a day.
pub(crate) const DAY_US: i64 = 86_400_000_000;

/// The fate of an activation that finds no free place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AtLimit {
    /// The installation that was not seen for longest gives its place up.
    #[default]
    ReplaceOldest,
    /// It is refused.
    Reject,
    /// So many more than the limit are let in, the next is refused.
    AllowN,
}

impl AtLimit {
    /// Every policy in one word each.
    pub const NAMES: [&str; 3] = ["replace_oldest", "reject", "allow_n"];

    /// Reads one of [`AtLimit::NAMES`].
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "replace_oldest" => Some(Self::ReplaceOldest),
            "reject" => Some(Self::Reject),
            "allow_n" => Some(Self::AllowN),
            _ => None,
        }
    }

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReplaceOldest => Self::NAMES[0],
            Self::Reject => Self::NAMES[1],
            Self::AllowN => Self::NAMES[2],
        }
    }
}

/// How a licence stands at a moment. Only what people do to it is stored; the rest is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It can be used.
    Active,
    /// It can be used, and its time begins with the first activation.
    NotStarted,
    /// Its time is over, and it can still be used for its days of grace.
    Grace,
    /// Its time is over.
    Expired,
    /// Its expiry came from another program and cannot be read.
    Unreadable,
    /// Somebody has suspended it; it can be reinstated.
    Suspended,
    /// Somebody has revoked it, for good.
    Revoked,
    /// It is in the bin; it can be restored.
    Deleted,
}

impl Standing {
    /// In one word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::NotStarted => "not_started",
            Self::Grace => "grace",
            Self::Expired => "expired",
            Self::Unreadable => "unreadable",
            Self::Suspended => "suspended",
            Self::Revoked => "revoked",
            Self::Deleted => "deleted",
        }
    }
}

/// A licence as it is stored. Times are `2026-11-20T14:09:00.000000Z` but for `created_at`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Licence {
    /// Its id: one of the counter of the database.
    #[serde(skip)]
    pub id: i64,
    /// The revision that a write of it compares; none while it is not stored.
    #[serde(skip)]
    pub(crate) revision: Option<Revision>,
    /// Whose it is, in small letters.
    pub email: String,
    pub(crate) key_hash: String,
    /// The last four letters and digits of its key.
    pub key_last4: String,
    /// The key where a former version had no secret to seal it with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
    /// The key, sealed; `None` if only its hash is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sealed_key: Option<String>,
    /// The key, where it was just given or shown.
    #[serde(skip)]
    pub(crate) fresh_key: Option<String>,
    /// When it was made: `2026-11-20 14:09:00`, in UTC.
    pub created_at: String,
    /// When its time is over; `None` if it never is, or has not begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// The expiry that another program kept, where that is no moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiry_text: Option<String>,
    /// For how many days it is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_days: Option<u32>,
    /// Its time begins with the first activation.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub from_first_activation: bool,
    /// Its own limit of installations; none: that of the e-mail over all its licences.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_installations: Option<u32>,
    /// The behaviour at the limit; none: as the service has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_limit: Option<AtLimit>,
    /// How many more than the limit [`AtLimit::AllowN`] lets in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_n: Option<u32>,
    /// For how many days it can be used after its expiry.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub grace_days: u32,
    /// Since when it is suspended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspended_at: Option<String>,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<String>,
    /// When it was put into the bin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<String>,
    /// A note of somebody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Words to find it by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// How often it was written: the number of its last entry in the audit.
    #[serde(default)]
    pub(crate) version: u64,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Licence {
    /// Reads a stored licence.
    ///
    /// # Errors
    /// It is none that this program wrote.
    pub(crate) fn of(document: &Document) -> Result<Self, LicenceError> {
        let unreadable = |reason: String| LicenceError::Unreadable {
            collection: LICENCES_COLLECTION,
            id: document.id.to_string(),
            reason,
        };
        let DocumentId::Integer(id) = document.id else {
            return Err(unreadable("its id is no number".to_owned()));
        };
        let read = serde_json::from_str(&document.body);
        let licence: Self = read.map_err(|error| unreadable(error.to_string()))?;
        Ok(Self { id, revision: Some(document.revision.clone()), ..licence })
    }

    /// Those of documents that can be read: one that cannot be must not hide the others.
    pub(crate) fn all_of(documents: &[Document]) -> Vec<Self> {
        documents.iter().filter_map(|document| Self::of(document).ok()).collect()
    }

    /// How it stands at a moment.
    #[must_use]
    pub fn standing(&self, now: Timestamp) -> Standing {
        if self.deleted_at.is_some() {
            return Standing::Deleted;
        }
        if self.revoked_at.is_some() {
            return Standing::Revoked;
        }
        if self.suspended_at.is_some() {
            return Standing::Suspended;
        }
        if self.expiry_text.is_some() {
            return Standing::Unreadable;
        }
        let Some(text) = &self.expires_at else {
            return match self.from_first_activation {
                true => Standing::NotStarted,
                false => Standing::Active,
            };
        };
        let Ok(expiry) = parse_moment(text) else { return Standing::Unreadable };
        let grace = i64::from(self.grace_days) * DAY_US;
        match now.unix_us {
            now if now < expiry.unix_us => Standing::Active,
            now if now < expiry.unix_us.saturating_add(grace) => Standing::Grace,
            _ => Standing::Expired,
        }
    }

    /// Its status for older clients: `active`, `suspended` or `revoked`. An expired licence is
    /// active to them; they compare its expiry themselves.
    #[must_use]
    pub fn status(&self) -> &'static str {
        match (&self.revoked_at, &self.suspended_at) {
            (Some(_), _) => "revoked",
            (None, Some(_)) => "suspended",
            (None, None) => "active",
        }
    }

    /// Whether older clients find it.
    pub(crate) fn is_usable(&self) -> bool {
        self.deleted_at.is_none() && self.status() == "active"
    }

    /// The moment of its expiry, if it has one.
    #[must_use]
    pub fn expiry(&self) -> Option<Timestamp> {
        parse_moment(self.expires_at.as_deref()?).ok()
    }

    /// Its expiry for clients that know no zones; of what cannot be read the text itself.
    #[must_use]
    pub fn expiry_shown(&self) -> Option<String> {
        let unreadable = || self.expiry_text.clone().or_else(|| self.expires_at.clone());
        self.expiry().map(crate::zoneless_text).or_else(unreadable)
    }

    /// Whole days from its creation to its expiry.
    #[must_use]
    pub fn days(&self) -> Option<i64> {
        let created = parse_moment(&self.created_at).ok()?;
        Some((self.expiry()?.unix_us - created.unix_us).div_euclid(DAY_US))
    }

    /// The key as its holder knows it.
    ///
    /// # Errors
    /// It is sealed, and not with these secrets, or only its hash is kept.
    pub fn reveal(
        &self,
        sealer: Option<&Sealer>,
        former: Option<&Secret>,
    ) -> Result<String, LicenceError> {
        if let Some(key) = self.fresh_key.as_ref().or(self.key.as_ref()) {
            return Ok(key.clone());
        }
        let id = self.id;
        let sealed = self.sealed_key.as_deref().ok_or(LicenceError::KeyNotKept { id })?;
        // A former version sealed without telling which secret it was.
        if let Some(key) = former.and_then(|secret| secret.open(sealed, &self.key_hash)) {
            return Ok(key);
        }
        let sealer = sealer.ok_or(LicenceError::SealedOtherwise { id })?;
        let opened = at_place(&self.key_hash, |place| sealer.open(place, sealed));
        opened
            .ok()
            .and_then(|key| String::from_utf8(key).ok())
            .ok_or(LicenceError::SealedOtherwise { id })
    }

    /// The audit's record of it: no key.
    pub(crate) fn for_audit(&self) -> serde_json::Value {
        let mut value = serde_json::to_value(self).unwrap_or_default();
        if let Some(members) = value.as_object_mut() {
            for secret in ["key", "sealed_key", "key_hash"] {
                members.remove(secret);
            }
        }
        value
    }
}

/// Does something for the place of a sealed key. The hash of the key names it: the id is not known
/// before the licence is stored.
pub(crate) fn at_place<T>(key_hash: &str, run: impl FnOnce(SealedPlace<'_>) -> T) -> T {
    let (collection, id) = (collection(), DocumentId::Text(key_hash.into()));
    run(SealedPlace { collection: &collection, id: &id, field: "key" })
}

/// Reads one licence.
pub(crate) async fn read(store: &Store, id: i64) -> Result<Option<Licence>, LicenceError> {
    if id < 0 {
        return Ok(None);
    }
    let document = store.get(&collection(), &DocumentId::Integer(id)).await?;
    document.as_ref().map(Licence::of).transpose()
}

pub(crate) fn collection() -> isobase_types::CollectionName {
    isobase_types::CollectionName::new(LICENCES_COLLECTION)
        .expect("it is a valid name, as the tests show")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standing_is_computed() {
        let now = parse_moment("2026-11-30T12:00:00Z").unwrap();
        let text = |text: &str| Some(text.to_owned());
        let plain = Licence::default();
        let cases = [
            (plain.clone(), Standing::Active),
            (Licence { from_first_activation: true, ..plain.clone() }, Standing::NotStarted),
            (
                Licence { expires_at: text("2026-11-30T12:00:00.000001Z"), ..plain.clone() },
                Standing::Active,
            ),
            (
                Licence { expires_at: text("2026-11-30T12:00:00.000000Z"), ..plain.clone() },
                Standing::Expired,
            ),
            (
                Licence {
                    expires_at: text("2026-11-29T12:00:01Z"),
                    grace_days: 1,
                    ..plain.clone()
                },
                Standing::Grace,
            ),
            (
                Licence {
                    expires_at: text("2026-11-29T12:00:00Z"),
                    grace_days: 1,
                    ..plain.clone()
                },
                Standing::Expired,
            ),
            (Licence { expiry_text: text("soon"), ..plain.clone() }, Standing::Unreadable),
            (Licence { expires_at: text("soon"), ..plain.clone() }, Standing::Unreadable),
            (
                Licence {
                    suspended_at: text("x"),
                    expires_at: text("2020-01-01"),
                    ..plain.clone()
                },
                Standing::Suspended,
            ),
            (
                Licence { suspended_at: text("x"), revoked_at: text("x"), ..plain.clone() },
                Standing::Revoked,
            ),
            (
                Licence { revoked_at: text("x"), deleted_at: text("x"), ..plain.clone() },
                Standing::Deleted,
            ),
        ];
        for (licence, standing) in cases {
            assert_eq!(licence.standing(now), standing, "{licence:?}");
        }
    }

    #[test]
    fn days_are_whole() {
        let licence = |created: &str, expiry: &str| Licence {
            created_at: created.to_owned(),
            expires_at: Some(expiry.to_owned()),
            ..Licence::default()
        };
        assert_eq!(licence("2026-11-30 12:00:00", "2027-11-30T12:00:00Z").days(), Some(365));
        assert_eq!(licence("2026-11-30 12:00:00", "2026-12-01T11:59:59Z").days(), Some(0));
        assert_eq!(licence("rubbish", "2026-12-01").days(), None);
        assert_eq!(licence("2026-11-30 12:00:00", "rubbish").days(), None);
    }
}
