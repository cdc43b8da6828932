//! Requests: how they are sent, and how often again.

use std::{
    fs,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use base64::Engine as _;
use bytes::Bytes;
use isobase_engine::{EngineError, ErrorKind};
use isobase_journal::{Pauses, Tree};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{
    Method, Url,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue},
};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use tokio::time::Instant;

use crate::{
    CouchDbOptions,
    error::{Class, Complaint, Place, class_of, in_doubt, status_error, strange},
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Connections that wait for the next request.
const IDLE_CONNECTIONS_MAX: usize = 32;
/// Pauses between attempts grow from the first to the last, each shortened at random.
const PAUSE_FIRST: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// Attempts of one request; the deadline may end them sooner.
const ATTEMPTS_MAX: u32 = 8;
/// Largest answer that is held. Readers ask for less when an answer is larger.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// All but what never needs an escape in a path.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A CouchDB server.
pub(crate) struct Client {
    http: reqwest::Client,
    base: String,
    address: String,
    user: Option<String>,
    /// Longest time of one call, all its attempts together.
    deadline: Duration,
    pub(crate) status: Status,
}

/// Counters, written by every request and read for the metrics.
#[derive(Debug, Default)]
pub(crate) struct Status {
    pub(crate) requests: AtomicU64,
    pub(crate) repeated: AtomicU64,
    pub(crate) conflicts: AtomicU64,
    pub(crate) foreign_overwritten: AtomicU64,
    pub(crate) redone: AtomicU64,
    pub(crate) quorum_missed: AtomicU64,
    pub(crate) rows_refused: AtomicU64,
}

impl Status {
    pub(crate) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// One request.
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    /// From the first `/`, escaped.
    pub(crate) path: String,
    pub(crate) body: Option<Bytes>,
    /// Its work, for messages: "reading the head of the journal".
    pub(crate) what: &'a str,
    pub(crate) intent: Intent,
    pub(crate) deadline: Instant,
    pub(crate) answer_bytes_max: usize,
    /// The caller knows another way when this is not allowed (401, 403), too large (413) or not
    /// there (405, and 501 where nothing is written).
    pub(crate) has_another_way: bool,
}

/// The kind of failure when it is unknown whether a request was carried out. All requests of this crate
/// may be repeated: they carry the version they replace, or the same content leads to the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Intent {
    /// Nothing: nothing is written.
    Read,
    /// The write may have happened.
    Write,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    /// It is a write, and an attempt before this one may have been carried out.
    pub(crate) may_have_happened: bool,
}

impl Reply {
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The answer as JSON.
    pub(crate) fn tree(&self, what: &str) -> Result<Tree, EngineError> {
        let tree = std::str::from_utf8(&self.body).ok().and_then(|text| Tree::parse(text).ok());
        tree.ok_or_else(|| {
            // CouchDB breaks off in the middle when a part of it fails while it answers.
            let message = format!("the answer of CouchDB to {what} is no whole JSON");
            EngineError::new(ErrorKind::Unavailable, message)
        })
    }

    pub(crate) fn complaint(&self) -> Complaint {
        Complaint::of(&self.body)
    }
}

/// Why one attempt failed.
enum Attempt {
    /// Nothing was done; another attempt may succeed, after a pause the server asked for.
    Refused(EngineError, Option<Duration>),
    /// No one knows what was done; another attempt may tell, after a pause the server asked for.
    Uncertain(EngineError, Option<Duration>),
    /// It stays as it is.
    Final(EngineError),
    /// The answer is larger than allowed.
    TooLarge,
}

impl Client {
    /// # Errors
    /// When the authorities cannot be read.
    pub(crate) fn new(options: &CouchDbOptions, deadline: Duration) -> Result<Self, EngineError> {
        let refuse = |message: String| EngineError::new(ErrorKind::Unavailable, message);
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some((user, password)) = &options.login {
            let login =
                base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
            let mut value = HeaderValue::try_from(format!("Basic {login}"))
                .map_err(|_| refuse("the login of the CouchDB URL cannot be sent".to_owned()))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
            if !options.tls && !is_loopback(&options.host) {
                tracing::warn!("documents and password travel unencrypted to {options}");
            }
        }
        let mut builder = reqwest::Client::builder()
            .default_headers(headers)
            .http1_only()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .tcp_nodelay(true)
            .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
            .connect_timeout(CONNECT_TIMEOUT.min(deadline));
        builder = builder.tls_backend_preconfigured(tls(options)?);
        let http = builder
            .build()
            .map_err(|error| refuse(format!("the HTTP client cannot be made: {error}")))?;
        Ok(Self {
            http,
            base: options.base_url(),
            address: options.address(),
            user: options.login.as_ref().map(|(user, _)| user.clone()),
            deadline,
            status: Status::default(),
        })
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The moment until which a call that begins now may wait.
    pub(crate) fn deadline(&self) -> Instant {
        Instant::now() + self.deadline
    }

    /// Sends a request, again while that can help and there is time.
    ///
    /// # Errors
    /// For every status that [`class_of`] does not leave to the caller.
    pub(crate) async fn send(&self, call: &Call<'_>) -> Result<Reply, EngineError> {
        match self.send_bounded(call).await? {
            Some(reply) => Ok(reply),
            None => {
                let (what, max) = (call.what, call.answer_bytes_max);
                let message = format!(
                    "the answer of CouchDB at {} to {what} has more than {max} bytes",
                    self.address
                );
                let error = EngineError::new(ErrorKind::LimitExceeded, message);
                // A write that is answered at such a length was carried out, or part of it.
                Err(outcome(call, true, error))
            }
        }
    }

    /// As [`Client::send`]; `None` when the answer is too large.
    pub(crate) async fn send_bounded(&self, call: &Call<'_>) -> Result<Option<Reply>, EngineError> {
        let mut may_have_happened = false;
        let (mut attempt, mut pauses) = (0, Pauses::new(PAUSE_FIRST, PAUSE_MAX));
        loop {
            attempt += 1;
            Status::count(&self.status.requests);
            let timed = tokio::time::timeout_at(call.deadline, self.attempt(call)).await;
            let failure =
                timed.unwrap_or_else(|_| Err(Attempt::Uncertain(self.timed_out(call), None)));
            let (error, asked) = match failure {
                Ok((status, body)) => {
                    let may_have_happened = may_have_happened && call.intent == Intent::Write;
                    return Ok(Some(Reply { status, body, may_have_happened }));
                }
                Err(Attempt::TooLarge) => return Ok(None),
                Err(Attempt::Final(error)) => return Err(outcome(call, may_have_happened, error)),
                Err(Attempt::Refused(error, asked)) => (error, asked),
                Err(Attempt::Uncertain(error, asked)) => {
                    may_have_happened = true;
                    (error, asked)
                }
            };
            let pause = asked.unwrap_or_else(|| pauses.next_pause()).min(PAUSE_MAX);
            if attempt >= ATTEMPTS_MAX || Instant::now() + pause >= call.deadline {
                return Err(outcome(call, may_have_happened, error));
            }
            Status::count(&self.status.repeated);
            tracing::debug!(attempt, %error, "{} is tried again: {error}", call.what);
            tokio::time::sleep(pause).await;
        }
    }

    async fn attempt(&self, call: &Call<'_>) -> Result<(u16, Vec<u8>), Attempt> {
        let url = format!("{}{}", self.base, call.path);
        let url = Url::parse(&url).map_err(|_| Attempt::Final(strange("the URL of a request")))?;
        let mut request = self.http.request(call.method.clone(), url);
        if let Some(body) = &call.body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.clone());
        }
        let mut response = match request.send().await {
            Ok(response) => response,
            Err(error) if error.is_connect() => {
                return Err(Attempt::Refused(self.broken(call, error), None));
            }
            Err(error) => return Err(Attempt::Uncertain(self.broken(call, error), None)),
        };
        let status = response.status().as_u16();
        let retry_after = response.headers().get("retry-after").and_then(retry_after);
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > call.answer_bytes_max => {
                    return Err(Attempt::TooLarge);
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break,
                Err(error) => return Err(Attempt::Uncertain(self.broken(call, error), None)),
            }
        }
        let is_for_caller = match status {
            401 | 403 | 405 | 413 => call.has_another_way,
            501 => call.has_another_way && call.intent == Intent::Read,
            _ => false,
        };
        if is_for_caller {
            return Ok((status, body));
        }
        let error = |kind| {
            let place = Place { address: &self.address, user: self.user() };
            status_error(kind, call.what, &place, status, &Complaint::of(&body))
        };
        match class_of(status) {
            Class::Answer => Ok((status, body)),
            Class::Refused => Err(Attempt::Refused(error(ErrorKind::Unavailable), retry_after)),
            Class::Uncertain => Err(Attempt::Uncertain(error(ErrorKind::Unavailable), retry_after)),
            Class::Final(kind) => Err(Attempt::Final(error(kind))),
        }
    }

    fn broken(&self, call: &Call<'_>, error: reqwest::Error) -> EngineError {
        let cause = innermost(&error);
        let message = if error.is_connect() {
            format!("CouchDB at {} cannot be reached: {cause}", self.address)
        } else {
            format!(
                "the connection to CouchDB at {} broke while {}: {cause}",
                self.address, call.what
            )
        };
        EngineError::with_source(ErrorKind::Unavailable, message, error.without_url())
    }

    fn timed_out(&self, call: &Call<'_>) -> EngineError {
        let message =
            format!("CouchDB at {} did not finish {} before the deadline", self.address, call.what);
        EngineError::new(ErrorKind::TimedOut, message)
    }

    /// The failure of a status that the caller could not use.
    pub(crate) fn refused(&self, what: &str, reply: &Reply) -> EngineError {
        let place = Place { address: &self.address, user: self.user() };
        let kind = match class_of(reply.status) {
            _ if reply.may_have_happened => ErrorKind::OutcomeUnknown,
            Class::Final(kind) => kind,
            _ => ErrorKind::Unexpected,
        };
        status_error(kind, what, &place, reply.status, &reply.complaint())
    }

    pub(crate) fn get<'a>(&self, path: String, what: &'a str, deadline: Instant) -> Call<'a> {
        self.call(Method::GET, path, None, what, Intent::Read, deadline)
    }

    /// A question with a body.
    pub(crate) fn ask<'a>(
        &self,
        path: String,
        body: Vec<u8>,
        what: &'a str,
        deadline: Instant,
    ) -> Call<'a> {
        self.call(Method::POST, path, Some(body), what, Intent::Read, deadline)
    }

    pub(crate) fn post<'a>(
        &self,
        path: String,
        body: Vec<u8>,
        what: &'a str,
        deadline: Instant,
    ) -> Call<'a> {
        self.call(Method::POST, path, Some(body), what, Intent::Write, deadline)
    }

    pub(crate) fn put<'a>(
        &self,
        path: String,
        body: Vec<u8>,
        what: &'a str,
        deadline: Instant,
    ) -> Call<'a> {
        self.call(Method::PUT, path, Some(body), what, Intent::Write, deadline)
    }

    pub(crate) fn delete<'a>(&self, path: String, what: &'a str, deadline: Instant) -> Call<'a> {
        self.call(Method::DELETE, path, None, what, Intent::Write, deadline)
    }

    fn call<'a>(
        &self,
        method: Method,
        path: String,
        body: Option<Vec<u8>>,
        what: &'a str,
        intent: Intent,
        deadline: Instant,
    ) -> Call<'a> {
        Call {
            method,
            path,
            body: body.map(Bytes::from),
            what,
            intent,
            deadline,
            answer_bytes_max: ANSWER_BYTES_MAX,
            has_another_way: false,
        }
    }
}

/// A failure as the caller must see it: a write that may have happened says so.
fn outcome(call: &Call<'_>, may_have_happened: bool, error: EngineError) -> EngineError {
    match call.intent {
        Intent::Write if may_have_happened => in_doubt(error),
        _ => error,
    }
}

/// Whole seconds; a date is not waited for.
fn retry_after(value: &HeaderValue) -> Option<Duration> {
    value.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

fn tls(options: &CouchDbOptions) -> Result<ClientConfig, EngineError> {
    let refuse = |reason: String| {
        let path = options.tls_roots.as_deref().unwrap_or(std::path::Path::new("")).display();
        let message =
            format!("the certificates in '{path}' (sslrootcert) cannot be read: {reason}");
        EngineError::new(ErrorKind::Unavailable, message)
    };
    let roots = match &options.tls_roots {
        None => RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() },
        Some(path) => {
            let mut store = RootCertStore::empty();
            let pem = fs::read(path).map_err(|error| refuse(error.to_string()))?;
            for certificate in CertificateDer::pem_slice_iter(&pem) {
                let certificate = certificate.map_err(|error| refuse(error.to_string()))?;
                store.add(certificate).map_err(|error| refuse(error.to_string()))?;
            }
            if store.is_empty() {
                return Err(refuse("there is no certificate in it".to_owned()));
            }
            store
        }
    };
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring supports the default versions of TLS");
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// A name as a segment of a path.
pub(crate) fn segment(name: &str) -> String {
    utf8_percent_encode(name, ESCAPED).to_string()
}

/// Several requests at once, at most so many at a time, answers in their order.
pub(crate) async fn at_once<T, F>(limit: usize, futures: Vec<F>) -> Result<Vec<T>, EngineError>
where
    F: Future<Output = Result<T, EngineError>>,
{
    use futures_util::{StreamExt, TryStreamExt};
    futures_util::stream::iter(futures).buffered(limit.max(1)).try_collect().await
}
