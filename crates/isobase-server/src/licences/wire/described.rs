//! Parts that the descriptions of several routes have.

use isobase_http::{Answer, Content, Location, Operation, Parameter, ProblemCode};
use isobase_licences::{AtLimit, Usage};
use serde_json::{Value, json};

use super::{
    licence::{Detail, Done, Row},
    verdict::Verdict,
};
use crate::codes;

pub(super) fn operation(id: &'static str, summary: &'static str) -> Operation {
    Operation::new(id, "licences", summary)
}

/// A body that is read member by member.
pub(super) fn takes(required: &[&str], properties: Value, example: Value) -> Content {
    let shape = json!({ "type": "object", "required": required, "properties": properties });
    Content::shaped(isobase_http::Shape::Written(shape)).example(example)
}

pub(super) fn row() -> Row {
    Row {
        id: 7,
        email: "ann@example.com".to_owned(),
        license_key: KEY.to_owned(),
        expiry_date: Some("2027-11-30T12:00:00".to_owned()),
        created_at: "2026-11-30 12:00:00".to_owned(),
        status: "active".to_owned(),
    }
}

pub(super) const KEY: &str = "LIC-7K3QM-0F2V9-XT4RN-5HCJ8-PD6WA-3B";

pub(super) fn detail() -> Detail {
    Detail {
        row: row(),
        state: "active".to_owned(),
        expires_at: Some("2027-11-30T12:00:00.000000Z".to_owned()),
        days: Some(365),
        key_last4: "WA3B".to_owned(),
        max_installations: None,
        at_limit: None,
        allow_n: None,
        grace_days: 0,
        suspended_at: None,
        revoked_at: None,
        deleted_at: None,
        note: None,
        tags: vec!["beta".to_owned()],
        usage: None,
    }
}

pub(super) fn usage() -> Usage {
    Usage {
        installations: 1,
        places: 2,
        places_taken: 1,
        last_seen: Some("2026-11-30T12:00:00.000000Z".to_owned()),
    }
}

pub(super) fn one(answer: Operation) -> Operation {
    let example = Content::like(&detail());
    answer.answers(Answer::new(200, "The licence.").content(example))
}

pub(super) fn done(operation: Operation) -> Operation {
    operation.answers(Answer::new(200, "It is done.").content(Content::like(&Done::DONE)))
}

pub(super) fn verdict() -> Verdict {
    Verdict {
        valid: true,
        code: "ok".to_owned(),
        reason: None,
        message: "License activated successfully".to_owned(),
        expiry: Some("2027-11-30T12:00:00".to_owned()),
        active_count: Some(1),
        limit: Some(2),
        replaced: None,
        server_time: "2026-11-30T12:00:00.000000Z".to_owned(),
        request_id: "0192f0c1".to_owned(),
    }
}

pub(super) fn answered(operation: Operation) -> Operation {
    operation.answers(Answer::new(200, "The answer.").content(Content::like(&verdict())))
}

pub(super) fn query(name: &'static str, description: &'static str, example: &str) -> Parameter {
    Parameter::new(Location::RequiredQuery, name, description).example(example)
}

pub(super) fn maybe(name: &'static str, description: &'static str) -> Parameter {
    Parameter::new(Location::Query, name, description)
}

pub(super) fn id() -> Parameter {
    Parameter::new(Location::Path, "id", "The number of the licence.")
        .schema(json!({ "type": "integer", "minimum": 0 }))
        .example(7)
}

pub(super) fn email() -> Parameter {
    query("email", "The e-mail, in small or capital letters.", "ann@example.com")
}

pub(super) fn installation_id() -> Parameter {
    query("installation_id", "The installation.", "5f0c")
}

pub(super) fn terms() -> Value {
    json!({
        "email": { "type": "string", "minLength": 1, "maxLength": 320 },
        "license_key": { "type": ["string", "null"], "description": "A key of one's own." },
        "days": { "type": ["integer", "null"], "minimum": 1, "maximum": 3650 },
        "expiry_date": {
            "type": ["string", "null"],
            "description": "A date or a moment, in UTC where it names no zone; null: for ever.",
        },
        "from_first_activation": {
            "type": "boolean",
            "description": "The days begin with the first activation.",
        },
        "max_installations": {
            "type": ["integer", "null"],
            "description": "A limit of its own; null: that of the e-mail.",
        },
        "at_limit": { "enum": AtLimit::NAMES.iter().map(|name| json!(name)).chain([json!(null)]).collect::<Vec<_>>() },
        "allow_n": { "type": ["integer", "null"] },
        "grace_days": { "type": ["integer", "null"] },
        "note": { "type": ["string", "null"] },
        "tags": { "type": ["array", "null"], "items": { "type": "string" } },
    })
}

pub(super) fn activation() -> Content {
    takes(
        &["email", "installation_id", "license_key"],
        json!({
            "email": { "type": "string" },
            "installation_id": { "type": "string", "minLength": 1, "maxLength": 1020 },
            "license_key": { "type": "string" },
            "label": about("What people call the machine; shown to those who look after licences."),
            "app_version": about("The version of the product."),
            "platform": about("What it runs on."),
        }),
        json!({ "email": "ann@example.com", "installation_id": "5f0c", "license_key": KEY, "app_version": "2.4.1" }),
    )
}

fn about(description: &str) -> Value {
    json!({ "type": ["string", "null"], "maxLength": 100, "description": description })
}

/// As [`pair`], with what the client says of its machine.
pub(super) fn described_pair() -> Content {
    takes(
        &["email", "installation_id"],
        json!({
            "email": { "type": "string" },
            "installation_id": { "type": "string" },
            "label": about("Noted when it is other than before."),
            "app_version": about("Likewise."),
            "platform": about("Likewise."),
        }),
        json!({ "email": "ann@example.com", "installation_id": "5f0c" }),
    )
}

pub(super) fn pair() -> Content {
    takes(
        &["email", "installation_id"],
        json!({ "email": { "type": "string" }, "installation_id": { "type": "string" } }),
        json!({ "email": "ann@example.com", "installation_id": "5f0c" }),
    )
}

pub(super) const BODY: [ProblemCode; 3] =
    [codes::INVALID_BODY, codes::INVALID_JSON, codes::NOT_AN_OBJECT];
