//! Files, for those who may do everything.

use std::sync::Arc;

use http::Response;
use isobase_http::Body;

use super::{
    State,
    problems::not_found,
    wire::{Deleted, ListedUpload, ListedUploads, Swept},
};
use crate::{
    Call,
    answer::json,
    failure::Failure,
    request::{Parameters, no_parameters},
};

/// Files in one answer, unless `limit` says otherwise.
const PAGE_DEFAULT: u32 = 50;
/// Most files in one answer.
const PAGE_MAX: u32 = 1_000;

/// `GET /api/v1/uploads`
pub(super) async fn list_files(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    let mut parameters = Parameters::parse(call.query());
    let limit = parameters.take_number("limit", PAGE_DEFAULT, (1, PAGE_MAX));
    let after = parameters.take("cursor").filter(|cursor| !cursor.is_empty());
    parameters.finish()?;
    let (files, next) = state.files.list(after, limit).await?;
    Ok(json(&ListedUploads { uploads: files.iter().map(ListedUpload::of).collect(), next }))
}

/// `POST /api/v1/uploads/sweep`
pub(super) async fn sweep_files(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    Ok(json(&Swept { deleted: state.files.sweep_unused().await? }))
}

/// `DELETE /api/v1/uploads/{name}`
pub(super) async fn delete_file(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    match state.files.remove(call.parameter(0)).await? {
        true => Ok(json(&Deleted::OK)),
        false => Err(not_found().into()),
    }
}
