//! The second factor of the caller.

use isobase_auth::{SecondFactor, SecondFactorOffer};
use isobase_http::{Answer, Content, Operation};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::described::{CONFIRMED_PROBLEMS, ConfirmPassword, MOMENT, done, operation};
use crate::codes;

/// The second factor of the one who asks.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SecondFactor")]
pub(in crate::accounts) struct ShownSecondFactor {
    enabled: bool,
    /// Since when it counts; null when there is none.
    since: Option<String>,
    recovery_codes_left: usize,
}

impl ShownSecondFactor {
    pub(in crate::accounts) fn of(factor: Option<&SecondFactor>) -> Self {
        Self {
            enabled: factor.is_some(),
            since: factor.map(|factor| factor.since.to_string()),
            recovery_codes_left: factor.map_or(0, |factor| factor.recovery_codes_left),
        }
    }
}

/// A secret for an authenticator app. It is shown only now.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SecondFactorOffer")]
pub(in crate::accounts) struct Offered {
    /// In base32, to be typed.
    secret: String,
    /// The same as `otpauth://totp/…`, to be shown as a picture.
    uri: String,
    /// Until when it can be confirmed.
    expires_at: String,
}

impl Offered {
    pub(in crate::accounts) fn of(offer: SecondFactorOffer) -> Self {
        let expires_at = offer.expires_at.to_string();
        Self { secret: offer.secret, uri: offer.uri, expires_at }
    }
}

/// Codes that each sign in once in place of the app's. They are shown only now.
#[derive(Serialize, JsonSchema)]
pub(in crate::accounts) struct RecoveryCodes {
    pub(in crate::accounts) recovery_codes: Vec<String>,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used")]
struct AppCode {
    /// As the authenticator app shows it.
    code: String,
}

fn password() -> Content {
    Content::of::<ConfirmPassword>().example(json!({ "password": "correct horse" }))
}

fn recovery_codes(when: &'static str) -> Answer {
    Answer::new(200, when).content(Content::like(&RecoveryCodes {
        recovery_codes: vec!["mzxw-6ytb-oi2d-k5lp".to_owned()],
    }))
}

pub(in crate::accounts) fn get_second_factor() -> Operation {
    operation("get_second_factor", "Read the own second factor")
        .description("Whether there is one, and how many recovery codes are left.")
        .answers(Answer::new(200, "The second factor.").content(Content::like(
            &ShownSecondFactor {
                enabled: true,
                since: Some(MOMENT.to_owned()),
                recovery_codes_left: 10,
            },
        )))
        .problems([codes::SIGN_IN_REQUIRED])
}

pub(in crate::accounts) fn offer_second_factor() -> Operation {
    operation("offer_second_factor", "Begin a second factor")
        .description(
            "Makes the secret of an authenticator app. It counts once `confirm_second_factor` has \
             shown a code of it, within 15 minutes.",
        )
        .takes(password())
        .answers(
            Answer::new(200, "The secret.").content(Content::like(&Offered {
                secret: "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ".to_owned(),
                uri: "otpauth://totp/app.example.com:alice?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
                    .to_owned(),
                expires_at: MOMENT.to_owned(),
            })),
        )
        .problems(CONFIRMED_PROBLEMS)
        .problems([codes::SECOND_FACTOR_ON, codes::NO_SECRET])
}

pub(in crate::accounts) fn confirm_second_factor() -> Operation {
    operation("confirm_second_factor", "Confirm the second factor")
        .description(
            "Takes a code of the app. From now on signing in takes two steps. Gives recovery \
             codes, each good for one sign-in without the app.",
        )
        .takes(Content::of::<AppCode>().example(json!({ "code": "050471" })))
        .answers(recovery_codes("The second factor counts."))
        .problems([
            codes::SIGN_IN_REQUIRED,
            codes::ACCOUNT_INCOMPLETE,
            codes::INVALID_ACCOUNT,
            codes::WRONG_CODE,
            codes::NO_SECOND_FACTOR,
            codes::SECOND_FACTOR_ON,
            codes::NO_SECRET,
            codes::ACCOUNT_CHANGED,
            codes::INVALID_JSON,
            codes::NOT_AN_OBJECT,
        ])
}

pub(in crate::accounts) fn remove_second_factor() -> Operation {
    operation("remove_second_factor", "Remove the own second factor")
        .description("The password alone signs in from now on.")
        .takes(password())
        .answers(done("There is none."))
        .problems(CONFIRMED_PROBLEMS)
}

pub(in crate::accounts) fn renew_recovery_codes() -> Operation {
    operation("renew_recovery_codes", "Make new recovery codes")
        .description("Those from before count no more.")
        .takes(password())
        .answers(recovery_codes("The new ones."))
        .problems(CONFIRMED_PROBLEMS)
        .problems([codes::NO_SECOND_FACTOR])
}
