//! Several writes of an app's collection in one request.

use std::{sync::Arc, time::SystemTime};

use http::Response;
use isobase_http::Body;
use isobase_store::{Action, IfMissing};
use isobase_types::{Timestamp, json::Patch};

use crate::{
    Call, app::State, app_collection::Refused, failure::Failure, records::handlers::batch,
};

/// `POST /api/{collection}/batch`
pub(crate) async fn write_items(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    let view = state.view(&call);
    let now = Timestamp::from_system_time(SystemTime::now());
    let adapt = |action| adapted(&state, action, now);
    batch::run(&mut call, &view, &state.collection.name, Some(&adapt)).await
}

/// What a caller sent as it is stored: as in the routes for one document.
fn adapted(state: &State, action: Action, now: Timestamp) -> Result<Action, String> {
    let (collection, fields) = (&state.collection, state.rows.fields());
    let (id, given) = match action {
        Action::Create { body } => {
            let body = collection.new_document(fields, &body, now).map_err(Refused::into_text)?;
            return Ok(Action::Create { body });
        }
        Action::Put { id, body, if_missing: IfMissing::Refuse } => (id, body),
        Action::Patch { id, patch: Patch::Merge(given) } => (id, given),
        Action::Put { .. } => {
            return Err("expected no upsert: ids are given by the service here".to_owned());
        }
        Action::Patch { .. } => {
            return Err("expected the fields that change, as an object".to_owned());
        }
        other => return Ok(other),
    };
    let changes = collection.changes(fields, &given).map_err(Refused::into_text)?;
    let patch = Patch::json(changes.as_bytes()).map_err(|error| error.to_string())?;
    Ok(Action::Patch { id, patch })
}
