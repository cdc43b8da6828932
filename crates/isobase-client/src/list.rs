//! Listings.

use http::Method;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{Client, ClientError, Request, Response};

/// A listing in one of its three shapes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListAnswer {
    /// The JSON texts of the documents.
    pub documents: Vec<String>,
    /// The cursor of the next page.
    pub next: Option<String>,
    /// Documents that meet the filter, when asked for.
    pub total: Option<u64>,
    /// The number of the page, when pages are numbered.
    pub page: Option<u64>,
    /// The number of pages, when pages are numbered.
    pub pages: Option<u64>,
}

/// A listing that is on its way.
#[derive(Debug)]
pub struct Listed(pub Response);

#[derive(Deserialize)]
struct Envelope {
    items: Vec<Box<RawValue>>,
    #[serde(default)]
    next: Option<String>,
    #[serde(default)]
    total: Option<u64>,
    #[serde(default)]
    page: Option<u64>,
    #[serde(default)]
    pages: Option<u64>,
}

impl Client {
    /// A listing, with the parameters of the URL, read to its end.
    ///
    /// # Errors
    /// When the request is refused, has no answer, or the answer has another shape.
    pub async fn list(
        &self,
        collection: &str,
        parameters: &[(&str, &str)],
    ) -> Result<ListAnswer, ClientError> {
        let request = Request::new(Method::GET, &["records", collection]).parameters(parameters);
        let response = self.send(request).await?;
        let operation = response.operation.clone();
        let total = response.header("x-total-count").and_then(|value| value.parse().ok());
        let text = response.text().await?;
        let unexpected = |error: serde_json::Error| ClientError::UnexpectedAnswer {
            operation,
            reason: format!("its body has another shape: {error}"),
        };
        let envelope = if text.starts_with('[') {
            serde_json::from_str(&text).map(|items| Envelope {
                items,
                next: None,
                total,
                page: None,
                pages: None,
            })
        } else {
            serde_json::from_str(&text)
        }
        .map_err(unexpected)?;
        let Envelope { items, next, total, page, pages } = envelope;
        let documents = items.into_iter().map(|item| Box::<str>::from(item).into()).collect();
        Ok(ListAnswer { documents, next, total, page, pages })
    }

    /// A listing as newline-delimited JSON, to be read as it comes.
    ///
    /// # Errors
    /// When the request is refused or has no answer.
    pub async fn export(
        &self,
        collection: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Listed, ClientError> {
        let request = Request::new(Method::GET, &["records", collection])
            .parameters(parameters)
            .header(http::header::ACCEPT, "application/x-ndjson")?;
        Ok(Listed(self.send(request).await?))
    }
}
