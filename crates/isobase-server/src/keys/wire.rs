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

/// A key that is to be.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewKey {
    pub(super) name: String,
    pub(super) scopes: Vec<String>,
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
