//! Requests to Firestore, with their repetitions.

use std::{
    future::Future,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    time::Duration,
};

use googleapis_tonic_google_firestore_v1::google::firestore::v1::firestore_client::FirestoreClient;
use isobase_engine::{EngineError, ErrorKind};
use isobase_journal::Pauses;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::time::{Instant, sleep, timeout_at};
use tonic::{
    Code, Request, Status,
    metadata::{Ascii, MetadataValue},
    transport::{Channel, ClientTlsConfig, Endpoint},
};

use crate::{
    FirestoreOptions,
    error::{self, Failure},
    limits::MESSAGE_BYTES_MAX,
    tokens::Tokens,
};

/// Where Google's service is.
const SERVICE: &str = "https://firestore.googleapis.com";
/// First pause before a repetition; each next one may be twice as long.
const PAUSE_FIRST: Duration = Duration::from_millis(50);
/// First pause where Firestore says that it is too much.
const PAUSE_EXHAUSTED: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// Most times one request is sent.
const ATTEMPTS_MAX: u32 = 7;
/// The shortest time an attempt is given, as long as the whole call has it.
const ATTEMPT_MIN: Duration = Duration::from_secs(1);
/// A silent connection is asked after this long whether it still lives, also when no request is
/// under way: the first one after a pause must not find out with its own deadline. Google's front
/// ends end connections that are asked more often than every 30 s (googleapis/google-cloud-php
/// pull request 3565); its own clients ask every minute.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(60);
/// Time it has to answer. Shorter than an attempt, so that the next one has a new connection.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(4);
/// Bytes that may be on the way on one stream and on one connection: the defaults of HTTP/2
/// (64 KiB) hold up every larger document.
const WINDOW_BYTES: u32 = 2 << 20;

/// One of the connections, as the generated code uses it.
pub(crate) type Service = FirestoreClient<Channel>;

/// The connections to one database.
pub(crate) struct Client {
    channels: Vec<Channel>,
    /// The channel of the next request.
    next: AtomicUsize,
    tokens: Tokens,
    /// Headers that lead a request to its database.
    routing: Vec<(&'static str, MetadataValue<Ascii>)>,
    /// Longest time of one call, its repetitions included.
    deadline: Duration,
    requests: AtomicU64,
    repetitions: AtomicU64,
}

/// The parts that an attempt needs to make its request.
pub(crate) struct Attempt<'a> {
    client: &'a Client,
    authorization: MetadataValue<Ascii>,
    until: Instant,
}

impl Attempt<'_> {
    /// One of the connections.
    pub(crate) fn service(&self) -> Service {
        let next = self.client.next.fetch_add(1, Ordering::Relaxed);
        let channel = self.client.channels[next % self.client.channels.len()].clone();
        FirestoreClient::new(channel)
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX)
    }

    /// A request with everything around the message.
    pub(crate) fn request<M>(&self, message: M) -> Request<M> {
        let mut request = Request::new(message);
        request.set_timeout(self.until.saturating_duration_since(Instant::now()));
        let metadata = request.metadata_mut();
        metadata.insert("authorization", self.authorization.clone());
        for (name, value) in &self.client.routing {
            metadata.insert(*name, value.clone());
        }
        request
    }
}

impl Client {
    pub(crate) fn new(
        options: &FirestoreOptions,
        emulator: Option<&str>,
        project: &str,
        tokens: Tokens,
        deadline: Duration,
    ) -> Result<Self, EngineError> {
        let address = emulator.map_or_else(|| SERVICE.to_owned(), |host| format!("http://{host}"));
        let unusable = |error: tonic::transport::Error| {
            let message = format!("'{address}' cannot be used as the address of Firestore");
            EngineError::with_source(ErrorKind::InvalidArgument, message, error)
        };
        let mut endpoint = Endpoint::from_shared(address.clone())
            .map_err(unusable)?
            .user_agent(concat!("isobase/", env!("CARGO_PKG_VERSION")))
            .map_err(unusable)?
            .connect_timeout(options.connect_timeout)
            .initial_stream_window_size(WINDOW_BYTES)
            .initial_connection_window_size(4 * WINDOW_BYTES)
            .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
            .keep_alive_timeout(KEEPALIVE_TIMEOUT)
            .keep_alive_while_idle(true);
        if emulator.is_none() {
            let tls = ClientTlsConfig::new().with_webpki_roots();
            endpoint = endpoint.tls_config(tls).map_err(unusable)?;
        }
        let channels = (0..options.connections.max(1)).map(|_| endpoint.connect_lazy()).collect();
        let routing = routing(project, &options.database, tokens.credentials().quota_project())?;
        Ok(Self {
            channels,
            next: AtomicUsize::new(0),
            tokens,
            routing,
            deadline,
            requests: AtomicU64::new(0),
            repetitions: AtomicU64::new(0),
        })
    }

    /// When a call that begins now must be over.
    pub(crate) fn deadline(&self) -> Instant {
        Instant::now() + self.deadline
    }

    pub(crate) fn gauges(&self) -> Vec<(&'static str, f64)> {
        let count = |value: &AtomicU64| value.load(Ordering::Relaxed) as f64;
        vec![
            ("remote_requests_total", count(&self.requests)),
            ("remote_repetitions_total", count(&self.repetitions)),
            ("remote_tokens_total", self.tokens.fetched() as f64),
        ]
    }

    /// Sends a request, again where Firestore may do better the next time, until a moment.
    ///
    /// Repeating must be harmless: reads are, and so are writes under preconditions that the
    /// first success ends. A token that is refused is replaced, once.
    pub(crate) async fn call<'a, T, F>(
        &'a self,
        until: Instant,
        attempt: impl Fn(Attempt<'a>) -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Status>>,
    {
        let (mut attempts, mut repeats) = (0, Repeats::new());
        let mut uncertain = false;
        let mut refused = None;
        loop {
            attempts += 1;
            let authorization = match self.authorization(refused, until).await {
                Ok(authorization) => authorization,
                Err(error) => return Err(Failure::no_token(error, uncertain)),
            };
            let attempt_until = attempt_until(until);
            let status = {
                self.requests.fetch_add(1, Ordering::Relaxed);
                let header = authorization.header;
                let given = Attempt { client: self, authorization: header, until: attempt_until };
                match timeout_at(attempt_until, attempt(given)).await {
                    Ok(Ok(value)) => return Ok(value),
                    Ok(Err(status)) if !error::is_timeout(&status) => status,
                    _ => Status::deadline_exceeded("no answer in time"),
                }
            };
            uncertain |= error::may_have_happened(&status);
            if status.code() == Code::Unauthenticated && refused.is_none() {
                refused = Some(authorization.number);
                continue;
            }
            let failure = Failure::new(status, uncertain, attempts);
            let pause = repeats.pause_after(&failure.status);
            let over = attempts >= ATTEMPTS_MAX || Instant::now() + pause >= until;
            if over || !error::is_worth_repeating(&failure.status) {
                return Err(failure);
            }
            self.repetitions.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(
                attempt = attempts,
                code = ?failure.status.code(),
                "a request to Firestore is repeated"
            );
            sleep(pause).await;
        }
    }

    async fn authorization(
        &self,
        refused: Option<u64>,
        until: Instant,
    ) -> Result<crate::tokens::Authorization, EngineError> {
        let authorization = timeout_at(until, self.tokens.authorization(refused)).await;
        authorization.unwrap_or_else(|_| {
            Err(EngineError::new(ErrorKind::TimedOut, "no token for Firestore came in time"))
        })
    }
}

/// An attempt may use half of what is left, so that there is time for another.
fn attempt_until(until: Instant) -> Instant {
    let now = Instant::now();
    let left = until.saturating_duration_since(now);
    now + (left / 2).max(ATTEMPT_MIN).min(left)
}

/// Pauses between the attempts at one thing.
pub(crate) struct Repeats {
    usual: Pauses,
    /// For a database that is asked too much.
    exhausted: Pauses,
}

impl Repeats {
    pub(crate) fn new() -> Self {
        let pauses = |first| Pauses::new(first, PAUSE_MAX);
        Self { usual: pauses(PAUSE_FIRST), exhausted: pauses(PAUSE_EXHAUSTED) }
    }

    /// The pause after a failure; each failure makes the next pause longer, whatever its kind.
    pub(crate) fn pause_after(&mut self, status: &Status) -> Duration {
        let (usual, exhausted) = (self.usual.next_pause(), self.exhausted.next_pause());
        if status.code() == Code::ResourceExhausted { exhausted } else { usual }
    }
}

/// Headers by which Google finds the database (the routing rules of `firestore.proto`) and whom
/// to bill.
fn routing(
    project: &str,
    database: &str,
    quota_project: Option<&str>,
) -> Result<Vec<(&'static str, MetadataValue<Ascii>)>, EngineError> {
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let parameters = format!("project_id={}&database_id={}", encode(project), encode(database));
    let mut headers = vec![
        ("x-goog-request-params", parameters),
        ("google-cloud-resource-prefix", format!("projects/{project}/databases/{database}")),
    ];
    headers.extend(quota_project.map(|project| ("x-goog-user-project", project.to_owned())));
    headers
        .into_iter()
        .map(|(name, value)| match MetadataValue::try_from(&value) {
            Ok(value) => Ok((name, value)),
            Err(_) => {
                let message = format!("'{value}' is not the name of a project and a database");
                Err(EngineError::new(ErrorKind::InvalidArgument, message))
            }
        })
        .collect()
}
