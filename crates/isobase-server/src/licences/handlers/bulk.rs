//! Many licences at once.

use std::sync::Arc;

use http::Response;
use isobase_http::{Body, Problem};
use isobase_licences::{ImportedInstallation, ImportedLicence};
use serde::de::DeserializeOwned;

use super::read;
use crate::{
    Call,
    answer::json,
    codes,
    failure::Failure,
    licences::{State, wire::Imported},
    request::{Members, Parameters},
};

/// Most rows of one request: each is a write of its own, and all must be done in its time.
const ROWS_MAX: usize = 500;

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
    let by = read::actor(&call);
    let report = state.licences.import((&licences, &installations), dry, &by).await?;
    Ok(json(&Imported::of(report, dry)))
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
