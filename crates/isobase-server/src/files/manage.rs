//! Files, for those who look after them.

use std::sync::Arc;

use http::Response;
use isobase_auth::AuditEntry;
use isobase_files::{FileQuery, FileState, ListedFile};
use isobase_http::Body;
use serde_json::{Value, json as object};

use super::{
    State,
    handlers::may_read,
    problems::not_found,
    wire::{Deleted, ListedUpload, ListedUploads, Swept, UploadTotals},
};
use crate::{
    Call,
    actor::actor,
    answer::json,
    failure::Failure,
    request::{Members, Parameters, no_parameters},
};

/// Files in one answer, unless `limit` says otherwise.
const PAGE_DEFAULT: u32 = 50;
/// Most files in one answer.
const PAGE_MAX: u32 = 1_000;
/// Longest name that people give a file, in bytes.
const ORIGINAL_BYTES_MAX: usize = 255;

/// `GET /api/v1/uploads`
pub(super) async fn list_files(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    let mut parameters = Parameters::parse(call.query());
    let limit = parameters.take_number("limit", PAGE_DEFAULT, (1, PAGE_MAX));
    let after = parameters.take("cursor").filter(|cursor| !cursor.is_empty());
    let named = parameters.take("state").filter(|text| !text.is_empty()).and_then(|text| {
        let found = FileState::ALL.into_iter().find(|state| state.as_str() == text);
        if found.is_none() {
            let names = FileState::ALL.map(FileState::as_str).join(", ");
            parameters.fault("state", &text, &format!("expected one of {names}"));
        }
        found
    });
    let mut text = |name: &str| parameters.take(name).filter(|text| !text.is_empty());
    let query = FileQuery {
        text: text("q"),
        owner: text("owner"),
        media_type: text("type"),
        state: named,
        private: parameters.take_choice("private"),
    };
    parameters.finish()?;
    let (files, next) = state.files.list(&query, after, limit).await?;
    let listed = files.iter().map(|file| listed(&state, file));
    Ok(json(&ListedUploads { uploads: listed.collect(), next }))
}

fn listed(state: &State, file: &ListedFile) -> ListedUpload {
    ListedUpload::of(file, state.files.options().unused_for)
}

/// `GET /api/v1/uploads/{name}`
pub(super) async fn get_listed(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let file = state.files.find(call.parameter(0)).await?.ok_or_else(not_found)?;
    let readable = may_read(&state, &call, &file.file).await?;
    Ok(json(&listed(&state, &file).with_readable(readable)))
}

/// `PATCH /api/v1/uploads/{name}`
pub(super) async fn rename_file(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let mut members = Members::read(&mut call).await?;
    let original = members.text("original");
    let is_name = (1..=ORIGINAL_BYTES_MAX).contains(&original.len())
        && !original.chars().any(char::is_control);
    if members.is_sound() && !is_name {
        let message =
            format!("expected 1 to {ORIGINAL_BYTES_MAX} bytes of UTF-8 without control characters");
        members.fault::<()>("original", &message);
    }
    members.finish()?;
    let name = call.parameter(0);
    let before = state.files.find(name).await?.ok_or_else(not_found)?;
    if !state.files.rename(name, &original).await? {
        return Err(not_found().into());
    }
    let was = object!({ "original": before.original });
    note(&state, &call, "upload.renamed", (was, object!({ "original": original }))).await?;
    Ok(json(&listed(&state, &ListedFile { original, ..before })))
}

/// `GET /api/v1/uploads/stats`
pub(super) async fn get_totals(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    Ok(json(&UploadTotals::of(&state.totals().await?)))
}

/// `POST /api/v1/uploads/sweep`
pub(super) async fn sweep_files(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    Ok(json(&Swept { deleted: state.files.sweep_unused().await? }))
}

/// `DELETE /api/v1/uploads/{name}`
pub(super) async fn delete_file(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let name = call.parameter(0);
    let before = state.files.find(name).await?.ok_or_else(not_found)?;
    if !state.files.remove(name).await? {
        return Err(not_found().into());
    }
    let was = object!({
        "original": before.original,
        "owner": before.owner,
        "size": before.file.size,
        "sha256": before.file.sha256,
    });
    note(&state, &call, "upload.deleted", (was, Value::Null)).await?;
    Ok(json(&Deleted::OK))
}

/// Notes what was done to the file that a call names.
pub(super) async fn note(
    state: &State,
    call: &Call,
    action: &str,
    (before, after): (Value, Value),
) -> Result<(), Failure> {
    let by = &actor(call);
    let object_id = call.parameter(0);
    let entry = AuditEntry { by, action, object_type: "upload", object_id, before, after };
    Ok(state.audit.write(&entry).await?)
}
