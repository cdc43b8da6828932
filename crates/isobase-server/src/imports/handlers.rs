//! Files come in, are looked at, and become documents.

use std::sync::Arc;

use http::{HeaderValue, Response, StatusCode, header};
use isobase_http::Body;
use isobase_jobs::{Import, ImportsError, Preview, Record, Work};
use isobase_store::{Rejection, View};
use isobase_types::CollectionName;
use tokio::fs::File;

use super::{
    State, read,
    state::is_of,
    wire::{Files, PreviewWire},
};
use crate::{
    Call,
    answer::{json, json_with},
    failure::Failure,
    jobs,
    pieces::pieces,
    request::{Members, Parameters, no_parameters},
};

/// Records of a preview, unless `rows` says otherwise, and at most.
const ROWS_DEFAULT: u32 = 20;
const ROWS_MAX: u32 = 100;
/// How a file is called whose sender does not say.
const UNNAMED: &str = "import";
/// The prefix of the addresses of files: one names its file as its id does.
const ADDRESS: &str = "/api/v1/imports/";
const LINES: HeaderValue = HeaderValue::from_static("application/x-ndjson");

/// `GET /api/v1/imports`
pub(super) async fn list_imports(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let mut files = state.imports()?.list().await?;
    files.retain(|file| is_of(&call, file));
    Ok(json(&Files { files }))
}

/// `POST /api/v1/imports`
pub(super) async fn send_import(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    let mut parameters = Parameters::parse(call.query());
    let name = parameters.take("name").unwrap_or_else(|| UNNAMED.to_owned());
    parameters.finish()?;
    let mut body = call.take_body();
    let mut incoming = state.imports()?.begin(&name, call.principal.id(), body.announced()).await?;
    while let Some(piece) = body.next_piece().await? {
        incoming = incoming.write(piece).await?;
    }
    let file = incoming.finish().await?;
    let mut response = json_with(StatusCode::CREATED, &file);
    let place = HeaderValue::try_from(format!("/api/v1/imports/{}", file.id));
    response.headers_mut().extend(place.map(|place| (header::LOCATION, place)));
    Ok(response)
}

/// `GET /api/v1/imports/{file}`
pub(super) async fn get_import(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    Ok(json(&state.file(&call).await?))
}

/// `DELETE /api/v1/imports/{file}`
pub(super) async fn delete_import(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let file = state.file(&call).await?;
    Ok(json(&state.imports()?.delete(&file.id).await?))
}

/// `POST /api/v1/imports/{file}/preview`
pub(super) async fn preview_import(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let file = state.file(&call).await?;
    let mut members = Members::read(&mut call).await?;
    let options = read::options(&mut members);
    let collection = match members.has("collection") {
        true => read::collection(&mut members),
        false => None,
    };
    let rows = members.integer("rows", 1..=ROWS_MAX).unwrap_or(ROWS_DEFAULT);
    members.finish()?;
    let mapping = options.mapping.clone();
    let (file, preview) = state.imports()?.preview(&file.id, options, rows as usize).await?;
    let refused = match collection {
        Some(collection) => {
            refused(&state.views.of(&call.principal), &collection, &preview).await?
        }
        None => vec![None; preview.records.len()],
    };
    Ok(json(&PreviewWire::of(file, preview, &mapping, refused)))
}

/// Why a collection would refuse each of the first records for what it is.
async fn refused(
    view: &View,
    collection: &CollectionName,
    preview: &Preview,
) -> Result<Vec<Option<Rejection>>, Failure> {
    let body = |record: &Record| record.body.clone().ok();
    let bodies = preview.records.iter().filter_map(body).collect();
    let mut checked = view.store().check_new(collection, bodies).await?.into_iter();
    let of_each = preview.records.iter().map(|record| match record.body {
        Ok(_) => checked.next().and_then(Result::err),
        Err(_) => None,
    });
    Ok(of_each.collect())
}

/// `GET /api/v1/imports/{file}/refused`
pub(super) async fn get_refused(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let file = state.file(&call).await?;
    let report = state.imports()?.refused(&file.id).await?;
    let unreadable = |error: std::io::Error| ImportsError::Unreadable(error.to_string());
    let length = report.metadata().map_err(unreadable)?.len();
    let body = Body::stream(pieces(File::from_std(report), length));
    let mut response = body.into_response(StatusCode::OK, LINES);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// `POST /api/v1/jobs/import`
pub(super) async fn start_import(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let (mut members, text) = Members::read_with_text(&mut call).await?;
    let file = members.text("file");
    let collection = read::collection(&mut members);
    let options = read::options(&mut members);
    let ids = read::ids(&mut members);
    let (skip_bad, dry_run) = (members.flag("skip_bad"), members.flag("dry_run"));
    members.finish()?;
    let Some(collection) = collection else { return Err(ImportsError::NotFound(file).into()) };
    let id = file.strip_prefix(ADDRESS).unwrap_or(&file);
    let file = state.file_of(&call, id).await?.id;
    let view = state.views.of(&call.principal);
    let mark = call.principal.mark().to_owned();
    let read = options;
    let import = Import { file, collection, read, ids, skip_bad, dry_run, view, mark };
    let work = Work::Import(Box::new(import));
    jobs::start(&state.jobs, &state.collection, &call, work, &text).await
}
