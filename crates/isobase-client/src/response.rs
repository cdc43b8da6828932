//! Answers.

use std::io;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt, BodyStream, Limited};
use hyper::body::Incoming;
use serde::de::DeserializeOwned;

use crate::{ClientError, Problem};

/// The head of an answer, with the body still to come.
#[derive(Debug)]
pub struct Response {
    pub(crate) operation: String,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Incoming,
    pub(crate) bytes_max: usize,
}

impl Response {
    /// The status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// A header, if it is there and is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The revision in the `ETag`, without its quotes.
    #[must_use]
    pub fn revision(&self) -> Option<String> {
        unquote(self.header("etag")?).map(str::to_owned)
    }

    /// Whether the service recognised the request as a repeat.
    #[must_use]
    pub fn is_replayed(&self) -> bool {
        self.header("idempotency-replayed") == Some("true")
    }

    /// The whole body.
    ///
    /// # Errors
    /// When the connection breaks or the body is too long.
    pub async fn bytes(self) -> Result<Bytes, ClientError> {
        let operation = self.operation;
        let collected = Limited::new(self.body, self.bytes_max).collect().await;
        collected
            .map(http_body_util::Collected::to_bytes)
            .map_err(|source| ClientError::Broken { operation, source })
    }

    /// The whole body as text.
    ///
    /// # Errors
    /// As [`Response::bytes`], and when it is not UTF-8.
    pub async fn text(self) -> Result<String, ClientError> {
        let operation = self.operation.clone();
        String::from_utf8(self.bytes().await?.to_vec()).map_err(|_| ClientError::UnexpectedAnswer {
            operation,
            reason: "it is not UTF-8".to_owned(),
        })
    }

    /// The whole body, read as JSON.
    ///
    /// # Errors
    /// As [`Response::bytes`], and when the JSON has another shape.
    pub async fn json<T: DeserializeOwned>(self) -> Result<T, ClientError> {
        let operation = self.operation.clone();
        let bytes = self.bytes().await?;
        serde_json::from_slice(&bytes).map_err(|error| ClientError::UnexpectedAnswer {
            operation,
            reason: format!("its body has another shape: {error}"),
        })
    }

    /// The body as it comes.
    pub fn stream(self) -> impl Stream<Item = io::Result<Bytes>> + Send + Unpin {
        BodyStream::new(self.body).filter_map(|frame| {
            let data = match frame {
                Ok(frame) => frame.into_data().ok().map(Ok),
                Err(error) => Some(Err(io::Error::other(error))),
            };
            std::future::ready(data)
        })
    }

    /// The answer, or the problem it names when it is a refusal.
    pub(crate) async fn accepted(self) -> Result<Self, ClientError> {
        if self.status.is_success() || self.status == StatusCode::NOT_MODIFIED {
            return Ok(self);
        }
        let (status, operation) = (self.status.as_u16(), self.operation.clone());
        let retry_after_s = self.header(header::RETRY_AFTER.as_str()).and_then(|v| v.parse().ok());
        let request_id = self.header("x-request-id").map(str::to_owned);
        let replayed = self.is_replayed();
        if let (true, Some(place)) = (self.status.is_redirection(), self.header("location")) {
            let reason = format!("it is redirected to {place}; use that address");
            return Err(ClientError::UnexpectedAnswer { operation, reason });
        }
        let bytes = self.bytes().await?;
        let mut problem: Problem = serde_json::from_slice(&bytes).map_err(|_| {
            let reason = format!("status {status} without a problem body");
            ClientError::UnexpectedAnswer { operation, reason }
        })?;
        problem.status = status;
        problem.retry_after_s = retry_after_s;
        problem.replayed = replayed;
        problem.request_id = problem.request_id.or(request_id);
        Err(ClientError::Refused(Box::new(problem)))
    }
}

/// The text between the quotes of an entity tag.
pub(crate) fn unquote(tag: &str) -> Option<&str> {
    let tag = tag.strip_prefix("W/").unwrap_or(tag);
    tag.strip_prefix('"')?.strip_suffix('"')
}
