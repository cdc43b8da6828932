//! The routes of licences: those of a service, or the same over a database that is opened here.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result};
use bytes::Bytes;
use http::{HeaderName, Method};
use http_body_util::BodyExt;
use isobase::Store;
use isobase_auth::Authorizer;
use isobase_client::{Body, Client, ClientError, Problem, Request};
use isobase_licences::Licences;
use isobase_server::{Composition, HttpConfig, RequestBody, Service};
use isobase_writer::Pauses;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::{
    failure::Failure,
    flags::TargetFlags,
    print::Printer,
    service_failure::client_failure,
    settings::{Config, Loaded, licence_options},
    target::Target,
};

/// The first steps of the paths of the routes.
const ROOT: [&str; 3] = ["api", "v1", "db"];

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// How often a request is sent that may be repeated, and the pauses between: the first, and the longest.
const ATTEMPTS_MAX: u32 = 3;
const PAUSE_FIRST: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// The routes of licences.
pub(super) enum Caller {
    /// A database that this process has opened.
    Direct { store: Store, routes: Arc<Service> },
    /// A service.
    Service(Client),
}

impl Caller {
    pub(super) async fn open(
        flags: &TargetFlags,
        (loaded, config): (&Loaded, &Config),
        printer: Printer,
    ) -> Result<Self> {
        Ok(match Target::open(flags, loaded, config, printer).await? {
            Target::Service(client) => Self::Service(client),
            Target::Direct { store, .. } => {
                let licences = Licences::new(&store, licence_options(loaded, config)?);
                let routes = Composition::default()
                    .with_licences(licences, None)
                    .build(Arc::new(Authorizer::open()), HttpConfig::default())
                    .context("the routes of licenses")?;
                Self::Direct { store, routes }
            }
        })
    }

    pub(super) async fn close(self) -> Result<()> {
        if let Self::Direct { store, .. } = self {
            store.close().await?;
        }
        Ok(())
    }

    /// The licence of a number or a key.
    pub(super) async fn find(&self, license: &str) -> Result<Value> {
        if license.bytes().all(|byte| byte.is_ascii_digit()) {
            return self.get(&["license", license], &[]).await;
        }
        let by_key = [("license_key", license.to_owned())];
        let found = self.get(&["license"], &by_key).await?;
        match found["licenses"].get(0) {
            Some(licence) => Ok(licence.clone()),
            None => Err(Failure::new("no license has this key")
                .hint("one that was deleted is found by its number only")
                .into()),
        }
    }

    pub(super) async fn get(&self, path: &[&str], parameters: &[(&str, String)]) -> Result<Value> {
        self.send(Method::GET, path, parameters, None).await
    }

    pub(super) async fn post(
        &self,
        path: &[&str],
        parameters: &[(&str, String)],
        body: &Value,
    ) -> Result<Value> {
        self.send(Method::POST, path, parameters, Some(body)).await
    }

    /// Posts what a repeat with the same key does not do again, so it is tried again where the
    /// connection broke.
    pub(super) async fn post_marked(
        &self,
        path: &[&str],
        key: &str,
        body: &Value,
    ) -> Result<Value, ClientError> {
        let (mut attempt, mut pauses) = (1, Pauses::new(PAUSE_FIRST, PAUSE_MAX));
        loop {
            let said = self.exchange((Method::POST, Some(key)), path, &[], Some(body)).await;
            match said {
                Err(error) if attempt < ATTEMPTS_MAX && may_be_repeated(&error) => {
                    pauses.wait().await;
                    attempt += 1;
                }
                Err(error) => return Err(error),
                Ok(bytes) => {
                    return serde_json::from_slice(&bytes).map_err(|error| unexpected(&error));
                }
            }
        }
    }

    /// Sends a request and reads JSON.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &[&str],
        parameters: &[(&str, String)],
        body: Option<&Value>,
    ) -> Result<Value> {
        let bytes = self.exchange((method, None), path, parameters, body).await;
        let bytes = bytes.map_err(client_failure)?;
        serde_json::from_slice(&bytes).context("the answer is no JSON")
    }

    /// Sends a request and reads text.
    pub(super) async fn text(&self, method: Method, path: &[&str], body: &Value) -> Result<String> {
        let bytes = self.exchange((method, None), path, &[], Some(body)).await;
        let bytes = bytes.map_err(client_failure)?;
        String::from_utf8(bytes.to_vec()).context("the answer is no text")
    }

    async fn exchange(
        &self,
        (method, key): (Method, Option<&str>),
        path: &[&str],
        parameters: &[(&str, String)],
        body: Option<&Value>,
    ) -> Result<Bytes, ClientError> {
        let path: Vec<&str> = ROOT.iter().chain(path).copied().collect();
        match self {
            Self::Direct { routes, .. } => {
                ask(routes, (method, key), &path, (parameters, body)).await
            }
            Self::Service(client) => {
                let mut request = Request::new(method, &path);
                for (name, value) in parameters {
                    request = request.parameter(name, value);
                }
                if let Some(body) = body {
                    request = request.body(Body::json(body.to_string()));
                }
                if let Some(key) = key {
                    request = request.header(IDEMPOTENCY_KEY, key)?;
                }
                client.send(request).await?.bytes().await
            }
        }
    }
}

/// Asks the routes in this process.
async fn ask(
    routes: &Arc<Service>,
    (method, key): (Method, Option<&str>),
    path: &[&str],
    (parameters, body): (&[(&str, String)], Option<&Value>),
) -> Result<Bytes, ClientError> {
    let escaped = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let path: String = path.iter().map(|segment| format!("/{}", escaped(segment))).collect();
    let pairs = parameters.iter().map(|(name, value)| format!("{name}={}", escaped(value)));
    let query = pairs.collect::<Vec<_>>().join("&");
    let mut request = http::Request::builder()
        .method(method)
        .uri(format!("{path}?{query}"))
        .header(http::header::HOST, "localhost");
    if body.is_some() {
        request = request.header(http::header::CONTENT_TYPE, "application/json");
    }
    if let Some(key) = key {
        request = request.header(IDEMPOTENCY_KEY, key);
    }
    let text = body.map(Value::to_string).unwrap_or_default();
    let request = request.body(RequestBody::whole(text)).map_err(|error| unexpected(&error))?;
    let (parts, body) = routes.handle(request).await.into_parts();
    let bytes = body.collect().await.map_err(|error| unexpected(&error))?.to_bytes();
    if parts.status.is_success() {
        return Ok(bytes);
    }
    let problem: Problem = serde_json::from_slice(&bytes).map_err(|error| unexpected(&error))?;
    Err(ClientError::Refused(Box::new(problem)))
}

/// Whether the same request may be sent once more, when it is known by a key.
fn may_be_repeated(error: &ClientError) -> bool {
    error.is_temporary()
        || matches!(error, ClientError::Broken { .. } | ClientError::TimedOut { .. })
}

fn unexpected(error: &dyn std::fmt::Display) -> ClientError {
    let operation = "a request of licenses".to_owned();
    ClientError::UnexpectedAnswer { operation, reason: error.to_string() }
}
