//! Entries of the log.

use isobase_types::{CollectionName, Document, DocumentId, Timestamp, hex, json};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    RequestsError, cut,
    headers::{Headers, kept},
    redact,
};

/// Where the log is.
pub const REQUESTS_COLLECTION: &str = "isobase_requests";

/// Longest name of a service, in bytes.
const SERVICE_BYTES_MAX: usize = 100;
/// Longest id of a request, in bytes.
const REQUEST_ID_BYTES_MAX: usize = 200;
/// Longest endpoint, user, error and other short text, in characters; longer ones are cut.
const SHORT_CHARACTERS_MAX: usize = 2_000;
/// Longest name of a model and id of a key, in bytes.
const NAME_BYTES_MAX: usize = 200;
/// Most tokens of one request. Ours: sums of a year stay whole numbers that every engine holds.
const TOKENS_MAX: u64 = 1_000_000_000;
/// Longest method, in bytes.
const METHOD_BYTES_MAX: usize = 20;

/// A request as a service reports it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewRequest {
    /// Which service was asked.
    pub service: String,
    /// Its path.
    pub endpoint: String,
    /// How: `GET`, `POST`, …
    pub method: String,
    /// Makes a repeat of the report harmless; unique in its service.
    pub request_id: Option<String>,
    /// When it was; none: now.
    pub at: Option<Timestamp>,
    /// Who asked.
    pub user_identifier: Option<String>,
    /// The request.
    pub request_body: Option<String>,
    /// The answer.
    pub response_body: Option<String>,
    /// The headers of what was asked.
    pub request_headers: Headers,
    /// The headers of what was answered.
    pub response_headers: Headers,
    /// The status of the answer.
    pub status_code: Option<u16>,
    /// How long it took.
    pub duration_ms: Option<f64>,
    /// The group it belongs to.
    pub correlation_id: Option<String>,
    /// The error.
    pub error: Option<String>,
    /// The id of the key that was shown, never the key.
    pub key_id: Option<String>,
    /// The use of a model.
    pub usage: ModelUsage,
    /// It is no request but stands for so many reports that the service had no room for.
    pub dropped: Option<u32>,
}

/// A model's question and answer, where the service asks one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ModelUsage {
    /// Which one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Tokens that it read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    /// Tokens that it wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
    /// The price of that, in the currency of the service that reports it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,
    /// How long the first piece of its answer took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_token_ms: Option<f64>,
}

impl ModelUsage {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// An entry of the log.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number.
    #[serde(skip)]
    pub id: i64,
    /// When it was: `2026-11-20T14:09:00.000000Z`.
    pub at: String,
    /// Which service was asked.
    pub service: String,
    /// Its path.
    pub endpoint: String,
    /// How.
    pub method: String,
    /// Service and id of the request, hashed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// As the service has chosen it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Who asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_identifier: Option<String>,
    /// The request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_body: Option<String>,
    /// The answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_body: Option<String>,
    /// The headers of what was asked: names in small letters, and values of those that are harmless.
    #[serde(default, skip_serializing_if = "Headers::is_empty")]
    pub request_headers: Headers,
    /// The headers of what was answered, likewise.
    #[serde(default, skip_serializing_if = "Headers::is_empty")]
    pub response_headers: Headers,
    /// The status of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_code: Option<u16>,
    /// How long it took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<f64>,
    /// The group it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// The error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The id of the key that was shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    /// The use of a model.
    #[serde(default, skip_serializing_if = "ModelUsage::is_empty")]
    pub usage: ModelUsage,
    /// It is no request but stands for so many reports that the service had no room for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped: Option<u32>,
    /// How many secrets were taken out.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub redacted: u32,
    /// A text was cut.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// The outcome of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ingested {
    /// It is an entry with this number.
    Created(i64),
    /// It was reported before, and is the entry with this number if that is still there.
    Duplicate(Option<i64>),
}

impl Entry {
    /// The entry of a report: without secrets, its texts cut.
    ///
    /// # Errors
    /// When a value cannot be what it is given for.
    pub(crate) fn of(
        new: &NewRequest,
        body_characters_max: usize,
        now: Timestamp,
    ) -> Result<Self, RequestsError> {
        Self::check(new)?;
        let mut entry = Self {
            at: new.at.unwrap_or(now).to_string(),
            service: new.service.clone(),
            method: new.method.clone(),
            key: new.request_id.as_deref().map(|id| key(&new.service, id)),
            request_id: new.request_id.clone(),
            status_code: new.status_code,
            duration_ms: new.duration_ms,
            key_id: new.key_id.clone(),
            usage: new.usage.clone(),
            dropped: new.dropped,
            ..Self::default()
        };
        entry.endpoint = entry.clean(&new.endpoint, SHORT_CHARACTERS_MAX);
        entry.user_identifier =
            entry.clean_if(new.user_identifier.as_deref(), SHORT_CHARACTERS_MAX);
        entry.correlation_id = entry.clean_if(new.correlation_id.as_deref(), SHORT_CHARACTERS_MAX);
        entry.error = entry.clean_if(new.error.as_deref(), SHORT_CHARACTERS_MAX);
        entry.request_body = entry.clean_if(new.request_body.as_deref(), body_characters_max);
        entry.response_body = entry.clean_if(new.response_body.as_deref(), body_characters_max);
        entry.request_headers = entry.clean_headers(&new.request_headers);
        entry.response_headers = entry.clean_headers(&new.response_headers);
        Ok(entry)
    }

    /// Whether a report can be an entry.
    pub(crate) fn check(new: &NewRequest) -> Result<(), RequestsError> {
        check("service", &new.service, SERVICE_BYTES_MAX)?;
        check("method", &new.method, METHOD_BYTES_MAX)?;
        new.request_id
            .as_deref()
            .map(|id| check("request_id", id, REQUEST_ID_BYTES_MAX))
            .transpose()?;
        for (field, text) in [("key_id", &new.key_id), ("model", &new.usage.model)] {
            text.as_deref().map(|text| check(field, text, NAME_BYTES_MAX)).transpose()?;
        }
        let ModelUsage { input_tokens, output_tokens, cost, first_token_ms, .. } = new.usage;
        for (field, tokens) in [("input_tokens", input_tokens), ("output_tokens", output_tokens)] {
            if tokens.is_some_and(|tokens| tokens > TOKENS_MAX) {
                let message = format!("expected at most {TOKENS_MAX}");
                return Err(RequestsError::Invalid { field, message });
            }
        }
        for (field, number) in
            [("duration_ms", new.duration_ms), ("first_token_ms", first_token_ms), ("cost", cost)]
        {
            if number.is_some_and(|number| !number.is_finite() || number < 0.0) {
                let message = "expected a number, not negative".to_owned();
                return Err(RequestsError::Invalid { field, message });
            }
        }
        Ok(())
    }

    fn clean_if(&mut self, text: Option<&str>, max: usize) -> Option<String> {
        text.map(|text| self.clean(text, max))
    }

    fn clean_headers(&mut self, headers: &Headers) -> Headers {
        let kept = kept(headers);
        self.redacted += kept.redacted;
        self.truncated |= kept.truncated;
        kept.headers
    }

    /// Cut only after the secrets are gone: half a secret is one too. A very long text is cut
    /// before as well, far behind what is kept.
    fn clean(&mut self, text: &str, max: usize) -> String {
        let end = text.char_indices().nth(max.saturating_mul(4).saturating_add(1_000));
        let (redacted, count) = redact(end.map_or(text, |(end, _)| &text[..end]));
        self.redacted += count;
        let (kept, was_cut) = cut(&redacted, max);
        self.truncated |= was_cut;
        kept
    }

    pub(crate) fn body(&self) -> String {
        let text = serde_json::to_vec(self).expect("an entry has text keys and always serialises");
        json::canonicalise_document(&text).expect("an entry is an object without an id")
    }

    /// Reads a stored entry; `None` if it is not one.
    pub(crate) fn read(document: &Document) -> Option<Self> {
        let DocumentId::Integer(id) = document.id else { return None };
        let entry: Self = serde_json::from_str(&document.body).ok()?;
        Some(Self { id, ..entry })
    }

    /// `2xx`, `4xx`, …; `none` without a status.
    #[must_use]
    pub fn class(&self) -> &'static str {
        match self.status_code {
            Some(100..=199) => "1xx",
            Some(200..=299) => "2xx",
            Some(300..=399) => "3xx",
            Some(400..=499) => "4xx",
            Some(500..=599) => "5xx",
            _ => "none",
        }
    }

    /// Whether a text, in small letters, is somewhere in it.
    pub(crate) fn contains(&self, text: &str) -> bool {
        let texts = [
            Some(&self.endpoint),
            self.user_identifier.as_ref(),
            self.request_body.as_ref(),
            self.response_body.as_ref(),
            self.error.as_ref(),
            self.correlation_id.as_ref(),
            self.request_id.as_ref(),
        ];
        texts.into_iter().flatten().any(|found| found.to_lowercase().contains(text))
    }
}

fn key(service: &str, request_id: &str) -> String {
    let mut hasher = Sha256::new();
    hasher.update((service.len() as u64).to_be_bytes());
    hasher.update(service);
    hasher.update(request_id);
    hex(&hasher.finalize())
}

fn check(field: &'static str, text: &str, max: usize) -> Result<(), RequestsError> {
    if (1..=max).contains(&text.len()) && !text.chars().any(char::is_control) {
        return Ok(());
    }
    let message = format!("expected 1 to {max} bytes of UTF-8 without control characters");
    Err(RequestsError::Invalid { field, message })
}

pub(crate) fn collection() -> CollectionName {
    CollectionName::new(REQUESTS_COLLECTION).expect("it is a valid name, as the tests show")
}
