//! Licences on the wire.

use std::collections::BTreeMap;

use isobase_licences::{Licence, LicenceTotals, Licences, Usage};
use schemars::JsonSchema;
use serde::Serialize;

use crate::csv;

/// A licence as the clients of the older service know it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LicenseRow")]
pub(in crate::licences) struct Row {
    pub(super) id: i64,
    pub(super) email: String,
    pub(super) license_key: String,
    /// ISO 8601 in UTC, without saying so; null: it never expires.
    pub(super) expiry_date: Option<String>,
    /// `YYYY-MM-DD HH:MM:SS`, in UTC.
    pub(super) created_at: String,
    #[schemars(extend("enum" = ["active", "suspended", "revoked"]))]
    pub(super) status: String,
}

impl Row {
    pub(in crate::licences) fn of(licences: &Licences, licence: &Licence) -> Self {
        Self {
            id: licence.id,
            email: licence.email.clone(),
            // A key that cannot be opened is only told apart.
            license_key: licences
                .reveal(licence)
                .unwrap_or_else(|_| format!("…{}", licence.key_last4)),
            expiry_date: licence.expiry_shown(),
            created_at: licence.created_at.clone(),
            status: licence.status().to_owned(),
        }
    }
}

/// A licence in the list of all.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ListedLicense")]
pub(in crate::licences) struct Listed {
    #[serde(flatten)]
    pub(super) row: Row,
    /// Whole days from its creation to its expiry; null where either is not known.
    pub(super) days: Option<i64>,
}

impl Listed {
    pub(in crate::licences) fn of(licences: &Licences, licence: &Licence) -> Self {
        Self { row: Row::of(licences, licence), days: licence.days() }
    }
}

/// All licences.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Licenses")]
pub(in crate::licences) struct Rows {
    pub(in crate::licences) licenses: Vec<Listed>,
    pub(in crate::licences) count: usize,
}

/// Everything about a licence.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "License")]
pub(in crate::licences) struct Detail {
    #[serde(flatten)]
    pub(super) row: Row,
    /// How it stands now: `active`, `not_started`, `grace`, `expired`, `suspended`, `revoked`,
    /// `deleted`, or `unreadable` where another program stored an expiry that is none.
    pub(super) state: String,
    /// Its expiry with its zone.
    pub(super) expires_at: Option<String>,
    pub(super) days: Option<i64>,
    pub(super) key_last4: String,
    /// Its own limit of installations; null: that of the e-mail over all its licences.
    pub(super) max_installations: Option<u32>,
    /// The behaviour at the limit; null: as the service has it.
    pub(super) at_limit: Option<String>,
    pub(super) allow_n: Option<u32>,
    pub(super) grace_days: u32,
    pub(super) suspended_at: Option<String>,
    pub(super) revoked_at: Option<String>,
    pub(super) deleted_at: Option<String>,
    pub(super) note: Option<String>,
    pub(super) tags: Vec<String>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub(super) usage: Option<Used>,
}

/// How a licence is used, where it is asked for as one or in a list.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LicenseUsage")]
pub(in crate::licences) struct Used {
    /// Its installations. Those that a client noted for the e-mail alone count for each licence of
    /// the e-mail that has no limit of its own.
    installations: usize,
    /// How many places there are: its own, or those of the e-mail over all its licences.
    places: u32,
    /// How many of these places are taken.
    places_taken: usize,
    /// When one of its installations was last seen; null where none was.
    last_seen: Option<String>,
}

impl Detail {
    pub(in crate::licences) fn of(licences: &Licences, licence: &Licence) -> Self {
        Self {
            row: Row::of(licences, licence),
            state: licence.standing(licences.now()).as_str().to_owned(),
            expires_at: licence.expires_at.clone(),
            days: licence.days(),
            key_last4: licence.key_last4.clone(),
            max_installations: licence.max_installations,
            at_limit: licence.at_limit.map(|policy| policy.as_str().to_owned()),
            allow_n: licence.allow_n,
            grace_days: licence.grace_days,
            suspended_at: licence.suspended_at.clone(),
            revoked_at: licence.revoked_at.clone(),
            deleted_at: licence.deleted_at.clone(),
            note: licence.note.clone(),
            tags: licence.tags.clone(),
            usage: None,
        }
    }

    /// The same with how it is used.
    pub(in crate::licences) fn with_usage(self, usage: Option<&Usage>) -> Self {
        let usage = usage.map(|usage| Used {
            installations: usage.installations,
            places: usage.places,
            places_taken: usage.places_taken,
            last_seen: usage.last_seen.clone(),
        });
        Self { usage, ..self }
    }

    /// Its row of an export.
    pub(in crate::licences) fn write_csv(&self, out: &mut Vec<u8>) {
        let number = |number: Option<u32>| number.map(|it| it.to_string()).unwrap_or_default();
        let (id, limit) = (self.row.id.to_string(), number(self.max_installations));
        let of_usage =
            |read: fn(&Used) -> String| self.usage.as_ref().map(read).unwrap_or_default();
        let installations = of_usage(|usage| usage.installations.to_string());
        let taken = of_usage(|usage| usage.places_taken.to_string());
        let last_seen = of_usage(|usage| usage.last_seen.clone().unwrap_or_default());
        let tags = self.tags.join(" ");
        let cells = [
            &*id,
            &*self.row.email,
            &*self.row.license_key,
            &*self.row.status,
            &*self.state,
            &*self.row.created_at,
            self.expires_at.as_deref().unwrap_or_default(),
            &*limit,
            &*tags,
            self.note.as_deref().unwrap_or_default(),
            &*installations,
            &*taken,
            &*last_seen,
        ];
        csv::write_row(cells, out);
    }
}

/// A page of licences.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LicensePage")]
pub(in crate::licences) struct Page {
    pub(in crate::licences) licenses: Vec<Detail>,
    pub(in crate::licences) count: usize,
    /// How many there are, where that was asked for and is known without their installations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::licences) total: Option<u64>,
    /// `total` is counted no further.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::licences) total_capped: Option<bool>,
    /// `cursor` of the next page; null at the end.
    pub(in crate::licences) next_cursor: Option<String>,
    /// Of a list by installations that ended at its budget: back to which `created_at` it has come.
    /// `next_cursor` goes on there.
    pub(in crate::licences) searched_to: Option<String>,
}

/// How many licences stand how.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LicenseTotals")]
pub(in crate::licences) struct Totals {
    /// By their `state`.
    states: BTreeMap<String, u64>,
    /// Those that are active and end within 30 days.
    ending_soon: u64,
    /// Installations that came on each of the last 30 days (UTC) and are still there, today's last.
    activations: Vec<u64>,
    /// All were counted; else there are more.
    complete: bool,
}

impl Totals {
    pub(in crate::licences) fn of(totals: &LicenceTotals) -> Self {
        let states = totals.by_standing.iter().map(|(state, count)| ((*state).to_owned(), *count));
        Self {
            states: states.collect(),
            ending_soon: totals.ending_soon,
            activations: totals.activations.clone(),
            complete: totals.complete,
        }
    }
}

/// A licence that was made, or set.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CreatedLicense")]
pub(in crate::licences) struct Created {
    pub(super) success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<i64>,
    pub(super) email: String,
    pub(super) license_key: String,
    pub(super) expiry: Option<String>,
}

impl Created {
    pub(in crate::licences) fn of(
        id: Option<i64>,
        (email, key): (String, String),
        licence: &Licence,
    ) -> Self {
        Self { success: true, id, email, license_key: key, expiry: licence.expiry_shown() }
    }
}

/// The outcome of many licences.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CreatedLicenses")]
pub(in crate::licences) struct MadeMany {
    pub(super) created: usize,
    pub(super) refused: usize,
    /// One for each that was asked for, in their order.
    pub(super) results: Vec<MadeOne>,
}

/// The outcome of one of many.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CreatedLicensesResult")]
pub(in crate::licences) struct MadeOne {
    #[schemars(extend("enum" = ["created", "refused"]))]
    pub(super) status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) license_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expiry: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
}

impl MadeOne {
    pub(in crate::licences) fn of(licences: &Licences, licence: &Licence) -> Self {
        let row = Row::of(licences, licence);
        Self {
            status: "created".to_owned(),
            id: Some(row.id),
            email: Some(row.email),
            license_key: Some(row.license_key),
            expiry: row.expiry_date,
            error: None,
        }
    }

    pub(in crate::licences) fn refused(error: String) -> Self {
        Self {
            status: "refused".to_owned(),
            id: None,
            email: None,
            license_key: None,
            expiry: None,
            error: Some(error),
        }
    }
}

impl MadeMany {
    pub(in crate::licences) fn of(results: Vec<MadeOne>) -> Self {
        let created = results.iter().filter(|it| it.error.is_none()).count();
        Self { created, refused: results.len() - created, results }
    }

    pub(in crate::licences) fn created(&self) -> usize {
        self.created
    }
}

/// It is done.
#[derive(Serialize, JsonSchema)]
pub(in crate::licences) struct Done {
    #[schemars(extend("const" = true))]
    pub(super) success: bool,
}

impl Done {
    pub(in crate::licences) const DONE: Self = Self { success: true };
}
