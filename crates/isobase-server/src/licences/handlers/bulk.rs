//! Many licences at once.

use std::sync::Arc;

use http::Response;
use isobase_http::{Body, Problem, ProblemItem};
use isobase_licences::{
    ImportedInstallation, ImportedLicence, LICENCES_COLLECTION, LicenceError, NewLicence,
};
use isobase_store::{Idempotency, Rejection};
use isobase_types::CollectionName;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::read;
use crate::{
    Call,
    actor::actor,
    answer::json,
    codes,
    failure::{Failure, IntoProblem},
    licences::{
        State, problems,
        wire::{FoundInFile, Imported, MadeMany, MadeOne},
    },
    request::{Members, Parameters, idempotency, no_parameters},
};

/// Most rows that are named when they are wrong.
const FAULTS_MAX: usize = 100;

/// Most rows of one request: each is a write of its own, and all must be done in its time.
const ROWS_MAX: usize = 500;

/// Largest file of another service. Ours: it is in memory as a whole; that of 100,000 licences has 20 MB.
const FILE_BYTES_MAX: usize = 64 << 20;

/// `POST /api/v1/db/license/bulk`
pub(crate) async fn create_licenses(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let (mut members, text) = Members::read_with_text(&mut call).await?;
    let items = members.array("licenses");
    if items.as_ref().is_none_or(Vec::is_empty) {
        members.fault::<()>("licenses", "expected at least one");
    }
    members.finish()?;
    let max = state.licences.many_max();
    let items = items.unwrap_or_default();
    if items.len() > max {
        return Err(LicenceError::TooMany { licences: items.len(), max }.into());
    }
    let new = rows_of(items)?;
    let by = actor(&call);
    let made = state.licences.create_many(&new, mark(&call, &text)?, &by).await?;
    let mut outcomes = Vec::with_capacity(made.licences.len());
    let mut refused = None;
    for (row, outcome) in made.licences.into_iter().enumerate() {
        outcomes.push(match outcome {
            Ok(licence) => MadeOne::of(&state.licences, &licence),
            Err(error) => {
                let told = MadeOne::refused(error.to_string());
                // Of a whole that was refused one says why.
                if refused.is_none() && !is_of_others(&error) {
                    refused = Some((row, error));
                }
                told
            }
        });
    }
    let answer = MadeMany::of(outcomes);
    if let (0, Some((row, error))) = (answer.created(), refused) {
        return Err(problems::in_row(row, error).into());
    }
    let mut response = json(&answer);
    if made.replayed {
        idempotency::mark_replayed(&mut response);
    }
    Ok(response)
}

/// The mark of a request by which a repeat is recognised.
pub(super) fn mark(call: &Call, text: &str) -> Result<Option<Idempotency>, Problem> {
    let collection = CollectionName::new(LICENCES_COLLECTION)
        .map_err(|error| Problem::internal(error.to_string()))?;
    idempotency::of_call(call, &collection, b"license", text.as_bytes())
        .map_err(IntoProblem::into_problem)
}

/// Whether a row was not made only because another could not be.
fn is_of_others(error: &LicenceError) -> bool {
    matches!(error, LicenceError::Rejected(Rejection::BatchRejected))
}

/// Reads every row; those that are wrong are named.
fn rows_of(items: Vec<Value>) -> Result<Vec<NewLicence>, Problem> {
    let (mut new, mut faults) = (Vec::with_capacity(items.len()), Vec::new());
    for (row, item) in items.into_iter().enumerate() {
        let (licence, fault) = match item {
            Value::Object(members) => {
                let mut members = Members::of(members);
                (Some(read::new_licence(&mut members)), members.into_fault())
            }
            _ => (None, Some("expected an object".to_owned())),
        };
        match fault {
            Some(fault) => faults.push(ProblemItem::at(format!("/licenses/{row}"), fault)),
            None => new.extend(licence),
        }
    }
    let Some(first) = faults.first() else { return Ok(new) };
    let place = first.pointer.as_deref().unwrap_or_default();
    let detail = format!("the body is refused: {place}: {}", first.message);
    let problem = Problem::new(codes::INVALID_BODY, detail);
    Err(faults.into_iter().take(FAULTS_MAX).fold(problem, Problem::with_item))
}

/// `POST /api/v1/db/license/import`
pub(crate) async fn import_licenses(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    let mut parameters = Parameters::parse(call.query());
    let dry = parameters.take_flag("dry_run");
    parameters.finish()?;
    let mut members = Members::read(&mut call).await?;
    let licences: Vec<ImportedLicence> = rows(&mut members, "licenses");
    let installations: Vec<ImportedInstallation> = rows(&mut members, "installations");
    members.finish()?;
    let count = licences.len() + installations.len();
    if count > ROWS_MAX {
        let detail =
            format!("the body has {count} rows, at most {ROWS_MAX} are allowed; divide it");
        return Err(Problem::new(codes::LIMIT_EXCEEDED, detail).into());
    }
    let by = actor(&call);
    let report = state.licences.import((&licences, &installations), dry, &by).await?;
    Ok(json(&Imported::of(report, dry)))
}

/// `POST /api/v1/db/license/read`: what another licence service keeps in its file, for an import.
pub(crate) async fn read_license_file(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let read = state.read_file.ok_or_else(problems::no_files)?;
    let (mut body, mut file) = (call.take_body(), Vec::new());
    while let Some(piece) = body.next_piece().await? {
        if file.len() + piece.len() > FILE_BYTES_MAX {
            return Err(problems::file_too_large(FILE_BYTES_MAX).into());
        }
        file.extend_from_slice(&piece);
    }
    let found = tokio::task::spawn_blocking(move || read(&file)).await;
    let found = found.map_err(|error| Problem::internal(error.to_string()))?;
    let (licenses, installations) = found.map_err(|why| problems::not_read(&why))?;
    Ok(json(&FoundInFile { licenses, installations }))
}

fn rows<T: DeserializeOwned>(members: &mut Members, name: &str) -> Vec<T> {
    let items = members.array(name).unwrap_or_default();
    let mut rows = Vec::with_capacity(items.len());
    for (place, item) in items.into_iter().enumerate() {
        match serde_json::from_value(item) {
            Ok(row) => rows.push(row),
            Err(error) => members.fault(name, &format!("row {place}: {error}")),
        }
    }
    rows
}
