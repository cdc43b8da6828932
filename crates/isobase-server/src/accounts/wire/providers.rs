//! Signing in with other services, and the identities that they know.

use isobase_auth::{LinkedIdentity, Provider};
use isobase_http::{Answer, Content, Location, Operation, Parameter, ProblemCode};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::described::{CONFIRMED_PROBLEMS, MOMENT, SET_COOKIE, done, operation};
use crate::codes;

/// A service whose accounts sign in here.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Provider")]
pub(in crate::accounts) struct ListedProvider {
    id: String,
    /// Its name for people.
    label: String,
    /// Where a link or a button leads.
    url: String,
}

impl ListedProvider {
    pub(in crate::accounts) fn of(provider: &Provider) -> Self {
        let id = provider.id.clone();
        let url = format!("/api/login/with/{id}");
        Self { id, label: provider.label.clone(), url }
    }
}

/// The providers, in the order of their names.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Providers")]
pub(in crate::accounts) struct ListedProviders {
    pub(in crate::accounts) providers: Vec<ListedProvider>,
}

/// Where a browser goes to link an identity.
#[derive(Serialize, JsonSchema)]
pub(in crate::accounts) struct LinkStarted {
    pub(in crate::accounts) url: String,
}

/// An account of another service that signs in to this one.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Identity")]
pub(in crate::accounts) struct ListedIdentity {
    provider: String,
    /// The provider's lasting id of the person.
    subject: String,
    email: Option<String>,
    linked_at: String,
}

impl ListedIdentity {
    pub(in crate::accounts) fn of(identity: &LinkedIdentity) -> Self {
        Self {
            provider: identity.provider.clone(),
            subject: identity.subject.clone(),
            email: identity.email.clone(),
            linked_at: identity.linked_at.to_string(),
        }
    }
}

/// The identities of the one who asks.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Identities")]
pub(in crate::accounts) struct ListedIdentities {
    pub(in crate::accounts) identities: Vec<ListedIdentity>,
    /// Whether a password signs in to the account, too. Else the last identity cannot be unlinked,
    /// and a session from just now stands for the password.
    pub(in crate::accounts) has_password: bool,
}

/// An identity to link.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used")]
struct Link {
    provider: String,
    /// The account's. May be left out if it has none and its session began within ten minutes.
    password: Option<String>,
    /// The path to go to afterwards. Default `/`.
    return_to: Option<String>,
}

fn provider() -> Parameter {
    Parameter::new(Location::Path, "provider", "The name of a provider.").example("google")
}

const PROVIDER_PROBLEMS: [ProblemCode; 6] = [
    codes::PROVIDER_NOT_FOUND,
    codes::PROVIDER_UNAVAILABLE,
    codes::INVALID_ACCOUNT,
    codes::NO_PUBLIC_URL,
    codes::NO_SECRET,
    codes::TOO_MANY_ATTEMPTS,
];

pub(in crate::accounts) fn list_providers() -> Operation {
    operation("list_providers", "List the providers to sign in with")
        .description("Other services whose accounts sign in here.")
        .answers(Answer::new(200, "The providers.").content(Content::like(&ListedProviders {
            providers: vec![ListedProvider {
                id: "google".to_owned(),
                label: "Google".to_owned(),
                url: "/api/login/with/google".to_owned(),
            }],
        })))
}

pub(in crate::accounts) fn begin_sign_in() -> Operation {
    let back =
        Parameter::new(Location::Query, "return_to", "The path to go to afterwards. Default `/`.")
            .example("/");
    operation("begin_sign_in", "Sign in with a provider")
        .description(
            "For a link or a button: sends the browser to the provider. Who has no account yet gets \
             one.",
        )
        .parameters([provider(), back])
        .answers(
            Answer::new(303, "To the provider.")
                .headers([("Location", "The provider."), ("Set-Cookie", "For the way back.")]),
        )
        .problems(PROVIDER_PROBLEMS)
}

pub(in crate::accounts) fn finish_sign_in() -> Operation {
    let query =
        |name: &'static str, text: &'static str| Parameter::new(Location::Query, name, text);
    operation("finish_sign_in", "Come back from a provider")
        .description(
            "Where providers send browsers back. Exchanges the code, once, and begins a session; \
             where the account has a second factor, `/confirm` asks for it.",
        )
        .parameters([
            provider(),
            query("state", "What the browser was sent with."),
            query("code", "What can be exchanged."),
            query("iss", "Who says so."),
            query("error", "Why not."),
        ])
        .answers(
            Answer::new(303, "To the page that was asked for.")
                .headers([("Location", "The page."), SET_COOKIE]),
        )
        .problems(PROVIDER_PROBLEMS)
        .problems([
            codes::SIGN_IN_REFUSED,
            codes::SIGN_IN_NOT_BEGUN,
            codes::EMAIL_TAKEN,
            codes::IDENTITY_TAKEN,
            codes::REGISTRATION_CLOSED,
            codes::INVALID_CREDENTIALS,
            codes::ACCOUNT_CHANGED,
        ])
}

pub(in crate::accounts) fn list_identities() -> Operation {
    operation("list_identities", "List the own identities")
        .description("The accounts of other services that sign in to this one.")
        .answers(Answer::new(200, "The identities.").content(Content::like(&ListedIdentities {
            identities: vec![ListedIdentity {
                provider: "google".to_owned(),
                subject: "10769150350006150715113082367".to_owned(),
                email: Some("alice@example.org".to_owned()),
                linked_at: MOMENT.to_owned(),
            }],
            has_password: true,
        })))
        .problems([codes::SIGN_IN_REQUIRED])
}

pub(in crate::accounts) fn begin_link() -> Operation {
    operation("begin_link", "Link an identity")
        .description("Answers with the address to send the browser to.")
        .takes(Content::of::<Link>().example(json!({
            "provider": "google", "password": "correct horse", "return_to": "/settings",
        })))
        .answers(
            Answer::new(200, "Where to go.")
                .headers([("Set-Cookie", "For the way back.")])
                .content(Content::like(&LinkStarted {
                    url: "https://accounts.example.com/authorize?response_type=code".to_owned(),
                })),
        )
        .problems(PROVIDER_PROBLEMS)
        .problems(CONFIRMED_PROBLEMS)
        .problems([codes::ACCOUNT_INCOMPLETE])
}

pub(in crate::accounts) fn unlink_identity() -> Operation {
    operation("unlink_identity", "Unlink an identity")
        .description("It signs in to this account no more. Sessions go on.")
        .parameters([provider()])
        .answers(done("It is unlinked."))
        .problems([
            codes::SIGN_IN_REQUIRED,
            codes::IDENTITY_NOT_FOUND,
            codes::LAST_IDENTITY,
            codes::ACCOUNT_CHANGED,
        ])
}
