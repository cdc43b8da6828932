//! Collections as a whole.

use std::sync::Arc;

use http::Response;
use isobase_http::{Body, Problem, ProblemItem};
use isobase_store::CollectionInfo;

use super::request;
use crate::{
    Call,
    answer::json,
    codes,
    failure::Failure,
    records::{
        State,
        wire::{Collections, DeletedCollection, Stats},
    },
    request::{Parameters, no_parameters},
};

/// `GET /collections`
pub(crate) async fn list_collections(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let collections = state.view(&call).collections().await?;
    Ok(json(&Collections { collections: names(&collections) }))
}

/// `GET /stats`
pub(crate) async fn get_stats(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let collections = state.view(&call).collections().await?;
    Ok(json(&Stats {
        total_records: collections.iter().map(|collection| collection.documents).sum(),
        collections: collections.len(),
        collection_names: names(&collections),
    }))
}

/// `DELETE /records/{collection}`
pub(crate) async fn delete_collection(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    let collection = request::collection(&call)?;
    let mut parameters = Parameters::parse(call.query());
    let confirm = parameters.take("confirm");
    parameters.finish()?;
    request::refuse_conditions(&call, "a collection has no revision to compare")?;
    if confirm.as_deref() != Some(collection.as_str()) {
        return Err(ask_to_confirm(collection.as_str(), confirm).into());
    }
    let deleted = state.view(&call).delete_collection(&collection).await?;
    Ok(json(&DeletedCollection { message: "Collection deleted", deleted }))
}

fn ask_to_confirm(collection: &str, confirm: Option<String>) -> Problem {
    let message = format!(
        "this deletes every document of the collection; to confirm, add the parameter \
         'confirm' with the name of the collection, {collection:?}"
    );
    let item = ProblemItem {
        name: Some("confirm".to_owned()),
        message: format!("expected {collection:?}"),
        value: confirm,
        ..ProblemItem::default()
    };
    Problem::new(codes::CONFIRMATION_REQUIRED, message).with_item(item)
}

fn names(collections: &[CollectionInfo]) -> Vec<&str> {
    collections.iter().map(|collection| collection.name.as_str()).collect()
}
