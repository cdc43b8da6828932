//! Failures of Firestore as failures of an engine.

use std::error::Error as _;

use isobase_engine::{EngineError, ErrorKind};
use tonic::{Code, Status};

/// Why a call was given up.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The last answer.
    pub(crate) status: Status,
    /// One of the attempts may have been carried out although its answer did not come.
    pub(crate) uncertain: bool,
    /// How often it was sent.
    attempts: u32,
    /// There was no token; the answer is made up.
    no_token: Option<EngineError>,
}

impl Failure {
    pub(crate) fn new(status: Status, uncertain: bool, attempts: u32) -> Self {
        Self { status, uncertain, attempts, no_token: None }
    }

    pub(crate) fn no_token(error: EngineError, uncertain: bool) -> Self {
        let status = Status::unknown(error.message.clone());
        Self { status, uncertain, attempts: 0, no_token: Some(error) }
    }

    /// The failure of something that has no effect or may be done again.
    pub(crate) fn into_error(self, what: &str) -> EngineError {
        if let Some(error) = self.no_token {
            return error;
        }
        let kind = kind_of(&self.status);
        self.error(kind, what)
    }

    /// The failure of a write that must not be taken for undone when it may be done.
    pub(crate) fn into_write_error(self, what: &str) -> EngineError {
        if !self.uncertain {
            return self.into_error(what);
        }
        let what = format!("{what}: whether it was written is not known");
        self.error(ErrorKind::OutcomeUnknown, &what)
    }

    fn error(self, kind: ErrorKind, what: &str) -> EngineError {
        let code = code_name(self.status.code());
        let times = if self.attempts > 1 {
            format!(" after {} attempts", self.attempts)
        } else {
            String::new()
        };
        let way_out = way_out(&self.status);
        let reason = shortened(self.status.message());
        let message = format!("{what}: Firestore answers {code}{times}: {reason}{way_out}");
        EngineError::with_source(kind, message, self.status)
    }
}

/// The one place where an answer gets its kind.
pub(crate) fn kind_of(status: &Status) -> ErrorKind {
    match status.code() {
        Code::Unavailable | Code::Aborted | Code::Cancelled => ErrorKind::Unavailable,
        Code::ResourceExhausted if is_too_large(status) => ErrorKind::LimitExceeded,
        Code::ResourceExhausted => ErrorKind::Unavailable,
        Code::DeadlineExceeded => ErrorKind::TimedOut,
        Code::InvalidArgument | Code::FailedPrecondition if is_too_large(status) => {
            ErrorKind::LimitExceeded
        }
        Code::DataLoss => ErrorKind::Corrupted,
        Code::Internal | Code::Unknown if is_broken(status) => ErrorKind::Unavailable,
        _ => ErrorKind::Unexpected,
    }
}

/// Whether the same request may be answered better the next time. Firestore's own libraries
/// repeat these codes too, `UNKNOWN` and `CANCELLED` only where the connection broke.
pub(crate) fn is_worth_repeating(status: &Status) -> bool {
    match status.code() {
        Code::Unavailable | Code::DeadlineExceeded | Code::Aborted | Code::Internal => true,
        Code::ResourceExhausted => !is_too_large(status),
        Code::Unknown | Code::Cancelled => is_broken(status),
        _ => false,
    }
}

/// Whether a write with this answer may have been carried out all the same.
pub(crate) fn may_have_happened(status: &Status) -> bool {
    match status.code() {
        Code::Unavailable => !is_not_connected(status),
        Code::DeadlineExceeded | Code::Internal | Code::Unknown | Code::Cancelled => true,
        _ => false,
    }
}

/// Whether the answer is not Firestore's: the connection broke.
fn is_broken(status: &Status) -> bool {
    std::error::Error::source(status).is_some()
}

/// Whether the answer says that there is more than Firestore can hold or write at once.
pub(crate) fn is_too_large(status: &Status) -> bool {
    let message = status.message().to_ascii_lowercase();
    // The service, its emulator, and libraries between us and them have their own words.
    const WORDS: [&str; 7] = [
        "exceeds the maximum",
        "maximum entity size",
        "exceeds maximum size",
        "larger than max",
        "too large",
        "longer than",
        // Of all that a commit writes, replaces and deletes, with its entries in indexes.
        "too big",
    ];
    WORDS.iter().any(|words| message.contains(words)) || is_too_many_entries(status)
}

/// Whether a document would have more entries in indexes than Firestore gives it.
fn is_too_many_entries(status: &Status) -> bool {
    let message = status.message().to_ascii_lowercase();
    message.contains("too many index entries") || message.contains("too many indexed properties")
}

/// The remedy for the operator.
fn way_out(status: &Status) -> &'static str {
    match status.code() {
        Code::InvalidArgument | Code::FailedPrecondition if is_too_many_entries(status) => {
            "; exempt fields from indexes, or store them as one text"
        }
        Code::InvalidArgument if status.message().contains("too big") => {
            "; write or delete less at once"
        }
        Code::PermissionDenied => {
            "; give the service account the role Cloud Datastore User (roles/datastore.user) in \
             this project, and switch on the Firestore API"
        }
        Code::Unauthenticated => "; check the credentials and the clock of this machine",
        Code::NotFound => {
            "; create the database in Native mode, or check the names of project and database"
        }
        Code::ResourceExhausted if !is_too_large(status) => {
            "; the quota of the project is used up, or too much is written at once"
        }
        Code::Unavailable if is_not_connected(status) => {
            "; check the address and that the service can be reached"
        }
        Code::FailedPrecondition if status.message().contains("index") => {
            "; keep the automatic index of the fields under isobase_meta.keys"
        }
        Code::FailedPrecondition if status.message().contains("Datastore Mode") => {
            "; use a database in Native mode"
        }
        _ => "",
    }
}

fn shortened(message: &str) -> String {
    const MESSAGE_CHARS_MAX: usize = 300;
    let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
    if message.is_empty() {
        return "no reason given".to_owned();
    }
    message.chars().take(MESSAGE_CHARS_MAX).collect()
}

/// A code as Google writes it.
fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

/// Whether a connection could not be made: then nothing was sent.
fn is_not_connected(status: &Status) -> bool {
    causes(status).any(|error| error.is::<tonic::ConnectError>())
}

/// Whether our own side of the connection stopped waiting.
pub(crate) fn is_timeout(status: &Status) -> bool {
    causes(status).any(|error| error.is::<tonic::TimeoutExpired>())
}

fn causes(status: &Status) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    std::iter::successors(status.source(), |error| (*error).source())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_have_kinds() {
        use ErrorKind as Kind;
        // Code, message, kind, worth repeating, may have happened.
        let table = [
            (Code::Unavailable, "down", Kind::Unavailable, true, true),
            (Code::DeadlineExceeded, "slow", Kind::TimedOut, true, true),
            (Code::Aborted, "contention", Kind::Unavailable, true, false),
            (Code::Internal, "internal", Kind::Unexpected, true, true),
            (Code::Unknown, "unknown", Kind::Unexpected, false, true),
            (Code::Cancelled, "cancelled", Kind::Unavailable, false, true),
            (Code::ResourceExhausted, "Quota exceeded.", Kind::Unavailable, true, false),
            (
                Code::ResourceExhausted,
                "gRPC message exceeds maximum size 4194304: 5000000",
                Kind::LimitExceeded,
                false,
                false,
            ),
            (
                Code::InvalidArgument,
                "Document 'a/b' cannot be written because its size (1,048,590 bytes) exceeds the \
                 maximum allowed size of 1,048,576 bytes.",
                Kind::LimitExceeded,
                false,
                false,
            ),
            (
                Code::InvalidArgument,
                "maximum entity size is 1048576 bytes",
                Kind::LimitExceeded,
                false,
                false,
            ),
            (
                Code::InvalidArgument,
                "Transaction too big. Decrease transaction size.",
                Kind::LimitExceeded,
                false,
                false,
            ),
            (
                Code::InvalidArgument,
                "too many index entries for entity",
                Kind::LimitExceeded,
                false,
                false,
            ),
            (
                Code::FailedPrecondition,
                "Too many index entries for entity",
                Kind::LimitExceeded,
                false,
                false,
            ),
            (Code::InvalidArgument, "bad name", Kind::Unexpected, false, false),
            (Code::PermissionDenied, "no", Kind::Unexpected, false, false),
            (Code::Unauthenticated, "no", Kind::Unexpected, false, false),
            (Code::NotFound, "no database", Kind::Unexpected, false, false),
            (Code::FailedPrecondition, "no", Kind::Unexpected, false, false),
            (Code::Unimplemented, "no", Kind::Unexpected, false, false),
            (Code::DataLoss, "gone", Kind::Corrupted, false, false),
        ];
        for (code, message, kind, repeated, happened) in table {
            let status = Status::new(code, message);
            assert_eq!(kind_of(&status), kind, "{code:?} {message}");
            assert_eq!(is_worth_repeating(&status), repeated, "{code:?} {message}");
            assert_eq!(may_have_happened(&status), happened, "{code:?} {message}");
        }
    }

    #[test]
    fn failures_name_the_way_out() {
        let cases = [
            (Code::PermissionDenied, "Missing or insufficient permissions.", "datastore.user"),
            (Code::Unauthenticated, "Request had invalid credentials.", "check the credentials"),
            (Code::NotFound, "The database (default) does not exist", "create the database"),
            (Code::ResourceExhausted, "Quota exceeded.", "quota"),
        ];
        for (code, message, part) in cases {
            let error =
                Failure::new(Status::new(code, message), false, 3).into_error("read 'agents/1'");
            let text = error.to_string();
            assert!(text.starts_with("read 'agents/1': Firestore answers"), "{text}");
            assert!(text.contains(message) && text.contains(part), "{text}");
            assert!(text.contains("after 3 attempts"), "{text}");
        }
    }

    #[test]
    fn an_uncertain_write_is_not_called_undone() {
        let failure = |uncertain| Failure::new(Status::unavailable("down"), uncertain, 2);
        assert_eq!(failure(true).into_write_error("write").kind, ErrorKind::OutcomeUnknown);
        assert_eq!(failure(false).into_write_error("write").kind, ErrorKind::Unavailable);
    }
}
