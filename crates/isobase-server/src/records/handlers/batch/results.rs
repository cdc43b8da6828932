//! The answer to a batch.

use isobase_store::{Rejection, Violation, WriteOutcome, Written};
use isobase_types::{ChangeKind, FieldPath, Revision};

use crate::{
    etag::etag,
    failure::{TAKEN, current_revision, field_pointer, rejection_parts},
    records::wire::{BatchError, BatchFault, BatchReport, BatchResult},
};

/// One result per operation, in their order, each with the status it would have had alone.
pub(super) fn report(outcomes: &[WriteOutcome]) -> BatchReport<'_> {
    BatchReport {
        results: outcomes.iter().map(result).collect(),
        committed: outcomes.iter().any(Result::is_ok),
    }
}

fn result(outcome: &WriteOutcome) -> BatchResult<'_> {
    match outcome {
        Ok(written) => of_written(written),
        Err(rejection) => of_rejected(rejection),
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

fn of_rejected(rejection: &Rejection) -> BatchResult<'_> {
    let (code, detail) = rejection_parts(rejection);
    let errors = match rejection {
        Rejection::SchemaViolation { violations } => violations.iter().map(fault).collect(),
        Rejection::NotUnique { fields } => fields.iter().map(taken).collect(),
        Rejection::PatchConflict { pointer, reason } => {
            vec![BatchFault { pointer: pointer.into(), message: reason }]
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
    BatchFault { pointer: (&violation.pointer).into(), message: &violation.message }
}

fn taken(field: &FieldPath) -> BatchFault<'static> {
    BatchFault { pointer: field_pointer(field).into(), message: TAKEN }
}

pub(super) fn tag(revision: &Revision) -> String {
    etag(revision).to_str().unwrap_or_default().to_owned()
}
