//! How the routes of clients are described: to activate, validate, explain.

use isobase_http::{Answer, Content, Operation, ProblemCode};

use super::{
    described::{
        BODY, activation, answered, described_pair, email, installation_id, operation, verdict,
    },
    verdict::{Explanation, PublicKey, Rule},
};
use crate::codes;

pub(in crate::licences) fn activate_license() -> Operation {
    let operation = operation("activate_license", "Activate an installation")
        .description(
            "Gives an installation a place of the licence of the key. The same installation keeps \
             its place however often it asks. Where there is no free place the policy of the \
             licence decides: `replace_oldest` (the default) takes the place of the installation \
             that was not seen for longest, `reject` refuses, `allow_n` lets `allow_n` more in. \
             The limit is 2 for an e-mail over all its licences, or that of the licence. Public: \
             the key of the licence is the credential. An outage is 503, never one of the \
             refusals.",
        )
        .takes(activation())
        .problems(BODY)
        .problems([
            codes::INVALID_LICENSE,
            codes::MALFORMED_KEY,
            codes::EMAIL_MISMATCH,
            codes::LICENSE_EXPIRED,
            codes::LICENSE_SUSPENDED,
            codes::LICENSE_REVOKED,
            codes::INSTALLATION_LIMIT,
            codes::RATE_LIMITED,
        ]);
    answered(operation)
}

const VALIDATES: &str = "Looks at the licence that the installation was activated with; of one that \
    was only noted, at the newest of the e-mail. Notes at most once a minute that the installation \
    was seen. Refusals have the status 403, whatever the status of their code elsewhere. An outage \
    is 503, never a refusal.";

const REFUSALS: [ProblemCode; 4] = [
    codes::INSTALLATION_FREED,
    codes::NO_ACTIVE_LICENSE,
    codes::INSTALLATION_NOT_FOUND,
    codes::RATE_LIMITED,
];

pub(in crate::licences) fn validate_license() -> Operation {
    let operation = operation("validate_license", "Validate an installation")
        .description(VALIDATES)
        .takes(described_pair())
        .problems(BODY)
        .problems(REFUSALS);
    answered(operation)
}

pub(in crate::licences) fn check_license() -> Operation {
    let operation = operation("check_license", "Validate an installation, by GET")
        .description(VALIDATES)
        .parameters([email(), installation_id()])
        .problems(REFUSALS);
    answered(operation)
}

pub(in crate::licences) fn activate_for() -> Operation {
    let operation = operation("activate_license_for", "Activate an installation, for a service")
        .description(
            "As `POST /api/v1/license/activate`, for a service that answers its clients itself: \
             the answer is always 200, and `valid` and `code` say what it is.",
        )
        .takes(activation())
        .problems(BODY);
    answered(operation)
}

pub(in crate::licences) fn validate_for() -> Operation {
    let operation = operation("validate_license_for", "Validate an installation, for a service")
        .description(
            "As `POST /api/v1/license/validate`, for a service that answers its clients itself: \
             the answer is always 200, and `valid` and `code` say what it is.",
        )
        .takes(described_pair())
        .problems(BODY);
    answered(operation)
}

pub(in crate::licences) fn explain_license() -> Operation {
    let rule = Rule {
        rule: "email_matches".to_owned(),
        passed: true,
        detail: "ann@example.com".to_owned(),
    };
    let example = Explanation { rules: vec![rule], answer: verdict() };
    operation("explain_license", "Explain an activation")
        .description("What an activation would be told, and each rule with the value it looked at. Nothing is written.")
        .takes(activation())
        .answers(Answer::new(200, "The explanation.").content(Content::like(&example)))
        .problems(BODY)
}

pub(in crate::licences) fn get_public_key() -> Operation {
    let example = PublicKey {
        alg: "ed25519".to_owned(),
        kid: "9f86d081884c7d65".to_owned(),
        public_key: "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=".to_owned(),
    };
    operation("get_license_public_key", "Read the public key of licence files")
        .description("What a product verifies licence files with, without asking anybody.")
        .answers(Answer::new(200, "The key.").content(Content::like(&example)))
        .problems([codes::NO_LICENSE_SECRET])
}
