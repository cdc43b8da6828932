//! Requests.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, TryStreamExt};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::Frame;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::ClientError;

/// Everything but the unreserved characters of RFC 3986.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The body of a request.
pub enum Body {
    /// No body.
    Empty,
    /// JSON text.
    Json(Bytes),
    /// Bytes of this media type.
    Bytes(&'static str, Bytes),
    /// A stream of bytes of this media type; sent as it comes.
    Stream(&'static str, UnsyncBoxBody<Bytes, std::io::Error>),
}

impl Body {
    /// JSON text.
    pub fn json(text: impl Into<Bytes>) -> Self {
        Self::Json(text.into())
    }

    /// Newline-delimited JSON that is sent as it comes.
    pub fn ndjson_stream(
        chunks: impl Stream<Item = std::io::Result<Bytes>> + Send + 'static,
    ) -> Self {
        let body = StreamBody::new(chunks.map_ok(Frame::data));
        Self::Stream("application/x-ndjson", UnsyncBoxBody::new(body))
    }

    pub(crate) fn media_type(&self) -> Option<&'static str> {
        match self {
            Self::Empty => None,
            Self::Json(_) => Some("application/json"),
            Self::Bytes(media_type, _) | Self::Stream(media_type, _) => Some(media_type),
        }
    }

    /// The same body once more; none for a stream.
    pub(crate) fn again(&self) -> Option<Self> {
        match self {
            Self::Empty => Some(Self::Empty),
            Self::Json(bytes) => Some(Self::Json(bytes.clone())),
            Self::Bytes(media_type, bytes) => Some(Self::Bytes(media_type, bytes.clone())),
            Self::Stream(..) => None,
        }
    }

    pub(crate) fn into_http(self) -> UnsyncBoxBody<Bytes, std::io::Error> {
        let whole = |bytes| UnsyncBoxBody::new(Full::new(bytes).map_err(|never| match never {}));
        match self {
            Self::Empty => whole(Bytes::new()),
            Self::Json(bytes) | Self::Bytes(_, bytes) => whole(bytes),
            Self::Stream(_, stream) => stream,
        }
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Body").field(&self.media_type()).finish()
    }
}

/// A request of any kind.
#[derive(Debug)]
pub struct Request {
    pub(crate) method: Method,
    /// Escaped path and query.
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
    pub(crate) deadline: Option<Duration>,
}

impl Request {
    /// A request to a path given by its segments, which are escaped here.
    #[must_use]
    pub fn new(method: Method, segments: &[&str]) -> Self {
        let mut target = String::new();
        for segment in segments {
            target.push('/');
            escape_segment(segment, &mut target);
        }
        if target.is_empty() {
            target.push('/');
        }
        let (headers, body) = (HeaderMap::new(), Body::Empty);
        Self { method, target, headers, body, deadline: None }
    }

    /// A request to a path, perhaps with parameters, that is escaped already.
    ///
    /// # Errors
    /// [`ClientError::InvalidRequest`] when it is none.
    pub fn to(method: Method, target: &str) -> Result<Self, ClientError> {
        let is_target = target.starts_with('/') && target.parse::<http::Uri>().is_ok();
        if !is_target {
            let reason = format!("{target:?} is no path; one begins with '/' and is escaped");
            return Err(ClientError::InvalidRequest { reason });
        }
        Ok(Self { target: target.to_owned(), ..Self::new(method, &[]) })
    }

    /// Adds a parameter to the query.
    #[must_use]
    pub fn parameter(mut self, name: &str, value: &str) -> Self {
        self.target.push(if self.target.contains('?') { '&' } else { '?' });
        self.target.extend(utf8_percent_encode(name, ESCAPED));
        self.target.push('=');
        self.target.extend(utf8_percent_encode(value, ESCAPED));
        self
    }

    /// Adds parameters to the query.
    #[must_use]
    pub fn parameters(self, parameters: &[(&str, &str)]) -> Self {
        parameters.iter().fold(self, |request, (name, value)| request.parameter(name, value))
    }

    /// Adds a header.
    ///
    /// # Errors
    /// [`ClientError::InvalidRequest`] when the value holds control characters.
    pub fn header(mut self, name: HeaderName, value: &str) -> Result<Self, ClientError> {
        let value = HeaderValue::from_str(value).map_err(|_| ClientError::InvalidRequest {
            reason: format!("the value of the header '{name}' holds control characters"),
        })?;
        self.headers.append(name, value);
        Ok(self)
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: Body) -> Self {
        self.body = body;
        self
    }

    /// Waits this long for the head of the answer, rather than the client's deadline.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Method and path, for messages.
    pub(crate) fn operation(&self) -> String {
        let path = self.target.split('?').next().unwrap_or_default();
        format!("{} {path}", self.method)
    }
}

/// Dots are escaped in a segment of dots alone, which is resolved away otherwise.
fn escape_segment(segment: &str, target: &mut String) {
    if matches!(segment, "." | "..") {
        target.push_str(&"%2E".repeat(segment.len()));
    } else {
        target.extend(utf8_percent_encode(segment, ESCAPED));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_and_parameters_are_escaped() {
        let request = Request::new(Method::GET, &["records", "a/b ☃", ".."])
            .parameter("name[like]", "a%&=")
            .parameter("sort", "-id");
        assert_eq!(
            request.target,
            "/records/a%2Fb%20%E2%98%83/%2E%2E?name%5Blike%5D=a%25%26%3D&sort=-id"
        );
        assert_eq!(request.operation(), "GET /records/a%2Fb%20%E2%98%83/%2E%2E");
    }

    #[test]
    fn header_with_a_line_break_is_refused() {
        let request = Request::new(Method::GET, &[]);
        assert!(request.header(http::header::IF_MATCH, "a\r\nb: c").is_err());
    }
}
