//! New documents under the next integer id.

use std::sync::Arc;

use bytes::BytesMut;
use http::{HeaderValue, Response, StatusCode, header};
use isobase_http::{Body, Problem};
use isobase_store::{Action, Atomicity, Precondition, WriteBatch, WriteOperation};
use isobase_types::DocumentId;

use super::{answer, load, own_names::OwnNames, record::only_outcome, request};
use crate::{
    Call,
    failure::{Failure, IntoProblem},
    records::{State, problems, wire::View},
    request::{BodyKind, Parameters, body_kind, document, idempotency},
};

/// `POST /records/{collection}`
pub(crate) async fn create_record(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    match body_kind(&call.headers)? {
        BodyKind::Json => create_one(state, call).await,
        BodyKind::Lines => load::load(state, call).await,
    }
}

async fn create_one(state: Arc<State>, mut call: Call) -> Result<Response<Body>, Failure> {
    let collection = request::collection(&call)?;
    let mut parameters = Parameters::parse(call.query());
    // The declared default may be said; `true` is for lines, and means that they are meant.
    if parameters.take_flag("atomic") {
        parameters.fault("atomic", "true", "only lines take it: send them as application/x-ndjson");
    }
    parameters.finish()?;
    request::refuse_conditions(
        &call,
        "a new document has no revision to compare; use PUT with a string id",
    )?;
    let body = document(call.take_body()).await?;
    let body = OwnNames::take(body, None).map_err(Problem::from)?.body;
    let idempotency = idempotency::of_call(&call, &collection, b"document", body.as_bytes())?;

    // Rendered before the body is handed over; the id follows when it is known.
    let mut text = Vec::with_capacity(body.len() + 32);
    View::write_open(&body, &mut text);
    let operation = WriteOperation {
        collection,
        action: Action::Create { body },
        precondition: Precondition::None,
    };
    let batch = WriteBatch { operations: vec![operation], idempotency, checks: Vec::new() };
    let report = state.view(&call).write(batch, Atomicity::EachAlone).await?;
    let (outcome, replayed) = only_outcome(report)?;
    let written =
        outcome.map_err(|rejection| problems::replayed(rejection.into_problem(), replayed))?;

    View::write_made(&written, &mut text);
    let mut response =
        answer::document(StatusCode::CREATED, text, &written.revision, written.updated_at);
    if let Some(location) = location(call.uri.path(), &written.id) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    if replayed {
        idempotency::mark_replayed(&mut response);
    }
    Ok(response)
}

/// Where the new document is: below the path as it was sent.
fn location(path: &str, id: &DocumentId) -> Option<HeaderValue> {
    let DocumentId::Integer(id) = id else { return None };
    let mut text = BytesMut::with_capacity(path.len() + 21);
    text.extend_from_slice(path.as_bytes());
    // Writing to a BytesMut grows it and cannot fail.
    let _ = std::fmt::Write::write_fmt(&mut text, format_args!("/{id}"));
    HeaderValue::from_maybe_shared(text.freeze()).ok()
}
