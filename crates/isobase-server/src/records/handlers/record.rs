//! One document: read, replace, merge, delete.

use std::sync::Arc;

use http::{HeaderValue, Response, StatusCode, header};
use isobase_http::{Body, Problem, ProblemItem};
use isobase_store::{
    Action, Atomicity, Idempotency, IfMissing, Precondition, Rejection, View as Documents,
    WriteBatch, WriteOperation, WriteOutcome, WriteReport, Written,
};
use isobase_types::{ChangeKind, CollectionName, Document, DocumentId, FieldPath, json::Patch};

use super::{
    answer,
    own_names::OwnNames,
    patch::PatchForm,
    preconditions::{Conditions, ReadVerdict},
    request,
};
use crate::{
    Call,
    answer::json,
    failure::{Failure, IntoProblem, record_not_found},
    records::{
        State, problems,
        wire::{Message, View},
    },
    request::{Parameters, document, idempotency, no_parameters, require_json},
};

/// `GET /records/{collection}/{id}`
pub(crate) async fn get_record(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    let collection = request::collection(&call)?;
    let id = request::id(&call)?;
    let (view, expand) = view_of(&call)?;
    let conditions = Conditions::from_headers(&call.headers)?;
    let documents = state.view(&call);
    let expansion = request::expansion(&documents, &collection, &expand).await?;
    documents.check_fields(&collection, &view.fields).await?;
    let found = documents.get(&collection, &id).await?;
    let mut document = found.ok_or_else(record_not_found)?;
    documents.expand(&expansion, std::slice::from_mut(&mut document)).await?;
    match conditions.judge_read(&document.revision, document.updated_at) {
        ReadVerdict::Send => Ok(send(&view, &document)),
        // What it refers to may have changed.
        ReadVerdict::NotModified if !expansion.is_empty() => Ok(send(&view, &document)),
        ReadVerdict::NotModified => {
            Ok(answer::not_modified(&document.revision, document.updated_at))
        }
        ReadVerdict::Failed => {
            Err(Rejection::RevisionConflict { current: Some(document.revision) }.into())
        }
    }
}

fn send(view: &View, document: &Document) -> Response<Body> {
    let mut text = Vec::with_capacity(view.size_hint(document));
    view.write(document, &mut text);
    answer::document(StatusCode::OK, text, &document.revision, document.updated_at)
}

/// `PUT /records/{collection}/{id}`
pub(crate) async fn put_record(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    let collection = request::collection(&call)?;
    let id = request::id(&call)?;
    let mut parameters = Parameters::parse(call.query());
    let upsert = parameters.take_flag("upsert");
    parameters.finish()?;
    let conditions = Conditions::from_headers(&call.headers)?;
    require_json(&call.headers)?;
    let may_create = upsert || conditions.asks_for_missing();
    let (documents, is_weak) = (state.view(&call), conditions.is_weak());
    let precondition = precondition(&documents, &collection, &id, conditions).await?;
    let if_missing = if may_create { IfMissing::Create } else { IfMissing::Refuse };

    let own =
        OwnNames::take(document(call.take_body()).await?, Some(&id)).map_err(Problem::from)?;
    let precondition = own.and(precondition).map_err(Problem::from)?;
    let body = own.body;
    let mark = idempotency::of_write(&call, &collection, &id, body.as_bytes())?;
    let mut text = Vec::with_capacity(body.len() + id_size(&id));
    View::write_open(&body, &mut text);
    let action = Action::Put { id, body, if_missing };
    let operation = WriteOperation { collection, action, precondition };
    let (written, replayed) = write_one(&documents, operation, mark, is_weak).await?;
    View::write_made(&written, &mut text);
    let created = written.kind == ChangeKind::Created;
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    let mut response = answer::document(status, text, &written.revision, written.updated_at);
    if created && let Ok(location) = HeaderValue::from_bytes(call.uri.path().as_bytes()) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    if replayed {
        idempotency::mark_replayed(&mut response);
    }
    Ok(response)
}

/// `PATCH /records/{collection}/{id}`
pub(crate) async fn patch_record(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    let collection = request::collection(&call)?;
    let id = request::id(&call)?;
    no_parameters(&call)?;
    let conditions = Conditions::from_headers(&call.headers)?;
    let (documents, is_weak) = (state.view(&call), conditions.is_weak());
    let mut precondition = precondition(&documents, &collection, &id, conditions).await?;
    let form = PatchForm::of(&call.headers)?;
    let sent = call.take_body().collect().await?;
    let mark = idempotency::of_write(&call, &collection, &id, &sent)?;
    let mut patch = form.read(&sent)?;
    if let Patch::Merge(text) = patch {
        let own = OwnNames::take(text, Some(&id)).map_err(Problem::from)?;
        precondition = own.and(precondition).map_err(Problem::from)?;
        patch = Patch::Merge(own.body);
    }
    let action = Action::Patch { id: id.clone(), patch };
    let operation = WriteOperation { collection: collection.clone(), action, precondition };
    let (written, replayed) = write_one(&documents, operation, mark, is_weak).await?;
    if replayed {
        return repeated(&documents, &collection, &id).await;
    }
    let Written { revision, updated_at, body: Some(body), .. } = written else {
        let cause = "a patch was written and its document not given back";
        return Err(Problem::internal(cause).into());
    };
    let mut text = Vec::with_capacity(body.len() + id_size(&id));
    View::write_open(&body, &mut text);
    View::write_id(&id, &mut text);
    Ok(answer::document(StatusCode::OK, text, &revision, updated_at))
}

/// The answer to the repeat of a patch: the document as it is by now. What the patch made of it is
/// not kept with the key.
async fn repeated(
    documents: &Documents,
    collection: &CollectionName,
    id: &DocumentId,
) -> Result<Response<Body>, Failure> {
    let found = documents.get(collection, id).await?;
    let document = found.ok_or_else(|| problems::replayed(record_not_found(), true))?;
    let mut response = send(&View::default(), &document);
    idempotency::mark_replayed(&mut response);
    Ok(response)
}

/// `DELETE /records/{collection}/{id}`
pub(crate) async fn delete_record(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    let collection = request::collection(&call)?;
    let id = request::id(&call)?;
    no_parameters(&call)?;
    let conditions = Conditions::from_headers(&call.headers)?;
    let (documents, is_weak) = (state.view(&call), conditions.is_weak());
    let precondition = precondition(&documents, &collection, &id, conditions).await?;
    let mark = idempotency::of_write(&call, &collection, &id, b"")?;
    let operation = WriteOperation { collection, action: Action::Delete { id }, precondition };
    let (_, replayed) = write_one(&documents, operation, mark, is_weak).await?;
    let mut response = json(&Message { message: "Record deleted" });
    if replayed {
        idempotency::mark_replayed(&mut response);
    }
    Ok(response)
}

/// The conditions of a write on the document. A date is compared with the document as it is now, and the
/// write demands that it is still that one; one that is too new it refuses itself, unless it is
/// the repeat of a write that has made it so.
pub(crate) async fn precondition(
    documents: &Documents,
    collection: &CollectionName,
    id: &DocumentId,
    conditions: Conditions,
) -> Result<Precondition, Failure> {
    if conditions.asks_for_date()
        && let Some(document) = documents.get(collection, id).await?
    {
        let met = conditions.for_current(&document);
        return Ok(met.unwrap_or(Precondition::RevisionIn(Vec::new())));
    }
    Ok(conditions.into_precondition()?)
}

/// Writes one operation and waits for what became of it, and whether it did so before.
async fn write_one(
    documents: &Documents,
    operation: WriteOperation,
    idempotency: Option<Idempotency>,
    is_weak: bool,
) -> Result<(Written, bool), Failure> {
    let batch = WriteBatch { operations: vec![operation], idempotency, checks: Vec::new() };
    let report = documents.write(batch, Atomicity::EachAlone).await?;
    let (outcome, replayed) = only_outcome(report)?;
    let written =
        outcome.map_err(|refusal| problems::replayed(refused(refusal, is_weak), replayed))?;
    Ok((written, replayed))
}

/// Why a write was refused; also that no tag of its `If-Match` could have been met.
fn refused(rejection: Rejection, is_weak: bool) -> Problem {
    let is_told = is_weak && matches!(rejection, Rejection::RevisionConflict { .. });
    let problem = rejection.into_problem();
    if !is_told {
        return problem;
    }
    let message = "a weak entity tag (W/\"…\") is equal to no revision: If-Match compares strongly \
                   (RFC 9110, 13.1.1); send it without W/, which a proxy may have put before it";
    problem.with_item(ProblemItem::named("If-Match", message, "W/"))
}

/// The outcome of a batch of one, and whether it is a replay.
pub(super) fn only_outcome(report: WriteReport) -> Result<(WriteOutcome, bool), Problem> {
    let WriteReport { mut outcomes, replayed } = report;
    match (outcomes.pop(), outcomes.is_empty()) {
        (Some(outcome), true) => Ok((outcome, replayed)),
        _ => Err(Problem::internal("one operation did not have one outcome")),
    }
}

/// What is shown of a document, and which of its references are expanded.
fn view_of(call: &Call) -> Result<(View, Vec<FieldPath>), Problem> {
    if call.query().is_empty() {
        return Ok((View::default(), Vec::new()));
    }
    let mut parameters = Parameters::parse(call.query());
    let view = View { fields: parameters.take_fields(), meta: parameters.take_flag("meta") };
    let expand = parameters.take_paths("expand");
    parameters.finish()?;
    Ok((view, expand))
}

/// Room for `,"id":` and the id.
pub(super) fn id_size(id: &DocumentId) -> usize {
    match id {
        DocumentId::Integer(_) => 32,
        DocumentId::Text(text) => text.len() + 16,
    }
}
