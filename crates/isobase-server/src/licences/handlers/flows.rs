//! Activation and validation.

use std::sync::Arc;

use http::{Response, StatusCode};
use isobase_http::{Body, Problem};
use isobase_licences::{About, Activation, Answer, Code};

use super::read;
use crate::{
    Call,
    actor::actor,
    answer::json,
    failure::Failure,
    licences::{
        State, problems,
        wire::{Explanation, PublicKey, Verdict},
    },
    request::{Members, no_parameters},
};

/// `POST /api/v1/license/activate`
pub(crate) async fn activate_license(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let asked = activation(&mut call).await?;
    let client = call.client();
    state.wrong_keys.check(&client).map_err(problems::too_often)?;
    state.asks.take(&asked.license_key).map_err(problems::too_often)?;
    let answer = state.licences.activate(&asked, &actor(&call)).await?;
    if matches!(answer.code, Code::InvalidLicense | Code::MalformedKey | Code::EmailMismatch) {
        state.wrong_keys.take(&client).map_err(problems::too_often)?;
    }
    Ok(told(&state, &call, &answer, StatusCode::BAD_REQUEST))
}

/// `POST /api/v1/license/validate`
pub(crate) async fn validate_license(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let (email, installation, about) = installation(&mut call).await?;
    validate(&state, &call, (&email, &installation), &about).await
}

/// `GET /api/v1/license/validate`
pub(crate) async fn check_license(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    let (email, installation) = read::email_and_installation(&call)?;
    validate(&state, &call, (&email, &installation), &About::default()).await
}

async fn validate(
    state: &State,
    call: &Call,
    of: (&str, &str),
    about: &About,
) -> Result<Response<Body>, Failure> {
    state.asks.take(&of).map_err(problems::too_often)?;
    let answer = state.licences.validate_described(of.0, of.1, about).await?;
    Ok(told(state, call, &answer, StatusCode::FORBIDDEN))
}

/// `POST /api/v1/db/license/activate`
pub(crate) async fn activate_for(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let asked = activation(&mut call).await?;
    let answer = state.licences.activate(&asked, &actor(&call)).await?;
    Ok(told(&state, &call, &answer, StatusCode::OK))
}

/// `POST /api/v1/db/license/validate`
pub(crate) async fn validate_for(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let (email, installation, about) = installation(&mut call).await?;
    let answer = state.licences.validate_described(&email, &installation, &about).await?;
    Ok(told(&state, &call, &answer, StatusCode::OK))
}

/// `POST /api/v1/db/license/explain`
pub(crate) async fn explain_license(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let asked = activation(&mut call).await?;
    let explained = state.licences.explain(&asked).await?;
    let now = state.licences.now().to_string();
    Ok(json(&Explanation::of(&explained, &call, now)))
}

/// `GET /api/v1/license/public-key`
pub(crate) async fn get_public_key(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    Ok(json(&PublicKey::of(&state.licences.signer()?)))
}

/// The answer to a client; an answer that lets nothing in has the status of its route.
fn told(state: &State, call: &Call, answer: &Answer, refused: StatusCode) -> Response<Body> {
    let now = state.licences.now().to_string();
    match answer.code.is_valid() || refused.is_success() {
        true => json(&Verdict::of(answer, call, now)),
        false => problems::refused(call, answer, (refused, now)),
    }
}

async fn activation(call: &mut Call) -> Result<Activation, Problem> {
    let mut members = Members::read(call).await?;
    let asked = Activation {
        email: members.text("email"),
        installation_id: members.text("installation_id"),
        license_key: members.text("license_key"),
        about: read::about(&mut members),
    };
    members.finish()?;
    Ok(asked)
}

async fn installation(call: &mut Call) -> Result<(String, String, About), Problem> {
    let mut members = Members::read(call).await?;
    let (email, installation) = (members.text("email"), members.text("installation_id"));
    let about = read::about(&mut members);
    members.finish()?;
    Ok((email, installation, about))
}
