//! Accounts and their sessions, for administrators.

use isobase_auth::{Account, AccountUse};
use isobase_http::{Answer, Content, Location, Operation, Parameter};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::{
    described::{done, operation},
    me::Me,
    sessions::ListedSessions,
};
use crate::codes;

/// Accounts by their ids.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Accounts")]
pub(in crate::accounts) struct ListedAccounts {
    pub(in crate::accounts) accounts: Vec<ListedAccount>,
    /// The `cursor` of the next part; null at the end.
    pub(in crate::accounts) next: Option<String>,
}

/// An account of a list.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ListedAccount")]
pub(in crate::accounts) struct ListedAccount {
    #[serde(flatten)]
    account: Me,
    /// How it is used, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<ShownUse>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AccountUse")]
struct ShownUse {
    /// Its sessions that go on.
    sessions: usize,
    /// When it last signed in, to the minute; null where that is not known.
    last_login_at: Option<String>,
}

impl ListedAccount {
    pub(in crate::accounts) fn of(account: &Account, usage: Option<&AccountUse>) -> Self {
        let shown = |usage: &AccountUse| ShownUse {
            sessions: usage.sessions,
            last_login_at: usage.last_login_at.map(|at| at.to_string()),
        };
        Self { account: Me::of(account), usage: usage.map(shown) }
    }
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used")]
struct NewAccount {
    username: String,
    email: Option<String>,
    password: String,
    /// `owner`, `admin`, `user`, or a word of the app's own. Default `user`.
    role: Option<String>,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used")]
struct AccountChange {
    role: Option<String>,
    /// `false` removes it.
    second_factor: Option<bool>,
    /// Whether the e-mail address is known to be right.
    verified: Option<bool>,
    disabled: Option<bool>,
    password: Option<String>,
}

pub(super) fn account() -> Parameter {
    Parameter::new(Location::Path, "account", "The id, the name or the e-mail address.")
        .example("alice")
}

fn shown(status: u16, when: &'static str) -> Answer {
    Answer::new(status, when).content(Content::like(&Me::example()))
}

pub(in crate::accounts) fn list_accounts() -> Operation {
    let limit = Parameter::new(Location::Query, "limit", "At most this many. Default 100.")
        .schema(json!({ "type": "integer", "minimum": 1, "maximum": 1000 }))
        .example(100);
    let cursor = Parameter::new(Location::Query, "cursor", "The `next` of the part before.");
    let usage = Parameter::new(
        Location::Query,
        "usage",
        "Whether it is told how each is used: its sessions, and when it last signed in. Then `limit` is at \
         most 100.",
    )
    .schema(json!({ "type": "boolean" }));
    operation("list_accounts", "List accounts")
        .description("A part of the list of all accounts, by their ids.")
        .parameters([limit, cursor, usage])
        .answers(Answer::new(200, "The accounts.").content(Content::like(&ListedAccounts {
            accounts: vec![ListedAccount { account: Me::example(), usage: None }],
            next: None,
        })))
        .problems([codes::INVALID_ARGUMENT])
}

pub(in crate::accounts) fn create_account() -> Operation {
    operation("create_account", "Create an account")
        .description(
            "Makes an account with a role, also where nobody may register. The passwords of owners \
             and admins have at least 12 characters; only owners and the operator of the service make \
             owners.",
        )
        .takes(Content::of::<NewAccount>().example(json!({
            "username": "bob", "password": "correct horse battery", "role": "admin",
        })))
        .answers(shown(201, "The account."))
        .problems([
            codes::ACCOUNT_INCOMPLETE,
            codes::NAME_TAKEN,
            codes::EMAIL_TAKEN,
            codes::INVALID_ACCOUNT,
            codes::OWNERS_ONLY,
            codes::INVALID_JSON,
            codes::NOT_AN_OBJECT,
            codes::TOO_MANY_SIGN_INS,
        ])
}

pub(in crate::accounts) fn get_account() -> Operation {
    operation("get_account", "Read an account")
        .description("One account.")
        .parameters([account()])
        .answers(shown(200, "The account."))
        .problems([codes::ACCOUNT_NOT_FOUND])
}

pub(in crate::accounts) fn change_account() -> Operation {
    operation("change_account", "Change an account")
        .description(
            "Gives it another role, shuts it out or lets it in, sets its password, removes its second \
             factor; what is not given stays. When it is shut out or gets another password its sessions end.",
        )
        .parameters([account()])
        .takes(Content::of::<AccountChange>().example(json!({ "role": "editor" })))
        .answers(shown(200, "The account as it is now."))
        .problems([
            codes::ACCOUNT_NOT_FOUND,
            codes::INVALID_ACCOUNT,
            codes::OWNERS_ONLY,
            codes::LAST_OWNER,
            codes::ACCOUNT_CHANGED,
            codes::INVALID_JSON,
            codes::NOT_AN_OBJECT,
            codes::TOO_MANY_SIGN_INS,
        ])
}

pub(in crate::accounts) fn delete_account() -> Operation {
    operation("delete_account", "Delete an account")
        .description("Deletes an account with its sessions, as `delete_me` does.")
        .parameters([account()])
        .answers(done("It is gone."))
        .problems([
            codes::ACCOUNT_NOT_FOUND,
            codes::OWNERS_ONLY,
            codes::LAST_OWNER,
            codes::REFERENCED,
            codes::ACCOUNT_CHANGED,
        ])
}

fn session() -> Parameter {
    Parameter::new(Location::Path, "session", "Its id.").example("s0f1e2d3c4b5a697")
}

pub(in crate::accounts) fn list_account_sessions() -> Operation {
    operation("list_account_sessions", "List the sessions of an account")
        .description("The sessions that go on, the latest first; at most 100.")
        .parameters([account()])
        .answers(Answer::new(200, "The sessions.").content(Content::of::<ListedSessions>()))
        .problems([codes::ACCOUNT_NOT_FOUND, codes::INVALID_PARAMETER])
}

pub(in crate::accounts) fn end_account_sessions() -> Operation {
    operation("end_account_sessions", "End the sessions of an account")
        .description("Signs somebody out everywhere. Written to the audit.")
        .parameters([account()])
        .answers(done("They are over."))
        .problems([codes::ACCOUNT_NOT_FOUND, codes::OWNERS_ONLY, codes::ACCOUNT_CHANGED])
}

pub(in crate::accounts) fn end_account_session() -> Operation {
    operation("end_account_session", "End a session of an account")
        .description("Its token is refused from now on. Written to the audit.")
        .parameters([account(), session()])
        .answers(done("It is over."))
        .problems([codes::ACCOUNT_NOT_FOUND, codes::OWNERS_ONLY, codes::SESSION_NOT_FOUND])
}
