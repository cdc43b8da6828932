//! Settings of a client.

use std::time::Duration;

/// Settings of a [`crate::Client`].
#[derive(Clone)]
pub struct ClientOptions {
    /// Sent as `Authorization: Bearer`.
    pub api_key: Option<String>,
    /// Longest wait for the head of an answer. Default 60 s: a page that examines a million
    /// documents takes seconds, a build of an index longer ([`crate::Request::deadline`]).
    pub answer_deadline: Duration,
    /// Attempts to connect while the service refuses connections. Default 3.
    pub connect_attempts: u32,
    /// Longest body of an answer that is read at once. Default 256 MiB.
    pub answer_bytes_max: usize,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            api_key: None,
            answer_deadline: Duration::from_secs(60),
            connect_attempts: 3,
            answer_bytes_max: 256 << 20,
        }
    }
}

/// Without the key.
impl std::fmt::Debug for ClientOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientOptions")
            .field("api_key", &self.api_key.as_ref().map(|_| "…"))
            .field("answer_deadline", &self.answer_deadline)
            .field("connect_attempts", &self.connect_attempts)
            .field("answer_bytes_max", &self.answer_bytes_max)
            .finish()
    }
}
