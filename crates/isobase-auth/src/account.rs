//! An account, and how it is stored.

use isobase_types::{
    Document, DocumentId, Revision, Timestamp,
    json::{InvalidJson, canonicalise_document},
};
use serde::{Deserialize, Serialize};

use crate::{
    AccountError, Role,
    account_name::Names,
    identity::Identities,
    one_time::OneTime,
    second_factor::{PendingTotp, StoredChallenge, StoredTotp},
};

/// The system collection of the accounts.
pub const ACCOUNTS_COLLECTION: &str = "isobase_accounts";

/// Somebody who can sign in. What is kept of the password is not part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The id of its document.
    pub id: DocumentId,
    /// Changes with everything else.
    pub revision: Revision,
    /// Its name, unique.
    pub name: String,
    /// Where mail reaches it, unique without regard to case; `None` without one.
    pub email: Option<String>,
    /// Whether mail to the address was answered.
    pub verified: bool,
    /// Its rights.
    pub role: Role,
    /// Whether signing in takes a second step.
    pub second_factor: bool,
    /// Whether it is shut out until an administrator lets it in again.
    pub disabled: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// Sessions of an earlier epoch are over.
    pub(crate) session_epoch: u64,
    /// The one session of an earlier epoch that goes on.
    pub(crate) session_kept: Option<String>,
}

impl Account {
    /// Whether a session that began in an epoch goes on.
    pub(crate) fn lets(&self, session: &str, epoch: u64) -> bool {
        let is_kept = self.session_kept.as_deref() == Some(session);
        !self.disabled && (epoch == self.session_epoch || is_kept)
    }
}

/// Who is to get an account.
#[derive(Clone, Copy)]
pub struct NewAccount<'a> {
    /// Its name.
    pub name: &'a str,
    /// Where mail reaches it.
    pub email: Option<&'a str>,
    /// Its password, as it was typed.
    pub password: &'a str,
}

/// Hides the password: in a log it is a leak.
impl std::fmt::Debug for NewAccount<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, email, password: _ } = self;
        f.debug_struct("NewAccount")
            .field("name", name)
            .field("email", email)
            .finish_non_exhaustive()
    }
}

/// The body of an account's document.
#[derive(Serialize, Deserialize)]
pub(crate) struct StoredAccount {
    pub(crate) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) email: Option<String>,
    /// The address in the form in which it is unique.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) address_key: Option<String>,
    #[serde(default)]
    pub(crate) verified: bool,
    pub(crate) role: String,
    #[serde(default)]
    pub(crate) disabled: bool,
    /// The argon2id hash in the PHC format; `None` where no one can sign in by a password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) password: Option<String>,
    /// `true` for the owner that was made without another one: it is unique, so only one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) first_owner: Option<bool>,
    #[serde(default)]
    pub(crate) session_epoch: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) session_kept: Option<String>,
    /// Of the letter about the address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) verify: Option<OneTime>,
    /// Of the letter about another password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reset: Option<OneTime>,
    /// Of the letter with a code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<OneTime>,
    /// Accounts of other services that sign in to this one.
    #[serde(default, skip_serializing_if = "Identities::is_empty")]
    pub(crate) identities: Identities,
    /// The second factor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) totp: Option<StoredTotp>,
    /// One that is not confirmed yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) totp_pending: Option<PendingTotp>,
    /// Between the two steps of a sign-in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) challenge: Option<StoredChallenge>,
    /// Microseconds since 1970.
    pub(crate) created_us: i64,
}

impl StoredAccount {
    pub(crate) fn new(names: Names, password: Option<String>, role: &Role, now: Timestamp) -> Self {
        let Names { name, email, address_key } = names;
        Self {
            name,
            email,
            address_key,
            verified: false,
            role: role.as_str().to_owned(),
            disabled: false,
            password,
            first_owner: None,
            session_epoch: 0,
            session_kept: None,
            verify: None,
            reset: None,
            code: None,
            identities: Identities::new(),
            totp: None,
            totp_pending: None,
            challenge: None,
            created_us: now.unix_us,
        }
    }

    pub(crate) fn read(document: &Document) -> Result<Self, AccountError> {
        serde_json::from_str(&document.body).map_err(|_| unreadable(&document.id))
    }

    pub(crate) fn body(&self) -> Result<String, InvalidJson> {
        let text = serde_json::to_vec(self).expect("text, numbers and booleans always serialise");
        canonicalise_document(&text)
    }

    /// The account as everybody else knows it.
    pub(crate) fn account(
        &self,
        id: DocumentId,
        revision: Revision,
    ) -> Result<Account, AccountError> {
        let role = self.role.parse().map_err(|_| unreadable(&id))?;
        Ok(Account {
            id,
            revision,
            name: self.name.clone(),
            email: self.email.clone(),
            verified: self.verified,
            role,
            second_factor: self.totp.is_some(),
            disabled: self.disabled,
            created_at: Timestamp { unix_us: self.created_us },
            session_epoch: self.session_epoch,
            session_kept: self.session_kept.clone(),
        })
    }
}

/// An account with what is kept of its secrets, inside this crate only.
pub(crate) struct Found {
    pub(crate) account: Account,
    pub(crate) password: Option<String>,
    pub(crate) verify: Option<OneTime>,
    pub(crate) reset: Option<OneTime>,
    pub(crate) code: Option<OneTime>,
    pub(crate) identities: Identities,
    pub(crate) totp: Option<StoredTotp>,
    pub(crate) totp_pending: Option<PendingTotp>,
    pub(crate) challenge: Option<StoredChallenge>,
}

impl Found {
    pub(crate) fn read(document: Document) -> Result<Self, AccountError> {
        let stored = StoredAccount::read(&document)?;
        let account = stored.account(document.id, document.revision)?;
        let StoredAccount { password, verify, reset, code, .. } = stored;
        let StoredAccount { identities, totp, totp_pending, challenge, .. } = stored;
        let found = Self {
            account,
            password,
            verify,
            reset,
            code,
            identities,
            totp,
            totp_pending,
            challenge,
        };
        Ok(found)
    }
}

fn unreadable(id: &DocumentId) -> AccountError {
    AccountError::Unreadable(format!("account {id}"))
}
