//! Letters: an address that is verified or changed, a password that is reset, a code to sign in.

use isobase_http::{Answer, Content, Operation, ProblemCode};
use schemars::JsonSchema;
use serde_json::json;

use super::described::{done, operation};
use crate::codes;

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used")]
struct Address {
    email: String,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used")]
struct NewAddress {
    email: String,
    /// The account's.
    password: String,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used")]
struct LetterToken {
    /// The part of the letter's link behind the `#`.
    token: String,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used")]
struct NewPassword {
    /// The part of the letter's link behind the `#`.
    token: String,
    password: String,
}

fn address() -> Content {
    Content::of::<Address>().example(json!({ "email": "alice@example.org" }))
}

const MAIL_PROBLEMS: [ProblemCode; 5] = [
    codes::ACCOUNT_INCOMPLETE,
    codes::NO_MAIL,
    codes::TOO_MANY_ATTEMPTS,
    codes::INVALID_JSON,
    codes::NOT_AN_OBJECT,
];

pub(in crate::accounts) fn send_verification() -> Operation {
    operation("send_verification", "Send a letter about the own address")
        .description("Sends a letter with a link that says that the address is right.")
        .answers(done("The letter is on its way."))
        .problems([
            codes::SIGN_IN_REQUIRED,
            codes::ACCOUNT_INCOMPLETE,
            codes::NO_MAIL,
            codes::TOO_MANY_ATTEMPTS,
        ])
}

pub(in crate::accounts) fn change_email() -> Operation {
    operation("change_email", "Change the own address")
        .description(
            "Sends a letter to the new address; it becomes the account's when its link is used.",
        )
        .takes(Content::of::<NewAddress>().example(json!({
            "email": "alice@example.org", "password": "correct horse",
        })))
        .answers(done("The letter is on its way."))
        .problems(MAIL_PROBLEMS)
        .problems([
            codes::SIGN_IN_REQUIRED,
            codes::SIGN_IN_AGAIN,
            codes::INVALID_CREDENTIALS,
            codes::INVALID_ACCOUNT,
            codes::TOO_MANY_SIGN_INS,
        ])
}

pub(in crate::accounts) fn verify_email() -> Operation {
    operation("verify_email", "Say that an address is right")
        .description("Takes the token of the letter. It works once, for an hour.")
        .takes(Content::of::<LetterToken>().example(json!({ "token": "verify.31.0f1e2d3c" })))
        .answers(done("The address is the account's, and known to be right."))
        .problems([
            codes::ACCOUNT_INCOMPLETE,
            codes::WRONG_LINK,
            codes::EMAIL_TAKEN,
            codes::ACCOUNT_CHANGED,
            codes::INVALID_JSON,
            codes::NOT_AN_OBJECT,
        ])
}

pub(in crate::accounts) fn send_reset() -> Operation {
    operation("send_reset", "Send a letter for another password")
        .description(
            "If an account has the address, sends a letter with a link to choose another \
             password. The answer does not tell whether one has.",
        )
        .takes(address())
        .answers(done("If there is such an account, the letter is on its way."))
        .problems(MAIL_PROBLEMS)
}

pub(in crate::accounts) fn reset_password() -> Operation {
    operation("reset_password", "Choose another password by a letter")
        .description(
            "Takes the token of the letter. It works once, for an hour; all sessions of the \
             account end.",
        )
        .takes(Content::of::<NewPassword>().example(json!({
            "token": "reset.31.0f1e2d3c", "password": "battery staple",
        })))
        .answers(done("The password is another."))
        .problems([
            codes::ACCOUNT_INCOMPLETE,
            codes::WRONG_LINK,
            codes::INVALID_ACCOUNT,
            codes::ACCOUNT_CHANGED,
            codes::TOO_MANY_SIGN_INS,
            codes::INVALID_JSON,
            codes::NOT_AN_OBJECT,
        ])
}

pub(in crate::accounts) fn send_code() -> Operation {
    operation("send_code", "Send a letter with a code")
        .description(
            "If an account has the address, sends a letter with a code for `/api/login` or \
             `/api/sessions`: `{\"email\": …, \"code\": …}`. It works once, for ten minutes and five \
             guesses. The answer does not tell whether one has.",
        )
        .takes(address())
        .answers(done("If there is such an account, the letter is on its way."))
        .problems(MAIL_PROBLEMS)
}

pub(in crate::accounts) fn get_confirm() -> Operation {
    operation("get_confirm", "Show the page for links of letters")
        .description("The page behind the links of letters.")
        .answers(Answer::new(200, "The page.").content(Content::text("text/html")))
}
