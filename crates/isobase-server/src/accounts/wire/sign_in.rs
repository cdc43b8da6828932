//! Registering, signing in and signing out.

use isobase_http::{Answer, Content, Operation, ProblemCode};
use schemars::JsonSchema;
use serde_json::json;

use super::described::{SET_COOKIE, done, named, operation};
use crate::codes;

/// A name, or an address, and a password.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used")]
struct SignIn {
    /// A name or an e-mail address.
    username: String,
    password: Option<String>,
    /// Of the first step, in place of name and password.
    challenge: Option<String>,
    /// Of a letter, in place of a password; of the authenticator app, or a recovery code, with a
    /// challenge.
    code: Option<String>,
}

/// A new account.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used")]
struct Register {
    username: String,
    email: Option<String>,
    password: String,
}

pub(in crate::accounts) fn register() -> Operation {
    operation("register_account", "Register")
        .description(
            "Makes an account and signs the browser in. Names are compared exactly, e-mail \
             addresses without case; a name with an `@` is an address. Numbers are taken as texts.",
        )
        .takes(Content::of::<Register>().example(json!({
            "username": "alice", "password": "correct horse battery",
        })))
        .answers(Answer::new(200, "The account.").headers([SET_COOKIE]).content(named()))
        .problems([
            codes::ACCOUNT_INCOMPLETE,
            codes::NAME_TAKEN,
            codes::EMAIL_TAKEN,
            codes::INVALID_ACCOUNT,
            codes::INVALID_JSON,
            codes::NOT_AN_OBJECT,
            codes::REGISTRATION_CLOSED,
            codes::TOO_MANY_ATTEMPTS,
            codes::TOO_MANY_SIGN_INS,
        ])
}

pub(super) const SIGN_IN_PROBLEMS: [ProblemCode; 11] = [
    codes::INVALID_CREDENTIALS,
    codes::SECOND_FACTOR_REQUIRED,
    codes::WRONG_CODE,
    codes::CHALLENGE_OVER,
    codes::ACCOUNT_INCOMPLETE,
    codes::ACCOUNT_CHANGED,
    codes::NO_SECRET,
    codes::INVALID_JSON,
    codes::NOT_AN_OBJECT,
    codes::TOO_MANY_ATTEMPTS,
    codes::TOO_MANY_SIGN_INS,
];

pub(super) fn sign_in() -> Content {
    Content::of::<SignIn>().example(json!({
        "username": "alice", "password": "correct horse battery",
    }))
}

pub(in crate::accounts) fn login() -> Operation {
    operation("login", "Sign in, in a browser")
        .description(
            "Signs in with a name or an e-mail address. The browser keeps the session as a cookie \
             that scripts cannot read. A name that does not exist, a wrong password and a missing \
             field are answered alike. An account with a second factor is answered 401 \
             `second_factor_required` with a `challenge`, which goes to the same route with a `code`.",
        )
        .takes(sign_in())
        .answers(Answer::new(200, "The account that signed in.").headers([SET_COOKIE]).content(named()))
        .problems(SIGN_IN_PROBLEMS)
}

pub(in crate::accounts) fn logout() -> Operation {
    operation("logout", "Sign out")
        .description("Ends the session of the cookie or the token. Without one nothing happens.")
        .answers(done("Signed out."))
        .problems([codes::ORIGIN_NOT_ALLOWED])
}
