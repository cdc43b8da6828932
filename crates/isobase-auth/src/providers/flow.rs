//! A sign-in from the first click to the return from the provider.

use std::{fmt, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use isobase_store::{Action, ErrorKind, IfMissing, Precondition, Rejection, Store, Terms};
use isobase_types::{CollectionName, Count, DocumentId, Filter, Order, PageRequest, Query};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::sync::OnceCell;

use super::{
    fetch::Fetcher,
    provider::{Provider, ProviderError},
    remote::{Exchange, Remote, encode_form},
};
use crate::{AccountError, Clock, SealedPlace, Sealer, documents::Documents, secret};

/// The system collection that remembers which sign-ins were finished.
const SIGN_INS_COLLECTION: &str = "isobase_sign_ins";
/// How long somebody may take at the provider.
const FLOW_LIFETIME: Duration = Duration::from_secs(10 * 60);
/// How long it is remembered that a sign-in was finished: longer than it could be.
const FINISHED_KEPT: Duration = Duration::from_secs(30 * 60);
/// Finished sign-ins that are looked at when another one is noted.
const FORGOTTEN_AT_ONCE: u32 = 5;
/// Random bytes of the state, the nonce and the verifier. Source: RFC 7636, section 7.1.
const RANDOM_BYTES: usize = 32;
/// Longest path to go back to.
const BACK_BYTES_MAX: usize = 1_024;
/// Longest code, state or issuer of a return that is looked at.
const RETURNED_BYTES_MAX: usize = 8_192;

/// The providers of a service.
#[derive(Debug)]
pub(crate) struct Providers {
    remotes: Vec<Remote>,
    sealer: Option<Sealer>,
    finished: Documents,
    /// Whether the terms of `finished` are said.
    termed: OnceCell<bool>,
    collection: CollectionName,
    clock: Clock,
}

/// A sign-in that somebody is sent to a provider for.
pub struct StartedSignIn {
    /// Where the browser is sent.
    pub url: String,
    /// The state that comes back with it.
    pub state: String,
    /// The cookie that the browser keeps, sealed.
    pub kept: String,
    /// How long it keeps it.
    pub lifetime: Duration,
}

/// Hides the state.
impl fmt::Debug for StartedSignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StartedSignIn").finish_non_exhaustive()
    }
}

/// The values that a browser brings back from a provider.
#[derive(Clone, Copy, Default)]
pub struct Returned<'a> {
    /// The state that it was sent with.
    pub state: &'a str,
    /// The code that can be exchanged.
    pub code: Option<&'a str>,
    /// Who says so.
    pub iss: Option<&'a str>,
    /// Why not.
    pub error: Option<&'a str>,
    /// The sealed cookie that it kept.
    pub kept: Option<&'a str>,
}

/// Hides the code.
impl fmt::Debug for Returned<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Returned").finish_non_exhaustive()
    }
}

/// Somebody as a provider knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The provider's id.
    pub(crate) provider: String,
    /// The provider's lasting name of them.
    pub(crate) subject: String,
    /// Their address.
    pub(crate) email: Option<String>,
    /// Whether the provider knows that it is right.
    pub(crate) email_verified: bool,
    /// A name, to be shown.
    pub(crate) name: Option<String>,
    /// Unique among all people of all providers.
    pub(crate) key: String,
    pub(crate) link_by_email: bool,
}

/// Who links an identity to their account.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct LinkTo {
    pub(crate) account: String,
    pub(crate) session: String,
}

/// The cookie of a browser between leaving and coming back.
#[derive(Serialize, Deserialize)]
pub(crate) struct Flow {
    provider: String,
    nonce: String,
    verifier: String,
    redirect_uri: String,
    pub(crate) back: String,
    pub(crate) link: Option<LinkTo>,
    until_us: i64,
}

impl Providers {
    pub(crate) fn new(
        store: &Store,
        providers: Vec<Provider>,
        fetcher: &Arc<dyn Fetcher>,
        sealer: Option<Sealer>,
        clock: &Clock,
    ) -> Self {
        let remote = |provider| Remote::new(provider, Arc::clone(fetcher), clock.clone());
        Self {
            remotes: providers.into_iter().map(remote).collect(),
            sealer,
            finished: Documents::new(store, SIGN_INS_COLLECTION, &[], &["until_us"]),
            termed: OnceCell::new(),
            collection: CollectionName::new(SIGN_INS_COLLECTION).expect("our names are valid"),
            clock: clock.clone(),
        }
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Provider> {
        self.remotes.iter().map(|remote| &remote.provider)
    }

    fn remote(&self, id: &str) -> Result<&Remote, ProviderError> {
        let found = self.remotes.iter().find(|remote| remote.provider.id == id);
        found.ok_or_else(|| ProviderError::Unknown(id.to_owned()))
    }

    /// Begins a sign-in. Nothing is stored: the browser keeps what is needed, sealed.
    pub(crate) async fn start(
        &self,
        id: &str,
        redirect_uri: &str,
        back: &str,
        link: Option<LinkTo>,
    ) -> Result<StartedSignIn, AccountError> {
        let remote = self.remote(id)?;
        if !is_own_path(back) {
            return Err(ProviderError::InvalidReturn(back.to_owned()).into());
        }
        let places = remote.places().await?;
        let state = format!("s{}", secret::random_text::<RANDOM_BYTES>()?);
        let (nonce, verifier) =
            (secret::random_text::<RANDOM_BYTES>()?, secret::random_text::<RANDOM_BYTES>()?);
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier));
        let scope = remote.provider.scopes.join(" ");
        let query = encode_form(&[
            ("response_type", "code"),
            ("client_id", &remote.provider.client_id),
            ("redirect_uri", redirect_uri),
            ("scope", &scope),
            ("state", &state),
            ("nonce", &nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]);
        let address = &places.authorization_endpoint;
        let joint = if address.contains('?') { '&' } else { '?' };
        let url = format!("{address}{joint}{query}");
        let lifetime = i64::try_from(FLOW_LIFETIME.as_micros()).unwrap_or(i64::MAX);
        let flow = Flow {
            provider: id.to_owned(),
            nonce,
            verifier,
            redirect_uri: redirect_uri.to_owned(),
            back: back.to_owned(),
            link,
            until_us: self.clock.now().unix_us.saturating_add(lifetime),
        };
        let text = serde_json::to_vec(&flow).expect("text and numbers always serialise");
        let sealer = self.sealer.as_ref().ok_or(AccountError::NoSecret)?;
        let state_id = DocumentId::Text(state.as_str().into());
        let kept = sealer.seal(self.place(&state_id), &text)?;
        Ok(StartedSignIn { url, state, kept, lifetime: FLOW_LIFETIME })
    }

    /// Finishes a sign-in, once: a code is never exchanged a second time, whichever of several
    /// services the browser comes back to.
    pub(crate) async fn finish(
        &self,
        id: &str,
        returned: Returned<'_>,
    ) -> Result<(Identity, Flow), AccountError> {
        let remote = self.remote(id)?;
        let flow = self.flow(id, returned)?;
        if let Some(error) = returned.error {
            let word: String = error.chars().filter(|c| c.is_ascii_graphic()).take(64).collect();
            return Err(remote.refused(&format!("it says {word}")).into());
        }
        let places = remote.places().await?;
        let is_other = match returned.iss {
            // What says of itself nothing else has no name to compare; its address to come back to is
            // its own, so that no other provider's code comes there.
            Some(iss) => remote.is_open_id() && iss != remote.issuer(),
            None => places.authorization_response_iss_parameter_supported,
        };
        if is_other {
            return Err(remote.refused("the answer is of another issuer").into());
        }
        let code = returned.code.filter(|code| code.len() <= RETURNED_BYTES_MAX);
        let code = code.ok_or_else(|| remote.refused("it gave no code"))?;
        self.note_finished(returned.state).await?;
        let exchange = Exchange {
            code,
            verifier: &flow.verifier,
            redirect_uri: &flow.redirect_uri,
            nonce: &flow.nonce,
        };
        let person = remote.person(exchange).await?;
        let key = [remote.issuer(), "\n", &person.subject].concat();
        let identity = Identity {
            provider: id.to_owned(),
            key: secret::hash(&key),
            subject: person.subject,
            email: person.email,
            email_verified: person.email_verified,
            name: person.name,
            link_by_email: remote.provider.link_by_email,
        };
        Ok((identity, flow))
    }

    /// The cookie that the browser kept, if it is of this sign-in.
    fn flow(&self, id: &str, returned: Returned<'_>) -> Result<Flow, AccountError> {
        let not_begun = || AccountError::from(ProviderError::NotBegun);
        let sealer = self.sealer.as_ref().ok_or(AccountError::NoSecret)?;
        let kept = returned.kept.ok_or_else(not_begun)?;
        if returned.state.len() != 1 + 2 * RANDOM_BYTES {
            return Err(not_begun());
        }
        let state = DocumentId::Text(returned.state.into());
        // It opens only with its own state.
        let opened = sealer.open(self.place(&state), kept).map_err(|_| not_begun())?;
        let flow: Flow = serde_json::from_slice(&opened).map_err(|_| not_begun())?;
        let is_here = bool::from(flow.provider.as_bytes().ct_eq(id.as_bytes()));
        match is_here && self.clock.now().unix_us < flow.until_us {
            true => Ok(flow),
            false => Err(not_begun()),
        }
    }

    async fn note_finished(&self, state: &str) -> Result<(), AccountError> {
        let expires = *self
            .termed
            .get_or_try_init(|| async {
                let terms = Terms { expires: Some(FINISHED_KEPT), changes: false };
                match self.finished.store().set_terms(&self.collection, terms).await {
                    Err(error) if error.kind() == ErrorKind::Unsupported => Ok(false),
                    set => set.map(|()| true),
                }
            })
            .await?;
        let now = self.clock.now().unix_us;
        if !expires {
            self.forget_old(now).await?;
        }
        let kept = i64::try_from(FINISHED_KEPT.as_micros()).unwrap_or(i64::MAX);
        let body = format!("{{\"until_us\":{}}}", now.saturating_add(kept));
        let id = DocumentId::Text(format!("s{}", secret::hash(state)).into());
        let action = Action::Put { id, body, if_missing: IfMissing::Create };
        match self.finished.write(action, Precondition::Missing).await? {
            Ok(_) => Ok(()),
            Err(Rejection::AlreadyExists | Rejection::RevisionConflict { .. }) => {
                Err(ProviderError::NotBegun.into())
            }
            Err(rejection) => Err(AccountError::refused(rejection)),
        }
    }

    /// Deletes some that are old, where the engine does not do so by itself. Each new one deletes
    /// more than itself, so they do not grow in number.
    async fn forget_old(&self, now: i64) -> Result<(), AccountError> {
        let query = Query {
            filter: Filter::all(),
            order: Order::parse("until_us").expect("our fields are valid"),
            page: PageRequest::Cursor { limit: FORGOTTEN_AT_ONCE, after: None },
            fields: Vec::new(),
            count: Count::None,
        };
        #[derive(Deserialize)]
        struct Finished {
            until_us: i64,
        }
        let page = self.finished.store().list(&self.collection, &query).await?;
        for document in page.documents {
            let finished = serde_json::from_str::<Finished>(&document.body);
            if finished.is_ok_and(|it| it.until_us <= now) {
                let action = Action::Delete { id: document.id };
                // Another service may have deleted it.
                drop(self.finished.write(action, Precondition::None).await?);
            }
        }
        Ok(())
    }

    fn place<'a>(&'a self, state: &'a DocumentId) -> SealedPlace<'a> {
        SealedPlace { collection: &self.collection, id: state, field: "flow" }
    }
}

/// Whether a browser that is sent there stays here.
fn is_own_path(path: &str) -> bool {
    let mut letters = path.chars();
    path.len() <= BACK_BYTES_MAX
        && letters.next() == Some('/')
        && !matches!(letters.next(), Some('/' | '\\'))
        && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
}
