//! Failures of DynamoDB as failures of an engine.

use std::{error::Error, fmt};

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use isobase_engine::{EngineError, ErrorKind};

/// A request that failed for good.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The operation's name (`BatchGetItem`): what a policy must allow.
    pub(crate) action: &'static str,
    /// The table, or several.
    pub(crate) table: String,
    /// Amazon's name of the error, if there was an answer.
    pub(crate) code: Option<String>,
    pub(crate) message: String,
    pub(crate) class: Class,
    pub(crate) source: Option<Box<dyn Error + Send + Sync>>,
}

/// The meaning of a failure for the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Too much at once; nothing was written.
    Throttled,
    /// Not reached, or refused for a moment; nothing was written.
    Unavailable,
    /// No one knows whether it was carried out.
    Unknown,
    /// Credentials are missing, expired or wrong; nothing was written.
    Credentials,
    /// Not allowed; nothing was written.
    Denied,
    /// There is no such table (yet).
    NoTable,
    /// An answer that says no.
    Refused,
}

impl Class {
    /// Whether the same request may succeed in a moment.
    pub(crate) fn is_momentary(self) -> bool {
        matches!(self, Self::Throttled | Self::Unavailable | Self::Unknown)
    }
}

/// Names of errors and what they mean.
///
/// Source: Amazon DynamoDB Developer Guide, "Error handling with DynamoDB", and API Reference,
/// "Common errors" (2026-11).
pub(crate) fn class_of_code(code: &str) -> Option<Class> {
    Some(match code {
        "ProvisionedThroughputExceededException"
        | "RequestLimitExceeded"
        | "ThrottlingException"
        | "Throttling"
        | "ThrottlingError"
        | "ProvisionedThroughputExceeded"
        | "LimitExceededException" => Class::Throttled,
        "TransactionConflictException"
        | "TransactionConflict"
        | "TransactionInProgressException"
        | "ReplicatedWriteConflictException"
        | "ServiceUnavailable"
        | "ServiceUnavailableException" => Class::Unavailable,
        "InternalServerError" | "InternalFailure" => Class::Unknown,
        "ExpiredTokenException"
        | "ExpiredToken"
        | "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "IncompleteSignature"
        | "IncompleteSignatureException"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "OptInRequired"
        | "RequestExpired" => Class::Credentials,
        "AccessDeniedException" | "AccessDenied" | "NotAuthorized" => Class::Denied,
        "ResourceNotFoundException" | "TableNotFoundException" => Class::NoTable,
        _ => return None,
    })
}

impl Failure {
    pub(crate) fn of<E>(action: &'static str, table: &str, error: SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        let class = class_of(&error);
        let code = error.code().map(str::to_owned);
        let message = match error.message() {
            Some(message) => message.to_owned(),
            None => chain(&error),
        };
        let table = table.to_owned();
        Self { action, table, code, message, class, source: error.into_source().ok() }
    }

    /// A failure without an answer of the service.
    pub(crate) fn new(
        action: &'static str,
        table: &str,
        class: Class,
        message: impl Into<String>,
    ) -> Self {
        let (table, message) = (table.to_owned(), message.into());
        Self { action, table, code: None, message, class, source: None }
    }

    /// Whether the condition of a single write does not hold.
    pub(crate) fn is_condition(&self) -> bool {
        self.code.as_deref() == Some("ConditionalCheckFailedException")
    }

    pub(crate) fn is_no_table(&self) -> bool {
        self.class == Class::NoTable
    }

    /// The failure of a request that writes nothing, or writes the same when repeated.
    pub(crate) fn engine_error(self) -> EngineError {
        let kind = match self.class {
            Class::Throttled | Class::Unavailable | Class::Unknown | Class::Credentials => {
                ErrorKind::Unavailable
            }
            Class::Refused if self.is_wrong_key() => ErrorKind::Unsupported,
            Class::Denied | Class::NoTable | Class::Refused => ErrorKind::Unexpected,
        };
        self.with_kind(kind)
    }

    /// The failure of a commit.
    pub(crate) fn commit_error(self) -> EngineError {
        match self.class {
            Class::Unknown => self.with_kind(ErrorKind::OutcomeUnknown),
            _ => self.engine_error(),
        }
    }

    fn with_kind(self, kind: ErrorKind) -> EngineError {
        let message = self.to_string();
        match self.source {
            Some(source) => EngineError::with_source(kind, message, source),
            None => EngineError::new(kind, message),
        }
    }

    /// The table has another key than ours.
    fn is_wrong_key(&self) -> bool {
        self.message.contains("key element") || self.message.contains("key schema")
    }

    /// The way out, where there is one.
    fn advice(&self) -> &'static str {
        let too_large = self.message.contains("size has exceeded");
        match self.class {
            Class::Throttled => "; the table or the account is at its limit: ask for less at once",
            Class::Denied => "; allow the action for this table in the policy of the credentials",
            Class::Credentials => {
                "; renew the credentials (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, \
                 AWS_SESSION_TOKEN, a profile or a role), and check region and clock"
            }
            Class::NoTable => "; it was deleted while in use, or the region is another one",
            Class::Unavailable | Class::Unknown if self.code.is_none() => {
                "; check the endpoint, the region and the network"
            }
            Class::Refused if too_large => "; an item of DynamoDB has at most 400 KB",
            Class::Refused if self.is_wrong_key() => {
                "; a collection's table has the partition key `_id` (S) and no sort key: use \
                 another prefix"
            }
            _ => "",
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "dynamodb:{} on {}: ", self.action, self.table)?;
        match &self.code {
            Some(code) => write!(f, "{code}: {}", self.message)?,
            None => f.write_str(&self.message)?,
        }
        f.write_str(self.advice())
    }
}

pub(crate) fn class_of<E>(error: &SdkError<E>) -> Class
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    match error {
        SdkError::ConstructionFailure(_) => Class::Refused,
        SdkError::TimeoutError(_) | SdkError::ResponseError(_) => Class::Unknown,
        SdkError::DispatchFailure(failure) => {
            let sent = |cause: &(dyn Error + 'static)| {
                cause.downcast_ref::<hyper_util::client::legacy::Error>().map(|it| !it.is_connect())
            };
            if is_in_chain(error, &|cause| sent(cause) == Some(false)) {
                Class::Unavailable
            } else if failure.is_io()
                || failure.is_timeout()
                || is_in_chain(error, &|cause| sent(cause) == Some(true))
            {
                // Also a connection that was closed before the answer came.
                Class::Unknown
            } else if is_in_chain(error, &|cause| cause.is::<CredentialsError>()) {
                Class::Credentials
            } else {
                Class::Unknown
            }
        }
        SdkError::ServiceError(answer) => {
            let of_code = answer.err().code().and_then(class_of_code);
            let is_server = answer.raw().status().as_u16() >= 500;
            of_code.unwrap_or(if is_server { Class::Unknown } else { Class::Refused })
        }
        _ => Class::Unknown,
    }
}

fn is_in_chain(
    error: &(dyn Error + 'static),
    meets: &dyn Fn(&(dyn Error + 'static)) -> bool,
) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if meets(error) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// All causes of an error in one line.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_have_their_kinds() {
        use ErrorKind::{OutcomeUnknown, Unavailable, Unexpected};
        let cases = [
            ("ProvisionedThroughputExceededException", Unavailable, Unavailable),
            ("RequestLimitExceeded", Unavailable, Unavailable),
            ("ThrottlingException", Unavailable, Unavailable),
            ("LimitExceededException", Unavailable, Unavailable),
            ("TransactionConflictException", Unavailable, Unavailable),
            ("TransactionInProgressException", Unavailable, Unavailable),
            ("ServiceUnavailable", Unavailable, Unavailable),
            ("InternalServerError", Unavailable, OutcomeUnknown),
            ("ExpiredTokenException", Unavailable, Unavailable),
            ("UnrecognizedClientException", Unavailable, Unavailable),
            ("AccessDeniedException", Unexpected, Unexpected),
            ("ResourceNotFoundException", Unexpected, Unexpected),
        ];
        for (code, reading, committing) in cases {
            let failure =
                || Failure::new("Query", "t", class_of_code(code).unwrap(), "it did not work");
            assert_eq!(failure().engine_error().kind, reading, "{code}");
            assert_eq!(failure().commit_error().kind, committing, "{code}");
        }
        assert_eq!(class_of_code("ValidationException"), None);
    }
}
