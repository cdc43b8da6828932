//! Failures of CouchDB as failures of an engine.

use isobase_engine::{EngineError, ErrorKind};
use isobase_journal::Tree;

/// The answer of CouchDB with a status of 400 and more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Complaint {
    /// `not_found`, `conflict`, …
    pub(crate) error: String,
    /// A sentence.
    pub(crate) reason: String,
}

impl Complaint {
    pub(crate) fn of(body: &[u8]) -> Self {
        let tree = std::str::from_utf8(body).ok().and_then(|text| Tree::parse(text).ok());
        tree.map(|tree| Self::of_tree(&tree)).unwrap_or_default()
    }

    pub(crate) fn of_tree(tree: &Tree) -> Self {
        let text = |name| {
            let text = tree.get(name).and_then(Tree::as_str).unwrap_or_default();
            text.chars().take(200).collect()
        };
        Self { error: text("error"), reason: text("reason") }
    }
}

/// The way to treat a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// The caller knows what it means.
    Answer,
    /// Nothing was done, and later it may be.
    Refused,
    /// No one knows what was done.
    Uncertain,
    /// Asking again gives the same.
    Final(ErrorKind),
}

/// The one place where a status gets its meaning.
///
/// Only statuses that are known to be answered before anything is done say that nothing was: a
/// proxy answers 408, 5xx and others of its own also for a request that went through.
///
/// Source: CouchDB 3.5 documentation, "HTTP Status Code List"; 413, 500 and 503 measured on
/// 3.5.0; the other statuses RFC 9110, section 15.
pub(crate) fn class_of(status: u16) -> Class {
    match status {
        // 202 has its meaning where something is written; 400 where something is asked.
        200..=299 | 304 | 400 | 404 | 409 | 412 => Class::Answer,
        // A name or password that changed here or there: the operator can mend it.
        401 => Class::Final(ErrorKind::Unavailable),
        413 => Class::Final(ErrorKind::LimitExceeded),
        429 => Class::Refused,
        507 => Class::Final(ErrorKind::OutOfSpace),
        301 | 302 | 307 | 308 => Class::Final(ErrorKind::Unexpected),
        402 | 403 | 405 | 406 | 410 | 411 | 414..=417 | 431 | 451 => {
            Class::Final(ErrorKind::Unexpected)
        }
        _ => Class::Uncertain,
    }
}

/// The failure that a status stands for.
pub(crate) fn status_error(
    kind: ErrorKind,
    what: &str,
    place: &Place<'_>,
    status: u16,
    complaint: &Complaint,
) -> EngineError {
    let Place { address, user } = place;
    let Complaint { error, reason } = complaint;
    let who = match user {
        Some(user) => format!("user '{user}'"),
        None => "a client without a name".to_owned(),
    };
    let message = match status {
        401 => format!(
            "CouchDB at {address} does not let {who} in: {reason}; check name and password in the \
             URL"
        ),
        403 => format!(
            "CouchDB at {address} does not allow {who} {what}: {reason}; make the user a member \
             or an administrator of the database"
        ),
        413 => format!(
            "CouchDB at {address} refuses {what} as too large ({error}); raise \
             couchdb/max_document_size there or make the document smaller"
        ),
        429 => format!("CouchDB at {address} has too many requests: {what} was refused"),
        503 => format!("CouchDB at {address} is busy or being maintained: {what} was refused"),
        _ => format!("CouchDB at {address} answered {status} to {what}: {error} {reason}"),
    };
    EngineError::new(kind, message.trim_end().to_owned())
}

/// Where a failure happened.
pub(crate) struct Place<'a> {
    pub(crate) address: &'a str,
    pub(crate) user: Option<&'a str>,
}

/// The stored data cannot be understood.
pub(crate) fn corrupted(what: impl std::fmt::Display) -> EngineError {
    EngineError::new(ErrorKind::Corrupted, format!("{what} cannot be read"))
}

/// The server answered what CouchDB does not answer.
pub(crate) fn strange(what: impl std::fmt::Display) -> EngineError {
    EngineError::new(ErrorKind::Unexpected, format!("{what} is not what CouchDB answers"))
}

/// A failure of a write that may have happened all the same.
pub(crate) fn in_doubt(error: EngineError) -> EngineError {
    EngineError { kind: ErrorKind::OutcomeUnknown, ..error }
}

/// A failure after the commit was recorded: it will be finished by the task that comes next.
pub(crate) fn unfinished_commit(error: EngineError) -> EngineError {
    let message =
        format!("the write is in the journal, but not yet in its documents: {}", error.message);
    EngineError { kind: ErrorKind::OutcomeUnknown, message, source: error.source }
}

/// A failure to finish the commit of somebody else, which says nothing about what was asked.
pub(crate) fn unfinished_head(error: EngineError) -> EngineError {
    let kind = match error.kind {
        ErrorKind::OutcomeUnknown => ErrorKind::Unavailable,
        kind => kind,
    };
    let message = format!("the last commit cannot be finished: {}", error.message);
    EngineError { kind, message, source: error.source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_have_their_classes() {
        use Class::{Answer, Final, Refused, Uncertain};
        let cases = [
            (200, Answer),
            (201, Answer),
            (202, Answer),
            (301, Final(ErrorKind::Unexpected)),
            (303, Uncertain),
            (304, Answer),
            (400, Answer),
            (401, Final(ErrorKind::Unavailable)),
            (403, Final(ErrorKind::Unexpected)),
            (404, Answer),
            (405, Final(ErrorKind::Unexpected)),
            (408, Uncertain),
            (409, Answer),
            (412, Answer),
            (413, Final(ErrorKind::LimitExceeded)),
            (415, Final(ErrorKind::Unexpected)),
            (429, Refused),
            (499, Uncertain),
            (500, Uncertain),
            (501, Uncertain),
            (502, Uncertain),
            (503, Uncertain),
            (504, Uncertain),
            (507, Final(ErrorKind::OutOfSpace)),
            (520, Uncertain),
            (527, Uncertain),
        ];
        for (status, class) in cases {
            assert_eq!(class_of(status), class, "{status}");
        }
    }

    #[test]
    fn messages_name_the_user_and_the_way_out() {
        let place = Place { address: "db:5984", user: Some("ann") };
        let complaint = Complaint::of(
            b"{\"error\":\"unauthorized\",\"reason\":\"Name or password is incorrect.\"}\n",
        );
        let error = status_error(ErrorKind::Unavailable, "reading", &place, 401, &complaint);
        for part in ["db:5984", "'ann'", "Name or password is incorrect."] {
            assert!(error.message.contains(part), "{error}");
        }
        assert_eq!(Complaint::of(b"<html>"), Complaint::default());
    }
}
