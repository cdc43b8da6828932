//! The token in use.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use isobase_engine::{EngineError, ErrorKind};
use tokio::{sync::Mutex, time::Instant};
use tonic::metadata::{Ascii, MetadataValue};

use crate::credentials::Credentials;

/// A token is replaced this long before its end, so that no request travels with a dead one.
const MARGIN: Duration = Duration::from_secs(300);
/// When no new token can be had, the old one is used until this long before its end.
const LAST_MARGIN: Duration = Duration::from_secs(10);
/// After a failure, how long the old token is used without asking again.
const PAUSE: Duration = Duration::from_secs(5);

/// Gives the header of every request, and replaces the token in time.
pub(crate) struct Tokens {
    credentials: Credentials,
    /// Written by the task that finds it missing or old; the others wait for it.
    current: Mutex<Option<Current>>,
    /// Tokens asked for, failures included.
    fetched: AtomicU64,
}

#[derive(Clone)]
struct Current {
    header: MetadataValue<Ascii>,
    renew_at: Instant,
    dead_at: Instant,
    number: u64,
}

/// A header, and which token it holds.
#[derive(Clone)]
pub(crate) struct Authorization {
    pub(crate) header: MetadataValue<Ascii>,
    /// Counts tokens.
    pub(crate) number: u64,
}

impl Tokens {
    pub(crate) fn new(credentials: Credentials) -> Self {
        Self { credentials, current: Mutex::new(None), fetched: AtomicU64::new(0) }
    }

    pub(crate) fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    pub(crate) fn fetched(&self) -> u64 {
        self.fetched.load(Ordering::Relaxed)
    }

    /// The header to send now. `refused` is the number of a token that Google did not take.
    ///
    /// # Errors
    /// When there is no token that still lives and none can be had.
    pub(crate) async fn authorization(
        &self,
        refused: Option<u64>,
    ) -> Result<Authorization, EngineError> {
        let mut current = self.current.lock().await;
        let now = Instant::now();
        if let Some(token) = &mut *current
            && refused.is_none_or(|number| number < token.number)
        {
            if now < token.renew_at {
                return Ok(token.authorization());
            }
            match self.fetch(token.number + 1).await {
                Ok(new) => *token = new,
                Err(error) if now < token.dead_at => {
                    tracing::warn!(%error, "the old token for Firestore is used a little longer");
                    token.renew_at = now + PAUSE;
                }
                Err(error) => return Err(error),
            }
            return Ok(token.authorization());
        }
        let number = current.as_ref().map_or(0, |token| token.number) + 1;
        let token = self.fetch(number).await?;
        let authorization = token.authorization();
        *current = Some(token);
        Ok(authorization)
    }

    async fn fetch(&self, number: u64) -> Result<Current, EngineError> {
        self.fetched.fetch_add(1, Ordering::Relaxed);
        let asked_at = Instant::now();
        let token = self.credentials.token().await?;
        let mut header =
            MetadataValue::try_from(format!("Bearer {}", token.text)).map_err(|_| {
                EngineError::new(
                    ErrorKind::Unexpected,
                    "the token for Firestore is no header value",
                )
            })?;
        header.set_sensitive(true);
        // A far future that every clock can hold.
        let life = token.life.min(Duration::from_secs(365 * 24 * 60 * 60));
        let dead_at = asked_at + life.saturating_sub(LAST_MARGIN);
        // Half of a short life is enough for many requests.
        let renew_at = asked_at + life.saturating_sub(MARGIN).max(life / 2);
        Ok(Current { header, renew_at: renew_at.min(dead_at), dead_at, number })
    }
}

impl Current {
    fn authorization(&self) -> Authorization {
        Authorization { header: self.header.clone(), number: self.number }
    }
}
