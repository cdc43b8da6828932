//! Single documents.

use http::{
    HeaderName, Method, StatusCode,
    header::{IF_MATCH, IF_NONE_MATCH},
};

use crate::{Body, Client, ClientError, Request};

/// A document as the service wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The JSON text.
    pub text: String,
    /// The revision.
    pub revision: String,
}

/// The answer to a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenDocument {
    /// 201 when the document is new.
    pub status: u16,
    /// The JSON text of the answer: the document, or the message of a deletion.
    pub text: String,
    /// The revision; `None` if the document was deleted.
    pub revision: Option<String>,
    /// The answer is that to an earlier request with the same idempotency key.
    pub replayed: bool,
}

/// Conditions and marks of a write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WriteOptions {
    /// `If-Match`, as it stands in the header: `*`, or quoted revisions.
    pub if_match: Option<String>,
    /// `If-None-Match`, likewise.
    pub if_none_match: Option<String>,
    /// `?upsert=true`: a put stores a document that is not there.
    pub upsert: bool,
    /// `Idempotency-Key`.
    pub idempotency_key: Option<String>,
}

impl Client {
    /// The document with this id, if there is one.
    ///
    /// # Errors
    /// When the request is refused or has no answer.
    pub async fn get(
        &self,
        collection: &str,
        id: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Option<Fetched>, ClientError> {
        let request =
            Request::new(Method::GET, &["records", collection, id]).parameters(parameters);
        let response = self.send_raw(request).await?;
        let found = response.status != StatusCode::NOT_FOUND;
        match response.accepted().await {
            Err(ClientError::Refused(problem)) if !found && is_missing(&problem.code) => Ok(None),
            Err(error) => Err(error),
            Ok(response) => {
                let revision = response.revision().unwrap_or_default();
                Ok(Some(Fetched { text: response.text().await?, revision }))
            }
        }
    }

    /// Stores a new document under the next integer id.
    ///
    /// # Errors
    /// When the request is refused or has no answer.
    pub async fn create(
        &self,
        collection: &str,
        document: impl Into<bytes::Bytes>,
        options: &WriteOptions,
    ) -> Result<WrittenDocument, ClientError> {
        let request = Request::new(Method::POST, &["records", collection]);
        self.write(request.body(Body::json(document)), options).await
    }

    /// Replaces a document.
    ///
    /// # Errors
    /// When the request is refused or has no answer.
    pub async fn put(
        &self,
        collection: &str,
        id: &str,
        document: impl Into<bytes::Bytes>,
        options: &WriteOptions,
    ) -> Result<WrittenDocument, ClientError> {
        let request = Request::new(Method::PUT, &["records", collection, id]);
        self.write(request.body(Body::json(document)), options).await
    }

    /// Merges a patch into a document (RFC 7396).
    ///
    /// # Errors
    /// When the request is refused or has no answer.
    pub async fn patch(
        &self,
        collection: &str,
        id: &str,
        patch: impl Into<bytes::Bytes>,
        options: &WriteOptions,
    ) -> Result<WrittenDocument, ClientError> {
        let body = Body::Bytes("application/merge-patch+json", patch.into());
        self.change(collection, id, body, options).await
    }

    /// Changes a document by a JSON Patch (RFC 6902), an array of operations.
    ///
    /// # Errors
    /// When the request is refused or has no answer.
    pub async fn json_patch(
        &self,
        collection: &str,
        id: &str,
        patch: impl Into<bytes::Bytes>,
        options: &WriteOptions,
    ) -> Result<WrittenDocument, ClientError> {
        let body = Body::Bytes("application/json-patch+json", patch.into());
        self.change(collection, id, body, options).await
    }

    /// Changes a document by an update:
    /// `{"increment":{"count":1},"append":{"tags":["x"]},"remove":{"tags":["y"]}}`.
    ///
    /// # Errors
    /// When the request is refused or has no answer.
    pub async fn update(
        &self,
        collection: &str,
        id: &str,
        update: impl Into<bytes::Bytes>,
        options: &WriteOptions,
    ) -> Result<WrittenDocument, ClientError> {
        let body = Body::Bytes("application/vnd.isobase.update+json", update.into());
        self.change(collection, id, body, options).await
    }

    /// Deletes a document.
    ///
    /// # Errors
    /// When the request is refused or has no answer.
    pub async fn delete(
        &self,
        collection: &str,
        id: &str,
        options: &WriteOptions,
    ) -> Result<WrittenDocument, ClientError> {
        self.write(Request::new(Method::DELETE, &["records", collection, id]), options).await
    }

    async fn change(
        &self,
        collection: &str,
        id: &str,
        body: Body,
        options: &WriteOptions,
    ) -> Result<WrittenDocument, ClientError> {
        let request = Request::new(Method::PATCH, &["records", collection, id]);
        self.write(request.body(body), options).await
    }

    async fn write(
        &self,
        request: Request,
        options: &WriteOptions,
    ) -> Result<WrittenDocument, ClientError> {
        let response = self.send(options.apply(request)?).await?;
        Ok(WrittenDocument {
            status: response.status(),
            revision: response.revision(),
            replayed: response.is_replayed(),
            text: response.text().await?,
        })
    }
}

impl WriteOptions {
    pub(crate) fn apply(&self, mut request: Request) -> Result<Request, ClientError> {
        if self.upsert {
            request = request.parameter("upsert", "true");
        }
        let headers = [
            (IF_MATCH, &self.if_match),
            (IF_NONE_MATCH, &self.if_none_match),
            (HeaderName::from_static("idempotency-key"), &self.idempotency_key),
        ];
        for (name, value) in headers {
            if let Some(value) = value {
                request = request.header(name, value)?;
            }
        }
        Ok(request)
    }
}

/// The code of a missing document, and not of a missing route.
fn is_missing(code: &str) -> bool {
    code == "record_not_found"
}
