//! The first owner.

use isobase_http::{Answer, Content, Operation};
use schemars::JsonSchema;
use serde_json::json;

use super::described::{SET_COOKIE, named, operation};
use crate::codes;

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used")]
struct FirstOwner {
    /// The part of the link behind the `#`.
    token: String,
    username: String,
    email: Option<String>,
    password: String,
}

pub(in crate::accounts) fn get_setup() -> Operation {
    operation("get_setup", "Show the page for the first owner")
        .description(
            "The page behind the link that the service prints at its start while there is no \
             owner.",
        )
        .answers(Answer::new(200, "The page.").content(Content::text("text/html")))
}

pub(in crate::accounts) fn create_owner() -> Operation {
    operation("create_owner", "Create the first owner")
        .description(
            "Makes the first owner, with the token of the printed link, and signs the browser in. \
             It works once, for 30 minutes, and only while there is no owner.",
        )
        .takes(Content::of::<FirstOwner>().example(json!({
            "token": "0f1e2d3c4b5a6978", "username": "ann", "password": "correct horse battery",
        })))
        .answers(Answer::new(200, "The owner.").headers([SET_COOKIE]).content(named()))
        .problems([
            codes::ACCOUNT_INCOMPLETE,
            codes::INVALID_ACCOUNT,
            codes::NAME_TAKEN,
            codes::EMAIL_TAKEN,
            codes::OWNER_EXISTS,
            codes::WRONG_SETUP_TOKEN,
            codes::INVALID_JSON,
            codes::NOT_AN_OBJECT,
            codes::TOO_MANY_ATTEMPTS,
            codes::TOO_MANY_SIGN_INS,
        ])
}
