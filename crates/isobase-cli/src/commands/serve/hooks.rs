//! Deliveries of webhooks by HTTP.

use futures_util::future::{BoxFuture, FutureExt};
use isobase_client::{Posted, Poster};
use isobase_webhooks::{Outgoing, Sender, Sent, is_public};

/// Sends deliveries by HTTP.
#[derive(Debug)]
pub(crate) struct HttpSender(Poster);

impl HttpSender {
    /// To the public network, or also to addresses within.
    pub(crate) fn new(private: bool) -> Self {
        Self(Poster::new((!private).then_some(is_public)))
    }
}

impl Sender for HttpSender {
    fn check(&self, url: &str) -> Result<(), String> {
        self.0.check(url)
    }

    fn send(&self, outgoing: Outgoing) -> BoxFuture<'_, Sent> {
        async move {
            let Outgoing { url, headers, body } = outgoing;
            match self.0.post(&url, &headers, body).await {
                Ok(Posted { status, text, retry_after }) => {
                    Sent::Answered { status, text, retry_after }
                }
                Err(error) => Sent::Failed(error),
            }
        }
        .boxed()
    }
}
