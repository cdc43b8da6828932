//! The documents that name a file.

use std::sync::Arc;

use http::Response;
use isobase_http::Body;
use isobase_store::{FileUse, View};
use serde_json::json as object;

use super::{
    State,
    manage::note,
    problems::{documents_forbidden, hidden_documents, not_found, too_many_documents},
    wire::{NamedBy, Replaced},
};
use crate::{
    Call,
    answer::json,
    failure::Failure,
    request::{Members, Parameters, no_parameters},
    views::Beside,
};

/// Documents in one answer, unless `limit` says otherwise.
const USES_DEFAULT: usize = 50;
/// Most documents in one answer, and that one request changes.
const USES_MAX: usize = 1_000;

/// `GET /api/v1/uploads/{name}/documents`
pub(super) async fn list_uses(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    let mut parameters = Parameters::parse(call.query());
    let limit = parameters.take_number("limit", USES_DEFAULT, (1, USES_MAX));
    parameters.finish()?;
    let name = call.parameter(0);
    let file = state.files.get(name).await?.ok_or_else(not_found)?;
    let found = state.views.store().file_uses(&file.name, limit).await?;
    let view = state.views.beside(&call.principal, Beside::Read);
    let (mut seen, hidden) = split(found.uses, view.as_ref());
    let complete = found.complete && seen.len() <= limit;
    seen.truncate(limit);
    Ok(json(&NamedBy::of(&seen, hidden, complete)))
}

/// The documents that a caller may see, and how many others there are.
fn split(uses: Vec<FileUse>, view: Option<&View>) -> (Vec<FileUse>, usize) {
    let all = uses.len();
    let sees = |it: &FileUse| view.is_some_and(|view| view.shows(&it.collection, &it.document));
    let seen: Vec<_> = uses.into_iter().filter(sees).collect();
    let hidden = all - seen.len();
    (seen, hidden)
}

/// `POST /api/v1/uploads/{name}/replace`
pub(super) async fn replace_file(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let mut members = Members::read(&mut call).await?;
    let with = members.text("with");
    let other = state.files.get(&with).await?;
    if members.is_sound() && (other.is_none() || with == call.parameter(0)) {
        members.fault::<()>("with", "expected the filename of another upload that is there");
    }
    members.finish()?;
    let file = state.files.get(call.parameter(0)).await?.ok_or_else(not_found)?;
    let view = state.views.beside(&call.principal, Beside::Write);
    let view = view.ok_or_else(documents_forbidden)?;
    let found = state.views.store().file_uses(&file.name, USES_MAX).await?;
    if !found.complete || found.uses.len() > USES_MAX {
        return Err(too_many_documents(USES_MAX).into());
    }
    let (seen, hidden) = split(found.uses, Some(&view));
    if hidden > 0 {
        return Err(hidden_documents(hidden).into());
    }
    let replaced = view.replace_file(seen, (&file.name, &with)).await?;
    if replaced.documents > 0 {
        let after = object!({ "with": with, "documents": replaced.documents });
        note(&state, &call, "upload.replaced", (object!(null), after)).await?;
    }
    Ok(json(&Replaced::of(replaced)))
}
