//! Settings as they are told, and how their routes are described.

use isobase_http::{Answer, Content, Location, Operation, Parameter};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::Offered;
use crate::codes;

/// Every setting.
#[derive(Serialize)]
pub(super) struct Settings {
    pub(super) settings: Vec<Offered>,
}

/// A setting that was changed.
#[derive(JsonSchema, Serialize)]
pub(super) struct Changed {
    pub(super) key: String,
    /// The value that the database keeps now; null when it keeps nothing.
    pub(super) value: Option<String>,
    /// `{"kind":"database"}`, or null.
    pub(super) origin: Value,
}

/// How a letter went.
#[derive(JsonSchema, Serialize)]
pub(super) struct MailTest {
    /// Where to.
    pub(super) to: String,
    /// Whether it left, or was written into the log.
    pub(super) sent: bool,
    /// Whether there is a mail server that took it; else it is in the log alone.
    pub(super) to_server: bool,
    /// The answer of the mail server.
    pub(super) answer: Option<String>,
    /// Why it did not leave.
    pub(super) error: Option<String>,
}

/// Every setting.
#[derive(JsonSchema, Serialize)]
struct SettingsShape {
    settings: Vec<SettingShape>,
}

/// A setting.
#[derive(JsonSchema, Serialize)]
struct SettingShape {
    key: &'static str,
    /// As it would be written, secrets masked; null when it is not set.
    value: Option<&'static str>,
    /// Where it comes from: `kind` is `default`, `file`, `database`, `env`, `env_file` or `flag`.
    origin: Value,
    /// Its effect.
    about: &'static str,
    /// Its possible values.
    expects: &'static str,
    default: Option<&'static str>,
    /// Whether it can be changed while the service runs.
    changeable: bool,
    /// Why it cannot be changed here; null where it can.
    locked_by: Option<&'static str>,
}

/// A value that is to be.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used: members are read one by one")]
struct NewValue {
    /// As it is written in `isobase.toml`: a text, a number, true, false or a list.
    value: Value,
}

fn operation(id: &'static str, summary: &'static str) -> Operation {
    Operation::new(id, "admin", summary)
}

fn setting() -> Parameter {
    Parameter::new(Location::Path, "setting", "The name of a setting.")
        .example("requests.retention")
}

pub(super) fn list_settings() -> Operation {
    let example = SettingShape {
        key: "requests.retention",
        value: Some("30d"),
        origin: json!({ "kind": "default" }),
        about: "How long entries of the request log stay.",
        expects: "a duration, such as 30s or 7d",
        default: Some("30d"),
        changeable: true,
        locked_by: None,
    };
    operation("get_admin_settings", "Read the settings of the service")
        .description(
            "Every setting with its value, secrets masked, where that comes from, and whether it can be \
             changed while the service runs.",
        )
        .answers(
            Answer::new(200, "The settings.")
                .content(Content::like(&SettingsShape { settings: vec![example] })),
        )
        .problems([codes::INVALID_PARAMETER])
}

fn changed() -> Answer {
    let example = Changed {
        key: "requests.retention".to_owned(),
        value: Some("90d".to_owned()),
        origin: json!({ "kind": "database" }),
    };
    Answer::new(200, "What the database keeps.").content(Content::like(&example))
}

pub(super) fn put_setting() -> Operation {
    operation("put_setting", "Change a setting while the service runs")
        .description(
            "The value is kept in the database, and every service on it takes it within a few seconds: \
             requests that are under way end first, and live streams are begun again by their clients. \
             It comes before `isobase.toml`; variables and flags come before it. The audit notes who \
             changed what.",
        )
        .parameters([setting()])
        .takes(Content::of::<NewValue>().example(json!({ "value": "90d" })))
        .answers(changed())
        .problems([
            codes::INVALID_PARAMETER,
            codes::INVALID_JSON,
            codes::NOT_AN_OBJECT,
            codes::INVALID_BODY,
            codes::SETTING_NOT_FOUND,
            codes::SETTING_LOCKED,
        ])
}

pub(super) fn reset_setting() -> Operation {
    operation("reset_setting", "Forget the changed value of a setting")
        .description("It is again what `isobase.toml` or the default says.")
        .parameters([setting()])
        .answers(changed())
        .problems([
            codes::INVALID_PARAMETER,
            codes::INVALID_BODY,
            codes::SETTING_NOT_FOUND,
            codes::SETTING_LOCKED,
        ])
}

pub(super) fn send_test_mail() -> Operation {
    let example = MailTest {
        to: "ann@example.com".to_owned(),
        sent: true,
        to_server: true,
        answer: Some("250 2.0.0 queued as 4F1A2".to_owned()),
        error: None,
    };
    operation("send_test_mail", "Try the mail server")
        .description(
            "Sends a letter to the e-mail address of the account that asks, and tells what the mail \
             server answered, or why the letter did not leave.",
        )
        .answers(Answer::new(200, "How it went.").content(Content::like(&example)))
        .problems([codes::INVALID_PARAMETER, codes::NO_ADDRESS, codes::RATE_LIMITED])
}
