//! A provider, as the operator configures it.

use std::{fmt, sync::Arc};

use crate::{Algorithm, is_loopback};

/// Most providers of one service: each has an index of the accounts.
pub const PROVIDERS_MAX: usize = 16;
/// Longest id.
const ID_BYTES_MAX: usize = 32;

/// A service whose accounts sign in here.
#[derive(Clone, PartialEq, Eq)]
pub struct Provider {
    /// Names it in paths and in accounts: lower case letters, digits and `_`.
    pub id: String,
    /// Its name for people.
    pub label: String,
    /// How it is asked.
    pub kind: ProviderKind,
    /// The name of this service there.
    pub client_id: String,
    /// The secret that this service shows it; `None` for a public client.
    pub client_secret: Option<Arc<str>>,
    /// The scopes asked for.
    pub scopes: Vec<String>,
    /// Whether an account with the same address is signed in to, if both sides know that the
    /// address is right.
    pub link_by_email: bool,
    /// The signatures that are taken.
    pub algorithms: Vec<Algorithm>,
}

/// How a provider is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProviderKind {
    /// OpenID Connect: everything else is read from the issuer.
    OpenId {
        /// Its address, letter by letter as the provider says it of itself.
        issuer: String,
    },
    /// OAuth 2, with a resource that says who it is.
    OAuth {
        /// Where people are sent.
        authorize_url: String,
        /// Where codes are exchanged.
        token_url: String,
        /// Who it is, as JSON.
        userinfo_url: String,
        /// Where in that JSON is what.
        members: Members,
        /// Whether the secret stands in the form with the code, where it is not sent as Basic.
        secret_in_form: bool,
    },
}

/// Where a provider without OpenID Connect says who somebody is: members of its JSON, `data.id` for
/// one within another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Members {
    /// The member that never changes.
    pub subject: String,
    /// A name.
    pub name: String,
    /// The e-mail address.
    pub email: String,
    /// Whether the provider knows that the address is right: `true`, or the text.
    pub email_verified: String,
}

impl Default for Members {
    fn default() -> Self {
        Self {
            subject: "id".to_owned(),
            name: "login".to_owned(),
            email: "email".to_owned(),
            email_verified: "email_verified".to_owned(),
        }
    }
}

/// Hides the secret.
impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// Why a provider cannot be one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidProvider {
    /// Its id.
    #[error(
        "a provider's name has 1 to {ID_BYTES_MAX} lower case letters, digits and _, and begins \
         with a letter; found {0:?}"
    )]
    Id(String),
    /// An address of it.
    #[error("expected an address that begins with https:// (http:// on this machine), found {0:?}")]
    Address(String),
}

/// Why no one signs in with a provider.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// There is none of this name.
    #[error("there is no provider {0:?}")]
    Unknown(String),
    /// It does not answer, or not as a provider does.
    #[error("{provider} cannot be asked now: {reason}")]
    Unavailable {
        /// Its id.
        provider: String,
        /// For the log.
        reason: String,
    },
    /// It says no, or what it says is not to be believed.
    #[error("{provider} signs nobody in: {reason}")]
    Refused {
        /// Its id.
        provider: String,
        /// Why.
        reason: String,
    },
    /// The browser that comes back is not the one that was sent, took too long, or comes again.
    #[error("the sign-in was not begun in this browser, took too long, or was finished already")]
    NotBegun,
    /// The page to go back to is none of this service.
    #[error("expected a path of this service, as /settings, found {0:?}")]
    InvalidReturn(String),
}

impl Provider {
    /// Whether it can be asked.
    ///
    /// # Errors
    /// [`InvalidProvider`].
    pub fn check(&self) -> Result<(), InvalidProvider> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let proper = (1..=ID_BYTES_MAX).contains(&self.id.len())
            && self.id.bytes().all(plain)
            && self.id.as_bytes()[0].is_ascii_lowercase();
        if !proper {
            return Err(InvalidProvider::Id(self.id.clone()));
        }
        let addresses = match &self.kind {
            ProviderKind::OpenId { issuer } => vec![issuer],
            ProviderKind::OAuth { authorize_url, token_url, userinfo_url, .. } => {
                vec![authorize_url, token_url, userinfo_url]
            }
        };
        match addresses.into_iter().find(|address| !is_safe(address)) {
            Some(address) => Err(InvalidProvider::Address(address.clone())),
            None => Ok(()),
        }
    }
}

/// Whether secrets may be sent to an address: encrypted, or not off this machine.
pub(super) fn is_safe(address: &str) -> bool {
    if address.contains(|c: char| c.is_control() || c.is_whitespace()) {
        return false;
    }
    match address.split_once("://") {
        Some(("https", rest)) => !rest.is_empty() && !rest.starts_with('/'),
        Some(("http", rest)) => {
            let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
            let host = match authority.strip_prefix('[') {
                Some(rest) => rest.split(']').next().unwrap_or_default(),
                None => authority.rsplit_once(':').map_or(authority, |(host, _)| host),
            };
            !authority.contains('@') && is_loopback(host)
        }
        _ => false,
    }
}
