//! Installations, of an e-mail or of a licence.

use std::sync::Arc;

use http::Response;
use isobase_http::Body;
use isobase_licences::LicenceError;

use super::read;
use crate::{
    Call,
    actor::actor,
    answer::json,
    failure::Failure,
    licences::{
        State,
        wire::{Done, Installation, Installations, OfEmail, Replaced, Seen},
    },
    request::{Members, Parameters, no_parameters},
};

/// `GET /api/v1/db/installations`
pub(crate) async fn list_installations(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    let mut parameters = Parameters::parse(call.query());
    let email = read::required(&mut parameters, "email");
    let one = parameters.take("installation_id").filter(|id| !id.is_empty());
    parameters.finish()?;
    let all = state.licences.installations(&email).await?;
    let shown = |it| Installation::of(&email.to_lowercase(), it);
    if let Some(id) = one {
        let found = all.iter().find(|it| it.installation_id == id);
        return Ok(json(&shown(found.ok_or(LicenceError::InstallationNotFound)?)));
    }
    let installations: Vec<_> = all.iter().map(shown).collect();
    Ok(json(&Installations { count: installations.len(), installations }))
}

/// `GET /api/v1/license/installations/{email}`
pub(crate) async fn list_of_email(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let email = call.parameter(0).to_owned();
    let all = state.licences.installations(&email).await?;
    let installations: Vec<_> = all.iter().map(Seen::of).collect();
    Ok(json(&OfEmail { email, count: installations.len(), installations }))
}

/// `GET /api/v1/db/license/{id}/installations`
pub(crate) async fn list_of_license(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let licence = state.licences.get(read::id(&call)?).await?;
    let all = state.licences.installations(&licence.email).await?;
    let own = all.iter().filter(|it| it.licence == Some(licence.id));
    let installations: Vec<_> = own.map(|it| Installation::of(&licence.email, it)).collect();
    Ok(json(&Installations { count: installations.len(), installations }))
}

/// `DELETE /api/v1/db/license/{id}/installations/{installation}`
pub(crate) async fn free_of_license(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let licence = state.licences.get(read::id(&call)?).await?;
    let of = (&*licence.email, call.parameter(1));
    state.licences.free_installation(of, &actor(&call)).await?;
    Ok(json(&Done::DONE))
}

/// `POST /api/v1/db/installations`
pub(crate) async fn create_installation(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    let mut parameters = Parameters::parse(call.query());
    let upsert = parameters.take_flag("upsert");
    parameters.finish()?;
    let (email, installation) = body(&mut call).await?;
    let of = (&*email, &*installation);
    state.licences.add_installation(of, upsert, &actor(&call)).await?;
    Ok(json(&Done::DONE))
}

/// `POST /api/v1/db/installations/replace-oldest`
pub(crate) async fn replace_oldest(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let (email, installation) = body(&mut call).await?;
    let by = actor(&call);
    let replaced = state.licences.replace_oldest((&email, &installation), &by).await?;
    Ok(json(&Replaced { success: true, replaced }))
}

/// `PATCH /api/v1/db/installations` and `PATCH /api/v1/db/installations/last-seen`
pub(crate) async fn touch_installation(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    let (email, installation) = read::email_and_installation(&call)?;
    state.licences.touch_installation(&email, &installation).await?;
    Ok(json(&Done::DONE))
}

/// `DELETE /api/v1/db/installations`
pub(crate) async fn delete_installation(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    let (email, installation) = read::email_and_installation(&call)?;
    let by = actor(&call);
    state.licences.free_installation((&email, &installation), &by).await?;
    Ok(json(&Done::DONE))
}

async fn body(call: &mut Call) -> Result<(String, String), Failure> {
    let mut members = Members::read(call).await?;
    let pair = (members.text("email"), members.text("installation_id"));
    members.finish()?;
    Ok(pair)
}
