//! How providers are asked.

use std::{fmt, pin::Pin};

/// A request to a provider.
#[derive(Clone, PartialEq, Eq)]
pub struct Fetch {
    /// The whole address.
    pub url: String,
    /// A form that is posted; `None` for a `GET`.
    pub form: Option<String>,
    /// The header `Authorization`.
    pub authorization: Option<String>,
}

/// Hides what is secret in it.
impl fmt::Debug for Fetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetch").field("url", &self.url).finish_non_exhaustive()
    }
}

/// The answer.
#[derive(Clone)]
pub struct Fetched {
    /// The status.
    pub status: u16,
    /// The body, whole and bounded.
    pub body: Vec<u8>,
}

/// Hides the body: it may hold tokens.
impl fmt::Debug for Fetched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetched").field("status", &self.status).finish_non_exhaustive()
    }
}

/// Why nothing was answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FetchError(pub String);

/// A request on its way.
pub type Fetching<'a> = Pin<Box<dyn Future<Output = Result<Fetched, FetchError>> + Send + 'a>>;

/// Asks providers over HTTP, with `Accept: application/json`.
pub trait Fetcher: fmt::Debug + Send + Sync {
    /// Sends one request, follows no redirects, and answers or fails within a bounded time.
    fn fetch(&self, request: Fetch) -> Fetching<'_>;
}
