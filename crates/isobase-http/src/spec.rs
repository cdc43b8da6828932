//! What a route says of itself. The router, the metrics and the OpenAPI document are made from it.

use crate::{Permission, ProblemCode};

/// A method a route may have. `HEAD` and `OPTIONS` are answered for every path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// Read. Also answers `HEAD`.
    Get,
    /// Create or run.
    Post,
    /// Replace.
    Put,
    /// Merge.
    Patch,
    /// Take away.
    Delete,
}

impl Method {
    /// Every method, in the order they are shown.
    pub(crate) const ALL: [Self; 5] = [Self::Get, Self::Post, Self::Put, Self::Patch, Self::Delete];

    /// Its place in [`Method::ALL`].
    pub(crate) fn index(self) -> usize {
        self as usize
    }

    /// Its name in a request.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// The method that answers a request.
    pub(crate) fn of(method: &http::Method) -> Option<Self> {
        match *method {
            http::Method::GET | http::Method::HEAD => Some(Self::Get),
            http::Method::POST => Some(Self::Post),
            http::Method::PUT => Some(Self::Put),
            http::Method::PATCH => Some(Self::Patch),
            http::Method::DELETE => Some(Self::Delete),
            _ => None,
        }
    }
}

/// A route without its handler.
#[derive(Debug)]
pub struct Spec {
    /// Its method.
    pub method: Method,
    /// Its path: `/records/{collection}/{id}`. Parameters are whole segments; a last one may be
    /// all that is left (`{*key}`).
    pub path: &'static str,
    /// Its unique name, a verb and a noun: `get_record`.
    pub operation_id: &'static str,
    /// The group it is shown in: `records`.
    pub tag: &'static str,
    /// What a caller must be allowed to do.
    pub permission: Permission,
    /// How much body it takes.
    pub body: BodyLimit,
    /// What a reader must know.
    pub doc: Doc,
}

/// How much request body a route takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyLimit {
    /// None; what comes is not read.
    None,
    /// `body_bytes_max`.
    Document,
    /// `stream_body_bytes_max`, read piece by piece, when the body is newline-delimited JSON;
    /// otherwise as [`BodyLimit::Document`].
    Stream,
}

/// The description of a route, as the OpenAPI document shows it.
#[derive(Debug)]
pub struct Doc {
    /// A few words.
    pub summary: &'static str,
    /// What a caller must know: the missing case, order, bounds.
    pub description: &'static str,
    /// Every parameter, those of the path included.
    pub parameters: &'static [Parameter],
    /// The request bodies it takes; none means no body.
    pub request: &'static [Content],
    /// What it answers when it succeeds.
    pub answers: &'static [Answer],
    /// The problems it may answer beside those every route has.
    pub problems: &'static [ProblemCode],
}

/// Where a parameter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Location {
    /// In the path, always required.
    Path,
    /// In the query string, may be missing.
    Query,
    /// In the query string, always required.
    RequiredQuery,
    /// In a header.
    Header,
}

/// A parameter of a route.
#[derive(Debug)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// Where it stands.
    pub location: Location,
    /// What it is.
    pub description: &'static str,
    /// Its JSON schema, as JSON text.
    pub schema: &'static str,
    /// An example, as JSON text; empty for none.
    pub example: &'static str,
}

/// A body in one media type.
#[derive(Debug)]
pub struct Content {
    /// `application/json`.
    pub media_type: &'static str,
    /// Its JSON schema, as JSON text; may be a `$ref` to `#/components/schemas/…`.
    pub schema: &'static str,
    /// An example: JSON text for JSON media types, the text itself for others; empty for none.
    pub example: &'static str,
}

/// A successful answer.
#[derive(Debug)]
pub struct Answer {
    /// 200 to 399.
    pub status: u16,
    /// When it comes.
    pub description: &'static str,
    /// Its headers beyond those of every answer: name and description.
    pub headers: &'static [(&'static str, &'static str)],
    /// Its bodies; none means no body.
    pub content: &'static [Content],
}
