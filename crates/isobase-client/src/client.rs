//! The client.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{
    HeaderValue, Uri,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use http_body_util::combinators::UnsyncBoxBody;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{
        Builder as PoolBuilder, Client as Pool, ResponseFuture, connect::HttpConnector,
    },
    rt::{TokioExecutor, TokioTimer},
};

#[cfg(unix)]
use crate::local::LocalConnector;
use crate::{Body, ClientError, ClientOptions, Request, Response, tls};

/// First pause after a refused connection; doubled each time.
const CONNECT_PAUSE: Duration = Duration::from_millis(50);
/// Longest wait for one connection.
const CONNECT_DEADLINE: Duration = Duration::from_secs(10);

/// A client of one service. Cheap to clone; clones share their connections.
///
/// It is hyper's own pool and not a client on top of it, because those read addresses as browsers do:
/// to them the segment `%2E%2E` means the parent, and a document with the id `..` cannot be reached.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

type HttpBody = UnsyncBoxBody<Bytes, std::io::Error>;

/// Connections to the service.
enum Connections {
    Network(Pool<HttpsConnector<HttpConnector>, HttpBody>),
    #[cfg(unix)]
    Local(Pool<LocalConnector, HttpBody>),
}

impl Connections {
    fn request(&self, request: http::Request<HttpBody>) -> ResponseFuture {
        match self {
            Self::Network(pool) => pool.request(request),
            #[cfg(unix)]
            Self::Local(pool) => pool.request(request),
        }
    }
}

struct Inner {
    connections: Connections,
    /// `http://host:port` or `https://…`, and the path before the routes, without a final slash.
    base: String,
    /// For messages.
    address: String,
    authorization: Option<HeaderValue>,
    options: ClientOptions,
}

impl Client {
    /// A client of the service at an address such as `http://127.0.0.1:8002` or
    /// `https://db.example.com/records`. Connects later.
    ///
    /// # Errors
    /// [`ClientError::InvalidAddress`].
    pub fn new(address: &str, options: ClientOptions) -> Result<Self, ClientError> {
        let invalid =
            |expected| ClientError::InvalidAddress { address: address.to_owned(), expected };
        let expected = "http://host:port or https://host";
        let uri: Uri = address.parse().map_err(|_| invalid(expected))?;
        let (is_encrypted, host_and_port) = match (uri.scheme_str(), uri.authority(), uri.query()) {
            (Some("http"), Some(authority), None) => (false, authority.to_string()),
            (Some("https"), Some(authority), None) => (true, authority.to_string()),
            _ => return Err(invalid(expected)),
        };
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT_DEADLINE));
        // The scheme of the address decides.
        connector.enforce_http(false);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls::config(is_encrypted))
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let connections = Connections::Network(builder().build(connector));
        Self::of(connections, address.trim_end_matches('/'), host_and_port, options)
    }

    /// A client of the service on this machine that listens on the socket of this path. It takes
    /// the client for its operator: no key is needed. Connects later.
    ///
    /// # Errors
    /// [`ClientError::InvalidRequest`] when the key of the options holds control characters.
    #[cfg(unix)]
    pub fn local(path: &std::path::Path, options: ClientOptions) -> Result<Self, ClientError> {
        let connections = Connections::Local(builder().build(LocalConnector::new(path.to_owned())));
        Self::of(connections, "http://localhost", path.display().to_string(), options)
    }

    fn of(
        connections: Connections,
        base: &str,
        address: String,
        options: ClientOptions,
    ) -> Result<Self, ClientError> {
        let authorization = options.api_key.as_deref().map(bearer).transpose()?;
        let base = base.to_owned();
        Ok(Self { inner: Arc::new(Inner { connections, base, address, authorization, options }) })
    }

    /// Sends a request; the answer may be a refusal.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn send_raw(&self, request: Request) -> Result<Response, ClientError> {
        let operation = request.operation();
        let Request { method, target, headers, mut body, deadline } = request;
        let deadline = deadline.unwrap_or(self.inner.options.answer_deadline);
        let mut pause = CONNECT_PAUSE;
        let mut attempts = 1;
        loop {
            let again = body.again();
            let request = self.http_request(&method, &target, &headers, body)?;
            let sent =
                tokio::time::timeout(deadline, self.inner.connections.request(request)).await;
            let error = match sent {
                Err(_) => return Err(ClientError::TimedOut { operation, waited: deadline }),
                Ok(Ok(response)) => {
                    let (head, body) = response.into_parts();
                    let bytes_max = self.inner.options.answer_bytes_max;
                    let (status, headers) = (head.status, head.headers);
                    return Ok(Response { operation, status, headers, body, bytes_max });
                }
                Ok(Err(error)) => error,
            };
            if let Some(failure) = tls::failure(&error) {
                let (address, reason) = (self.inner.address.clone(), failure.to_string());
                return Err(ClientError::Tls { address, reason });
            }
            if !error.is_connect() {
                return Err(ClientError::Broken { operation, source: error.into() });
            }
            match again {
                Some(again) if attempts < self.inner.options.connect_attempts => body = again,
                _ => {
                    let address = self.inner.address.clone();
                    return Err(ClientError::Connect { address, source: error.into() });
                }
            }
            attempts += 1;
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    }

    /// Sends a request; a refusal is an error.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with the problem the service named, or when there is no answer.
    pub async fn send(&self, request: Request) -> Result<Response, ClientError> {
        self.send_raw(request).await?.accepted().await
    }

    fn http_request(
        &self,
        method: &http::Method,
        target: &str,
        headers: &http::HeaderMap,
        body: Body,
    ) -> Result<http::Request<HttpBody>, ClientError> {
        let uri = format!("{}{target}", self.inner.base);
        let media_type = body.media_type();
        let mut request =
            http::Request::builder()
                .method(method)
                .uri(uri)
                .body(body.into_http())
                .map_err(|error| ClientError::InvalidRequest { reason: error.to_string() })?;
        request.headers_mut().clone_from(headers);
        if let Some(media_type) = media_type {
            let value = HeaderValue::from_static(media_type);
            request.headers_mut().entry(CONTENT_TYPE).or_insert(value);
        }
        if let Some(authorization) = &self.inner.authorization {
            request.headers_mut().insert(AUTHORIZATION, authorization.clone());
        }
        Ok(request)
    }
}

fn builder() -> PoolBuilder {
    let mut builder = Pool::builder(TokioExecutor::new());
    builder.pool_timer(TokioTimer::new()).timer(TokioTimer::new());
    builder
}

fn bearer(key: &str) -> Result<HeaderValue, ClientError> {
    let mut value = HeaderValue::from_str(&format!("Bearer {key}")).map_err(|_| {
        ClientError::InvalidRequest { reason: "the API key holds control characters".to_owned() }
    })?;
    value.set_sensitive(true);
    Ok(value)
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("address", &self.inner.base).finish_non_exhaustive()
    }
}
