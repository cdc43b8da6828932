//! Possible failures of a commit.

use std::time::Duration;

use isobase_engine::ErrorKind;

/// The fate of one commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Another process was faster.
    HeadMoved,
    /// Another program changed a document.
    DocumentChanged,
    /// It fails with an error, and nothing is written.
    Refused(ErrorKind),
    /// It is carried out, and the answer is lost.
    AnswerLost,
    /// The request is lost.
    RequestLost,
    /// The request is late: it is carried out after the head was asked for, if its head still
    /// stands then.
    RequestLate,
    /// The request is that long on its way.
    Slow(Duration),
    /// The process is killed after the log was written and before the documents were: a caller that
    /// asks for the head finishes it.
    HalfDone,
}

impl Fault {
    /// A fault from which the engine recovers, in every third call.
    pub(super) fn now_and_then() -> Option<Self> {
        const FAULTS: [Fault; 6] = [
            Fault::HeadMoved,
            Fault::DocumentChanged,
            Fault::AnswerLost,
            Fault::RequestLost,
            Fault::RequestLate,
            Fault::HalfDone,
        ];
        FAULTS.get(rand::random_range(0..FAULTS.len() * 3)).copied()
    }
}
