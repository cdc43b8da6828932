//! Requests: how they are sent, and how often again.

use std::{
    env,
    error::Error,
    net::IpAddr,
    pin::Pin,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use aws_config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::{
    Client as Sdk,
    config::{
        Credentials, SharedHttpClient, StalledStreamProtectionConfig, retry::RetryConfig,
        timeout::TimeoutConfig,
    },
    error::{ProvideErrorMetadata, SdkError},
};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use isobase_engine::{EngineError, ErrorKind};
use isobase_journal::Pauses;
use tokio::time::Instant;

use crate::{
    DynamoDbCredentials, DynamoDbOptions,
    error::{Class, Failure},
    options::host_of,
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// One attempt gets this part of a call's time, so that one that hangs leaves time for another.
const ATTEMPTS_IN_DEADLINE: u32 = 2;
/// An attempt begins only while there is this much time for its answer: one that is cut off makes
/// the outcome of a write unknown, although those before it were refused.
const ATTEMPT_MIN: Duration = Duration::from_millis(500);
/// Pauses between attempts grow from the first to the last, each shortened at random.
const PAUSE_FIRST: Duration = Duration::from_millis(25);
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// An emulator wants a region and does not care which.
const REGION_OF_EMULATORS: &str = "us-east-1";
const VARIABLE_ENDPOINT: &str = "AWS_ENDPOINT_URL_DYNAMODB";
const VARIABLE_ENDPOINT_ALL: &str = "AWS_ENDPOINT_URL";
const VARIABLE_ACCESS_KEY: &str = "AWS_ACCESS_KEY_ID";

/// The SDK's client without its own repetitions: ours end with the deadline, and tell what
/// cannot be known from what did not happen.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) sdk: Sdk,
    /// Longest time of one call, all its attempts together.
    pub(crate) deadline: Duration,
    pub(crate) status: Status,
}

/// Counters, written by every request and read for the metrics.
#[derive(Debug, Default)]
pub(crate) struct Status {
    pub(crate) requests: AtomicU64,
    pub(crate) repeated: AtomicU64,
    pub(crate) throttled: AtomicU64,
    pub(crate) conflicts: AtomicU64,
}

impl Status {
    pub(crate) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// An answer of the SDK that is on its way.
pub(crate) type Sending<T, E> = Pin<Box<dyn Future<Output = Result<T, SdkError<E>>> + Send>>;

impl Client {
    /// # Errors
    /// When no region is known.
    pub(crate) async fn new(
        options: &DynamoDbOptions,
        deadline: Duration,
    ) -> Result<Self, EngineError> {
        let from_environment =
            || env::var(VARIABLE_ENDPOINT).or_else(|_| env::var(VARIABLE_ENDPOINT_ALL)).ok();
        let endpoint = options.endpoint.clone().or_else(from_environment);
        let is_plain = endpoint.as_deref().is_some_and(|it| it.starts_with("http://"));
        let is_local = endpoint.as_deref().is_some_and(is_loopback);
        if is_plain && !is_local {
            tracing::warn!("documents travel unencrypted to the DynamoDB endpoint of {options}");
        }
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http_client(is_plain && is_local))
            .retry_config(RetryConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(CONNECT_TIMEOUT.min(deadline))
                    .operation_attempt_timeout(deadline / ATTEMPTS_IN_DEADLINE)
                    .build(),
            );
        if let Some(region) = &options.region {
            loader = loader.region(Region::new(region.clone()));
        } else if is_local {
            loader = loader.region(Region::new(REGION_OF_EMULATORS));
        }
        if let Some(endpoint) = &options.endpoint {
            loader = loader.endpoint_url(endpoint);
        }
        if let Some(credentials) = credentials(&options.credentials, is_local) {
            loader = loader.credentials_provider(credentials);
        }
        let config = loader.load().await;
        if config.region().is_none() {
            let message = "no AWS region is known: give one in the URL (dynamodb://REGION/PREFIX) \
                           or in AWS_REGION";
            return Err(EngineError::new(ErrorKind::Unavailable, message));
        }
        Ok(Self { sdk: Sdk::new(&config), deadline, status: Status::default() })
    }

    /// Sends a request until it is answered for good, at most for the deadline. Only for requests
    /// that may be carried out twice.
    pub(crate) async fn call<T, E>(
        &self,
        action: &'static str,
        table: &str,
        send: impl FnMut() -> Sending<T, E>,
    ) -> Result<T, Failure>
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        let mut retry = self.retry();
        self.call_within(&mut retry, send)
            .await
            .map_err(|ended| ended.failure(action, table, self.deadline))
    }

    /// The same within the time and the pauses of a longer undertaking.
    pub(crate) async fn call_within<T, E>(
        &self,
        retry: &mut Retry,
        mut send: impl FnMut() -> Sending<T, E>,
    ) -> Result<T, Ended<E>>
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        let mut is_unknown = false;
        loop {
            Status::count(&self.status.requests);
            let Ok(answer) = tokio::time::timeout_at(retry.end, send()).await else {
                return Err(Ended { error: None, class: Class::Unknown });
            };
            let error = match answer {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let class = crate::error::class_of(&error);
            if class == Class::Throttled {
                Status::count(&self.status.throttled);
            }
            is_unknown |= class == Class::Unknown;
            if !class.is_momentary() || !retry.pause().await {
                // What an earlier attempt may have done, a later refusal does not undo.
                let class = if is_unknown { Class::Unknown } else { class };
                return Err(Ended { error: Some(error), class });
            }
            Status::count(&self.status.repeated);
        }
    }

    /// Time for one call.
    pub(crate) fn retry(&self) -> Retry {
        let end = Instant::now() + self.deadline;
        let last = end - ATTEMPT_MIN.min(self.deadline / 4);
        Retry { end, last, pauses: Pauses::new(PAUSE_FIRST, PAUSE_MAX) }
    }
}

/// A call that ended without an answer to use.
pub(crate) struct Ended<E> {
    /// The last error; `None` when the time was over.
    pub(crate) error: Option<SdkError<E>>,
    pub(crate) class: Class,
}

impl<E: ProvideErrorMetadata + Error + Send + Sync + 'static> Ended<E> {
    pub(crate) fn failure(self, action: &'static str, table: &str, deadline: Duration) -> Failure {
        match self.error {
            Some(error) => Failure { class: self.class, ..Failure::of(action, table, error) },
            None => {
                let message = format!("no answer within {} s", deadline.as_secs_f32());
                Failure::new(action, table, self.class, message)
            }
        }
    }
}

/// How long an undertaking may go on trying.
pub(crate) struct Retry {
    end: Instant,
    /// When no attempt begins any more.
    last: Instant,
    pauses: Pauses,
}

impl Retry {
    /// Waits before the next attempt; false when there is no time for one.
    pub(crate) async fn pause(&mut self) -> bool {
        let pause = self.pauses.next_pause();
        if Instant::now() + pause >= self.last {
            return false;
        }
        tokio::time::sleep(pause).await;
        true
    }

    /// Something moved on: the next pause is short again, and there is as much time as before.
    pub(crate) fn renew(&mut self, client: &Client) {
        *self = client.retry();
    }
}

fn http_client(is_emulator: bool) -> SharedHttpClient {
    if is_emulator {
        // The certificates of the machine are not even looked for.
        return Builder::new().build_http();
    }
    Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
}

fn credentials(wanted: &DynamoDbCredentials, is_local: bool) -> Option<Credentials> {
    match wanted {
        DynamoDbCredentials::Static { access_key_id, secret_access_key, session_token } => {
            Some(Credentials::new(
                access_key_id,
                secret_access_key,
                session_token.clone(),
                None,
                "isobase",
            ))
        }
        // Emulators want some and look at none.
        DynamoDbCredentials::Chain if is_local && env::var_os(VARIABLE_ACCESS_KEY).is_none() => {
            Some(Credentials::new("local", "local", None, None, "isobase-local"))
        }
        DynamoDbCredentials::Chain => None,
    }
}

fn is_loopback(endpoint: &str) -> bool {
    host_of(endpoint).is_some_and(|host| {
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_addresses_are_known() {
        for local in ["http://127.0.0.1:8000", "http://localhost", "https://[::1]:1/x"] {
            assert!(is_loopback(local), "{local}");
        }
        for other in ["http://10.0.0.1:8000", "http://localhost.example", "http://dynamodb:8000"] {
            assert!(!is_loopback(other), "{other}");
        }
    }
}
