//! Jobs: begun, listed, cancelled.

use std::sync::Arc;

use http::{Response, StatusCode};
use isobase_auth::InvalidChainHead;
use isobase_http::Body;
use isobase_jobs::{Job, Origin, Work};
use isobase_types::CollectionName;

use crate::{
    Call,
    actor::actor,
    answer::{json, json_with},
    failure::Failure,
    jobs::{
        State, begin,
        wire::{EXISTING, Jobs, Samples},
    },
    request::{Members, Parameters, no_parameters},
};

/// Jobs in one answer, unless `limit` says otherwise.
const PAGE_DEFAULT: u32 = 50;
/// Most jobs in one answer: as many as a database remembers.
const PAGE_MAX: u32 = 200;

/// `GET /api/v1/jobs`
pub(crate) async fn list_jobs(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    let mut parameters = Parameters::parse(call.query());
    let limit = parameters.take_number("limit", PAGE_DEFAULT, (1, PAGE_MAX)) as usize;
    let kind = parameters.take("kind");
    parameters.finish()?;
    let jobs = state.jobs.list().await?;
    let wanted = |job: &Job| kind.as_deref().is_none_or(|kind| job.kind == kind);
    let jobs = jobs.into_iter().filter(wanted).take(limit).collect();
    Ok(json(&Jobs { jobs }))
}

/// `GET /api/v1/jobs/{job}`
pub(crate) async fn get_job(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    Ok(json(&state.jobs.get(call.parameter(0)).await?))
}

/// `POST /api/v1/jobs/{job}/cancel`
pub(crate) async fn cancel_job(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let job = state.jobs.cancel(call.parameter(0), &actor(&call)).await?;
    Ok(json_with(StatusCode::ACCEPTED, &job))
}

/// `POST /api/v1/jobs/{job}/pause`
pub(crate) async fn pause_job(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    Ok(json(&state.jobs.pause(call.parameter(0), &actor(&call)).await?))
}

/// `POST /api/v1/jobs/{job}/continue`
pub(crate) async fn continue_job(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    Ok(json(&state.jobs.resume(call.parameter(0), &actor(&call)).await?))
}

/// `GET /api/v1/jobs/{job}/samples`
pub(crate) async fn get_samples(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    Ok(json(&Samples { samples: state.jobs.samples(call.parameter(0)).await? }))
}

/// `POST /api/v1/jobs/copy`
pub(crate) async fn start_copy(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let (mut members, text) = Members::read_with_text(&mut call).await?;
    let to = members.text("to");
    let collections = collections(&mut members);
    let existing = existing(&mut members);
    let (leave_out, dry_run) = (members.flag("leave_out"), members.flag("dry_run"));
    members.finish()?;
    let work = Work::Copy { to, collections, existing, leave_out, dry_run };
    start(&state, &call, work, &text).await
}

/// `POST /api/v1/jobs/restore`
pub(crate) async fn start_restore(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let (mut members, text) = Members::read_with_text(&mut call).await?;
    let work = Work::Restore { backup: members.text("backup"), to: members.text("to") };
    members.finish()?;
    start(&state, &call, work, &text).await
}

/// `POST /api/v1/jobs/backup`
pub(crate) async fn start_backup(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    start(&state, &call, Work::Backup { origin: Origin::Asked }, "").await
}

/// `POST /api/v1/jobs/verify`
pub(crate) async fn start_verify(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let (mut members, text) = Members::read_with_text(&mut call).await?;
    let work = Work::Verify { backup: members.text("backup"), restore: members.flag("restore") };
    members.finish()?;
    start(&state, &call, work, &text).await
}

/// `POST /api/v1/jobs/reconcile`
pub(crate) async fn start_reconcile(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    start(&state, &call, Work::Reconcile { collections: Vec::new() }, "").await
}

/// `POST /api/v1/jobs/audit`
pub(crate) async fn start_audit(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let (mut members, text) = Members::read_with_text(&mut call).await?;
    let expected = members.optional_text("expect").and_then(|text| match text.parse() {
        Ok(head) => Some(head),
        Err(InvalidChainHead) => members.fault("expect", &InvalidChainHead.to_string()),
    });
    members.finish()?;
    start(&state, &call, Work::Audit { expected }, &text).await
}

/// `POST /api/v1/jobs/sweep`
pub(crate) async fn start_sweep(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    start(&state, &call, Work::Sweep, "").await
}

/// Begins a job of a call. `text` is the body.
async fn start(
    state: &State,
    call: &Call,
    work: Work,
    text: &str,
) -> Result<Response<Body>, Failure> {
    begin::start(&state.jobs, &state.collection, call, work, text).await
}

fn existing(members: &mut Members) -> isobase_jobs::Existing {
    let Some(word) = members.optional_text("existing") else {
        return isobase_jobs::Existing::default();
    };
    match EXISTING.into_iter().find(|(name, _)| *name == word) {
        Some((_, existing)) => existing,
        None => {
            let words = EXISTING.map(|(name, _)| name).join(", ");
            members.fault("existing", &format!("expected one of {words}"))
        }
    }
}

fn collections(members: &mut Members) -> Vec<CollectionName> {
    let names = members.array("collections").unwrap_or_default();
    let mut read = Vec::new();
    for name in names {
        match name.as_str().map(CollectionName::new) {
            Some(Ok(name)) => read.push(name),
            _ => members.fault("collections", "expected names of collections"),
        }
    }
    read
}
