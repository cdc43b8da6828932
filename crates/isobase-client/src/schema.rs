//! Schemas of collections.

use http::Method;

use crate::{Body, Client, ClientError, Request};

impl Client {
    /// The schema of a collection as JSON text, if it has one.
    ///
    /// # Errors
    /// When the request is refused or has no answer.
    pub async fn schema(&self, collection: &str) -> Result<Option<String>, ClientError> {
        let request = Request::new(Method::GET, &["collections", collection, "schema"]);
        match self.send(request).await {
            Ok(answer) => answer.text().await.map(Some),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sets the schema of a collection.
    ///
    /// # Errors
    /// When the request is refused or has no answer.
    pub async fn set_schema(&self, collection: &str, schema: &str) -> Result<(), ClientError> {
        let request = Request::new(Method::PUT, &["collections", collection, "schema"])
            .body(Body::json(schema.to_owned()));
        self.send(request).await?;
        Ok(())
    }

    /// Takes the schema of a collection away; says whether there was one.
    ///
    /// # Errors
    /// When the request is refused or has no answer.
    pub async fn delete_schema(&self, collection: &str) -> Result<bool, ClientError> {
        let request = Request::new(Method::DELETE, &["collections", collection, "schema"]);
        match self.send(request).await {
            Ok(_) => Ok(true),
            Err(error) if is_missing(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn is_missing(error: &ClientError) -> bool {
    error.problem().is_some_and(|problem| problem.code == "schema_not_found")
}
