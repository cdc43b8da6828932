//! Everything that goes wrong, as RFC 9457 problem bodies.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Response, header};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{Body, ProblemCode, codes};

/// The media type of problems.
const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");

/// How soon a caller may try again when nothing better is known.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Longest value shown in a problem, in characters.
const VALUE_CHARACTERS_MAX: usize = 100;

/// A request that is refused or failed.
///
/// `detail` is text for people, and some clients read it. It never holds internals
/// or secrets; the cause, if any, is logged with the request id.
#[derive(Debug)]
pub struct Problem(Box<Inner>);

/// Members of one code beside those of all.
type Members = serde_json::Map<String, serde_json::Value>;

#[derive(Debug)]
struct Inner {
    code: ProblemCode,
    detail: String,
    items: Vec<ProblemItem>,
    members: Members,
    headers: HeaderMap,
    retry_after: Option<Duration>,
    close: bool,
    cause: Option<String>,
}

/// One of several things that are wrong with a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ProblemItem {
    /// The parameter or header, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The place in the body (RFC 6901), if it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// The fault, and the expected value.
    pub message: String,
    /// The refused value, cut to 100 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

impl ProblemItem {
    /// Something wrong with a parameter or header.
    pub fn named(
        name: impl Into<String>,
        message: impl Into<String>,
        value: impl Into<String>,
    ) -> Self {
        Self {
            name: Some(name.into()),
            pointer: None,
            message: message.into(),
            value: Some(value.into()),
        }
    }

    /// Something wrong at a place in the body.
    pub fn at(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { name: None, pointer: Some(pointer.into()), message: message.into(), value: None }
    }
}

/// The problem (RFC 9457).
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub(crate) struct ProblemBody<'a> {
    /// Where the code is explained.
    r#type: String,
    /// The same for every problem of the code.
    title: &'a str,
    status: u16,
    /// For people.
    detail: &'a str,
    #[schemars(with = "ProblemCode")]
    code: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [ProblemItem],
    request_id: &'a str,
    #[serde(flatten)]
    #[schemars(skip)]
    members: &'a Members,
}

impl Problem {
    /// A problem of a kind, and what to tell the caller.
    pub fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        let retry = matches!(code.status().as_u16(), 429 | 503 | 507);
        Self(Box::new(Inner {
            code,
            detail: detail.into(),
            items: Vec::new(),
            members: Members::new(),
            headers: HeaderMap::new(),
            retry_after: retry.then_some(RETRY_AFTER),
            close: false,
            cause: None,
        }))
    }

    /// A failure whose cause is for the log only.
    pub fn internal(cause: impl Into<String>) -> Self {
        Self::new(codes::INTERNAL, "the service made a mistake; the log holds the cause")
            .with_cause(cause)
    }

    /// Names one of the things that are wrong.
    #[must_use]
    pub fn with_item(mut self, mut item: ProblemItem) -> Self {
        if let Some(value) = &mut item.value
            && let Some((end, _)) = value.char_indices().nth(VALUE_CHARACTERS_MAX)
        {
            value.truncate(end);
        }
        self.0.items.push(item);
        self
    }

    /// Adds a text that programs go on with, as a member of the body.
    /// Source: RFC 9457, section 3.2.
    #[must_use]
    pub fn with_member(mut self, name: &'static str, text: impl Into<String>) -> Self {
        self.0.members.insert(name.to_owned(), text.into().into());
        self
    }

    /// Adds a header to the answer.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.insert(name, value);
        self
    }

    /// The cause, for the operator.
    #[must_use]
    pub fn with_cause(mut self, cause: impl Into<String>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    /// How soon the caller may try again.
    #[must_use]
    pub fn with_retry_after(mut self, after: Duration) -> Self {
        self.0.retry_after = Some(after);
        self
    }

    /// The connection ends with this answer: where the next request begins is not known.
    #[must_use]
    pub fn closing(mut self) -> Self {
        self.0.close = true;
        self
    }

    /// Its code.
    #[must_use]
    pub fn code(&self) -> ProblemCode {
        self.0.code
    }

    /// The detail, for the caller.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// The cause, for the operator.
    #[must_use]
    pub fn cause(&self) -> Option<&str> {
        self.0.cause.as_deref()
    }

    /// The things that are wrong.
    #[must_use]
    pub fn items(&self) -> &[ProblemItem] {
        &self.0.items
    }

    /// The problem as JSON text.
    #[must_use]
    pub fn to_json(&self, request_id: &str) -> Vec<u8> {
        let code = self.0.code;
        let body = ProblemBody {
            r#type: format!("/docs/errors#{}", code.as_str()),
            title: code.title(),
            status: code.status().as_u16(),
            detail: &self.0.detail,
            code: code.as_str(),
            errors: &self.0.items,
            request_id,
            members: &self.0.members,
        };
        serde_json::to_vec(&body).expect("text and numbers always serialise")
    }

    /// The answer.
    pub(crate) fn into_response(mut self, request_id: &HeaderValue) -> Response<Body> {
        let json = self.to_json(request_id.to_str().unwrap_or_default());
        let mut response = Body::full(json).into_response(self.0.code.status(), MEDIA_TYPE);
        let headers = response.headers_mut();
        headers.extend(std::mem::take(&mut self.0.headers));
        if let Some(after) = self.0.retry_after {
            // Rounded up: never tell a caller to come back too early.
            let seconds = after.as_millis().div_ceil(1_000).max(1) as u64;
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.0.close {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
