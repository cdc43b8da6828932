//! Several writes of an app's collection in one request.

use std::sync::Arc;

use http::Response;
use isobase_http::{Body, ProblemCode};
use isobase_store::{Action, IfMissing, Rejection};
use isobase_types::json::Patch;

use crate::{
    Call,
    app::{State, problems},
    app_collection::Refused,
    failure::{Failure, IntoProblem},
    records::handlers::batch::{self, Adapt, Unfit},
};

/// `POST /api/{collection}/batch`
pub(crate) async fn write_items(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    let view = state.view(&call);
    batch::run(&mut call, &view, &state.collection.name, Some(&*state)).await
}

impl Adapt for State {
    /// As in the routes for one document.
    fn stored(&self, action: Action) -> Result<Action, Unfit> {
        let (collection, fields) = (&self.collection, self.rows.fields());
        let refused = |refused: Refused| Unfit::Refused(refused.into_problem());
        let wrong = |message: &str| Err(Unfit::Operation(message.to_owned()));
        let (id, given) = match action {
            Action::Create { body } => {
                let body = collection.new_document(fields, &body).map_err(refused)?;
                return Ok(Action::Create { body });
            }
            Action::Put { id, body, if_missing: IfMissing::Refuse } => (id, body),
            Action::Patch { id, patch: Patch::Merge(given) } => (id, given),
            Action::Put { .. } => {
                return wrong("expected no upsert: ids are given by the service here");
            }
            Action::Patch { .. } => return wrong("expected the fields that change, as an object"),
            other => return Ok(other),
        };
        let changes = collection.changes(fields, &given).map_err(refused)?;
        let patch = Patch::json(changes.as_bytes());
        let patch = patch.map_err(|error| Unfit::Operation(error.to_string()))?;
        Ok(Action::Patch { id, patch })
    }

    fn words(&self, rejection: &Rejection) -> (ProblemCode, String) {
        let problem = problems::rejected(&self.collection, rejection.clone());
        (problem.code(), problem.detail().to_owned())
    }
}
