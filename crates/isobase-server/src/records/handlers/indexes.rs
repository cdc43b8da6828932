//! Declared indexes.

use std::{sync::Arc, time::Duration};

use http::{Response, StatusCode};
use isobase_http::{Body, Problem};
use isobase_store::{IndexDefinition, IndexInfo, IndexState, Store, StoreError};
use isobase_types::{CollectionName, Order};

use super::request;
use crate::{
    Call,
    answer::{json, json_with},
    codes,
    failure::Failure,
    records::{
        State,
        wire::{Index, Indexes, Message},
    },
    request::{Parameters, no_parameters, refuse_parameters},
};

/// The rest of the time a request has when a build is not waited for any longer.
const MARGIN: Duration = Duration::from_secs(5);

/// `GET /indexes/{collection}`
pub(crate) async fn list_indexes(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    let collection = request::collection(&call)?;
    no_parameters(&call)?;
    let indexes = state.views.store().indexes(&collection).await?;
    Ok(json(&Indexes { indexes: indexes.iter().map(shown).collect() }))
}

/// `PUT /indexes/{collection}`
pub(crate) async fn put_index(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    let collection = request::collection(&call)?;
    let definition = read_definition(&call)?;
    let building = IndexInfo { definition: definition.clone(), state: IndexState::Building };
    // A task of its own: the build goes on when the caller leaves or has waited long enough.
    let build = tokio::spawn(build(state.views.store().clone(), collection, definition));
    let patience = call.shared().config().request_timeout.saturating_sub(MARGIN);
    let (status, info) = match tokio::time::timeout(patience, build).await {
        Ok(Ok(built)) => (StatusCode::OK, built?),
        Ok(Err(panicked)) => return Err(Problem::internal(panicked.to_string()).into()),
        Err(_) => (StatusCode::ACCEPTED, building),
    };
    Ok(json_with(status, &shown(&info)))
}

/// Builds an index. The caller may be gone when it fails, so the log is told here.
async fn build(
    store: Store,
    collection: CollectionName,
    definition: IndexDefinition,
) -> Result<IndexInfo, StoreError> {
    let built = store.create_index(&collection, &definition).await;
    if let Err(error) = &built {
        let fields = &definition;
        tracing::warn!(%collection, %fields, %error, "an index was not built: {error}");
    }
    built
}

/// `DELETE /indexes/{collection}`
pub(crate) async fn delete_index(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    let collection = request::collection(&call)?;
    let definition = read_definition(&call)?;
    if state.views.store().drop_index(&collection, &definition).await? {
        return Ok(json(&Message { message: "Index deleted" }));
    }
    let detail = format!("the collection has no index '{definition}'");
    Err(Problem::new(codes::INDEX_NOT_FOUND, detail).into())
}

/// The parameters `fields`, the same text as an order (`status,-created_at`), and `unique`.
fn read_definition(call: &Call) -> Result<IndexDefinition, Problem> {
    let mut parameters = Parameters::parse(call.query());
    let fields = parameters.take("fields");
    let unique = parameters.take_flag("unique");
    let text = fields.as_deref().unwrap_or_default();
    let definition = Order::parse(text).map_err(|error| error.to_string()).and_then(|order| {
        let definition = match unique {
            true => IndexDefinition::unique(order),
            false => IndexDefinition::new(order),
        };
        definition.map_err(|error| error.to_string())
    });
    match definition {
        Ok(definition) => parameters.finish().map(|()| definition),
        Err(message) => {
            parameters.fault("fields", text, &message);
            let (_, faults) = parameters.into_rest();
            Err(refuse_parameters(faults))
        }
    }
}

fn shown(info: &IndexInfo) -> Index {
    let state = match info.state {
        IndexState::Building => "building",
        IndexState::Ready => "ready",
    };
    let unique = info.definition.is_unique().then_some(true);
    Index { fields: info.definition.order().to_string(), state, unique }
}
