//! Views that people keep: an address of the site under a name, each for one who signs in.

use std::sync::Arc;

use http::Response;
use isobase_http::{Body, Problem, ProblemItem};
use isobase_store::{
    Action, Atomicity, IfMissing, Precondition, Rejection, StoreError, WriteBatch, WriteOperation,
};
use isobase_types::{CollectionName, Document, DocumentId, json::canonicalise_document};
use serde::{Deserialize, Serialize};

use super::{
    State,
    wire::{SavedView, SavedViews},
};
use crate::{
    Call,
    answer::json,
    codes,
    failure::{Failure, IntoProblem},
    request::{Members, no_parameters},
};

/// One document for each principal, by its id.
const COLLECTION: &str = "isobase_admin_views";
/// Most views of one principal.
const VIEWS_MAX: usize = 100;
const NAME_CHARACTERS_MAX: usize = 100;
const ADDRESS_BYTES_MAX: usize = 4_000;
/// Two tabs that save at the same moment: the later one tries again.
const ATTEMPTS: usize = 5;

/// The stored form of one principal.
#[derive(Default, Serialize, Deserialize)]
struct Kept {
    views: Vec<KeptView>,
}

#[derive(Serialize, Deserialize)]
struct KeptView {
    name: String,
    address: String,
}

/// `GET /admin/api/views`
pub(super) async fn list_views(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let (kept, _) = read(&state, &call).await?;
    Ok(json(&shown(&kept)))
}

/// `PUT /admin/api/views/{view}`
pub(super) async fn put_view(state: Arc<State>, mut call: Call) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let mut body = Members::read(&mut call).await?;
    let address = body.text("address");
    body.finish()?;
    let name = call.parameter(0).to_owned();
    check(&name, &address)?;
    change(&state, &call, |views| {
        let kept = views.len();
        match views.iter_mut().find(|view| view.name == name) {
            Some(view) => view.address.clone_from(&address),
            None if kept >= VIEWS_MAX => {
                let detail = format!("{VIEWS_MAX} views are kept already; delete one first");
                return Err(Problem::new(codes::LIMIT_EXCEEDED, detail));
            }
            None => views.push(KeptView { name: name.clone(), address: address.clone() }),
        }
        views.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(())
    })
    .await
}

/// `DELETE /admin/api/views/{view}`: one that is not there is gone already.
pub(super) async fn delete_view(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let name = call.parameter(0).to_owned();
    change(&state, &call, |views| {
        views.retain(|view| view.name != name);
        Ok(())
    })
    .await
}

/// A name that can be shown, and an address of the site: nothing that leads elsewhere is kept.
fn check(name: &str, address: &str) -> Result<(), Problem> {
    let refuse = |member: &str, message: &str| {
        let detail = format!("the view is refused: {message}");
        let item = ProblemItem::at(format!("/{member}"), message);
        Err(Problem::new(codes::INVALID_BODY, detail).with_item(item))
    };
    let long = name.trim().is_empty() || name.chars().count() > NAME_CHARACTERS_MAX;
    if long || name.chars().any(char::is_control) {
        return refuse("name", "expected a name of 1 to 100 characters");
    }
    let own =
        address == "/admin" || address.starts_with("/admin/") || address.starts_with("/admin?");
    if !own || address.len() > ADDRESS_BYTES_MAX || address.chars().any(char::is_control) {
        return refuse("address", "expected an address below /admin of at most 4,000 bytes");
    }
    Ok(())
}

/// Changes the views of the one who asks, and shows them.
async fn change(
    state: &State,
    call: &Call,
    apply: impl Fn(&mut Vec<KeptView>) -> Result<(), Problem>,
) -> Result<Response<Body>, Failure> {
    for _ in 0..ATTEMPTS {
        let (mut kept, found) = read(state, call).await?;
        apply(&mut kept.views)?;
        let precondition = match found {
            Some(document) => Precondition::RevisionIn(vec![document.revision]),
            None => Precondition::Missing,
        };
        let text = serde_json::to_vec(&kept).expect("texts always serialise");
        let body = canonicalise_document(&text)
            .map_err(|error| Problem::internal(format!("views: {error}")))?;
        let action = Action::Put { id: id(call), body, if_missing: IfMissing::Create };
        let operation = WriteOperation { collection: collection(), action, precondition };
        let batch = WriteBatch { operations: vec![operation], ..WriteBatch::default() };
        let report = state.store.write(batch, Atomicity::EachAlone).await?;
        match report.outcomes.into_iter().next() {
            Some(Err(Rejection::RevisionConflict { .. } | Rejection::NotFound)) => {}
            Some(Err(rejection)) => return Err(rejection.into_problem().into()),
            Some(Ok(_)) | None => return Ok(json(&shown(&kept))),
        }
    }
    let detail = "the views are being changed elsewhere; try again";
    Err(Problem::new(codes::REVISION_CONFLICT, detail).into())
}

async fn read(state: &State, call: &Call) -> Result<(Kept, Option<Document>), StoreError> {
    let found = state.store.get(&collection(), &id(call)).await?;
    // What cannot be read is of no use to anybody; the next change writes over it.
    let kept = found.as_ref().and_then(|found| serde_json::from_str(&found.body).ok());
    Ok((kept.unwrap_or_default(), found))
}

fn shown(kept: &Kept) -> SavedViews {
    let views = kept
        .views
        .iter()
        .map(|view| SavedView { name: view.name.clone(), address: view.address.clone() });
    SavedViews { views: views.collect() }
}

fn collection() -> CollectionName {
    CollectionName::new(COLLECTION).expect("it is a valid name")
}

/// Whose views they are.
fn id(call: &Call) -> DocumentId {
    DocumentId::Text(format!("of:{}", call.principal.mark()).into())
}
