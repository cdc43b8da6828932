//! The way out.

use std::time::Duration;

use futures_util::future::BoxFuture;

/// A delivery on its way.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Where it goes.
    pub url: String,
    /// Headers beside those of every request.
    pub headers: Vec<(&'static str, String)>,
    /// JSON.
    pub body: String,
}

/// Its outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// It was answered.
    Answered {
        /// The status.
        status: u16,
        /// The beginning of the answer, as text.
        text: String,
        /// When to try again, as the other side wishes.
        retry_after: Option<Duration>,
    },
    /// There was no answer.
    Failed(String),
}

/// Sends deliveries by HTTP: with a deadline, without following redirects, and never to an address
/// within unless it is told to.
pub trait Sender: Send + Sync {
    /// Refuses a URL that nothing would be sent to.
    ///
    /// # Errors
    /// Says why.
    fn check(&self, url: &str) -> Result<(), String>;

    /// Sends one.
    fn send(&self, outgoing: Outgoing) -> BoxFuture<'_, Sent>;
}
