//! The few plain HTTP requests of getting a token: each on a connection of its own.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use rustls_pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

/// An answer is a token with a few words around it.
const ANSWER_BYTES_MAX: usize = 256 << 10;
/// Time of a whole request.
const DEADLINE: Duration = Duration::from_secs(5);

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoAnswer {
    #[error("'{0}' is not an http or https address")]
    Address(String),
    #[error("no connection: {0}")]
    Connect(#[source] std::io::Error),
    #[error("the exchange broke: {0}")]
    Exchange(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("no answer within {DEADLINE:?}")]
    TimedOut,
}

/// Sends one request. A body is a form.
pub(crate) async fn send(
    method: Method,
    address: &str,
    headers: HeaderMap,
    form: Option<String>,
) -> Result<Answer, NoAnswer> {
    let exchange = exchange(method, address, headers, form);
    timeout(DEADLINE, exchange).await.map_err(|_| NoAnswer::TimedOut)?
}

async fn exchange(
    method: Method,
    address: &str,
    headers: HeaderMap,
    form: Option<String>,
) -> Result<Answer, NoAnswer> {
    let refuse = || NoAnswer::Address(address.to_owned());
    let uri: Uri = address.parse().map_err(|_| refuse())?;
    let host = uri.host().ok_or_else(refuse)?.to_owned();
    let tls = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        _ => return Err(refuse()),
    };
    let port = uri.port_u16().unwrap_or(if tls { 443 } else { 80 });
    let mut request = Request::builder()
        .method(method)
        .uri(uri.path_and_query().map_or("/", |path| path.as_str()))
        .header(header::HOST, uri.authority().map_or(host.as_str(), |host| host.as_str()));
    if form.is_some() {
        request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    }
    for (name, value) in &headers {
        request = request.header(name, value);
    }
    let request = request
        .body(Full::new(Bytes::from(form.unwrap_or_default())))
        .map_err(|error| NoAnswer::Exchange(error.into()))?;
    let stream = TcpStream::connect((host.as_str(), port)).await.map_err(NoAnswer::Connect)?;
    if !tls {
        return answer(stream, request).await;
    }
    let name = ServerName::try_from(host).map_err(|_| refuse())?;
    let stream = TlsConnector::from(tls_config()).connect(name, stream).await;
    answer(stream.map_err(NoAnswer::Connect)?, request).await
}

async fn answer(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> Result<Answer, NoAnswer> {
    let broken = |error: hyper::Error| NoAnswer::Exchange(error.into());
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    // Ends with the sender; its failure is the request's.
    let driver = tokio::spawn(connection);
    let response = sender.send_request(request).await.map_err(broken)?;
    let status = response.status().as_u16();
    let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
    drop(sender);
    driver.abort();
    let body = body.map_err(NoAnswer::Exchange)?.to_bytes();
    Ok(Answer { status, body })
}

fn tls_config() -> Arc<ClientConfig> {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring supports the default versions of TLS");
    Arc::new(config.with_root_certificates(roots).with_no_client_auth())
}
