//! The metadata of a provider, and requests to it.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use isobase_types::Timestamp;
use parking_lot::{Mutex, MutexGuard};
use serde::{Deserialize, de::DeserializeOwned};

use super::{
    fetch::{Fetch, Fetched, Fetcher},
    id_token::{self, Claims, Expected, NotBelieved},
    jwk::{Jwk, JwkSet},
    provider::{Provider, ProviderError, ProviderKind, is_safe},
};
use crate::{Clock, attempts::Attempts};

/// How long what a provider says of itself is taken as said.
const DISCOVERY_US: i64 = 60 * 60 * 1_000_000;
/// How often in a minute keys are read again for a token with a key that is not known: anyone who makes
/// such tokens up makes us ask no more often.
const KEYS_AGAIN: u32 = 10;
const MINUTE: Duration = Duration::from_secs(60);
/// How long keys are used without being read again: one that was withdrawn counts no longer.
const KEYS_US: i64 = 60 * 60 * 1_000_000;

/// One provider with what is remembered of it.
#[derive(Debug)]
pub(super) struct Remote {
    pub(super) provider: Provider,
    fetcher: Arc<dyn Fetcher>,
    clock: Clock,
    /// Written by the caller that asked.
    known: Mutex<Known>,
    again: Attempts,
}

#[derive(Debug, Default)]
struct Known {
    places: Option<(Arc<Places>, Timestamp)>,
    keys: Option<(Arc<[Jwk]>, Timestamp)>,
}

/// Where a provider is asked for what. Source: OpenID Connect Discovery 1.0, section 3.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Places {
    #[serde(default)]
    issuer: String,
    pub(super) authorization_endpoint: String,
    token_endpoint: String,
    #[serde(default)]
    userinfo_endpoint: Option<String>,
    #[serde(default)]
    jwks_uri: Option<String>,
    /// Source: RFC 9207, section 3.
    #[serde(default)]
    pub(super) authorization_response_iss_parameter_supported: bool,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

/// The answer to an exchanged code.
#[derive(Deserialize)]
struct Tokens {
    access_token: String,
    #[serde(default)]
    id_token: Option<String>,
}

/// The credentials shown with a code.
pub(super) struct Exchange<'a> {
    pub(super) code: &'a str,
    pub(super) verifier: &'a str,
    pub(super) redirect_uri: &'a str,
    pub(super) nonce: &'a str,
}

/// Who signed in, as the provider says.
pub(super) struct Person {
    pub(super) subject: String,
    pub(super) email: Option<String>,
    pub(super) email_verified: bool,
    pub(super) name: Option<String>,
}

impl Remote {
    pub(super) fn new(provider: Provider, fetcher: Arc<dyn Fetcher>, clock: Clock) -> Self {
        let again = Attempts::new(KEYS_AGAIN, MINUTE);
        Self { provider, fetcher, clock, known: Mutex::default(), again }
    }

    /// The member that tells the accounts of this provider from those of others.
    pub(super) fn issuer(&self) -> &str {
        match &self.provider.kind {
            ProviderKind::OpenId { issuer } => issuer,
            ProviderKind::OAuth { userinfo_url, .. } => userinfo_url,
        }
    }

    /// Whether it says of itself who it is.
    pub(super) fn is_open_id(&self) -> bool {
        matches!(self.provider.kind, ProviderKind::OpenId { .. })
    }

    /// Where it is asked for what.
    pub(super) async fn places(&self) -> Result<Arc<Places>, ProviderError> {
        let now = self.clock.now();
        if let Some((places, at)) = &self.known().places
            && is_fresh(*at, now, DISCOVERY_US)
        {
            return Ok(Arc::clone(places));
        }
        let places = match &self.provider.kind {
            ProviderKind::OAuth {
                authorize_url, token_url, userinfo_url, secret_in_form, ..
            } => Places {
                token_endpoint_auth_methods_supported: Some(vec![
                    if *secret_in_form { "client_secret_post" } else { "client_secret_basic" }
                        .into(),
                ]),
                authorization_endpoint: authorize_url.clone(),
                token_endpoint: token_url.clone(),
                userinfo_endpoint: Some(userinfo_url.clone()),
                ..Places::default()
            },
            ProviderKind::OpenId { issuer } => self.discover(issuer).await?,
        };
        let places = Arc::new(places);
        self.known().places = Some((Arc::clone(&places), now));
        Ok(places)
    }

    async fn discover(&self, issuer: &str) -> Result<Places, ProviderError> {
        let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let places: Places = self.json(get(url)).await?;
        if places.issuer != issuer {
            let found = &places.issuer;
            return Err(self.unavailable(format!("it says that it is {found:?}, not {issuer:?}")));
        }
        let optional = [&places.userinfo_endpoint, &places.jwks_uri];
        let all = [&places.authorization_endpoint, &places.token_endpoint];
        let all = all.into_iter().chain(optional.into_iter().flatten());
        for address in all {
            if !is_safe(address) {
                return Err(self.unavailable(format!("it names the address {address:?}")));
            }
        }
        Ok(places)
    }

    /// Exchanges a code, once, for who signed in.
    pub(super) async fn person(&self, exchange: Exchange<'_>) -> Result<Person, ProviderError> {
        let places = self.places().await?;
        let tokens = self.exchange(&places, &exchange).await?;
        match &self.provider.kind {
            ProviderKind::OpenId { issuer } => {
                let token = tokens.id_token.as_deref();
                let token = token.ok_or_else(|| self.refused("it gave no id_token"))?;
                let mut claims = self.verified(token, &places, issuer, exchange.nonce).await?;
                if claims.email.is_none()
                    && let Some(url) = &places.userinfo_endpoint
                {
                    let more: Claims = self.json(bearer(url, &tokens.access_token)).await?;
                    if more.sub != claims.sub {
                        return Err(self.refused("it tells of two different people"));
                    }
                    claims.complete(more);
                }
                Ok(Person {
                    email_verified: claims.is_email_verified(),
                    subject: claims.sub,
                    email: claims.email,
                    name: claims.preferred_username.or(claims.name),
                })
            }
            ProviderKind::OAuth { userinfo_url, members, .. } => {
                let user: serde_json::Value =
                    self.json(bearer(userinfo_url, &tokens.access_token)).await?;
                let subject = text_at(&user, &members.subject);
                let subject = subject.filter(|subject| !subject.is_empty());
                let verified = member(&user, &members.email_verified);
                Ok(Person {
                    subject: subject.ok_or_else(|| self.refused("it does not say who it is"))?,
                    email: text_at(&user, &members.email),
                    // Some say it as a text.
                    email_verified: verified.is_some_and(|it| it == true || it == "true"),
                    name: text_at(&user, &members.name),
                })
            }
        }
    }

    async fn exchange(
        &self,
        places: &Places,
        exchange: &Exchange<'_>,
    ) -> Result<Tokens, ProviderError> {
        let Provider { client_id, client_secret, .. } = &self.provider;
        let mut form = encode_form(&[
            ("grant_type", "authorization_code"),
            ("code", exchange.code),
            ("redirect_uri", exchange.redirect_uri),
            ("code_verifier", exchange.verifier),
        ]);
        let methods = places.token_endpoint_auth_methods_supported.as_deref();
        // Without a word of it, Basic. Source: OpenID Connect Discovery 1.0, section 3.
        let takes_basic =
            methods.is_none_or(|all| all.iter().any(|it| it == "client_secret_basic"));
        let mut authorization = None;
        match client_secret {
            Some(secret) if takes_basic => {
                // Both are form-encoded first. Source: RFC 6749, section 2.3.1.
                let pair = format!("{}:{}", form_encoded(client_id), form_encoded(secret));
                authorization = Some(format!("Basic {}", STANDARD.encode(pair)));
            }
            Some(secret) => {
                let more = encode_form(&[("client_id", client_id), ("client_secret", secret)]);
                form = format!("{form}&{more}");
            }
            None => form = format!("{form}&{}", encode_form(&[("client_id", client_id)])),
        }
        let url = places.token_endpoint.clone();
        let answer = self.fetch(Fetch { url, form: Some(form), authorization }).await?;
        match answer.status {
            200 => serde_json::from_slice(&answer.body)
                .map_err(|_| self.refused("it gave no token for the code")),
            400..500 => Err(self.refused(&format!("it does not take the code{}", why(&answer)))),
            status => Err(self.unavailable(format!("it answers a code with the status {status}"))),
        }
    }

    /// Reads a token, with newer keys where those that are known do not fit.
    async fn verified(
        &self,
        token: &str,
        places: &Places,
        issuer: &str,
        nonce: &str,
    ) -> Result<Claims, ProviderError> {
        let now = self.clock.now();
        let Provider { client_id, algorithms, .. } = &self.provider;
        let expected = Expected { issuer, client_id, nonce, algorithms, now };
        let held = self.known().keys.clone();
        if let Some((keys, at)) = held
            && is_fresh(at, now, KEYS_US)
        {
            match id_token::verify(token, &keys, &expected) {
                Err(NotBelieved::UnknownKey) if self.again.take(&[], now).is_ok() => {}
                outcome => return outcome.map_err(|error| self.not_believed(error)),
            }
        }
        let url = places.jwks_uri.clone();
        let url = url.ok_or_else(|| self.unavailable("it names no keys".to_owned()))?;
        let keys: JwkSet = self.json(get(url)).await?;
        let keys: Arc<[Jwk]> = keys.into_keys().into();
        self.known().keys = Some((Arc::clone(&keys), now));
        id_token::verify(token, &keys, &expected).map_err(|error| self.not_believed(error))
    }

    async fn json<T: DeserializeOwned>(&self, request: Fetch) -> Result<T, ProviderError> {
        let url = request.url.clone();
        let answer = self.fetch(request).await?;
        if answer.status != 200 {
            let status = answer.status;
            return Err(self.unavailable(format!("{url} answers with the status {status}")));
        }
        serde_json::from_slice(&answer.body)
            .map_err(|error| self.unavailable(format!("{url} cannot be read: {error}")))
    }

    async fn fetch(&self, request: Fetch) -> Result<Fetched, ProviderError> {
        let url = request.url.clone();
        let fetched = self.fetcher.fetch(request).await;
        fetched.map_err(|error| self.unavailable(format!("{url} does not answer: {error}")))
    }

    pub(super) fn unavailable(&self, reason: String) -> ProviderError {
        ProviderError::Unavailable { provider: self.provider.id.clone(), reason }
    }

    pub(super) fn refused(&self, reason: &str) -> ProviderError {
        let (provider, reason) = (self.provider.id.clone(), reason.to_owned());
        ProviderError::Refused { provider, reason }
    }

    fn not_believed(&self, error: NotBelieved) -> ProviderError {
        self.refused(match error {
            NotBelieved::UnknownKey => "its token is not signed by a key of its own",
            NotBelieved::Because(reason) => reason,
        })
    }

    /// A panic while the lock was held leaves what is whole.
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock()
    }
}

/// A member of a JSON value, or one within another: `data.id`.
fn member<'a>(value: &'a serde_json::Value, path: &str) -> Option<&'a serde_json::Value> {
    path.split('.').try_fold(value, |value, step| value.get(step))
}

fn text_at(value: &serde_json::Value, path: &str) -> Option<String> {
    match member(value, path)? {
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Whether something was read so short ago. A clock that was set back ends it.
fn is_fresh(at: Timestamp, now: Timestamp, for_us: i64) -> bool {
    (0..for_us).contains(&(now.unix_us - at.unix_us))
}

fn get(url: String) -> Fetch {
    Fetch { url, form: None, authorization: None }
}

fn bearer(url: &str, token: &str) -> Fetch {
    Fetch { authorization: Some(format!("Bearer {token}")), ..get(url.to_owned()) }
}

/// The code of a refusal, which is a word of the standard, when it is one.
fn why(answer: &Fetched) -> String {
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
    }
    let word = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    match serde_json::from_slice::<Refusal>(&answer.body) {
        Ok(Refusal { error }) if error.len() <= 64 && error.bytes().all(word) => {
            format!(" ({error})")
        }
        _ => String::new(),
    }
}

/// Pairs as a form, or as a query.
pub(super) fn encode_form(pairs: &[(&str, &str)]) -> String {
    let pair = |(name, value): &(&str, &str)| format!("{name}={}", form_encoded(value));
    pairs.iter().map(pair).collect::<Vec<_>>().join("&")
}

/// A text as it stands in a form.
/// Source: <https://url.spec.whatwg.org/#application-x-www-form-urlencoded-percent-encode-set>
fn form_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'*' => {
                out.push(char::from(byte));
            }
            b' ' => out.push('+'),
            // Writing to a String cannot fail.
            other => drop(write!(out, "%{other:02X}")),
        }
    }
    out
}
