//! How a job begins.

use http::{HeaderValue, Response, StatusCode, header};
use isobase_auth::Principal;
use isobase_http::Body;
use isobase_jobs::{Asked, Begun, Jobs, Work};
use isobase_types::CollectionName;

use crate::{Call, actor::actor, answer::json_with, failure::Failure, request::idempotency};

/// Begins a job, or gives the one that a former request with the same key began. `text` is the body,
/// and `collection` that of the jobs.
pub(crate) async fn start(
    jobs: &Jobs,
    collection: &CollectionName,
    call: &Call,
    work: Work,
    text: &str,
) -> Result<Response<Body>, Failure> {
    let once = idempotency::of_call(call, collection, b"job", text.as_bytes())?;
    let (by, by_anybody) = (&actor(call), call.principal == Principal::Open);
    let begun = jobs.start(work, Asked { by, by_anybody, once }).await?;
    let Begun { job, before } = begun;
    let mut response = json_with(StatusCode::ACCEPTED, &job);
    let place = HeaderValue::try_from(format!("/api/v1/jobs/{}", job.id));
    response.headers_mut().extend(place.map(|place| (header::LOCATION, place)));
    if before {
        idempotency::mark_replayed(&mut response);
    }
    Ok(response)
}
