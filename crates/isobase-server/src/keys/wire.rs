//! Keys on the wire, and how their routes are described.

use std::time::SystemTime;

use isobase_auth::KeyInfo;
use isobase_http::{Answer, Content, Location, Operation, Parameter};
use isobase_types::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::codes;

/// Every key.
#[derive(Serialize, JsonSchema)]
pub(super) struct Keys {
    pub(super) keys: Vec<Key>,
}

/// A key without its secret.
#[derive(Serialize, JsonSchema)]
pub(super) struct Key {
    id: String,
    name: String,
    /// `read`, `write`, `admin`, or by feature such as `licences:read`.
    scopes: Vec<String>,
    created_at: String,
    /// To the minute.
    last_used_at: Option<String>,
    revoked_at: Option<String>,
    /// From when it is refused; null when it has no end.
    expires_at: Option<String>,
    /// The id of the key that took its place.
    replaced_by: Option<String>,
}

impl Key {
    pub(super) fn of(info: &KeyInfo) -> Self {
        let moment = |time: SystemTime| Timestamp::from_system_time(time).to_string();
        Self {
            id: info.id.clone(),
            name: info.name.clone(),
            scopes: info.scopes.iter().map(|scope| scope.to_string()).collect(),
            created_at: moment(info.created_at),
            last_used_at: info.last_used_at.map(moment),
            revoked_at: info.revoked_at.map(moment),
            expires_at: info.expires_at.map(moment),
            replaced_by: info.replaced_by.clone(),
        }
    }

    fn example() -> Self {
        Self {
            id: "1f0a5d3c9b7e".to_owned(),
            name: "website".to_owned(),
            scopes: vec!["read".to_owned()],
            created_at: "2026-11-20T14:09:00.000000Z".to_owned(),
            last_used_at: None,
            revoked_at: None,
            expires_at: None,
            replaced_by: None,
        }
    }
}

/// A key with its secret, which is shown this once.
#[derive(Serialize, JsonSchema)]
pub(super) struct CreatedKey {
    #[serde(flatten)]
    info: Key,
    /// To be sent as `Authorization: Bearer <key>`.
    key: String,
}

impl CreatedKey {
    pub(super) fn of(created: &isobase_auth::CreatedKey) -> Self {
        Self { info: Key::of(&created.info), key: created.secret.clone() }
    }
}

/// How long a former key goes on when nothing is said: a day.
pub(super) const OVERLAP_S: u64 = 24 * 3_600;

/// How a key is replaced.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Rotation {
    /// How long the former key is accepted, in seconds: 86400 when it is missing, 0 revokes it at once,
    /// at most 90 days.
    pub(super) overlap_s: Option<u64>,
}

/// A key that took the place of another one.
#[derive(Serialize, JsonSchema)]
pub(super) struct RotatedKey {
    #[serde(flatten)]
    pub(super) made: CreatedKey,
    /// The one that it took the place of.
    pub(super) former: Key,
}

/// A key that is to be.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewKey {
    pub(super) name: String,
    pub(super) scopes: Vec<String>,
    /// After how many days it is refused, 1 to 3650; missing or null: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) days: Option<u32>,
}

fn operation(id: &'static str, summary: &'static str) -> Operation {
    Operation::new(id, "keys", summary)
}

pub(super) fn list_keys() -> Operation {
    let example = Keys { keys: vec![Key::example()] };
    operation("list_keys", "List the keys")
        .description("Every key in the order they were made, also revoked ones. No secrets.")
        .answers(Answer::new(200, "The keys.").content(Content::like(&example)))
        .problems([codes::INVALID_PARAMETER])
}

pub(super) fn create_key() -> Operation {
    let example = CreatedKey { info: Key::example(), key: "iso_1f0a5d3c9b7e_…".to_owned() };
    operation("create_key", "Make a key")
        .description(
            "The answer is the only place where the key itself is shown: a hash of it is kept. \
             Names are unique among keys that are not revoked. Other services on the same \
             database know it within seconds. In open mode only `isobase key create` makes one.",
        )
        .takes(Content::of::<NewKey>().example(json!({ "name": "website", "scopes": ["read"] })))
        .answers(Answer::new(201, "It was made.").content(Content::like(&example)))
        .problems([
            codes::INVALID_PARAMETER,
            codes::INVALID_JSON,
            codes::NOT_AN_OBJECT,
            codes::INVALID_KEY,
            codes::KEY_NAME_TAKEN,
            codes::LIMIT_EXCEEDED,
        ])
}

pub(super) fn rotate_key() -> Operation {
    let key =
        Parameter::new(Location::Path, "key", "The id of a key, or its name.").example("website");
    let made = CreatedKey { info: Key::example(), key: "iso_1f0a5d3c9b7e_…".to_owned() };
    let former = Key {
        id: "9b7e1f0a5d3c".to_owned(),
        expires_at: Some("2026-11-21T14:09:00.000000Z".to_owned()),
        replaced_by: Some("1f0a5d3c9b7e".to_owned()),
        ..Key::example()
    };
    operation("rotate_key", "Replace a key")
        .description(
            "Makes a key with the same name and scopes, which is shown this once. The former one is \
             accepted until its `expires_at`, so that services can be given the new one; its \
             `last_used_at` tells whether any still uses it. Revoke it by its id to end it sooner.",
        )
        .parameters([key])
        .takes(Content::of::<Rotation>().example(json!({ "overlap_s": 86_400 })))
        .answers(
            Answer::new(200, "It was replaced.")
                .content(Content::like(&RotatedKey { made, former })),
        )
        .problems([
            codes::INVALID_PARAMETER,
            codes::INVALID_JSON,
            codes::NOT_AN_OBJECT,
            codes::INVALID_KEY,
            codes::KEY_NOT_FOUND,
            codes::KEY_NAME_TAKEN,
        ])
}

pub(super) fn revoke_key() -> Operation {
    let key =
        Parameter::new(Location::Path, "key", "The id of a key, or its name.").example("website");
    operation("revoke_key", "Revoke a key")
        .description(
            "The key is refused from now on, by other services on the same database within \
             seconds. It stays in the list, and its name is free.",
        )
        .parameters([key])
        .answers(Answer::new(200, "It was revoked.").content(Content::like(&Key::example())))
        .problems([codes::INVALID_PARAMETER, codes::KEY_NOT_FOUND])
}
