//! Collections as a whole.

use std::sync::Arc;

use http::Response;
use isobase_http::{Body, Problem, ProblemItem};
use isobase_store::CollectionInfo;
use isobase_types::json;

use super::{answer, request};
use crate::{
    Call, codes,
    failure::Failure,
    records::State,
    request::{Parameters, no_parameters},
};

/// `GET /collections`
pub(crate) async fn list_collections(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let collections = state.store.collections().await?;
    let mut out = b"{\"collections\":".to_vec();
    write_names(&collections, &mut out);
    out.push(b'}');
    Ok(answer::json(out))
}

/// `GET /stats`
pub(crate) async fn get_stats(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let collections = state.store.collections().await?;
    let documents: u64 = collections.iter().map(|collection| collection.documents).sum();
    let mut out = format!(
        "{{\"total_records\":{documents},\"collections\":{},\"collection_names\":",
        collections.len()
    )
    .into_bytes();
    write_names(&collections, &mut out);
    out.push(b'}');
    Ok(answer::json(out))
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
    let deleted = state.store.delete_collection(&collection).await?;
    let text = format!("{{\"message\":\"Collection deleted\",\"deleted\":{deleted}}}");
    Ok(answer::json(text))
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

fn write_names(collections: &[CollectionInfo], out: &mut Vec<u8>) {
    out.push(b'[');
    for (index, collection) in collections.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        json::write_string(collection.name.as_str(), out);
    }
    out.push(b']');
}
