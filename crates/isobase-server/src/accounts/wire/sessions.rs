//! Sessions of the caller.

use isobase_auth::{Account, CreatedSession, SessionInfo};
use isobase_http::{Answer, Content, Location, Operation, Parameter};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    described::{MOMENT, Named, done, operation},
    sign_in::{SIGN_IN_PROBLEMS, sign_in},
};
use crate::codes;

/// A session that has just begun.
#[derive(Serialize, JsonSchema)]
pub(in crate::accounts) struct BegunSession {
    /// Send it as `Authorization: Bearer <token>`. It is shown only now.
    token: String,
    session: String,
    expires_at: String,
    user: Named,
}

impl BegunSession {
    pub(in crate::accounts) fn of(created: &CreatedSession, account: &Account) -> Self {
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
pub(in crate::accounts) struct Renewed {
    pub(in crate::accounts) expires_at: String,
}

/// A session of the one who asks.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Session")]
pub(in crate::accounts) struct ListedSession {
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
    pub(in crate::accounts) fn of(session: &SessionInfo, current: &str) -> Self {
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
pub(in crate::accounts) struct ListedSessions {
    pub(in crate::accounts) sessions: Vec<ListedSession>,
}

pub(in crate::accounts) fn create_session() -> Operation {
    let example = BegunSession {
        token: "ises_s0f1e2d3c4b5a697_…".to_owned(),
        session: "s0f1e2d3c4b5a697".to_owned(),
        expires_at: MOMENT.to_owned(),
        user: Named::example(),
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

pub(in crate::accounts) fn list_sessions() -> Operation {
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

pub(in crate::accounts) fn end_sessions() -> Operation {
    operation("end_sessions", "End all other sessions")
        .description("Ends all sessions of the account but the one that asks.")
        .answers(done("They are over."))
        .problems([codes::SIGN_IN_REQUIRED, codes::ACCOUNT_CHANGED])
}

pub(in crate::accounts) fn end_session() -> Operation {
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

pub(in crate::accounts) fn renew_session() -> Operation {
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
