//! Whom the commands ask: a service, or the same routes over a database that is opened here.

use std::sync::Arc;

use anyhow::{Context, Result};
use bytes::Bytes;
use http::Method;
use http_body_util::BodyExt;
use isobase::Store;
use isobase_auth::Authorizer;
use isobase_client::{Body, Client, ClientError, Problem, Request};
use isobase_licences::Licences;
use isobase_server::{Composition, HttpConfig, RequestBody, Service};
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

/// What the paths of the routes begin with.
const ROOT: [&str; 3] = ["api", "v1", "db"];

/// Whom the commands ask.
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
                let licences = Licences::new(&store, licence_options(loaded)?);
                let routes = Composition::default()
                    .with_licences(licences)
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

    /// Sends a request and reads JSON.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &[&str],
        parameters: &[(&str, String)],
        body: Option<&Value>,
    ) -> Result<Value> {
        let bytes = self.exchange(method, path, parameters, body).await?;
        serde_json::from_slice(&bytes).context("the answer is no JSON")
    }

    /// Sends a request and reads text.
    pub(super) async fn text(&self, method: Method, path: &[&str], body: &Value) -> Result<String> {
        let bytes = self.exchange(method, path, &[], Some(body)).await?;
        String::from_utf8(bytes.to_vec()).context("the answer is no text")
    }

    async fn exchange(
        &self,
        method: Method,
        path: &[&str],
        parameters: &[(&str, String)],
        body: Option<&Value>,
    ) -> Result<Bytes> {
        let path: Vec<&str> = ROOT.iter().chain(path).copied().collect();
        match self {
            Self::Direct { routes, .. } => ask(routes, method, &path, (parameters, body)).await,
            Self::Service(client) => {
                let mut request = Request::new(method, &path);
                for (name, value) in parameters {
                    request = request.parameter(name, value);
                }
                if let Some(body) = body {
                    request = request.body(Body::json(body.to_string()));
                }
                let answer = client.send(request).await.map_err(client_failure)?;
                Ok(answer.bytes().await.map_err(client_failure)?)
            }
        }
    }
}

/// Asks the routes in this process.
async fn ask(
    routes: &Arc<Service>,
    method: Method,
    path: &[&str],
    (parameters, body): (&[(&str, String)], Option<&Value>),
) -> Result<Bytes> {
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
    let text = body.map(Value::to_string).unwrap_or_default();
    let request = request.body(RequestBody::whole(text)).context("the request cannot be made")?;
    let (parts, body) = routes.handle(request).await.into_parts();
    let bytes = body.collect().await.map_err(|error| anyhow::anyhow!(error))?.to_bytes();
    if parts.status.is_success() {
        return Ok(bytes);
    }
    let problem: Problem = serde_json::from_slice(&bytes).context("the answer is no problem")?;
    Err(client_failure(ClientError::Refused(Box::new(problem))).into())
}
