//! Declared indexes.

use std::time::Duration;

use http::Method;
use serde::Deserialize;

use crate::{Client, ClientError, Request};

/// A build over many documents takes minutes.
const BUILD_DEADLINE: Duration = Duration::from_secs(3600);

/// A declared index.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct IndexEntry {
    /// Its order: `status,-created_at`.
    pub fields: String,
    /// `building` or `ready`.
    pub state: String,
    /// Only one document may have the values of the fields.
    #[serde(default)]
    pub unique: bool,
}

#[derive(Deserialize)]
struct Indexes {
    indexes: Vec<IndexEntry>,
}

impl Client {
    /// The declared indexes of a collection.
    ///
    /// # Errors
    /// When the request is refused or has no answer.
    pub async fn indexes(&self, collection: &str) -> Result<Vec<IndexEntry>, ClientError> {
        let request = Request::new(Method::GET, &["indexes", collection]);
        let answer: Indexes = self.send(request).await?.json().await?;
        Ok(answer.indexes)
    }

    /// Declares an index; answers when it is built.
    ///
    /// # Errors
    /// When the request is refused or has no answer.
    pub async fn create_index(
        &self,
        collection: &str,
        fields: &str,
    ) -> Result<IndexEntry, ClientError> {
        let request = Request::new(Method::PUT, &["indexes", collection])
            .parameter("fields", fields)
            .deadline(BUILD_DEADLINE);
        self.send(request).await?.json().await
    }

    /// Declares an index whose values only one document may have; answers when it is built.
    ///
    /// # Errors
    /// When documents have equal values, or the request is refused or has no answer.
    pub async fn create_unique_index(
        &self,
        collection: &str,
        fields: &str,
    ) -> Result<IndexEntry, ClientError> {
        let request = Request::new(Method::PUT, &["indexes", collection])
            .parameter("fields", fields)
            .parameter("unique", "true")
            .deadline(BUILD_DEADLINE);
        self.send(request).await?.json().await
    }

    /// Takes an index away; says whether there was one.
    ///
    /// # Errors
    /// When the request is refused or has no answer.
    pub async fn drop_index(&self, collection: &str, fields: &str) -> Result<bool, ClientError> {
        let request =
            Request::new(Method::DELETE, &["indexes", collection]).parameter("fields", fields);
        self.drop_index_of(request).await
    }

    /// Takes a unique index away; says whether there was one.
    ///
    /// # Errors
    /// When the request is refused or has no answer.
    pub async fn drop_unique_index(
        &self,
        collection: &str,
        fields: &str,
    ) -> Result<bool, ClientError> {
        let request = Request::new(Method::DELETE, &["indexes", collection])
            .parameter("fields", fields)
            .parameter("unique", "true");
        self.drop_index_of(request).await
    }

    async fn drop_index_of(&self, request: Request) -> Result<bool, ClientError> {
        match self.send(request).await {
            Ok(_) => Ok(true),
            Err(ClientError::Refused(problem)) if problem.status == 404 => Ok(false),
            Err(error) => Err(error),
        }
    }
}
