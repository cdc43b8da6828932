//! Backups: listed, read, deleted.

use std::{io, sync::Arc, time::Duration};

use http::{HeaderValue, Response, StatusCode, header};
use isobase_auth::AuditEntry;
use isobase_http::Body;
use isobase_jobs::BackupError;
use serde_json::{Value, json as value};
use tokio::{fs::File, time::timeout};

use crate::{
    Call,
    actor::actor,
    answer::{json, json_with},
    failure::Failure,
    jobs::{
        State,
        problems::no_remote,
        wire::{Backups, RemoteTrial},
    },
    pieces::pieces,
    request::{Parameters, no_parameters},
};

/// How long a trial may take: less than the deadline of a request.
const TRIAL_PATIENCE: Duration = Duration::from_secs(20);

const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// `GET /api/v1/backups`
pub(crate) async fn list_backups(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let backups = match state.jobs.backups() {
        Some(backups) => backups.list().await?,
        None => Vec::new(),
    };
    let every = state.jobs.backups_every().map(|every| every.as_secs());
    let files = state.jobs.backups().is_some_and(isobase_jobs::Backups::has_files);
    let remote = state.jobs.backups().and_then(isobase_jobs::Backups::remote_name);
    Ok(json(&Backups { backups, every_s: every, files, remote }))
}

/// `POST /api/v1/backups/trial`
pub(crate) async fn try_remote(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let backups = state.backups()?;
    let remote = backups.remote_name().ok_or_else(no_remote)?;
    let tried = timeout(TRIAL_PATIENCE, backups.try_remote()).await;
    let tried =
        tried.unwrap_or_else(|_| Some(Err(format!("it took longer than {TRIAL_PATIENCE:?}"))));
    let error = tried.and_then(Result::err);
    Ok(json(&RemoteTrial { remote, usable: error.is_none(), error }))
}

/// `GET /api/v1/backups/{backup}`: everything that the database has, so it is noted who took it.
pub(crate) async fn get_backup(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let backups = state.backups()?;
    let name = call.parameter(0);
    let file = backups.open(name).await?;
    let folder = || backups.folder().to_path_buf();
    let failed = |source: io::Error| BackupError::Folder { folder: folder(), source };
    let length = file.metadata().map_err(failed)?.len();
    tell(&state, &call, "backup.downloaded", name, Value::Null).await?;
    let body = Body::stream(pieces(File::from_std(file), length));
    let mut response = body.into_response(StatusCode::OK, OCTETS);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let disposition = HeaderValue::try_from(format!("attachment; filename=\"{name}\""));
    headers.extend(disposition.map(|it| (header::CONTENT_DISPOSITION, it)));
    Ok(response)
}

/// `POST /api/v1/backups`: an archive from elsewhere, which a restore takes as those that were made here.
pub(crate) async fn send_backup(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    let mut parameters = Parameters::parse(call.query());
    let name = parameters.take("name").filter(|name| !name.is_empty());
    parameters.finish()?;
    let mut body = call.take_body();
    let mut incoming = state.backups()?.receive(name.as_deref()).await?;
    while let Some(piece) = body.next_piece().await? {
        incoming = incoming.write(piece).await?;
    }
    let backup = incoming.finish().await?;
    tell(&state, &call, "backup.uploaded", &backup.name, Value::Null).await?;
    Ok(json_with(StatusCode::CREATED, &backup))
}

/// `DELETE /api/v1/backups/{backup}`
pub(crate) async fn delete_backup(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let name = call.parameter(0);
    let deleted = state.backups()?.delete(name).await?;
    let before = value!({ "bytes": deleted.bytes, "created_at": deleted.created_at });
    tell(&state, &call, "backup.deleted", name, before).await?;
    Ok(json(&deleted))
}

async fn tell(
    state: &State,
    call: &Call,
    action: &str,
    name: &str,
    before: Value,
) -> Result<(), Failure> {
    let by = &actor(call);
    let (object_type, object_id, after) = ("backup", name, Value::Null);
    let entry = AuditEntry { by, action, object_type, object_id, before, after };
    Ok(state.audit.write(&entry).await?)
}
