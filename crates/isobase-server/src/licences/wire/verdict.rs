//! Answers to clients about a licence.

use isobase_licences::{self as library, Signer};
use schemars::JsonSchema;
use serde::Serialize;

use crate::Call;

/// The answer to a client.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LicenseAnswer")]
pub(in crate::licences) struct Verdict {
    /// Whether the product may be used.
    pub(super) valid: bool,
    /// For programs; never changes its meaning.
    pub(super) code: String,
    /// The code when `valid` is false.
    pub(super) reason: Option<String>,
    /// For people.
    pub(super) message: String,
    pub(super) expiry: Option<String>,
    /// Installations that take the places of the licence.
    pub(super) active_count: Option<usize>,
    /// How many places there are.
    pub(super) limit: Option<u32>,
    /// The installation that gave its place up.
    pub(super) replaced: Option<String>,
    pub(super) server_time: String,
    pub(super) request_id: String,
}

impl Verdict {
    pub(in crate::licences) fn of(answer: &library::Answer, call: &Call, now: String) -> Self {
        let code = answer.code.as_str().to_owned();
        Self {
            valid: answer.code.is_valid(),
            reason: (!answer.code.is_valid()).then(|| code.clone()),
            code,
            message: answer.message.clone(),
            expiry: answer.expiry.clone(),
            active_count: answer.active_count,
            limit: answer.limit,
            replaced: answer.replaced.clone(),
            server_time: now,
            request_id: call.request_id.to_str().unwrap_or_default().to_owned(),
        }
    }
}

/// The answer that a client would get, and why.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LicenseExplanation")]
pub(in crate::licences) struct Explanation {
    /// In the order in which they are looked at.
    pub(super) rules: Vec<Rule>,
    pub(super) answer: Verdict,
}

/// A rule.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LicenseRule")]
pub(super) struct Rule {
    pub(super) rule: String,
    pub(super) passed: bool,
    /// The value that was looked at.
    pub(super) detail: String,
}

impl Explanation {
    pub(in crate::licences) fn of(
        explained: &library::Explanation,
        call: &Call,
        now: String,
    ) -> Self {
        let rules = explained.rules.iter().map(|it| Rule {
            rule: it.rule.to_owned(),
            passed: it.passed,
            detail: it.detail.clone(),
        });
        Self { rules: rules.collect(), answer: Verdict::of(&explained.answer, call, now) }
    }
}

/// The key by which licence files are verified.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LicensePublicKey")]
pub(in crate::licences) struct PublicKey {
    #[schemars(extend("const" = "ed25519"))]
    pub(super) alg: String,
    /// Names the key, in each file.
    pub(super) kid: String,
    /// 32 bytes as Base64.
    pub(super) public_key: String,
}

impl PublicKey {
    pub(in crate::licences) fn of(signer: &Signer) -> Self {
        Self { alg: "ed25519".to_owned(), kid: signer.key_id(), public_key: signer.public_key() }
    }
}
