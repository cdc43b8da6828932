//! Handlers of the routes of the admin site.

use std::{borrow::Cow, sync::Arc};

use http::{HeaderValue, Response, StatusCode, header};
use isobase_admin::{FRAME, File};
use isobase_auth::Permission;
use isobase_http::Body;
use isobase_store::SYSTEM_PREFIX;

use super::{
    State, problems, warnings,
    wire::{Overview, Parts},
};
use crate::{
    Call,
    answer::json,
    cached::{etag_of, if_changed},
    failure::Failure,
    owner::is_owner,
    request::no_parameters,
};

/// Nothing but the site's own files and answers, and no page of others around it.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; \
     media-src 'self'; frame-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

/// Every address of the site shows the same frame, which draws what the address says.
pub(super) async fn get_screen(_: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    Ok(sent(&call, &FRAME))
}

pub(super) async fn get_asset(_: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    let path = call.parameter(0);
    match isobase_admin::file(path) {
        Some(file) => Ok(sent(&call, file)),
        None => Err(problems::no_file(path).into()),
    }
}

fn sent(call: &Call, file: &File) -> Response<Body> {
    let bytes = isobase_admin::bytes(file);
    if_changed(call, &etag_of(&bytes), || {
        let content_type = HeaderValue::from_static(file.content_type);
        let body = match bytes {
            Cow::Borrowed(bytes) => Body::full(bytes),
            Cow::Owned(bytes) => Body::full(bytes),
        };
        let mut response = body.into_response(StatusCode::OK, content_type);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        response
    })
}

/// `GET /admin/api/parts`: whose work is in the executable.
pub(super) async fn list_parts(_: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    Ok(json(&Parts::of(isobase_admin::PARTS)))
}

/// The numbers of the hub. A database that does not answer is told as that, not as a failure: the
/// site opens when it is needed most.
pub(super) async fn get_overview(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    let engine = state.store.engine_name();
    let mut overview = Overview::new(state.started_at, engine, &call.principal);
    overview.sql = state.facts.has_sql && is_owner(&call.principal);
    overview.engine_gauges = state.store.gauges().into_iter().collect();
    overview.jobs_open = state.jobs.open();
    warnings::of_process(&state, &call.principal, &mut overview).await;
    tell_of_backups(&state, &mut overview).await;
    if call.shared().stopping().is_cancelled() {
        overview.warn("The service is stopping.");
    }
    match state.collections().await {
        Ok(collections) => {
            overview.ready = true;
            let reads = call.principal.allows(Permission::Read);
            for collection in collections {
                let name = collection.name.as_str();
                match name.strip_prefix(SYSTEM_PREFIX) {
                    Some(system) => overview.system(system, collection.documents),
                    None => overview.collection(reads.then_some(name), collection.documents),
                }
            }
            warnings::of_database(&state, &mut overview).await;
        }
        Err(cause) => {
            tracing::warn!(%cause, "the hub has no numbers: {cause}");
            overview.warn("The database does not answer now; what is stored is not shown.");
        }
    }
    Ok(json(&overview))
}

/// How the backups stand, with a warning when somebody should look.
async fn tell_of_backups(state: &State, overview: &mut Overview) {
    let every = state.jobs.backups_every();
    overview.backups.every_s = every.map(|every| every.as_secs());
    if let Some(error) = state.jobs.backup_failure() {
        overview.warn(format!("The last backup failed: {error}"));
    }
    let Some(folder) = state.jobs.backups() else { return };
    let found = match folder.list().await {
        Ok(found) => found,
        Err(error) => return overview.warn(format!("Backups are not shown: {error}")),
    };
    overview.backups.count = found.len();
    let good = found.iter().find(|backup| backup.is_good());
    overview.backups.last_good_at = good.map(|backup| backup.created_at.clone());
    if let Some(bad) = found.first().filter(|backup| backup.note.verified == Some(false)) {
        overview.warn(format!("The latest backup, {}, is not whole.", bad.name));
    }
    if let Some(error) = good.and_then(|backup| backup.note.remote_error.as_ref()) {
        overview.warn(format!("The last good backup is not at its other place: {error}"));
    }
    // A service that has just begun makes the first one now.
    let running = state.started_at.elapsed().unwrap_or_default();
    let Some(every) = every.filter(|every| running > *every) else { return };
    let age = good.and_then(|backup| backup.made_at().elapsed().ok());
    if age.is_none_or(|age| age > 2 * every) {
        overview.warn("The last good backup is older than two terms of the schedule.");
    }
}
