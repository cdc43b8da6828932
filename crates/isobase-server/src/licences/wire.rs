//! Licences and installations on the wire, and how their routes are described.

use isobase_http::{Answer, Content, Location, Operation, Parameter, ProblemCode};
use isobase_licences::{
    self as library, AtLimit, ImportReport, Licence, Licences, Signer, parse_moment, seconds_text,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{Call, codes, csv, request::idempotency};

/// A licence as the clients of the older service know it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LicenseRow")]
pub(super) struct Row {
    id: i64,
    email: String,
    license_key: String,
    /// ISO 8601 in UTC, without saying so; null: it never expires.
    expiry_date: Option<String>,
    /// `YYYY-MM-DD HH:MM:SS`, in UTC.
    created_at: String,
    #[schemars(extend("enum" = ["active", "suspended", "revoked"]))]
    status: String,
}

impl Row {
    pub(super) fn of(licences: &Licences, licence: &Licence) -> Self {
        Self {
            id: licence.id,
            email: licence.email.clone(),
            // A key that cannot be opened is only told apart.
            license_key: licences
                .reveal(licence)
                .unwrap_or_else(|_| format!("…{}", licence.key_last4)),
            expiry_date: licence.expiry_shown(),
            created_at: licence.created_at.clone(),
            status: licence.status().to_owned(),
        }
    }
}

/// A licence in the list of all.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ListedLicense")]
pub(super) struct Listed {
    #[serde(flatten)]
    row: Row,
    /// Whole days from its creation to its expiry; null where either is not known.
    days: Option<i64>,
}

impl Listed {
    pub(super) fn of(licences: &Licences, licence: &Licence) -> Self {
        Self { row: Row::of(licences, licence), days: licence.days() }
    }
}

/// All licences.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Licenses")]
pub(super) struct Rows {
    pub(super) licenses: Vec<Listed>,
    pub(super) count: usize,
}

/// Everything about a licence.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "License")]
pub(super) struct Detail {
    #[serde(flatten)]
    row: Row,
    /// How it stands now: `active`, `not_started`, `grace`, `expired`, `suspended`, `revoked`,
    /// `deleted`, or `unreadable` where another program stored an expiry that is none.
    state: String,
    /// Its expiry with its zone.
    expires_at: Option<String>,
    days: Option<i64>,
    key_last4: String,
    /// Its own limit of installations; null: that of the e-mail over all its licences.
    max_installations: Option<u32>,
    /// What happens at the limit; null: as the service has it.
    at_limit: Option<String>,
    allow_n: Option<u32>,
    grace_days: u32,
    suspended_at: Option<String>,
    revoked_at: Option<String>,
    deleted_at: Option<String>,
    note: Option<String>,
    tags: Vec<String>,
}

impl Detail {
    pub(super) fn of(licences: &Licences, licence: &Licence) -> Self {
        Self {
            row: Row::of(licences, licence),
            state: licence.standing(licences.now()).as_str().to_owned(),
            expires_at: licence.expires_at.clone(),
            days: licence.days(),
            key_last4: licence.key_last4.clone(),
            max_installations: licence.max_installations,
            at_limit: licence.at_limit.map(|policy| policy.as_str().to_owned()),
            allow_n: licence.allow_n,
            grace_days: licence.grace_days,
            suspended_at: licence.suspended_at.clone(),
            revoked_at: licence.revoked_at.clone(),
            deleted_at: licence.deleted_at.clone(),
            note: licence.note.clone(),
            tags: licence.tags.clone(),
        }
    }

    /// Its row of an export.
    pub(super) fn write_csv(&self, out: &mut Vec<u8>) {
        let number = |number: Option<u32>| number.map(|it| it.to_string()).unwrap_or_default();
        let (id, limit) = (self.row.id.to_string(), number(self.max_installations));
        let tags = self.tags.join(" ");
        let cells = [
            &*id,
            &*self.row.email,
            &*self.row.license_key,
            &*self.row.status,
            &*self.state,
            &*self.row.created_at,
            self.expires_at.as_deref().unwrap_or_default(),
            &*limit,
            &*tags,
            self.note.as_deref().unwrap_or_default(),
        ];
        csv::write_row(cells, out);
    }
}

/// A page of licences.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LicensePage")]
pub(super) struct Page {
    pub(super) licenses: Vec<Detail>,
    pub(super) count: usize,
    /// `cursor` of the next page; null at the end.
    pub(super) next_cursor: Option<String>,
}

/// A licence that was made, or set.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CreatedLicense")]
pub(super) struct Created {
    success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<i64>,
    email: String,
    license_key: String,
    expiry: Option<String>,
}

impl Created {
    pub(super) fn of(id: Option<i64>, (email, key): (String, String), licence: &Licence) -> Self {
        Self { success: true, id, email, license_key: key, expiry: licence.expiry_shown() }
    }
}

/// What became of many licences.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CreatedLicenses")]
pub(super) struct MadeMany {
    created: usize,
    refused: usize,
    /// One for each that was asked for, in their order.
    results: Vec<MadeOne>,
}

/// What became of one of many.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CreatedLicensesResult")]
pub(super) struct MadeOne {
    #[schemars(extend("enum" = ["created", "refused"]))]
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    license_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiry: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl MadeOne {
    pub(super) fn of(licences: &Licences, licence: &Licence) -> Self {
        let row = Row::of(licences, licence);
        Self {
            status: "created".to_owned(),
            id: Some(row.id),
            email: Some(row.email),
            license_key: Some(row.license_key),
            expiry: row.expiry_date,
            error: None,
        }
    }

    pub(super) fn refused(error: String) -> Self {
        Self {
            status: "refused".to_owned(),
            id: None,
            email: None,
            license_key: None,
            expiry: None,
            error: Some(error),
        }
    }
}

impl MadeMany {
    pub(super) fn of(results: Vec<MadeOne>) -> Self {
        let created = results.iter().filter(|it| it.error.is_none()).count();
        Self { created, refused: results.len() - created, results }
    }

    pub(super) fn created(&self) -> usize {
        self.created
    }
}

/// It is done.
#[derive(Serialize, JsonSchema)]
pub(super) struct Done {
    #[schemars(extend("const" = true))]
    success: bool,
}

impl Done {
    pub(super) const DONE: Self = Self { success: true };
}

/// Which installation gave its place up.
#[derive(Serialize, JsonSchema)]
pub(super) struct Replaced {
    pub(super) success: bool,
    pub(super) replaced: String,
}

/// An installation.
#[derive(Serialize, JsonSchema)]
pub(super) struct Installation {
    /// A number that is always the same for the same e-mail and installation.
    id: u64,
    email: String,
    installation_id: String,
    /// `YYYY-MM-DD HH:MM:SS`, in UTC.
    activated_at: Option<String>,
    last_seen: Option<String>,
}

impl Installation {
    pub(super) fn of(email: &str, installation: &library::Installation) -> Self {
        let seen = Seen::of(installation);
        Self {
            id: number(email, &seen.installation_id),
            email: email.to_owned(),
            installation_id: seen.installation_id,
            activated_at: seen.activated_at,
            last_seen: seen.last_seen,
        }
    }
}

/// A number of a pair of names, below 2^53.
fn number(email: &str, installation: &str) -> u64 {
    let mut hasher = Sha256::new();
    for name in [email, installation] {
        hasher.update((name.len() as u64).to_be_bytes());
        hasher.update(name);
    }
    let bytes = hasher.finalize();
    bytes.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte)) >> 11
}

/// Installations of an e-mail or a licence, the one that was seen last first.
#[derive(Serialize, JsonSchema)]
pub(super) struct Installations {
    pub(super) installations: Vec<Installation>,
    pub(super) count: usize,
}

/// An installation, of an e-mail that is known.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "InstallationOfEmail")]
pub(super) struct Seen {
    installation_id: String,
    activated_at: Option<String>,
    last_seen: Option<String>,
}

impl Seen {
    pub(super) fn of(installation: &library::Installation) -> Self {
        let seconds = |text: &Option<String>| {
            let moment = parse_moment(text.as_deref()?).ok()?;
            Some(seconds_text(moment))
        };
        Self {
            installation_id: installation.installation_id.clone(),
            activated_at: seconds(&installation.activated_at),
            last_seen: seconds(&installation.last_seen),
        }
    }
}

/// The installations of an e-mail.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "InstallationsOfEmail")]
pub(super) struct OfEmail {
    pub(super) email: String,
    pub(super) installations: Vec<Seen>,
    pub(super) count: usize,
}

/// What a client is told.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LicenseAnswer")]
pub(super) struct Verdict {
    /// Whether the product may be used.
    valid: bool,
    /// For programs; never changes its meaning.
    code: String,
    /// The code when `valid` is false.
    reason: Option<String>,
    /// For people.
    message: String,
    expiry: Option<String>,
    /// Installations that take the places of the licence.
    active_count: Option<usize>,
    /// How many places there are.
    limit: Option<u32>,
    /// The installation that gave its place up.
    replaced: Option<String>,
    server_time: String,
    request_id: String,
}

impl Verdict {
    pub(super) fn of(answer: &library::Answer, call: &Call, now: String) -> Self {
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

/// What a client would be told, and why.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LicenseExplanation")]
pub(super) struct Explanation {
    /// In the order in which they are looked at.
    rules: Vec<Rule>,
    answer: Verdict,
}

/// A rule.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LicenseRule")]
struct Rule {
    rule: String,
    passed: bool,
    /// The value that was looked at.
    detail: String,
}

impl Explanation {
    pub(super) fn of(explained: &library::Explanation, call: &Call, now: String) -> Self {
        let rules = explained.rules.iter().map(|it| Rule {
            rule: it.rule.to_owned(),
            passed: it.passed,
            detail: it.detail.clone(),
        });
        Self { rules: rules.collect(), answer: Verdict::of(&explained.answer, call, now) }
    }
}

/// What licence files are verified with.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LicensePublicKey")]
pub(super) struct PublicKey {
    #[schemars(extend("const" = "ed25519"))]
    alg: String,
    /// Names the key, in each file.
    kid: String,
    /// 32 bytes as Base64.
    public_key: String,
}

impl PublicKey {
    pub(super) fn of(signer: &Signer) -> Self {
        Self { alg: "ed25519".to_owned(), kid: signer.key_id(), public_key: signer.public_key() }
    }
}

/// What became of an import.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LicenseImport")]
pub(super) struct Imported {
    /// Nothing was written.
    dry_run: bool,
    licenses: Tally,
    installations: Tally,
    /// What was refused or taken over with a remark.
    errors: Vec<String>,
}

/// What became of rows of one kind.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ImportTally")]
struct Tally {
    read: u64,
    created: u64,
    updated: u64,
    unchanged: u64,
    failed: u64,
}

impl Imported {
    pub(super) fn of(report: ImportReport, dry_run: bool) -> Self {
        let tally = |it: library::Tally| Tally {
            read: it.read,
            created: it.created,
            updated: it.updated,
            unchanged: it.unchanged,
            failed: it.failed,
        };
        Self {
            dry_run,
            licenses: tally(report.licenses),
            installations: tally(report.installations),
            errors: report.errors,
        }
    }
}

fn operation(id: &'static str, summary: &'static str) -> Operation {
    Operation::new(id, "licences", summary)
}

/// A body that is read member by member.
fn takes(required: &[&str], properties: Value, example: Value) -> Content {
    let shape = json!({ "type": "object", "required": required, "properties": properties });
    Content::shaped(isobase_http::Shape::Written(shape)).example(example)
}

fn row() -> Row {
    Row {
        id: 7,
        email: "ann@example.com".to_owned(),
        license_key: KEY.to_owned(),
        expiry_date: Some("2027-11-30T12:00:00".to_owned()),
        created_at: "2026-11-30 12:00:00".to_owned(),
        status: "active".to_owned(),
    }
}

const KEY: &str = "LIC-7K3QM-0F2V9-XT4RN-5HCJ8-PD6WA-3B";

fn detail() -> Detail {
    Detail {
        row: row(),
        state: "active".to_owned(),
        expires_at: Some("2027-11-30T12:00:00.000000Z".to_owned()),
        days: Some(365),
        key_last4: "WA3B".to_owned(),
        max_installations: None,
        at_limit: None,
        allow_n: None,
        grace_days: 0,
        suspended_at: None,
        revoked_at: None,
        deleted_at: None,
        note: None,
        tags: vec!["beta".to_owned()],
    }
}

fn one(answer: Operation) -> Operation {
    let example = Content::like(&detail());
    answer.answers(Answer::new(200, "The licence.").content(example))
}

fn done(operation: Operation) -> Operation {
    operation.answers(Answer::new(200, "It is done.").content(Content::like(&Done::DONE)))
}

fn verdict() -> Verdict {
    Verdict {
        valid: true,
        code: "ok".to_owned(),
        reason: None,
        message: "License activated successfully".to_owned(),
        expiry: Some("2027-11-30T12:00:00".to_owned()),
        active_count: Some(1),
        limit: Some(2),
        replaced: None,
        server_time: "2026-11-30T12:00:00.000000Z".to_owned(),
        request_id: "0192f0c1".to_owned(),
    }
}

fn answered(operation: Operation) -> Operation {
    operation.answers(Answer::new(200, "The answer.").content(Content::like(&verdict())))
}

fn query(name: &'static str, description: &'static str, example: &str) -> Parameter {
    Parameter::new(Location::RequiredQuery, name, description).example(example)
}

fn maybe(name: &'static str, description: &'static str) -> Parameter {
    Parameter::new(Location::Query, name, description)
}

fn id() -> Parameter {
    Parameter::new(Location::Path, "id", "The number of the licence.")
        .schema(json!({ "type": "integer", "minimum": 0 }))
        .example(7)
}

fn email() -> Parameter {
    query("email", "The e-mail, in small or capital letters.", "ann@example.com")
}

fn installation_id() -> Parameter {
    query("installation_id", "The installation.", "5f0c")
}

fn terms() -> Value {
    json!({
        "email": { "type": "string", "minLength": 1, "maxLength": 320 },
        "license_key": { "type": ["string", "null"], "description": "A key of one's own." },
        "days": { "type": ["integer", "null"], "minimum": 1, "maximum": 3650 },
        "expiry_date": {
            "type": ["string", "null"],
            "description": "A date or a moment, in UTC where it names no zone; null: for ever.",
        },
        "from_first_activation": {
            "type": "boolean",
            "description": "The days begin with the first activation.",
        },
        "max_installations": {
            "type": ["integer", "null"],
            "description": "A limit of its own; null: that of the e-mail.",
        },
        "at_limit": { "enum": AtLimit::NAMES.iter().map(|name| json!(name)).chain([json!(null)]).collect::<Vec<_>>() },
        "allow_n": { "type": ["integer", "null"] },
        "grace_days": { "type": ["integer", "null"] },
        "note": { "type": ["string", "null"] },
        "tags": { "type": ["array", "null"], "items": { "type": "string" } },
    })
}

fn activation() -> Content {
    takes(
        &["email", "installation_id", "license_key"],
        json!({
            "email": { "type": "string" },
            "installation_id": { "type": "string", "minLength": 1, "maxLength": 1020 },
            "license_key": { "type": "string" },
        }),
        json!({ "email": "ann@example.com", "installation_id": "5f0c", "license_key": KEY }),
    )
}

fn pair() -> Content {
    takes(
        &["email", "installation_id"],
        json!({ "email": { "type": "string" }, "installation_id": { "type": "string" } }),
        json!({ "email": "ann@example.com", "installation_id": "5f0c" }),
    )
}

const BODY: [ProblemCode; 3] = [codes::INVALID_BODY, codes::INVALID_JSON, codes::NOT_AN_OBJECT];

pub(super) fn activate_license() -> Operation {
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

pub(super) fn validate_license() -> Operation {
    let operation = operation("validate_license", "Validate an installation")
        .description(VALIDATES)
        .takes(pair())
        .problems(BODY)
        .problems(REFUSALS);
    answered(operation)
}

pub(super) fn check_license() -> Operation {
    let operation = operation("check_license", "Validate an installation, by GET")
        .description(VALIDATES)
        .parameters([email(), installation_id()])
        .problems(REFUSALS);
    answered(operation)
}

pub(super) fn activate_for() -> Operation {
    let operation = operation("activate_license_for", "Activate an installation, for a service")
        .description(
            "As `POST /api/v1/license/activate`, for a service that answers its clients itself: \
             the answer is always 200, and `valid` and `code` say what it is.",
        )
        .takes(activation())
        .problems(BODY);
    answered(operation)
}

pub(super) fn validate_for() -> Operation {
    let operation = operation("validate_license_for", "Validate an installation, for a service")
        .description(
            "As `POST /api/v1/license/validate`, for a service that answers its clients itself: \
             the answer is always 200, and `valid` and `code` say what it is.",
        )
        .takes(pair())
        .problems(BODY);
    answered(operation)
}

pub(super) fn explain_license() -> Operation {
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

pub(super) fn get_public_key() -> Operation {
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

pub(super) fn list_all_licenses(id: &'static str) -> Operation {
    let example = Rows { licenses: vec![Listed { row: row(), days: Some(365) }], count: 1 };
    operation(id, "List all licences")
        .description(
            "Every licence that is not in the bin, at most 10,000, the newest first. \
             `GET /api/v1/db/license` has pages.",
        )
        .answers(Answer::new(200, "The licences.").content(Content::like(&example)))
}

fn choosing(operation: Operation) -> Operation {
    operation.parameters([
        maybe("email", "Of this e-mail."),
        maybe("license_key", "With this key."),
        maybe("state", "That stand so: `active`, `not_started`, `expired` (with those in their days of grace), `suspended`, `revoked`, `deleted` or `unreadable`. Default: all that are not deleted."),
        maybe("q", "With this text in e-mail or note, or with a key that ends so."),
        maybe("tag", "With this tag."),
        maybe("expires_before", "That expire before this date or moment."),
        maybe("expires_after", "That expire at this date or moment, or after it."),
    ])
}

pub(super) fn list_licenses() -> Operation {
    let limit = maybe("limit", "Licences of a page. Default 50.")
        .schema(json!({ "type": "integer", "minimum": 1, "maximum": 1000 }));
    let example = Page { licenses: vec![detail()], count: 1, next_cursor: None };
    choosing(operation("list_licenses", "List licences"))
        .description("A page of licences, the newest first.")
        .parameters([limit, maybe("cursor", "`next_cursor` of the page before.")])
        .answers(Answer::new(200, "The page.").content(Content::like(&example)))
        .problems([codes::INVALID_ARGUMENT, codes::FOREIGN_PLACE])
}

pub(super) fn export_licenses() -> Operation {
    choosing(operation("export_licenses", "Export licences as CSV"))
        .description(
            "Every licence that is chosen, streamed. Cells that a spreadsheet would take for \
             formulas begin with an apostrophe.",
        )
        .answers(Answer::new(200, "The rows.").content(Content::text("text/csv")))
}

pub(super) fn get_license_by_key() -> Operation {
    operation("get_license_by_key", "Find a licence by its key")
        .description(
            "Only one that is neither suspended, revoked nor deleted; an expired one is found. A \
             key of this service may be written in small letters or without dashes.",
        )
        .parameters([query("license_key", "The key.", KEY)])
        .answers(Answer::new(200, "The licence.").content(Content::like(&row())))
        .problems([codes::LICENSE_NOT_FOUND])
}

pub(super) fn get_license_by_email() -> Operation {
    operation("get_license_by_email", "Find the newest licence of an e-mail")
        .description(
            "Only one that is neither suspended, revoked nor deleted; an expired one is found.",
        )
        .parameters([email()])
        .answers(Answer::new(200, "The licence.").content(Content::like(&row())))
        .problems([codes::LICENSE_NOT_FOUND])
}

pub(super) fn get_license() -> Operation {
    one(operation("get_license", "Read a licence"))
        .description("Everything about a licence, also of one in the bin.")
        .parameters([id()])
        .problems([codes::LICENSE_NOT_FOUND, codes::INVALID_ID])
}

pub(super) fn put_license() -> Operation {
    let body = takes(
        &["email", "license_key", "expiry_date"],
        json!({
            "email": { "type": "string" },
            "license_key": { "type": "string" },
            "expiry_date": { "type": ["string", "null"] },
            "status": { "enum": ["active", "suspended", "inactive", "revoked", null] },
        }),
        json!({ "email": "ann@example.com", "license_key": "own-key-1", "expiry_date": "2027-11-30" }),
    );
    let example = Created::of(
        None,
        ("ann@example.com".to_owned(), "own-key-1".to_owned()),
        &Licence::default(),
    );
    operation("put_license", "Make or set a licence by its key")
        .description(
            "Makes a licence with this key, or sets expiry and status of the one that has it. The \
             key of another e-mail is refused: a licence never changes hands this way.",
        )
        .parameters([idempotency::parameter()])
        .takes(body)
        .answers(Answer::new(200, "It is there.").content(Content::like(&example)))
        .problems(BODY)
        .problems([codes::LICENSE_REFUSED, codes::INVALID_HEADER])
}

pub(super) fn create_licenses() -> Operation {
    let one = json!({ "type": "object", "required": ["email"], "properties": terms() });
    let body = takes(
        &["licenses"],
        json!({ "licenses": { "type": "array", "minItems": 1, "maxItems": 1000, "items": one } }),
        json!({ "licenses": [
            { "email": "ann@example.com", "days": 365 },
            { "email": "bob@example.com", "expiry_date": null },
        ] }),
    );
    let made = MadeOne {
        status: "created".to_owned(),
        id: Some(7),
        email: Some("ann@example.com".to_owned()),
        license_key: Some(KEY.to_owned()),
        expiry: Some("2027-11-30T12:00:00".to_owned()),
        error: None,
    };
    operation("create_licenses", "Make many licences")
        .description(
            "Makes up to 1,000 licences (8 on DynamoDB, 120 on Firestore): all of them, or none and \
             the problem names the one that cannot be. CouchDB has no transactions: there a key that \
             another request takes at the same moment refuses its licence alone, and `results` says \
             so. With an `Idempotency-Key` a repeat makes none and shows the same keys.",
        )
        .parameters([idempotency::parameter()])
        .takes(body)
        .answers(Answer::new(200, "They are there.").content(Content::like(&MadeMany::of(vec![made]))))
        .problems(BODY)
        .problems([codes::LICENSE_REFUSED, codes::LIMIT_EXCEEDED, codes::INVALID_HEADER])
}

pub(super) fn create_license(id: &'static str) -> Operation {
    let body = takes(&["email"], terms(), json!({ "email": "ann@example.com", "days": 365 }));
    let example =
        Created::of(Some(7), ("ann@example.com".to_owned(), KEY.to_owned()), &Licence::default());
    operation(id, "Make a licence")
        .description(
            "Makes a licence with a random key of 125 bits and a checksum, or with a key of one's \
             own. Default: 365 days from now.",
        )
        .takes(body)
        .answers(Answer::new(200, "It is there.").content(Content::like(&example)))
        .problems(BODY)
        .problems([codes::LICENSE_REFUSED])
}

pub(super) fn update_license() -> Operation {
    let body = takes(&[], terms(), json!({ "note": "a friend", "max_installations": 5 }));
    let operation = operation("update_license", "Edit a licence")
        .description(
            "What is not given stays as it is. Installations stay with the e-mail that they were \
             activated for. An unknown licence and the key of another are 400, as the older \
             service has it.",
        )
        .parameters([id()])
        .takes(body)
        .problems(BODY)
        .problems([codes::LICENSE_REFUSED, codes::INVALID_ID]);
    done(operation)
}

pub(super) fn delete_license(id_of: &'static str) -> Operation {
    let operation = operation(id_of, "Delete a licence")
        .description(
            "Puts a licence into the bin, from where it can be restored for 30 days. Its \
             installations stay, and are let in no more.",
        )
        .parameters([id()])
        .problems([codes::LICENSE_NOT_FOUND, codes::INVALID_ID]);
    done(operation)
}

const OF_ONE: [ProblemCode; 3] =
    [codes::LICENSE_NOT_FOUND, codes::LICENSE_STATE, codes::INVALID_ID];

fn step(name: &'static str, summary: &'static str, description: &'static str) -> Operation {
    one(operation(name, summary)).description(description).parameters([id()]).problems(OF_ONE)
}

pub(super) fn suspend_license() -> Operation {
    step(
        "suspend_license",
        "Suspend a licence",
        "Lets nothing in until it is reinstated. Refused when it is suspended already.",
    )
}

pub(super) fn reinstate_license() -> Operation {
    step(
        "reinstate_license",
        "Reinstate a licence",
        "Lets a suspended licence be used again; its installations are still there.",
    )
}

pub(super) fn revoke_license() -> Operation {
    step("revoke_license", "Revoke a licence", "Ends a licence for good; it stays in the list.")
}

pub(super) fn restore_license() -> Operation {
    step("restore_license", "Restore a licence", "Takes a licence out of the bin, within 30 days.")
}

pub(super) fn rotate_license_key() -> Operation {
    step(
        "rotate_license_key",
        "Give a licence a new key",
        "The old key is none any more. Installations stay.",
    )
}

pub(super) fn extend_license() -> Operation {
    let body = takes(
        &[],
        json!({
            "days": { "type": ["integer", "null"], "minimum": 1, "maximum": 3650 },
            "expiry_date": { "type": ["string", "null"] },
        }),
        json!({ "days": 30 }),
    );
    step(
        "extend_license",
        "Extend a licence",
        "By days after its expiry, or after now where that is over; or until `expiry_date`, null: \
         for ever.",
    )
    .takes(body)
    .problems(BODY)
}

pub(super) fn create_license_file() -> Operation {
    let body = takes(
        &[],
        json!({
            "days": { "type": ["integer", "null"], "minimum": 1, "maximum": 3650 },
            "installation_id": { "type": ["string", "null"] },
        }),
        json!({ "days": 30, "installation_id": "5f0c" }),
    );
    operation("create_license_file", "Make a licence file")
        .description(
            "A file that a product verifies without asking anybody: signed with Ed25519, good for \
             some days (default 30) and never longer than the licence, for one installation or any. \
             `isobase license verify` reads it.",
        )
        .parameters([id()])
        .takes(body)
        .answers(Answer::new(200, "The file.").content(Content::text("text/plain")))
        .problems(OF_ONE)
        .problems(BODY)
        .problems([codes::NO_LICENSE_SECRET])
}

pub(super) fn import_licenses() -> Operation {
    let body = takes(
        &[],
        json!({
            "licenses": { "type": "array", "items": { "type": "object" } },
            "installations": { "type": "array", "items": { "type": "object" } },
        }),
        json!({
            "licenses": [{
                "id": 1,
                "email": "ann@example.com",
                "license_key": "ann-example-com-20270223-48F47778",
                "expiry_date": "2027-02-23T10:00:00",
                "created_at": "2026-02-23 10:00:00",
                "status": "active",
            }],
            "installations": [{
                "email": "ann@example.com",
                "installation_id": "5f0c",
                "activated_at": "2026-02-23 10:00:00",
                "last_seen": "2026-02-24 10:00:00",
            }],
        }),
    );
    let tally = || Tally { read: 1, created: 1, updated: 0, unchanged: 0, failed: 0 };
    let example =
        Imported { dry_run: true, licenses: tally(), installations: tally(), errors: Vec::new() };
    operation("import_licenses", "Import licences and installations")
        .description(
            "Takes over rows of another program, at most 500 together. A licence is known by its \
             key and an installation by its e-mail and id, so a repeat changes nothing. A row that \
             is refused stops no other.",
        )
        .parameters([maybe("dry_run", "Say what would become of each row, and write nothing.")
            .schema(json!({ "type": "boolean" }))])
        .takes(body)
        .answers(Answer::new(200, "What became of the rows.").content(Content::like(&example)))
        .problems(BODY)
        .problems([codes::LIMIT_EXCEEDED])
}

fn installation() -> Installation {
    Installation {
        id: number("ann@example.com", "5f0c"),
        email: "ann@example.com".to_owned(),
        installation_id: "5f0c".to_owned(),
        activated_at: Some("2026-11-30 12:00:00".to_owned()),
        last_seen: Some("2026-11-30 12:00:00".to_owned()),
    }
}

fn installations() -> Content {
    Content::like(&Installations { installations: vec![installation()], count: 1 })
}

pub(super) fn list_installations() -> Operation {
    operation("list_installations", "List the installations of an e-mail")
        .description(
            "The one that was seen last first. With `installation_id` that one alone, as an object \
             of its own, or 404.",
        )
        .parameters([email(), maybe("installation_id", "Only this one.")])
        .answers(Answer::new(200, "The installations.").content(installations()))
        .problems([codes::INSTALLATION_NOT_FOUND])
}

pub(super) fn list_of_license() -> Operation {
    operation("list_license_installations", "List the installations of a licence")
        .description("Those that were activated with it, the one that was seen last first.")
        .parameters([id()])
        .answers(Answer::new(200, "The installations.").content(installations()))
        .problems([codes::LICENSE_NOT_FOUND, codes::INVALID_ID])
}

pub(super) fn list_of_email() -> Operation {
    let email = Parameter::new(Location::Path, "email", "The e-mail.").example("ann@example.com");
    let seen = Seen {
        installation_id: "5f0c".to_owned(),
        activated_at: Some("2026-11-30 12:00:00".to_owned()),
        last_seen: None,
    };
    let example =
        OfEmail { email: "ann@example.com".to_owned(), installations: vec![seen], count: 1 };
    operation("list_installations_of_email", "List the installations of an e-mail, by its path")
        .description("The one that was seen last first.")
        .parameters([email])
        .answers(Answer::new(200, "The installations.").content(Content::like(&example)))
}

pub(super) fn free_of_license() -> Operation {
    let installation =
        Parameter::new(Location::Path, "installation", "The installation.").example("5f0c");
    let operation = operation("free_license_installation", "Free an installation of a licence")
        .description("Its place is free again, and its validations say so.")
        .parameters([id(), installation])
        .problems([codes::LICENSE_NOT_FOUND, codes::INSTALLATION_NOT_FOUND, codes::INVALID_ID]);
    done(operation)
}

pub(super) fn create_installation() -> Operation {
    let upsert = maybe("upsert", "Note that it was seen when it is there already.")
        .schema(json!({ "type": "boolean" }));
    let operation = operation("create_installation", "Note an installation")
        .description(
            "For services that decide themselves: no licence is asked and no limit counts. One \
             that is there already is 409, or seen with `upsert=true`.",
        )
        .parameters([upsert])
        .takes(pair())
        .problems(BODY)
        .problems([codes::INSTALLATION_EXISTS, codes::LIMIT_EXCEEDED]);
    done(operation)
}

pub(super) fn replace_oldest() -> Operation {
    let example = Replaced { success: true, replaced: "77aa".to_owned() };
    operation("replace_oldest_installation", "Put an installation in the place of the oldest")
        .description(
            "The one that was not seen for longest gives its place up; `replaced` names it.",
        )
        .takes(pair())
        .answers(Answer::new(200, "It has the place.").content(Content::like(&example)))
        .problems(BODY)
        .problems([codes::NOTHING_TO_REPLACE])
}

pub(super) fn touch_installation(id: &'static str) -> Operation {
    let operation = operation(id, "Note that an installation was seen")
        .description("Sets when it was last seen to now.")
        .parameters([email(), installation_id()])
        .problems([codes::INSTALLATION_NOT_FOUND]);
    done(operation)
}

pub(super) fn delete_installation() -> Operation {
    let operation = operation("delete_installation", "Free an installation")
        .description("Its place is free again, and its validations say so.")
        .parameters([email(), installation_id()])
        .problems([codes::INSTALLATION_NOT_FOUND]);
    done(operation)
}
