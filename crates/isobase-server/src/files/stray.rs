//! Bytes that no document tells of.

use std::sync::Arc;

use http::Response;
use isobase_auth::AuditEntry;
use isobase_http::Body;
use serde_json::{Value, json as object};

use super::{State, wire::StrayUploads};
use crate::{Call, actor::actor, answer::json, failure::Failure, request::no_parameters};

/// `GET /api/v1/uploads/strays`
pub(super) async fn list_strays(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    Ok(json(&StrayUploads::of(&state.files.strays().await?)))
}

/// `DELETE /api/v1/uploads/strays`
pub(super) async fn delete_strays(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let deleted = state.files.delete_strays().await?;
    if !deleted.strays.is_empty() {
        let told = StrayUploads::of(&deleted);
        let entry = AuditEntry {
            by: &actor(&call),
            action: "uploads.strays_deleted",
            object_type: "uploads",
            object_id: "strays",
            before: object!({ "files": deleted.strays.len(), "bytes": told.bytes }),
            after: Value::Null,
        };
        state.audit.write(&entry).await?;
    }
    Ok(json(&StrayUploads::of(&deleted)))
}
