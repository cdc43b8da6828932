//! The answer to a batch.

use std::collections::BTreeMap;

use isobase_http::{Problem, ProblemCode};
use isobase_store::{Rejection, Violation, WriteOutcome, Written};
use isobase_types::{ChangeKind, FieldPath, Revision};

use crate::{
    etag::etag,
    failure::{TAKEN, current_revision, field_pointer},
    records::wire::{BatchError, BatchFault, BatchReport, BatchResult},
};

/// The code and the text for a write that was refused.
pub(super) type Words<'a> = &'a dyn Fn(&Rejection) -> (ProblemCode, String);

/// One result per operation, in their order, each with the status it would have had alone: `refused`
/// were not carried out, and stand between the others by their numbers.
pub(super) fn report<'a>(
    outcomes: &'a [WriteOutcome],
    refused: &BTreeMap<usize, Problem>,
    words: Words<'_>,
) -> BatchReport<'a> {
    let mut carried_out = outcomes.iter();
    let each = (0..outcomes.len() + refused.len()).filter_map(|index| match refused.get(&index) {
        Some(problem) => Some(failed(problem)),
        None => carried_out.next().map(|outcome| result(outcome, words)),
    });
    BatchReport { results: each.collect(), committed: outcomes.iter().any(Result::is_ok) }
}

/// The result of what was refused before it could be tried.
pub(super) fn failed(problem: &Problem) -> BatchResult<'static> {
    let code = problem.code();
    let errors = problem.items().iter().filter_map(|item| {
        let pointer = item.pointer.clone()?.into();
        Some(BatchFault { pointer, message: item.message.clone().into() })
    });
    let (detail, errors) = (problem.detail().to_owned(), errors.collect());
    let error = BatchError { code: code.as_str(), detail, errors };
    BatchResult { status: code.status().as_u16(), error: Some(error), ..BatchResult::default() }
}

fn result<'a>(outcome: &'a WriteOutcome, words: Words<'_>) -> BatchResult<'a> {
    match outcome {
        Ok(written) => of_written(written),
        Err(rejection) => of_rejected(rejection, words),
    }
}

fn of_written(written: &Written) -> BatchResult<'_> {
    BatchResult {
        status: if written.kind == ChangeKind::Created { 201 } else { 200 },
        id: Some((&written.id).into()),
        kind: Some(written.kind.as_str()),
        etag: (written.kind != ChangeKind::Deleted).then(|| tag(&written.revision)),
        ..BatchResult::default()
    }
}

fn of_rejected<'a>(rejection: &'a Rejection, words: Words<'_>) -> BatchResult<'a> {
    let (code, detail) = words(rejection);
    let errors = match rejection {
        Rejection::SchemaViolation { violations } => violations.iter().map(fault).collect(),
        Rejection::NotUnique { fields } => fields.iter().map(taken).collect(),
        Rejection::PatchConflict { pointer, reason } => {
            vec![BatchFault { pointer: pointer.into(), message: reason.into() }]
        }
        _ => Vec::new(),
    };
    BatchResult {
        status: code.status().as_u16(),
        etag: current_revision(rejection).map(tag),
        error: Some(BatchError { code: code.as_str(), detail, errors }),
        ..BatchResult::default()
    }
}

fn fault(violation: &Violation) -> BatchFault<'_> {
    BatchFault { pointer: (&violation.pointer).into(), message: (&violation.message).into() }
}

fn taken(field: &FieldPath) -> BatchFault<'static> {
    BatchFault { pointer: field_pointer(field).into(), message: TAKEN.into() }
}

pub(super) fn tag(revision: &Revision) -> String {
    etag(revision).to_str().unwrap_or_default().to_owned()
}
