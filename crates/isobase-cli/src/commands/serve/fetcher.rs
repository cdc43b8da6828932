//! Providers that people sign in with, asked over HTTP.

use std::{error::Error, fmt, sync::Arc, time::Duration};

use isobase_auth::{Fetch, FetchError, Fetched, Fetcher, Fetching};
use reqwest::{
    Client,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue},
    redirect::Policy,
};
use rustls::{ClientConfig, RootCertStore, crypto::ring};

use crate::failure::Failure;

/// Longest time to connect to a provider.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest time for one answer: a person who signs in waits for up to four of them.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Longest answer: keys and claims are a few kilobytes.
const BODY_BYTES_MAX: usize = 1 << 20;

/// Asks providers over HTTP.
struct HttpFetcher(Client);

impl fmt::Debug for HttpFetcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpFetcher").finish_non_exhaustive()
    }
}

/// The client that asks providers.
pub(super) fn fetcher() -> Result<Arc<dyn Fetcher>, Failure> {
    let wrong = |error: &dyn fmt::Display| {
        Failure::new(format!("the HTTP client for providers cannot be made: {error}"))
    };
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(&error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let client = Client::builder()
        .tls_backend_preconfigured(tls)
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TIMEOUT)
        // A provider that sends us elsewhere would be shown the code or the token there.
        .redirect(Policy::none())
        .build()
        .map_err(|error| wrong(&error))?;
    Ok(Arc::new(HttpFetcher(client)))
}

impl HttpFetcher {
    async fn try_fetch(&self, request: Fetch) -> Result<Fetched, FetchError> {
        let failed = |error: reqwest::Error| FetchError(told(&error.without_url()));
        let mut asking = match request.form {
            None => self.0.get(&request.url),
            Some(form) => self
                .0
                .post(&request.url)
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(form),
        };
        asking = asking.header(ACCEPT, "application/json");
        if let Some(text) = request.authorization {
            let mut value = HeaderValue::try_from(text)
                .map_err(|_| FetchError("its token is no header".to_owned()))?;
            value.set_sensitive(true);
            asking = asking.header(AUTHORIZATION, value);
        }
        let mut answer = asking.send().await.map_err(failed)?;
        let status = answer.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > BODY_BYTES_MAX {
                return Err(FetchError(format!("its answer is over {BODY_BYTES_MAX} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Fetched { status, body })
    }
}

/// An error with its causes: the first of them says little.
fn told(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut below = error.source();
    while let Some(cause) = below {
        text = format!("{text}: {cause}");
        below = cause.source();
    }
    text
}

impl Fetcher for HttpFetcher {
    fn fetch(&self, request: Fetch) -> Fetching<'_> {
        Box::pin(self.try_fetch(request))
    }
}
