//! New documents under the next integer id.

use bytes::BytesMut;
use http::{HeaderValue, Response, StatusCode, header};
use isobase_store::{Action, Atomicity, Idempotency, Precondition, WriteBatch, WriteOperation};
use isobase_types::{CollectionName, DocumentId};

use super::{
    answer,
    idempotency::{self, Identity},
    load, problems,
    record::only_outcome,
    request::{self, BodyKind},
    view::View,
};
use crate::{Body, Call, Problem};

/// `POST /records/{collection}`
pub(super) async fn create_record(call: Call) -> Result<Response<Body>, Problem> {
    match request::body_kind(&call.headers)? {
        BodyKind::Json => create_one(call).await,
        BodyKind::Lines => load::load_records(call).await,
    }
}

async fn create_one(mut call: Call) -> Result<Response<Body>, Problem> {
    let collection = request::collection(&call)?;
    request::no_parameters(&call)?;
    request::refuse_conditions(
        &call,
        "a new document has no revision to compare; use PUT with a string id",
    )?;
    let body = request::document(request::take_body(&mut call)).await?;
    let idempotency = mark(&call, &collection, b"document", body.as_bytes())?;

    // Rendered before the body is handed over; the id follows when it is known.
    let mut text = Vec::with_capacity(body.len() + 32);
    View::write_open(&body, &mut text);
    let operation = WriteOperation {
        collection,
        action: Action::Create { body },
        precondition: Precondition::None,
    };
    let batch = WriteBatch { operations: vec![operation], idempotency, check: None };
    let report = call.app.store.write(batch, Atomicity::EachAlone).await?;
    let (outcome, replayed) = only_outcome(report)?;
    let written = outcome.map_err(|rejection| problems::replayed(rejection.into(), replayed))?;

    View::write_id(&written.id, &mut text);
    let mut response =
        answer::document(StatusCode::CREATED, text, &written.revision, written.updated_at);
    if let Some(location) = location(call.uri.path(), &written.id) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    if replayed {
        answer::mark_replayed(&mut response);
    }
    Ok(response)
}

/// The mark of a request with an `Idempotency-Key`.
pub(super) fn mark(
    call: &Call,
    collection: &CollectionName,
    options: &[u8],
    content: &[u8],
) -> Result<Option<Idempotency>, Problem> {
    let Some(key) = idempotency::read_key(&call.headers)? else { return Ok(None) };
    let identity = Identity {
        caller: call.principal.id(),
        operation: call.route.operation_id,
        collection: collection.as_str(),
        key,
    };
    Ok(Some(idempotency::mark(&identity, options, content)))
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
