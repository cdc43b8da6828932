//! The account of the caller.

use isobase_auth::Account;
use isobase_http::{Answer, Content, Operation};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::described::{ConfirmPassword, Id, MOMENT, done, operation};
use crate::codes;

/// An account. Nothing about its password is ever shown.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Account")]
pub(in crate::accounts) struct Me {
    id: Id,
    username: String,
    email: Option<String>,
    /// Whether mail to the address was answered.
    verified: bool,
    role: String,
    /// Whether signing in takes a second step.
    second_factor: bool,
    /// Whether an administrator shut it out.
    disabled: bool,
    created_at: String,
    /// The owner who acts as this account by the session that asks; left out if the account itself acts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::accounts) impersonated_by: Option<String>,
}

impl Me {
    pub(in crate::accounts) fn of(account: &Account) -> Self {
        Self {
            id: Id::of(&account.id),
            username: account.name.clone(),
            email: account.email.clone(),
            verified: account.verified,
            role: account.role.to_string(),
            second_factor: account.second_factor,
            disabled: account.disabled,
            created_at: account.created_at.to_string(),
            impersonated_by: None,
        }
    }

    pub(super) fn example() -> Self {
        Self {
            id: Id::Integer(1),
            username: "alice".to_owned(),
            email: Some("alice@example.org".to_owned()),
            verified: false,
            role: "user".to_owned(),
            second_factor: false,
            disabled: false,
            created_at: MOMENT.to_owned(),
            impersonated_by: None,
        }
    }
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used")]
struct ChangePassword {
    /// May be left out if the account has none and its session began within ten minutes.
    current_password: Option<String>,
    new_password: String,
}

pub(in crate::accounts) fn get_me() -> Operation {
    operation("get_me", "Read the own account")
        .description("The account of the session.")
        .answers(Answer::new(200, "The account.").content(Content::like(&Me::example())))
        .problems([codes::SIGN_IN_REQUIRED])
}

pub(in crate::accounts) fn delete_me() -> Operation {
    operation("delete_me", "Delete the own account")
        .description(
            "Deletes the account with its sessions. What other collections keep of it goes, stays \
             or forbids it, as their references to accounts say.",
        )
        .takes(Content::of::<ConfirmPassword>().example(json!({ "password": "correct horse" })))
        .answers(done("It is gone."))
        .problems([
            codes::SIGN_IN_REQUIRED,
            codes::SIGN_IN_AGAIN,
            codes::INVALID_CREDENTIALS,
            codes::LAST_OWNER,
            codes::REFERENCED,
            codes::ACCOUNT_CHANGED,
            codes::INVALID_JSON,
            codes::NOT_AN_OBJECT,
            codes::TOO_MANY_ATTEMPTS,
            codes::TOO_MANY_SIGN_INS,
        ])
}

pub(in crate::accounts) fn change_password() -> Operation {
    operation("change_password", "Change the own password")
        .description(
            "The session that asks goes on; all others end. An account without a password gets one in \
             the ten minutes after it signed in.",
        )
        .takes(Content::of::<ChangePassword>().example(json!({
            "current_password": "correct horse", "new_password": "battery staple",
        })))
        .answers(done("The password is another."))
        .problems([
            codes::SIGN_IN_REQUIRED,
            codes::SIGN_IN_AGAIN,
            codes::ACCOUNT_INCOMPLETE,
            codes::INVALID_ACCOUNT,
            codes::INVALID_CREDENTIALS,
            codes::ACCOUNT_CHANGED,
            codes::INVALID_JSON,
            codes::NOT_AN_OBJECT,
            codes::TOO_MANY_ATTEMPTS,
            codes::TOO_MANY_SIGN_INS,
        ])
}
