//! Owners who act as an account.

use isobase_http::{Answer, Content, Operation};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    described::{done, operation},
    manage::account,
};
use crate::codes;

pub(in crate::accounts) fn impersonate_account() -> Operation {
    let example = Impersonation {
        username: "ann".to_owned(),
        role: "user".to_owned(),
        impersonated_by: "bob".to_owned(),
        expires_at: "2026-11-20T14:24:00.000000Z".to_owned(),
        token: None,
    };
    operation("impersonate_account", "Act as an account")
        .description(
            "For owners who are signed in. Begins a session of the account for 15 minutes, which ends with \
             the owner's own: a browser gets its cookie, and keeps the owner's beside it; other programs \
             get its token. By it nothing is changed that concerns passwords, addresses, second factors, \
             sessions, accounts, keys or the service itself, and owners are never acted as. The audit \
             notes it, and names the owner as the actor of all that is done.",
        )
        .parameters([account()])
        .answers(Answer::new(200, "The session.").content(Content::like(&example)))
        .problems([codes::ACCOUNT_NOT_FOUND, codes::OWNERS_ONLY])
}

pub(in crate::accounts) fn end_impersonation() -> Operation {
    operation("end_impersonation", "Stop acting as an account")
        .description("Ends the session; a browser is the owner again.")
        .answers(done("It is over."))
        .problems([codes::SIGN_IN_REQUIRED, codes::NOT_IMPERSONATING])
}

/// A session by which an owner acts as somebody else.
#[derive(Serialize, JsonSchema)]
pub(in crate::accounts) struct Impersonation {
    pub(in crate::accounts) username: String,
    pub(in crate::accounts) role: String,
    pub(in crate::accounts) impersonated_by: String,
    pub(in crate::accounts) expires_at: String,
    /// For programs that are no browsers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::accounts) token: Option<String>,
}
