//! A session: who has signed in, from where, until when.

use std::{fmt, sync::Arc};

use isobase_types::{
    Document, DocumentId, Timestamp,
    json::{InvalidJson, canonicalise_document},
};
use serde::{Deserialize, Serialize};

use crate::{Account, AccountError, NoRandomness, Role, secret};

/// The system collection of the sessions.
pub const SESSIONS_COLLECTION: &str = "isobase_sessions";

/// The prefix of every token, so that scanners for leaked secrets can find it, and a key is not
/// taken for one.
const PREFIX: &str = "ises_";
/// Random bytes of a session's public id.
const ID_BYTES: usize = 8;
/// Random bytes of a token's secret: 192 bits, so its hash cannot be reversed by guessing.
const SECRET_BYTES: usize = 24;
/// Longest token that is looked at.
const TOKEN_BYTES_MAX: usize = 128;
/// Longest description of a program that is kept, in characters.
const AGENT_CHARACTERS_MAX: usize = 200;

/// How a client shows that it has a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SessionKind {
    /// A browser, by its cookie.
    Cookie,
    /// Another program, by a token in the header `Authorization`.
    Bearer,
}

impl SessionKind {
    /// `cookie` or `bearer`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cookie => "cookie",
            Self::Bearer => "bearer",
        }
    }
}

/// An owner who acts as somebody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Impersonator {
    /// The owner's account.
    pub account: DocumentId,
    /// The owner's name.
    pub name: Arc<str>,
    /// The session of the owner that this one began in, and ends with.
    pub session: Arc<str>,
    /// The mark of the owner: `account:1`.
    pub mark: Arc<str>,
    /// When it ends by itself.
    pub ends: Timestamp,
}

/// Who a token belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The public id of the session: names it in lists, and is no secret.
    pub id: Arc<str>,
    /// The account's id.
    pub account: DocumentId,
    /// The account's name.
    pub name: Arc<str>,
    /// The account's role.
    pub role: Role,
    /// How it is shown.
    pub kind: SessionKind,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// The owner who acts by it; `None` where the account itself does.
    pub by: Option<Arc<Impersonator>>,
    /// The mark that tells accounts apart from keys and each other.
    pub(crate) mark: Arc<str>,
}

impl Session {
    pub(crate) fn of(id: &str, stored: &StoredSession, account: &Account) -> Self {
        Self {
            id: id.into(),
            account: account.id.clone(),
            name: account.name.as_str().into(),
            role: account.role.clone(),
            kind: stored.kind,
            expires_at: Timestamp { unix_us: stored.expires_us },
            by: stored.impersonator().map(Arc::new),
            mark: mark(&account.id).into(),
        }
    }
}

/// A session that has just begun. The token is shown once: only its hash is kept.
pub struct CreatedSession {
    /// The session.
    pub session: Session,
    /// The token: `ises_<id>_<secret>`.
    pub token: String,
}

/// Hides the token: in a log it is a leak.
impl fmt::Debug for CreatedSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreatedSession").field("session", &self.session).finish_non_exhaustive()
    }
}

/// A session as its account sees it in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionInfo {
    /// Its public id.
    pub id: String,
    /// How it is shown.
    pub kind: SessionKind,
    /// The program that began it, as it called itself.
    pub agent: Option<String>,
    /// When it was last used, to the minute; `None` if it never was.
    pub last_used_at: Option<Timestamp>,
    /// When it began.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// The name of the owner who acts by it; `None` where the account itself does.
    pub by: Option<String>,
}

/// The body of a session's document; its id is the session's.
#[derive(Serialize, Deserialize)]
pub(crate) struct StoredSession {
    /// The account's id, as it stands in a document that refers to another.
    pub(crate) account: serde_json::Value,
    /// The epoch of the account's sessions in which it began.
    pub(crate) epoch: u64,
    /// The hash of the secret.
    pub(crate) hash: String,
    pub(crate) kind: SessionKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) agent: Option<String>,
    /// Microseconds since 1970.
    pub(crate) created_us: i64,
    /// Microseconds since 1970.
    pub(crate) expires_us: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) by: Option<StoredImpersonator>,
}

/// An owner who acts as the account of a session.
#[derive(Serialize, Deserialize)]
pub(crate) struct StoredImpersonator {
    account: serde_json::Value,
    name: String,
    session: String,
}

impl StoredImpersonator {
    pub(crate) fn of(owner: &Session) -> Self {
        Self {
            account: reference(&owner.account),
            name: owner.name.to_string(),
            session: owner.id.to_string(),
        }
    }
}

impl StoredSession {
    pub(crate) fn read(document: &Document) -> Result<Self, AccountError> {
        serde_json::from_str(&document.body)
            .map_err(|_| AccountError::Unreadable(format!("session {}", document.id)))
    }

    pub(crate) fn body(&self) -> Result<String, InvalidJson> {
        let text = serde_json::to_vec(self).expect("text and numbers always serialise");
        canonicalise_document(&text)
    }

    pub(crate) fn account(&self) -> Option<DocumentId> {
        referred(&self.account)
    }

    /// The owner who acts by it.
    pub(crate) fn impersonator(&self) -> Option<Impersonator> {
        let by = self.by.as_ref()?;
        let account = referred(&by.account)?;
        Some(Impersonator {
            mark: mark(&account).into(),
            account,
            name: by.name.as_str().into(),
            session: by.session.as_str().into(),
            ends: Timestamp { unix_us: self.expires_us },
        })
    }

    pub(crate) fn is_over(&self, now: Timestamp) -> bool {
        self.expires_us <= now.unix_us
    }

    pub(crate) fn info(&self, id: String, last_used_at: Option<Timestamp>) -> SessionInfo {
        SessionInfo {
            id,
            last_used_at,
            kind: self.kind,
            agent: self.agent.clone(),
            created_at: Timestamp { unix_us: self.created_us },
            expires_at: Timestamp { unix_us: self.expires_us },
            by: self.by.as_ref().map(|by| by.name.clone()),
        }
    }
}

/// The id that a JSON value is.
fn referred(value: &serde_json::Value) -> Option<DocumentId> {
    match value {
        serde_json::Value::Number(number) => number.as_i64().map(DocumentId::Integer),
        serde_json::Value::String(text) => DocumentId::parse(text).ok(),
        _ => None,
    }
}

/// The mark that tells an account apart from keys and other accounts.
pub(crate) fn mark(account: &DocumentId) -> String {
    format!("account:{account}")
}

/// A document's id as a JSON value.
pub(crate) fn reference(id: &DocumentId) -> serde_json::Value {
    match id {
        DocumentId::Integer(integer) => (*integer).into(),
        DocumentId::Text(text) => serde_json::Value::from(&**text),
    }
}

/// The parts of a new token.
pub(crate) struct Token {
    pub(crate) id: String,
    pub(crate) secret: String,
}

impl Token {
    pub(crate) fn random() -> Result<Self, NoRandomness> {
        // A letter first: an id of digits alone would be an integer.
        let id = format!("s{}", secret::random_text::<ID_BYTES>()?);
        Ok(Self { id, secret: secret::random_text::<SECRET_BYTES>()? })
    }

    pub(crate) fn text(&self) -> String {
        format!("{PREFIX}{}_{}", self.id, self.secret)
    }
}

/// The id and secret of a token; `None` if it is no token of ours.
pub(crate) fn split(token: &str) -> Option<(&str, &str)> {
    if token.len() > TOKEN_BYTES_MAX {
        return None;
    }
    token.strip_prefix(PREFIX)?.split_once('_')
}

/// Whether a credential is to be looked for among the sessions.
#[must_use]
pub fn is_session_token(credential: &str) -> bool {
    credential.starts_with(PREFIX)
}

/// The stored form of a `User-Agent`: printable, and not for long.
pub(crate) fn agent(text: &str) -> Option<String> {
    let printable = text.chars().filter(|c| !c.is_control());
    let kept: String = printable.take(AGENT_CHARACTERS_MAX).collect();
    (!kept.is_empty()).then_some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_token_splits_into_its_parts() {
        let token = Token::random().unwrap();
        let text = token.text();
        assert!(is_session_token(&text));
        assert_eq!(split(&text), Some((token.id.as_str(), token.secret.as_str())));
        assert_eq!(token.secret.len(), SECRET_BYTES * 2);
        assert!(matches!(DocumentId::parse(&token.id), Ok(DocumentId::Text(_))));
        for other in ["", "ises_", "ises_abc", "iso_a_b", &format!("ises_a_{}", "b".repeat(300))] {
            assert_eq!(split(other), None, "{other}");
        }
    }

    #[test]
    fn programs_are_kept_short_and_printable() {
        assert_eq!(agent("curl/8\r\n"), Some("curl/8".to_owned()));
        assert_eq!(agent("\u{1}"), None);
        assert_eq!(agent(&"\u{fc}".repeat(500)).unwrap().chars().count(), AGENT_CHARACTERS_MAX);
    }
}
