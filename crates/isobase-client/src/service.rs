//! The service as a whole.

use http::Method;
use serde::Deserialize;

use crate::{Client, ClientError, Request};

/// The contents of the service.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Stats {
    /// Documents in all collections.
    pub total_records: u64,
    /// How many collections there are.
    pub collections: u64,
    /// Their names, by their bytes.
    pub collection_names: Vec<String>,
}

#[derive(Deserialize)]
struct Deleted {
    deleted: u64,
}

#[derive(Deserialize)]
struct Collections {
    collections: Vec<String>,
}

impl Client {
    /// Whether the service answers.
    ///
    /// # Errors
    /// When the request is refused or has no answer.
    pub async fn health(&self) -> Result<(), ClientError> {
        self.send(Request::new(Method::GET, &["health"])).await.map(|_| ())
    }

    /// The names of all collections, by their bytes.
    ///
    /// # Errors
    /// When the request is refused or has no answer.
    pub async fn collections(&self) -> Result<Vec<String>, ClientError> {
        let answer: Collections =
            self.send(Request::new(Method::GET, &["collections"])).await?.json().await?;
        Ok(answer.collections)
    }

    /// The contents of the service.
    ///
    /// # Errors
    /// When the request is refused or has no answer.
    pub async fn stats(&self) -> Result<Stats, ClientError> {
        self.send(Request::new(Method::GET, &["stats"])).await?.json().await
    }

    /// Deletes every document of a collection; says how many there were.
    ///
    /// # Errors
    /// When the request is refused or has no answer.
    pub async fn delete_collection(&self, collection: &str) -> Result<u64, ClientError> {
        // The call itself is the confirmation the service asks for.
        let request =
            Request::new(Method::DELETE, &["records", collection]).parameter("confirm", collection);
        let answer: Deleted = self.send(request).await?.json().await?;
        Ok(answer.deleted)
    }
}
