//! Parts that several routes share.

use isobase_auth::Account;
use isobase_http::{Answer, Content, Operation, ProblemCode};
use isobase_types::DocumentId;
use schemars::JsonSchema;
use serde::Serialize;

use crate::codes;

/// An id: a number that the database gave, or a text that another program did.
#[derive(Clone, Serialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::accounts) enum Id {
    Integer(i64),
    Text(String),
}

impl Id {
    pub(super) fn of(id: &DocumentId) -> Self {
        match id {
            DocumentId::Integer(integer) => Self::Integer(*integer),
            DocumentId::Text(text) => Self::Text(text.to_string()),
        }
    }
}

/// The account that signed in.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "NamedAccount")]
pub(in crate::accounts) struct Named {
    id: Id,
    username: String,
}

impl Named {
    pub(in crate::accounts) fn of(account: &Account) -> Self {
        Self { id: Id::of(&account.id), username: account.name.clone() }
    }

    pub(super) fn example() -> Self {
        Self { id: Id::Integer(1), username: "alice".to_owned() }
    }
}

/// It is done.
#[derive(Serialize, JsonSchema)]
pub(in crate::accounts) struct Done {
    #[schemars(extend("const" = true))]
    ok: bool,
}

impl Done {
    pub(in crate::accounts) const OK: Self = Self { ok: true };
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) struct ConfirmPassword {
    /// May be left out if the account has none and its session began within ten minutes.
    password: Option<String>,
}

pub(super) const MOMENT: &str = "2026-11-20T14:09:00.000000Z";

pub(super) fn operation(id: &'static str, summary: &'static str) -> Operation {
    Operation::new(id, "accounts", summary)
}

pub(super) fn named() -> Content {
    Content::like(&Named::example())
}

pub(super) fn done(when: &'static str) -> Answer {
    Answer::new(200, when).content(Content::like(&Done::OK))
}

pub(super) const SET_COOKIE: (&str, &str) =
    ("Set-Cookie", "The session: HttpOnly, SameSite, Secure behind https. None for foreign pages.");

pub(super) const CONFIRMED_PROBLEMS: [ProblemCode; 8] = [
    codes::SIGN_IN_AGAIN,
    codes::SIGN_IN_REQUIRED,
    codes::INVALID_CREDENTIALS,
    codes::ACCOUNT_CHANGED,
    codes::INVALID_JSON,
    codes::NOT_AN_OBJECT,
    codes::TOO_MANY_ATTEMPTS,
    codes::TOO_MANY_SIGN_INS,
];
