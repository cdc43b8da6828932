//! Posts JSON to addresses that users have named.

use std::{
    error::Error,
    fmt, io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Uri, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client as Pool, connect::HttpConnector, connect::dns::Name},
    rt::{TokioExecutor, TokioTimer},
};
use tokio::{net::lookup_host, time::timeout};
use tower_service::Service;

use crate::tls;

/// Longest wait for a connection, and for everything.
const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
const DEADLINE: Duration = Duration::from_secs(15);
/// Bytes of an answer that are read.
const ANSWER_BYTES_MAX: usize = 4 << 10;
const AGENT: &str = concat!("Isobase/", env!("CARGO_PKG_VERSION"));

/// Decides which addresses may be connected to.
pub type Admits = fn(IpAddr) -> bool;

/// Posts JSON to addresses that users have named: every address is looked at before it is connected
/// to, also those that a name leads to, and redirects are not followed. Each post is a connection of
/// its own and has a deadline of 15 seconds. Cheap to clone.
#[derive(Clone)]
pub struct Poster {
    pool: Pool<HttpsConnector<HttpConnector<Resolver>>, Full<Bytes>>,
    admits: Option<Admits>,
}

impl fmt::Debug for Poster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Poster").finish_non_exhaustive()
    }
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    /// The status.
    pub status: u16,
    /// The beginning of the answer, as text.
    pub text: String,
    /// The seconds of `Retry-After`.
    pub retry_after: Option<Duration>,
}

impl Poster {
    /// Posts to addresses that this function admits, by https alone; to all of them, and by http too,
    /// without one.
    #[must_use]
    pub fn new(admits: Option<Admits>) -> Self {
        let mut connector = HttpConnector::new_with_resolver(Resolver { admits });
        connector.set_connect_timeout(Some(CONNECT_DEADLINE));
        // The scheme of the address decides.
        connector.enforce_http(false);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls::config(true))
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let pool = Pool::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_max_idle_per_host(0)
            .build(connector);
        Self { pool, admits }
    }

    /// Refuses an address that nothing would be posted to, as far as it tells by itself.
    ///
    /// # Errors
    /// Says why.
    pub fn check(&self, url: &str) -> Result<(), String> {
        let expected = "expected a web address such as https://example.com/hook";
        let uri: Uri = url.parse().map_err(|_| expected.to_owned())?;
        match (uri.scheme_str(), self.admits) {
            (Some("https"), _) | (Some("http"), None) => {}
            (Some("http"), Some(_)) => {
                return Err("expected https; http takes the setting webhooks.private".to_owned());
            }
            _ => return Err(expected.to_owned()),
        }
        let authority = uri.authority().ok_or(expected)?;
        if authority.as_str().contains('@') {
            return Err("expected no name and no password in the address".to_owned());
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        match (host.parse::<IpAddr>(), self.admits) {
            (Ok(address), Some(admits)) if !admits(address) => Err(within(address)),
            _ if host.is_empty() => Err(expected.to_owned()),
            _ => Ok(()),
        }
    }

    /// Posts once.
    ///
    /// # Errors
    /// Says why there is no answer.
    pub async fn post(
        &self,
        url: &str,
        headers: &[(&'static str, String)],
        body: String,
    ) -> Result<Posted, String> {
        self.check(url)?;
        match timeout(DEADLINE, self.send(url, headers, body)).await {
            Ok(posted) => posted,
            Err(_) => Err(format!("no answer within {} s", DEADLINE.as_secs())),
        }
    }

    async fn send(
        &self,
        url: &str,
        headers: &[(&'static str, String)],
        body: String,
    ) -> Result<Posted, String> {
        let mut request = Request::new(Full::new(Bytes::from(body)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = url.parse().map_err(|_| "the address is none".to_owned())?;
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(header::CONTENT_TYPE, json);
        request.headers_mut().insert(header::USER_AGENT, HeaderValue::from_static(AGENT));
        for (name, value) in headers {
            let value = HeaderValue::try_from(value).map_err(|error| error.to_string())?;
            request.headers_mut().insert(HeaderName::from_static(name), value);
        }
        let answer = self.pool.request(request).await.map_err(|error| causes(&error))?;
        let status = answer.status().as_u16();
        let wished = answer.headers().get(header::RETRY_AFTER).and_then(|it| it.to_str().ok());
        let retry_after = wished.and_then(|it| it.trim().parse().ok()).map(Duration::from_secs);
        let text = beginning(answer.into_body()).await;
        Ok(Posted { status, text, retry_after })
    }
}

/// The beginning of an answer. One that breaks off or is longer says no less by its status.
async fn beginning<B>(body: B) -> String
where
    B: http_body_util::BodyExt<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    match Limited::new(body, ANSWER_BYTES_MAX).collect().await {
        Ok(whole) => String::from_utf8_lossy(&whole.to_bytes()).into_owned(),
        Err(error) if error.is::<LengthLimitError>() => "(a long answer)".to_owned(),
        Err(_) => "(an answer that broke off)".to_owned(),
    }
}

fn within(address: IpAddr) -> String {
    format!("{address} is no address of the public network; the setting webhooks.private admits it")
}

/// An error with what is below it.
fn causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let message = error.to_string();
        if !text.ends_with(&message) {
            text = format!("{text}: {message}");
        }
        cause = error.source();
    }
    text
}

/// Resolves names to addresses that may be connected to: what is looked at is what is connected to, so
/// that a name cannot lead elsewhere between the two.
#[derive(Clone)]
struct Resolver {
    admits: Option<Admits>,
}

type Resolving = Pin<Box<dyn Future<Output = io::Result<std::vec::IntoIter<SocketAddr>>> + Send>>;

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Resolving;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Resolving {
        let (admits, name) = (self.admits, Arc::<str>::from(name.as_str()));
        Box::pin(async move {
            let found: Vec<_> = lookup_host((&*name, 0)).await?.collect();
            let Some(admits) = admits else { return Ok(found.into_iter()) };
            let first = found.first().map(SocketAddr::ip);
            let admitted: Vec<_> = found.into_iter().filter(|it| admits(it.ip())).collect();
            match (admitted.is_empty(), first) {
                (true, Some(address)) => Err(io::Error::other(within(address))),
                _ => Ok(admitted.into_iter()),
            }
        })
    }
}
