//! One document of an app's collection: read, create, change, delete.

use std::sync::Arc;

use http::{Response, StatusCode};
use isobase_http::{Body, Problem, ProblemItem};
use isobase_store::{
    Action, Atomicity, Idempotency, Precondition, Rejection, View, WriteBatch, WriteOperation,
    WriteReport, Written,
};
use isobase_types::{
    Document, DocumentId,
    json::{Patch, PatchError},
};

use crate::{
    Call,
    answer::json,
    app::{State, problems, wire::Done},
    codes,
    failure::Failure,
    records::{
        handlers::{
            answer,
            preconditions::{Conditions, ReadVerdict},
            record::precondition,
            request,
        },
        problems::replayed as replayed_problem,
    },
    request::{Parameters, document, idempotency, no_parameters},
};

/// `GET /api/{collection}/{id}`
pub(crate) async fn get_item(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    let id = id(&call)?;
    let mut parameters = Parameters::parse(call.query());
    let (only, expand) = (parameters.take_fields(), parameters.take_paths("expand"));
    parameters.finish()?;
    let conditions = Conditions::from_headers(&call.headers)?;
    let (view, name) = (state.view(&call), &state.collection.name);
    let expansion = request::expansion(&view, name, &expand).await?;
    let found = view.get(name, &id).await?;
    let mut document = found.ok_or_else(|| problems::not_found(&state.collection))?;
    match conditions.judge_read(&document.revision, document.updated_at) {
        // With others in it, it may have changed although it has not.
        ReadVerdict::NotModified if expansion.is_empty() => {
            Ok(answer::not_modified(&document.revision, document.updated_at))
        }
        ReadVerdict::Send | ReadVerdict::NotModified => {
            view.expand(&expansion, std::slice::from_mut(&mut document)).await?;
            let mut row = Vec::with_capacity(document.body.len() + 64);
            state.rows.write(&document.id, &document.body, &only, &mut row);
            let (revision, at) = (&document.revision, document.updated_at);
            Ok(answer::document(StatusCode::OK, row, revision, at))
        }
        ReadVerdict::Failed => {
            Err(Rejection::RevisionConflict { current: Some(document.revision) }.into())
        }
    }
}

/// `POST /api/{collection}`
pub(crate) async fn create_item(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let given = document(call.take_body()).await?;
    let body = state.collection.new_document(state.rows.fields(), &given)?;
    let name = &state.collection.name;
    let idempotency = idempotency::of_call(&call, name, b"item", given.as_bytes())?;
    let action = Action::Create { body: body.clone() };
    let view = state.view(&call);
    let (written, replayed) =
        write(&state, &view, (action, Precondition::None), idempotency).await?;
    let mut response = row(&state, &view, written, body).await?;
    if replayed {
        idempotency::mark_replayed(&mut response);
    }
    Ok(response)
}

/// `PUT /api/{collection}/{id}` and `PATCH`: the fields that are given change, the others stay.
pub(crate) async fn update_item(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    let id = id(&call)?;
    no_parameters(&call)?;
    let conditions = Conditions::from_headers(&call.headers)?;
    let given = document(call.take_body()).await?;
    let changes = state.collection.changes(state.rows.fields(), &given)?;
    let patch = Patch::json(changes.as_bytes()).map_err(too_many)?;
    let view = state.view(&call);
    let name = &state.collection.name;
    let precondition = precondition(&view, name, &id, conditions).await?;
    let mark = idempotency::of_write(&call, name, &id, given.as_bytes())?;
    let demand = (Action::Patch { id, patch }, precondition);
    let (written, replayed) = write(&state, &view, demand, mark).await?;
    if replayed {
        return repeated(&state, &view, &written.id).await;
    }
    let body = written.body.clone().unwrap_or_default();
    row(&state, &view, written, body).await
}

/// The answer to the repeat of a change: the row as it is by now.
async fn repeated(state: &State, view: &View, id: &DocumentId) -> Result<Response<Body>, Failure> {
    let found = view.get(&state.collection.name, id).await?;
    let missing = || replayed_problem(problems::not_found(&state.collection), true);
    let mut response = shown(state, &found.ok_or_else(missing)?);
    idempotency::mark_replayed(&mut response);
    Ok(response)
}

/// `DELETE /api/{collection}/{id}`
pub(crate) async fn delete_item(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    let id = id(&call)?;
    no_parameters(&call)?;
    let conditions = Conditions::from_headers(&call.headers)?;
    let view = state.view(&call);
    let name = &state.collection.name;
    let precondition = precondition(&view, name, &id, conditions).await?;
    let mark = idempotency::of_write(&call, name, &id, b"")?;
    let demand = (Action::Delete { id }, precondition);
    let (_, replayed) = write(&state, &view, demand, mark).await?;
    let mut response = json(&Done { ok: true });
    if replayed {
        idempotency::mark_replayed(&mut response);
    }
    Ok(response)
}

/// The id in the path.
fn id(call: &Call) -> Result<DocumentId, Problem> {
    let text = call.parameter(0);
    DocumentId::parse(text).map_err(|error| {
        let item = ProblemItem::named("id", error.to_string(), text);
        Problem::new(codes::INVALID_ID, error.to_string()).with_item(item)
    })
}

/// Writes one operation and waits for what became of it, and whether it did so before.
async fn write(
    state: &State,
    view: &View,
    (action, precondition): (Action, Precondition),
    idempotency: Option<Idempotency>,
) -> Result<(Written, bool), Failure> {
    let collection = state.collection.name.clone();
    let operation = WriteOperation { collection, action, precondition };
    let batch = WriteBatch { operations: vec![operation], idempotency, checks: Vec::new() };
    let mut report = view.write(batch, Atomicity::EachAlone).await?;
    let replayed = report.replayed;
    let written =
        only_written(state, &mut report).map_err(|problem| replayed_problem(problem, replayed))?;
    Ok((written, replayed))
}

/// The outcome of a batch of one.
fn only_written(state: &State, report: &mut WriteReport) -> Result<Written, Problem> {
    match (report.outcomes.pop(), report.outcomes.is_empty()) {
        (Some(outcome), true) => {
            outcome.map_err(|rejection| problems::rejected(&state.collection, rejection))
        }
        _ => Err(Problem::internal("one operation did not have one outcome")),
    }
}

/// The answer to a write: the row as it is stored. What is filled in at the commit is read back
/// where the write does not tell it; `sent` is shown of a document that is gone again.
async fn row(
    state: &State,
    view: &View,
    written: Written,
    sent: String,
) -> Result<Response<Body>, Failure> {
    let Written { id, revision, updated_at, created_at, body, .. } = written;
    let document = match body {
        Some(body) => Document { id, revision, created_at, updated_at, body },
        None => match view.get(&state.collection.name, &id).await? {
            Some(document) => document,
            None => Document { id, revision, created_at, updated_at, body: sent },
        },
    };
    Ok(shown(state, &document))
}

/// A document as a row.
fn shown(state: &State, document: &Document) -> Response<Body> {
    let mut row = Vec::with_capacity(document.body.len() + 64);
    state.rows.write(&document.id, &document.body, &[], &mut row);
    answer::document(StatusCode::OK, row, &document.revision, document.updated_at)
}

/// A change of more fields than a patch may have operations.
fn too_many(error: PatchError) -> Problem {
    Problem::new(codes::LIMIT_EXCEEDED, error.to_string())
}
