//! Batches.

use http::{HeaderName, Method};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{Body, Client, ClientError, Request, response::unquote};

/// Operations on one collection that travel together.
#[derive(Debug, Serialize)]
pub struct Batch {
    /// In their order.
    pub operations: Vec<BatchOperation>,
    /// All or nothing.
    pub atomic: bool,
}

/// One operation of a batch.
#[derive(Debug, Serialize)]
pub struct BatchOperation {
    /// The action.
    pub method: BatchMethod,
    /// The document, in the form of a path segment; none for a new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The document to store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Box<RawValue>>,
    /// The patch: an object is a merge patch, an array a JSON Patch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patch: Option<Box<RawValue>>,
    /// The update, in place of a patch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update: Option<Box<RawValue>>,
    /// As the header `If-Match`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub if_match: Option<String>,
    /// As the header `If-None-Match`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub if_none_match: Option<String>,
    /// A put stores a document that is not there.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub upsert: bool,
}

/// The method of an operation of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum BatchMethod {
    /// A new document under the next integer id.
    Create,
    /// The whole document.
    Put,
    /// A patch, or an update.
    Patch,
    /// Away with it.
    Delete,
}

/// The outcome of a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchAnswer {
    /// One result per operation.
    pub results: Vec<Result<BatchWritten, BatchFailure>>,
    /// The answer is that to an earlier request with the same idempotency key.
    pub replayed: bool,
}

/// An operation that was carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchWritten {
    /// The status it would have had alone.
    pub status: u16,
    /// The id as JSON.
    pub id: String,
    /// The revision.
    pub revision: Option<String>,
    /// `created`, `updated` or `deleted`.
    pub kind: String,
}

/// An operation that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchFailure {
    /// The status it would have had alone.
    pub status: u16,
    /// The stable code.
    pub code: String,
    /// The event, for a person.
    pub detail: String,
}

#[derive(Deserialize)]
struct Answer {
    results: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    status: u16,
    id: Option<Box<RawValue>>,
    etag: Option<String>,
    kind: Option<String>,
    error: Option<ItemError>,
}

#[derive(Deserialize)]
struct ItemError {
    #[serde(default)]
    code: String,
    #[serde(default)]
    detail: String,
}

impl Client {
    /// Carries out a batch.
    ///
    /// # Errors
    /// When the batch as a whole is refused (an atomic one with a refused operation: code
    /// `batch_rejected`) or has no answer.
    pub async fn batch(
        &self,
        collection: &str,
        batch: &Batch,
        idempotency_key: Option<&str>,
    ) -> Result<BatchAnswer, ClientError> {
        let text = serde_json::to_vec(batch)
            .map_err(|error| ClientError::InvalidRequest { reason: error.to_string() })?;
        let mut request =
            Request::new(Method::POST, &["records", collection, "batch"]).body(Body::json(text));
        if let Some(key) = idempotency_key {
            request = request.header(HeaderName::from_static("idempotency-key"), key)?;
        }
        self.send_batch(request).await
    }

    /// Sends a batch that is written already, as a request of the caller's own.
    ///
    /// # Errors
    /// As [`Client::batch`].
    pub async fn send_batch(&self, request: Request) -> Result<BatchAnswer, ClientError> {
        let response = self.send(request).await?;
        let replayed = response.is_replayed();
        let answer: Answer = response.json().await?;
        let results = answer.results.into_iter().map(Item::into_result).collect();
        Ok(BatchAnswer { results, replayed })
    }
}

impl Item {
    fn into_result(self) -> Result<BatchWritten, BatchFailure> {
        if let Some(ItemError { code, detail }) = self.error {
            return Err(BatchFailure { status: self.status, code, detail });
        }
        Ok(BatchWritten {
            status: self.status,
            id: self.id.map(|id| Box::<str>::from(id).into()).unwrap_or_default(),
            revision: self.etag.as_deref().and_then(unquote).map(str::to_owned),
            kind: self.kind.unwrap_or_default(),
        })
    }
}
