//! Errors between a client and the service.

use std::{error::Error, time::Duration};

use serde::Deserialize;
use serde_json::{Map, Value};

/// A request without the wanted answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address of the service cannot be used.
    #[error("'{address}' is not an address of the service: expected {expected}")]
    InvalidAddress {
        /// The address.
        address: String,
        /// The expected value.
        expected: &'static str,
    },
    /// A part of the request cannot be sent: a header with control characters, say.
    #[error("the request cannot be sent: {reason}")]
    InvalidRequest {
        /// Which part and why.
        reason: String,
    },
    /// No connection. Nothing was sent.
    #[error("no connection to {address}")]
    Connect {
        /// Host and port.
        address: String,
        /// The native failure.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The service is not whom it should be, or does not speak TLS. Nothing was sent.
    #[error("no encrypted connection to {address}: {reason}")]
    Tls {
        /// Host and port.
        address: String,
        /// A refusal by TLS.
        reason: String,
    },
    /// The connection broke. A write may have happened.
    #[error("the connection broke during {operation}")]
    Broken {
        /// Method and path.
        operation: String,
        /// The native failure.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// No answer in time. A write may have happened.
    #[error("no answer to {operation} within {waited:?}")]
    TimedOut {
        /// Method and path.
        operation: String,
        /// The deadline.
        waited: Duration,
    },
    /// The service refused the request and said why.
    #[error("{0}")]
    Refused(Box<Problem>),
    /// The answer is not one of this service.
    #[error("unexpected answer to {operation}: {reason}")]
    UnexpectedAnswer {
        /// Method and path.
        operation: String,
        /// Its fault.
        reason: String,
    },
}

impl ClientError {
    /// The problem the service named, if it did.
    #[must_use]
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Refused(problem) => Some(problem),
            _ => None,
        }
    }

    /// Whether the same request may succeed later, and nothing was written by this one.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Connect { .. } => true,
            Self::Refused(problem) => {
                matches!(problem.status, 429 | 503) && problem.code != "outcome_unknown"
            }
            _ => false,
        }
    }
}

/// The body of a refusal (RFC 9457).
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Problem {
    /// The status of the answer.
    #[serde(default)]
    pub status: u16,
    /// The stable code.
    #[serde(default)]
    pub code: String,
    /// The event, for a person.
    #[serde(default)]
    pub detail: String,
    /// The parts of the request that are wrong.
    #[serde(default)]
    pub errors: Vec<FieldProblem>,
    /// The name of the request in the service's log.
    #[serde(default)]
    pub request_id: Option<String>,
    /// Seconds after which another try makes sense.
    #[serde(skip)]
    pub retry_after_s: Option<u64>,
    /// The answer is that to an earlier request with the same idempotency key.
    #[serde(skip)]
    pub replayed: bool,
    /// Everything else.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.detail.as_str(), self.code.as_str()) {
            ("", "") => write!(f, "status {}", self.status),
            ("", code) => write!(f, "{code} (status {})", self.status),
            (detail, "") => write!(f, "{detail} (status {})", self.status),
            (detail, code) => write!(f, "{detail} ({code}, status {})", self.status),
        }?;
        match &self.request_id {
            Some(id) => write!(f, ", request {id}"),
            None => Ok(()),
        }
    }
}

/// A part of a request that is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct FieldProblem {
    /// The parameter or header, if it is one.
    pub name: Option<String>,
    /// The place in the body (RFC 6901), if it is there.
    pub pointer: Option<String>,
    /// The fault, and the expected value.
    pub message: String,
    /// The refused value, cut.
    pub value: Option<String>,
}
