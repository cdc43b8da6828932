//! Uploads begin, go on and end.

use std::{io, sync::Arc, time::Duration};

use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use isobase_auth::Principal;
use isobase_files::{
    Appending, Checksum, Continuation, FilesError, NewTransfer, Progress, ResumableError,
};
use isobase_http::{Body, Problem, RequestBody};
use tokio::time::timeout;

use super::{
    State,
    problems::{busy, invalid},
    request::{
        Beginning, beginning, check_bytes, check_version, checksum, has_bytes, metadata,
        method_override, number,
    },
    wire::{
        PATH, TUS_RESUMABLE, UPLOAD_CONCAT, UPLOAD_DEFER_LENGTH, UPLOAD_LENGTH, UPLOAD_METADATA,
        UPLOAD_OFFSET, UploadState, VERSION,
    },
};
use crate::{
    Call,
    answer::json,
    codes,
    failure::{Failure, IntoProblem},
};

/// How long a question for an upload is worked on. Ours: well below the deadline of requests, whose
/// answer would end the upload.
const LOOK_MAX: Duration = Duration::from_secs(10);

/// `OPTIONS /api/uploads/tus`
pub(super) async fn describe_tus(state: Arc<State>, _: Call) -> Result<Response<Body>, Problem> {
    let mut response = Body::no_content(StatusCode::NO_CONTENT);
    let headers = response.headers_mut();
    let name = HeaderName::from_static;
    headers.insert(TUS_RESUMABLE, VERSION);
    headers.insert(name("tus-version"), VERSION);
    let extensions = "creation,creation-defer-length,creation-with-upload,expiration,checksum,\
                      termination,concatenation";
    headers.insert(name("tus-extension"), HeaderValue::from_static(extensions));
    headers.insert(name("tus-max-size"), HeaderValue::from(state.file_bytes_max));
    let algorithms = HeaderValue::from_static(Checksum::ALGORITHMS);
    headers.insert(name("tus-checksum-algorithm"), algorithms);
    Ok(response)
}

/// `POST /api/uploads/tus`
pub(super) async fn begin_upload(state: Arc<State>, call: Call) -> Result<Response<Body>, Problem> {
    marked(begin(&state, call).await)
}

async fn begin(state: &State, mut call: Call) -> Result<Response<Body>, Failure> {
    check_version(&call)?;
    if call.principal == Principal::Anonymous {
        return Err(Problem::new(codes::UNAUTHENTICATED, "uploads take a key or a session").into());
    }
    let said = metadata(&call)?;
    let owner = call.principal.id().to_owned();
    let new = NewTransfer { owner, original: said.filename, metadata: said.text };
    let mut progress = match beginning(&call)? {
        Beginning::Whole(length) => state.resumable.begin(new, length, false).await?,
        Beginning::Part(length) => state.resumable.begin(new, length, true).await?,
        Beginning::Joined(parts) => state.resumable.join(new, parts).await?,
    };
    if has_bytes(&call) && progress.file.is_none() && call.body.announced() != Some(0) {
        let (sum, body) = (checksum(&call)?, call.take_body());
        let announced = body.announced();
        let first = Continuation { announced, checksum: sum, ..Continuation::default() };
        let appending = state.resumable.append(&progress.id, first).await?;
        progress = receive(appending, body).await?;
    }
    let mut response = Body::no_content(StatusCode::CREATED);
    let location = format!("{PATH}/{}", progress.id);
    response.headers_mut().extend(HeaderValue::try_from(location).map(|it| (header::LOCATION, it)));
    describe(&mut response, &progress);
    Ok(response)
}

/// `GET /api/uploads/tus/{id}`
///
/// Clients begin a living upload anew when they are told of a failure of ours, so they are told to
/// come again.
pub(super) async fn get_upload(state: Arc<State>, call: Call) -> Result<Response<Body>, Problem> {
    let looked = async {
        if call.method == http::Method::HEAD {
            check_version(&call)?;
        }
        match timeout(LOOK_MAX, state.resumable.look(call.parameter(0))).await {
            Ok(Ok(progress)) => progress.ok_or_else(not_found),
            Ok(Err(error @ ResumableError::Elsewhere)) => Err(error.into_problem()),
            Ok(Err(error)) => {
                tracing::warn!(%error, "an upload is said to be busy: {error}");
                Err(busy())
            }
            Err(_) => Err(busy()),
        }
    };
    let progress = match looked.await {
        Ok(progress) => progress,
        Err(problem) => return marked(Err(problem.into())),
    };
    let mut response = json(&UploadState::of(&progress));
    describe(&mut response, &progress);
    let headers = response.headers_mut();
    match progress.length {
        Some(length) => headers.insert(UPLOAD_LENGTH, HeaderValue::from(length)),
        None => headers.insert(UPLOAD_DEFER_LENGTH, HeaderValue::from_static("1")),
    };
    if !progress.metadata.is_empty() {
        headers.extend(
            HeaderValue::try_from(&progress.metadata).map(|metadata| (UPLOAD_METADATA, metadata)),
        );
    }
    let parts: Vec<_> = progress.parts.iter().map(|id| format!("{PATH}/{id}")).collect();
    let concat = match (progress.is_part, parts.is_empty()) {
        (true, _) => Some("partial".to_owned()),
        (false, true) => None,
        (false, false) => Some(format!("final;{}", parts.join(" "))),
    };
    let concat = concat.and_then(|concat| HeaderValue::try_from(concat).ok());
    headers.extend(concat.map(|concat| (UPLOAD_CONCAT, concat)));
    marked(Ok(response))
}

/// `PATCH /api/uploads/tus/{id}`
pub(super) async fn continue_upload(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Problem> {
    marked(go_on(&state, call).await)
}

async fn go_on(state: &State, mut call: Call) -> Result<Response<Body>, Failure> {
    check_version(&call)?;
    check_bytes(&call)?;
    let offset = number(&call, UPLOAD_OFFSET)?;
    let offset = offset.ok_or_else(|| invalid(&UPLOAD_OFFSET, "say where the bytes begin", ""))?;
    let sum = checksum(&call)?;
    // What is sent encoded has another length.
    let is_plain = !call.headers.contains_key(header::CONTENT_ENCODING);
    let body = call.take_body();
    let announced = body.announced().filter(|_| is_plain);
    let length = number(&call, UPLOAD_LENGTH)?;
    let next = Continuation { offset, announced, length, checksum: sum };
    let appending = state.resumable.append(call.parameter(0), next).await?;
    let progress = receive(appending, body).await?;
    let mut response = Body::no_content(StatusCode::NO_CONTENT);
    describe(&mut response, &progress);
    Ok(response)
}

/// `DELETE /api/uploads/tus/{id}`
pub(super) async fn end_upload(state: Arc<State>, call: Call) -> Result<Response<Body>, Problem> {
    marked(end(&state, &call).await)
}

async fn end(state: &State, call: &Call) -> Result<Response<Body>, Failure> {
    check_version(call)?;
    match state.resumable.remove(call.parameter(0)).await? {
        true => Ok(Body::no_content(StatusCode::NO_CONTENT)),
        false => Err(not_found().into()),
    }
}

/// `POST /api/uploads/tus/{id}`
pub(super) async fn override_method(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Problem> {
    let answered = match method_override(&call) {
        Some("PATCH") => go_on(&state, call).await,
        Some("DELETE") => end(&state, &call).await,
        _ => {
            let text = "send PATCH, or name the method in X-HTTP-Method-Override";
            Err(Problem::new(codes::METHOD_NOT_ALLOWED, text).into())
        }
    };
    marked(answered)
}

/// Takes a body, in a task of its own: what has come is kept in order, also when the connection
/// breaks and no one waits for the answer.
async fn receive(appending: Appending, body: RequestBody) -> Result<Progress, Failure> {
    let receiving = tokio::spawn(take_pieces(appending, body));
    receiving.await.map_err(|error| FilesError::Disk(io::Error::other(error)))?
}

async fn take_pieces(mut appending: Appending, mut body: RequestBody) -> Result<Progress, Failure> {
    loop {
        let piece = tokio::select! {
            piece = body.next_piece() => piece,
            () = appending.given_up() => Err(busy()),
        };
        let failure = match piece {
            Ok(Some(piece)) => match appending.write(&piece).await {
                Ok(()) => continue,
                Err(error) => Failure::from(error),
            },
            Ok(None) => return Ok(appending.finish().await?),
            Err(problem) => problem.into(),
        };
        appending.keep().await?;
        return Err(failure);
    }
}

/// What every answer about an upload says.
fn describe(response: &mut Response<Body>, progress: &Progress) {
    let headers = response.headers_mut();
    headers.insert(UPLOAD_OFFSET, HeaderValue::from(progress.offset));
    let expires = httpdate::fmt_http_date(progress.expires_at.to_system_time());
    let expires = HeaderValue::try_from(expires);
    headers.extend(expires.map(|at| (HeaderName::from_static("upload-expires"), at)));
    let file = progress.file.as_ref().map(|file| format!("/uploads/{}", file.name));
    let file = file.and_then(|file| HeaderValue::try_from(file).ok());
    headers.extend(file.map(|file| (header::CONTENT_LOCATION, file)));
}

/// Every answer of the protocol says which version it is.
fn marked(answered: Result<Response<Body>, Failure>) -> Result<Response<Body>, Problem> {
    match answered {
        Ok(mut response) => {
            response.headers_mut().insert(TUS_RESUMABLE, VERSION);
            Ok(response)
        }
        Err(failure) => Err(Problem::from(failure).with_header(TUS_RESUMABLE, VERSION)),
    }
}

fn not_found() -> Problem {
    let text = "there is no such upload, or its time is over";
    Problem::new(codes::UPLOAD_NOT_FOUND, text)
}
