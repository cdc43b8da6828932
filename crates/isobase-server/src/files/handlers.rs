//! Files come and go.

use std::{
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use futures_util::TryStreamExt;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use isobase_auth::Principal;
use isobase_files::{Incoming, Multipart, MultipartEvent, StoredFile, Thumb, Thumbnail};
use isobase_http::{Body, BodyError, RequestBody};
use isobase_types::Timestamp;

use super::{
    State,
    link::Link,
    problems::{invalid_thumb, invalid_upload, no_links, not_found, unauthenticated},
    wire::{Linked, Uploaded},
};
use crate::{
    Call, answer::json, etag::is_known, failure::Failure, range::Part, request::Parameters,
};

/// How long a link holds, unless the caller says otherwise, in seconds.
const LINK_SECONDS: u64 = 3_600;
/// How long a link may hold.
const LINK_SECONDS_MAX: u64 = 7 * 86_400;

/// Nothing of a file runs, asks for anything, or is framed as ours.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src 'self'; sandbox",
);

/// A PDF is shown by what browsers have for that, which no `sandbox` lets begin: it runs what is in the
/// file apart from every page. Only pages of ours have it in a frame.
const PDF_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'self'",
);
const PDF: &str = "application/pdf";

/// `POST /api/upload`
pub(super) async fn upload_file(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    if call.principal == Principal::Anonymous {
        return Err(unauthenticated().into());
    }
    let content_type = call.header(header::CONTENT_TYPE).unwrap_or_default();
    let form = Multipart::new(content_type)?;
    let body = call.take_body();
    let incoming = receive(&state, form, body).await?;
    let file = state.files.keep(incoming, call.principal.id()).await?;
    let url = format!("/uploads/{}", file.name);
    Ok(json(&Uploaded { filename: file.name, url, size: file.size }))
}

/// The file of a form, whole.
async fn receive(
    state: &State,
    mut form: Multipart,
    mut body: RequestBody,
) -> Result<Incoming, Failure> {
    let mut file: Option<Incoming> = None;
    let mut is_file = false;
    while let Some(piece) = body.next_piece().await? {
        form.push(&piece);
        while let Some(event) = form.next_event()? {
            match event {
                MultipartEvent::Part(part) => {
                    is_file = part.name == "file";
                    if !is_file {
                        continue;
                    }
                    let original = part.filename.filter(|name| !name.is_empty());
                    let original = original.ok_or_else(|| invalid_upload("it is no file"))?;
                    if file.is_some() {
                        return Err(invalid_upload("expected one file").into());
                    }
                    file = Some(state.files.receive(&original).await?);
                }
                MultipartEvent::Data(data) => {
                    if let Some(file) = file.as_mut().filter(|_| is_file) {
                        file.write(&data).await?;
                    }
                }
            }
        }
    }
    if !form.is_complete() {
        return Err(invalid_upload("the form ended early").into());
    }
    file.ok_or_else(|| invalid_upload("field required").into())
}

/// `POST /api/upload/{name}/link`
pub(super) async fn link_file(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    let mut parameters = Parameters::parse(call.query());
    let seconds = parameters.take_number("expires_in", LINK_SECONDS, (1, LINK_SECONDS_MAX));
    parameters.finish()?;
    let file = state.files.get(call.parameter(0)).await?.ok_or_else(not_found)?;
    if !may_read(&state, &call, &file).await? {
        return Err(not_found().into());
    }
    let links = state.links.as_ref().ok_or_else(no_links)?;
    let link = links.make(&file.name, Duration::from_secs(seconds))?;
    let Link { expires, signature } = &link;
    let url = format!("/uploads/{}?expires={expires}&signature={signature}", file.name);
    let expires_at = UNIX_EPOCH + Duration::from_secs(*expires);
    Ok(json(&Linked { url, expires_at: Timestamp::from_system_time(expires_at).to_string() }))
}

/// Whether a caller may read a file: everybody one that is not private; else who has sent it, and
/// who may see a document that names it.
pub(super) async fn may_read(
    state: &State,
    call: &Call,
    file: &StoredFile,
) -> Result<bool, Failure> {
    if !file.private {
        return Ok(true);
    }
    let view = state.views.of(&call.principal);
    let is_own = matches!(call.principal, Principal::Account { .. } | Principal::Key { .. })
        && call.principal.id() == file.owner;
    if is_own || view.caller().is_service() {
        return Ok(true);
    }
    Ok(view.shows_file(&file.name).await?)
}

/// Whether the address of a call is a link that shows the file.
fn is_linked(state: &State, call: &Call, file: &StoredFile) -> Result<bool, Failure> {
    let mut parameters = Parameters::parse(call.query());
    let expires = parameters.take("expires").and_then(|text| text.parse().ok());
    let (Some(expires), Some(signature)) = (expires, parameters.take("signature")) else {
        return Ok(false);
    };
    match &state.links {
        Some(links) => Ok(links.shows(&file.name, &Link { expires, signature })?),
        None => Ok(false),
    }
}

/// `GET /uploads/{name}`
pub(super) async fn get_file(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    let file = state.files.get(call.parameter(0)).await?.ok_or_else(not_found)?;
    // What somebody may not see is not there.
    if !(may_read(&state, &call, &file).await? || is_linked(&state, &call, &file)?) {
        return Err(not_found().into());
    }
    if let Some(text) = Parameters::parse(call.query()).take("thumb")
        && let Some(response) = thumbnail(&state, &call, &file, &text).await?
    {
        return Ok(response);
    }
    let tag = HeaderValue::try_from(format!("\"{}\"", file.sha256));
    let tag = tag.map_err(|_| not_found())?;
    if is_known(&call.headers, &tag) {
        let mut response = Body::no_content(StatusCode::NOT_MODIFIED);
        response.headers_mut().insert(header::ETAG, tag);
        return Ok(response);
    }
    let part = part(&call, &tag, file.size);
    let (status, from, length) = match part {
        Part::Whole => (StatusCode::OK, 0, file.size),
        Part::Bytes(first, last) => (StatusCode::PARTIAL_CONTENT, first, last - first + 1),
        Part::Unsatisfiable => (StatusCode::RANGE_NOT_SATISFIABLE, 0, 0),
    };
    let body = match length {
        0 => Body::empty(),
        _ => {
            let pieces = state.files.read(&file, from..from + length).await?;
            let pieces = pieces.ok_or_else(not_found)?;
            Body::stream(pieces.map_err(|error| BodyError::from(error.to_string())))
        }
    };
    let media_type = HeaderValue::try_from(&*file.media_type);
    let media_type = media_type.unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let mut response = body.into_response(status, media_type);
    describe(response.headers_mut(), &file, tag);
    let headers = response.headers_mut();
    if file.media_type == PDF && Parameters::parse(call.query()).take("preview").is_some() {
        headers.insert(header::CONTENT_SECURITY_POLICY, PDF_POLICY);
        headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("inline"));
    }
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    headers.extend(part.content_range(file.size).map(|range| (header::CONTENT_RANGE, range)));
    Ok(response)
}

/// A smaller version of a picture; none of a file that is no picture.
async fn thumbnail(
    state: &State,
    call: &Call,
    file: &StoredFile,
    text: &str,
) -> Result<Option<Response<Body>>, Failure> {
    let thumb = Thumb::parse(text).ok_or_else(|| invalid_thumb(text))?;
    let tag = HeaderValue::try_from(format!("\"{}-{thumb}\"", file.sha256));
    let tag = tag.map_err(|_| not_found())?;
    if is_known(&call.headers, &tag) {
        let mut response = Body::no_content(StatusCode::NOT_MODIFIED);
        response.headers_mut().insert(header::ETAG, tag);
        return Ok(Some(response));
    }
    let Some(Thumbnail { media_type, bytes }) = state.files.thumbnail(file, thumb).await? else {
        return Ok(None);
    };
    let media_type = HeaderValue::from_static(media_type);
    let mut response = Body::full(bytes).into_response(StatusCode::OK, media_type);
    describe(response.headers_mut(), file, tag);
    response.headers_mut().remove(header::ACCEPT_RANGES);
    Ok(Some(response))
}

/// What holds for every answer with bytes of a file.
fn describe(headers: &mut HeaderMap, file: &StoredFile, tag: HeaderValue) {
    headers.insert(header::ETAG, tag);
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    // The bytes of a name never change; who may read them does.
    if !file.private {
        let keep = HeaderValue::from_static("public, max-age=31536000, immutable");
        headers.insert(header::CACHE_CONTROL, keep);
    }
    if !file.shown {
        headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    }
}

/// The part that a call asks for (RFC 9110, section 14). Several at once are answered with the
/// whole.
fn part(call: &Call, tag: &HeaderValue, size: u64) -> Part {
    let condition = call.headers.get(header::IF_RANGE);
    if call.method != http::Method::GET || condition.is_some_and(|condition| condition != tag) {
        return Part::Whole;
    }
    call.header(header::RANGE).map_or(Part::Whole, |range| Part::of(range, size))
}
