//! The change feed.

use http::Method;
use serde::Deserialize;
use serde_json::Value;

use crate::{Client, ClientError, Request};

/// A page of the change feed.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ChangesAnswer {
    /// In the order of their commits.
    pub changes: Vec<ChangeEntry>,
    /// The `since` of the next request.
    pub next: String,
    /// There are more now.
    #[serde(default)]
    pub more: bool,
}

/// A committed write.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ChangeEntry {
    /// Its place in the feed; opaque.
    pub place: String,
    /// The collection.
    pub collection: String,
    /// The id of the document; null when the whole collection was deleted.
    #[serde(default)]
    pub id: Value,
    /// `created`, `updated`, `deleted` or `collection_deleted`.
    pub kind: String,
    /// The revision it gave the document.
    #[serde(default)]
    pub revision: Option<String>,
    /// When.
    pub at: String,
}

impl Client {
    /// A page of the feed of one collection, or of all.
    ///
    /// # Errors
    /// When the request is refused (the past is gone: code `changes_gone`) or has no answer.
    pub async fn changes(
        &self,
        collection: Option<&str>,
        parameters: &[(&str, &str)],
    ) -> Result<ChangesAnswer, ClientError> {
        let request = match collection {
            Some(collection) => Request::new(Method::GET, &["records", collection, "changes"]),
            None => Request::new(Method::GET, &["changes"]),
        };
        self.send(request.parameters(parameters)).await?.json().await
    }
}
