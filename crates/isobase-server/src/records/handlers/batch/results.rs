//! The answer to a batch.

use isobase_store::{Rejection, Violation, WriteOutcome, Written};
use isobase_types::{ChangeKind, Revision, json};

use crate::{
    etag::etag,
    failure::{current_revision, rejection_parts},
};

/// One result per operation, in their order, each with the status it would have had alone.
pub(super) fn to_json(outcomes: &[WriteOutcome]) -> Vec<u8> {
    let mut out = Vec::with_capacity(32 + outcomes.len() * 64);
    out.extend_from_slice(b"{\"results\":[");
    for (index, outcome) in outcomes.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        match outcome {
            Ok(written) => write_written(written, &mut out),
            Err(rejection) => write_rejected(rejection, &mut out),
        }
    }
    let committed = outcomes.iter().any(Result::is_ok);
    out.extend_from_slice(format!("],\"committed\":{committed}}}").as_bytes());
    out
}

fn write_written(written: &Written, out: &mut Vec<u8>) {
    let status = if written.kind == ChangeKind::Created { 201 } else { 200 };
    out.extend_from_slice(format!("{{\"status\":{status},\"id\":").as_bytes());
    written.id.write_json(out);
    out.extend_from_slice(b",\"kind\":\"");
    out.extend_from_slice(written.kind.as_str().as_bytes());
    out.push(b'"');
    if written.kind != ChangeKind::Deleted {
        write_etag(&written.revision, out);
    }
    out.push(b'}');
}

fn write_rejected(rejection: &Rejection, out: &mut Vec<u8>) {
    let (code, detail) = rejection_parts(rejection);
    let (status, code) = (code.status().as_u16(), code.as_str());
    out.extend_from_slice(format!("{{\"status\":{status}").as_bytes());
    if let Some(current) = current_revision(rejection) {
        write_etag(current, out);
    }
    out.extend_from_slice(format!(",\"error\":{{\"code\":\"{code}\",\"detail\":").as_bytes());
    json::write_string(&detail, out);
    write_violations(rejection, out);
    out.extend_from_slice(b"}}");
}

/// The places that do not meet a schema, as `errors` of a problem has them.
fn write_violations(rejection: &Rejection, out: &mut Vec<u8>) {
    let Rejection::SchemaViolation { violations } = rejection else { return };
    out.extend_from_slice(b",\"errors\":[");
    for (index, Violation { pointer, message }) in violations.iter().enumerate() {
        out.extend_from_slice(if index > 0 { b",{\"pointer\":" } else { b"{\"pointer\":" });
        json::write_string(pointer, out);
        out.extend_from_slice(b",\"message\":");
        json::write_string(message, out);
        out.push(b'}');
    }
    out.push(b']');
}

/// A tag as the header has it, quotes included: it can be sent back as it is.
fn write_etag(revision: &Revision, out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"etag\":");
    json::write_string(etag(revision).to_str().unwrap_or_default(), out);
}
