//! What is said about accounts, and how their routes are described.

use isobase_auth::{
    Account, CreatedSession, LinkedIdentity, Provider, SecondFactor, SecondFactorOffer, SessionInfo,
};
use isobase_http::{Answer, Content, Location, Operation, Parameter};
use isobase_types::DocumentId;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::codes;

/// An id: a number that the database gave, or a text that another program did.
#[derive(Clone, Serialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Id {
    Integer(i64),
    Text(String),
}

impl Id {
    fn of(id: &DocumentId) -> Self {
        match id {
            DocumentId::Integer(integer) => Self::Integer(*integer),
            DocumentId::Text(text) => Self::Text(text.to_string()),
        }
    }
}

/// Who signed in.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "NamedAccount")]
pub(super) struct Named {
    id: Id,
    username: String,
}

impl Named {
    pub(super) fn of(account: &Account) -> Self {
        Self { id: Id::of(&account.id), username: account.name.clone() }
    }
}

/// An account. Nothing about its password is ever shown.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Account")]
pub(super) struct Me {
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
    /// The owner who acts as this account by the session that asks; left out where nobody does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) impersonated_by: Option<String>,
}

impl Me {
    pub(super) fn of(account: &Account) -> Self {
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

    fn example() -> Self {
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

/// Accounts by their ids.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Accounts")]
pub(super) struct ListedAccounts {
    pub(super) accounts: Vec<Me>,
    /// The `cursor` of the next part; null at the end.
    pub(super) next: Option<String>,
}

/// The second factor of the one who asks.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SecondFactor")]
pub(super) struct ShownSecondFactor {
    enabled: bool,
    /// Since when it counts; null when there is none.
    since: Option<String>,
    recovery_codes_left: usize,
}

impl ShownSecondFactor {
    pub(super) fn of(factor: Option<&SecondFactor>) -> Self {
        Self {
            enabled: factor.is_some(),
            since: factor.map(|factor| factor.since.to_string()),
            recovery_codes_left: factor.map_or(0, |factor| factor.recovery_codes_left),
        }
    }
}

/// A service whose accounts sign in here.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Provider")]
pub(super) struct ListedProvider {
    id: String,
    /// What people call it.
    label: String,
    /// Where a link or a button leads.
    url: String,
}

impl ListedProvider {
    pub(super) fn of(provider: &Provider) -> Self {
        let id = provider.id.clone();
        let url = format!("/api/login/with/{id}");
        Self { id, label: provider.label.clone(), url }
    }
}

/// The providers, in the order of their names.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Providers")]
pub(super) struct ListedProviders {
    pub(super) providers: Vec<ListedProvider>,
}

/// Where a browser goes to link an identity.
#[derive(Serialize, JsonSchema)]
pub(super) struct LinkStarted {
    pub(super) url: String,
}

/// An account of another service that signs in to this one.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Identity")]
pub(super) struct ListedIdentity {
    provider: String,
    /// What the provider calls the person, for good.
    subject: String,
    email: Option<String>,
    linked_at: String,
}

impl ListedIdentity {
    pub(super) fn of(identity: &LinkedIdentity) -> Self {
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
pub(super) struct ListedIdentities {
    pub(super) identities: Vec<ListedIdentity>,
    /// Whether a password signs in to the account, too. Else the last identity cannot be unlinked,
    /// and a session from just now stands for the password.
    pub(super) has_password: bool,
}

/// A secret for an authenticator app. It is shown only now.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SecondFactorOffer")]
pub(super) struct Offered {
    /// In base32, to be typed.
    secret: String,
    /// The same as `otpauth://totp/…`, to be shown as a picture.
    uri: String,
    /// Until when it can be confirmed.
    expires_at: String,
}

impl Offered {
    pub(super) fn of(offer: SecondFactorOffer) -> Self {
        let expires_at = offer.expires_at.to_string();
        Self { secret: offer.secret, uri: offer.uri, expires_at }
    }
}

/// Codes that each sign in once in place of the app's. They are shown only now.
#[derive(Serialize, JsonSchema)]
pub(super) struct RecoveryCodes {
    pub(super) recovery_codes: Vec<String>,
}

/// It is done.
#[derive(Serialize, JsonSchema)]
pub(super) struct Done {
    #[schemars(extend("const" = true))]
    ok: bool,
}

impl Done {
    pub(super) const OK: Self = Self { ok: true };
}

/// A session that has just begun.
#[derive(Serialize, JsonSchema)]
pub(super) struct BegunSession {
    /// Send it as `Authorization: Bearer <token>`. It is shown only now.
    token: String,
    session: String,
    expires_at: String,
    user: Named,
}

impl BegunSession {
    pub(super) fn of(created: &CreatedSession, account: &Account) -> Self {
        Self {
            token: created.token.clone(),
            session: created.session.id.to_string(),
            expires_at: created.session.expires_at.to_string(),
            user: Named::of(account),
        }
    }
}

/// Until when a session lasts.
#[derive(Serialize, JsonSchema)]
pub(super) struct Renewed {
    pub(super) expires_at: String,
}

/// A session of the one who asks.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Session")]
pub(super) struct ListedSession {
    id: String,
    #[schemars(extend("enum" = ["cookie", "bearer"]))]
    kind: &'static str,
    /// The program that began it, as it called itself.
    agent: Option<String>,
    created_at: String,
    /// To the minute; null if its token was never shown.
    last_used_at: Option<String>,
    expires_at: String,
    /// Whether it is the one that asks.
    current: bool,
    /// The owner who acts by it; left out where the account itself does.
    #[serde(skip_serializing_if = "Option::is_none")]
    impersonated_by: Option<String>,
}

impl ListedSession {
    pub(super) fn of(session: &SessionInfo, current: &str) -> Self {
        Self {
            id: session.id.clone(),
            kind: session.kind.as_str(),
            agent: session.agent.clone(),
            created_at: session.created_at.to_string(),
            last_used_at: session.last_used_at.map(|at| at.to_string()),
            expires_at: session.expires_at.to_string(),
            current: session.id == current,
            impersonated_by: session.by.clone(),
        }
    }
}

/// The sessions of the one who asks, the latest first.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Sessions")]
pub(super) struct ListedSessions {
    pub(super) sessions: Vec<ListedSession>,
}

// Bodies that are read are described only: they are read leniently, as their clients send them.

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

/// Who is to get an account.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used")]
struct Register {
    username: String,
    email: Option<String>,
    password: String,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used")]
struct ChangePassword {
    /// None where the account has none, and its session began within ten minutes.
    current_password: Option<String>,
    new_password: String,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used")]
struct ConfirmPassword {
    /// None where the account has none, and its session began within ten minutes.
    password: Option<String>,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used")]
struct NewAccount {
    username: String,
    email: Option<String>,
    password: String,
    /// `owner`, `admin`, `user`, or a word of the app's own. Default `user`.
    role: Option<String>,
}

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
    /// What stands behind the `#` of the letter's link.
    token: String,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used")]
struct NewPassword {
    /// What stands behind the `#` of the letter's link.
    token: String,
    password: String,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used")]
struct FirstOwner {
    /// What stands behind the `#` of the link.
    token: String,
    username: String,
    email: Option<String>,
    password: String,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used")]
struct AccountChange {
    role: Option<String>,
    /// `false` removes it.
    second_factor: Option<bool>,
    /// Whether the e-mail address is known to be right.
    verified: Option<bool>,
    disabled: Option<bool>,
    password: Option<String>,
}

/// What identity is to be linked.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used")]
struct Link {
    provider: String,
    /// The account's; none where it has none, and its session began within ten minutes.
    password: Option<String>,
    /// The path to go to afterwards. Default `/`.
    return_to: Option<String>,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used")]
struct AppCode {
    /// As the authenticator app shows it.
    code: String,
}

const MOMENT: &str = "2026-11-20T14:09:00.000000Z";

fn operation(id: &'static str, summary: &'static str) -> Operation {
    Operation::new(id, "accounts", summary)
}

fn named() -> Content {
    Content::like(&Named { id: Id::Integer(1), username: "alice".to_owned() })
}

fn done(when: &'static str) -> Answer {
    Answer::new(200, when).content(Content::like(&Done::OK))
}

const SET_COOKIE: (&str, &str) =
    ("Set-Cookie", "The session: HttpOnly, SameSite, Secure behind https. None for foreign pages.");

pub(super) fn register() -> Operation {
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

const SIGN_IN_PROBLEMS: [isobase_http::ProblemCode; 11] = [
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

fn sign_in() -> Content {
    Content::of::<SignIn>().example(json!({
        "username": "alice", "password": "correct horse battery",
    }))
}

pub(super) fn login() -> Operation {
    operation("login", "Sign in, in a browser")
        .description(
            "Signs in with a name or an e-mail address. The browser keeps the session as a cookie \
             that scripts cannot read. A name that does not exist, a wrong password and a missing \
             field are answered alike. An account with a second factor is answered 401 \
             `second_factor_required` with a `challenge`, which goes to the same route with a `code`.",
        )
        .takes(sign_in())
        .answers(Answer::new(200, "Who signed in.").headers([SET_COOKIE]).content(named()))
        .problems(SIGN_IN_PROBLEMS)
}

pub(super) fn logout() -> Operation {
    operation("logout", "Sign out")
        .description("Ends the session of the cookie or the token. Without one nothing happens.")
        .answers(done("Signed out."))
        .problems([codes::ORIGIN_NOT_ALLOWED])
}

pub(super) fn get_me() -> Operation {
    operation("get_me", "Read the own account")
        .description("The account of the session.")
        .answers(Answer::new(200, "The account.").content(Content::like(&Me::example())))
        .problems([codes::SIGN_IN_REQUIRED])
}

pub(super) fn delete_me() -> Operation {
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

pub(super) fn change_password() -> Operation {
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

pub(super) fn create_session() -> Operation {
    let example = BegunSession {
        token: "ises_s0f1e2d3c4b5a697_…".to_owned(),
        session: "s0f1e2d3c4b5a697".to_owned(),
        expires_at: MOMENT.to_owned(),
        user: Named { id: Id::Integer(1), username: "alice".to_owned() },
    };
    operation("create_session", "Sign in, in another program")
        .description(
            "Signs in with a name or an e-mail address, and gives a token for the header \
             `Authorization: Bearer <token>`. Sets no cookie.",
        )
        .takes(sign_in())
        .answers(Answer::new(200, "The session.").content(Content::like(&example)))
        .problems(SIGN_IN_PROBLEMS)
}

pub(super) fn list_sessions() -> Operation {
    let session = ListedSession {
        id: "s0f1e2d3c4b5a697".to_owned(),
        kind: "cookie",
        agent: Some("Mozilla/5.0".to_owned()),
        created_at: MOMENT.to_owned(),
        last_used_at: Some(MOMENT.to_owned()),
        expires_at: MOMENT.to_owned(),
        current: true,
        impersonated_by: None,
    };
    operation("list_sessions", "List the own sessions")
        .description("The sessions of the account that go on, the latest first; at most 100.")
        .answers(
            Answer::new(200, "The sessions.")
                .content(Content::like(&ListedSessions { sessions: vec![session] })),
        )
        .problems([codes::SIGN_IN_REQUIRED])
}

pub(super) fn end_sessions() -> Operation {
    operation("end_sessions", "End all other sessions")
        .description("Ends all sessions of the account but the one that asks.")
        .answers(done("They are over."))
        .problems([codes::SIGN_IN_REQUIRED, codes::ACCOUNT_CHANGED])
}

pub(super) fn end_session() -> Operation {
    let session =
        Parameter::new(Location::Path, "session", "The id of a session, as the list shows it.")
            .example("s0f1e2d3c4b5a697");
    operation("end_session", "End a session")
        .description(
            "Its token is refused from now on, by other services on the database within seconds.",
        )
        .parameters([session])
        .answers(done("It is over."))
        .problems([codes::SIGN_IN_REQUIRED, codes::SESSION_NOT_FOUND])
}

pub(super) fn renew_session() -> Operation {
    operation("renew_session", "Renew the own session")
        .description(
            "The session lasts as long as one that begins now, with the same token. In a browser \
             the cookie too.",
        )
        .answers(
            Answer::new(200, "Until when.")
                .content(Content::like(&Renewed { expires_at: MOMENT.to_owned() })),
        )
        .problems([codes::SIGN_IN_REQUIRED])
}

fn provider() -> Parameter {
    Parameter::new(Location::Path, "provider", "The name of a provider.").example("google")
}

const PROVIDER_PROBLEMS: [isobase_http::ProblemCode; 6] = [
    codes::PROVIDER_NOT_FOUND,
    codes::PROVIDER_UNAVAILABLE,
    codes::INVALID_ACCOUNT,
    codes::NO_PUBLIC_URL,
    codes::NO_SECRET,
    codes::TOO_MANY_ATTEMPTS,
];

pub(super) fn list_providers() -> Operation {
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

pub(super) fn begin_sign_in() -> Operation {
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

pub(super) fn finish_sign_in() -> Operation {
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

pub(super) fn list_identities() -> Operation {
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

pub(super) fn begin_link() -> Operation {
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

pub(super) fn unlink_identity() -> Operation {
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

const CONFIRMED_PROBLEMS: [isobase_http::ProblemCode; 8] = [
    codes::SIGN_IN_AGAIN,
    codes::SIGN_IN_REQUIRED,
    codes::INVALID_CREDENTIALS,
    codes::ACCOUNT_CHANGED,
    codes::INVALID_JSON,
    codes::NOT_AN_OBJECT,
    codes::TOO_MANY_ATTEMPTS,
    codes::TOO_MANY_SIGN_INS,
];

fn password() -> Content {
    Content::of::<ConfirmPassword>().example(json!({ "password": "correct horse" }))
}

fn recovery_codes(when: &'static str) -> Answer {
    Answer::new(200, when).content(Content::like(&RecoveryCodes {
        recovery_codes: vec!["mzxw-6ytb-oi2d-k5lp".to_owned()],
    }))
}

pub(super) fn get_second_factor() -> Operation {
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

pub(super) fn offer_second_factor() -> Operation {
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

pub(super) fn confirm_second_factor() -> Operation {
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

pub(super) fn remove_second_factor() -> Operation {
    operation("remove_second_factor", "Remove the own second factor")
        .description("The password alone signs in from now on.")
        .takes(password())
        .answers(done("There is none."))
        .problems(CONFIRMED_PROBLEMS)
}

pub(super) fn renew_recovery_codes() -> Operation {
    operation("renew_recovery_codes", "Make new recovery codes")
        .description("Those from before count no more.")
        .takes(password())
        .answers(recovery_codes("The new ones."))
        .problems(CONFIRMED_PROBLEMS)
        .problems([codes::NO_SECOND_FACTOR])
}

fn address() -> Content {
    Content::of::<Address>().example(json!({ "email": "alice@example.org" }))
}

const MAIL_PROBLEMS: [isobase_http::ProblemCode; 5] = [
    codes::ACCOUNT_INCOMPLETE,
    codes::NO_MAIL,
    codes::TOO_MANY_ATTEMPTS,
    codes::INVALID_JSON,
    codes::NOT_AN_OBJECT,
];

pub(super) fn send_verification() -> Operation {
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

pub(super) fn change_email() -> Operation {
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

pub(super) fn verify_email() -> Operation {
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

pub(super) fn send_reset() -> Operation {
    operation("send_reset", "Send a letter for another password")
        .description(
            "If an account has the address, sends a letter with a link to choose another \
             password. The answer does not tell whether one has.",
        )
        .takes(address())
        .answers(done("If there is such an account, the letter is on its way."))
        .problems(MAIL_PROBLEMS)
}

pub(super) fn reset_password() -> Operation {
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

pub(super) fn send_code() -> Operation {
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

pub(super) fn get_confirm() -> Operation {
    operation("get_confirm", "Show the page for links of letters")
        .description("The page behind the links of letters.")
        .answers(Answer::new(200, "The page.").content(Content::text("text/html")))
}

pub(super) fn get_setup() -> Operation {
    operation("get_setup", "Show the page for the first owner")
        .description(
            "The page behind the link that the service prints at its start while there is no \
             owner.",
        )
        .answers(Answer::new(200, "The page.").content(Content::text("text/html")))
}

pub(super) fn create_owner() -> Operation {
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

fn account() -> Parameter {
    Parameter::new(Location::Path, "account", "The id, the name or the e-mail address.")
        .example("alice")
}

fn shown(status: u16, when: &'static str) -> Answer {
    Answer::new(status, when).content(Content::like(&Me::example()))
}

pub(super) fn list_accounts() -> Operation {
    let limit = Parameter::new(Location::Query, "limit", "At most this many. Default 100.")
        .schema(json!({ "type": "integer", "minimum": 1, "maximum": 1000 }))
        .example(100);
    let cursor = Parameter::new(Location::Query, "cursor", "The `next` of the part before.");
    operation("list_accounts", "List accounts")
        .description("A part of the list of all accounts, by their ids.")
        .parameters([limit, cursor])
        .answers(
            Answer::new(200, "The accounts.").content(Content::like(&ListedAccounts {
                accounts: vec![Me::example()],
                next: None,
            })),
        )
        .problems([codes::INVALID_ARGUMENT])
}

pub(super) fn create_account() -> Operation {
    operation("create_account", "Create an account")
        .description(
            "Makes an account with a role, also where nobody may register. The passwords of owners \
             and admins have at least 12 characters; only owners and whoever runs the service make \
             owners.",
        )
        .takes(Content::of::<NewAccount>().example(json!({
            "username": "bob", "password": "correct horse battery", "role": "admin",
        })))
        .answers(shown(201, "The account."))
        .problems([
            codes::ACCOUNT_INCOMPLETE,
            codes::NAME_TAKEN,
            codes::EMAIL_TAKEN,
            codes::INVALID_ACCOUNT,
            codes::OWNERS_ONLY,
            codes::INVALID_JSON,
            codes::NOT_AN_OBJECT,
            codes::TOO_MANY_SIGN_INS,
        ])
}

pub(super) fn get_account() -> Operation {
    operation("get_account", "Read an account")
        .description("One account.")
        .parameters([account()])
        .answers(shown(200, "The account."))
        .problems([codes::ACCOUNT_NOT_FOUND])
}

pub(super) fn change_account() -> Operation {
    operation("change_account", "Change an account")
        .description(
            "Gives it another role, shuts it out or lets it in, sets its password, removes its second \
             factor; what is not given stays. When it is shut out or gets another password its sessions end.",
        )
        .parameters([account()])
        .takes(Content::of::<AccountChange>().example(json!({ "role": "editor" })))
        .answers(shown(200, "The account as it is now."))
        .problems([
            codes::ACCOUNT_NOT_FOUND,
            codes::INVALID_ACCOUNT,
            codes::OWNERS_ONLY,
            codes::LAST_OWNER,
            codes::ACCOUNT_CHANGED,
            codes::INVALID_JSON,
            codes::NOT_AN_OBJECT,
            codes::TOO_MANY_SIGN_INS,
        ])
}

pub(super) fn delete_account() -> Operation {
    operation("delete_account", "Delete an account")
        .description("Deletes an account with its sessions, as `delete_me` does.")
        .parameters([account()])
        .answers(done("It is gone."))
        .problems([
            codes::ACCOUNT_NOT_FOUND,
            codes::OWNERS_ONLY,
            codes::LAST_OWNER,
            codes::REFERENCED,
            codes::ACCOUNT_CHANGED,
        ])
}

fn session() -> Parameter {
    Parameter::new(Location::Path, "session", "Its id.").example("s0f1e2d3c4b5a697")
}

pub(super) fn list_account_sessions() -> Operation {
    operation("list_account_sessions", "List the sessions of an account")
        .description("The sessions that go on, the latest first; at most 100.")
        .parameters([account()])
        .answers(Answer::new(200, "The sessions.").content(Content::of::<ListedSessions>()))
        .problems([codes::ACCOUNT_NOT_FOUND, codes::INVALID_PARAMETER])
}

pub(super) fn end_account_sessions() -> Operation {
    operation("end_account_sessions", "End the sessions of an account")
        .description("Signs somebody out everywhere. Written to the audit.")
        .parameters([account()])
        .answers(done("They are over."))
        .problems([codes::ACCOUNT_NOT_FOUND, codes::OWNERS_ONLY, codes::ACCOUNT_CHANGED])
}

pub(super) fn impersonate_account() -> Operation {
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

pub(super) fn end_impersonation() -> Operation {
    operation("end_impersonation", "Stop acting as an account")
        .description("Ends the session; a browser is the owner again.")
        .answers(done("It is over."))
        .problems([codes::SIGN_IN_REQUIRED, codes::NOT_IMPERSONATING])
}

/// A session by which an owner acts as somebody else.
#[derive(Serialize, JsonSchema)]
pub(super) struct Impersonation {
    pub(super) username: String,
    pub(super) role: String,
    pub(super) impersonated_by: String,
    pub(super) expires_at: String,
    /// For programs that are no browsers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) token: Option<String>,
}

pub(super) fn end_account_session() -> Operation {
    operation("end_account_session", "End a session of an account")
        .description("Its token is refused from now on. Written to the audit.")
        .parameters([account(), session()])
        .answers(done("It is over."))
        .problems([codes::ACCOUNT_NOT_FOUND, codes::OWNERS_ONLY, codes::SESSION_NOT_FOUND])
}
