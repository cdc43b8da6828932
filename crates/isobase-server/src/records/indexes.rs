//! Declared indexes.

use http::Response;
use isobase_store::{IndexDefinition, IndexInfo, IndexState};
use isobase_types::{Order, json};

use super::{answer, parameters::Parameters, problems, request};
use crate::{Body, Call, Problem, ProblemCode};

/// `GET /indexes/{collection}`
pub(super) async fn list_indexes(call: Call) -> Result<Response<Body>, Problem> {
    let collection = request::collection(&call)?;
    request::no_parameters(&call)?;
    let indexes = call.app.store.indexes(&collection).await?;
    let mut out = b"{\"indexes\":[".to_vec();
    for (index, info) in indexes.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_index(info, &mut out);
    }
    out.extend_from_slice(b"]}");
    Ok(answer::json(out))
}

/// `PUT /indexes/{collection}`
pub(super) async fn put_index(call: Call) -> Result<Response<Body>, Problem> {
    let collection = request::collection(&call)?;
    let definition = read_definition(&call)?;
    let store = call.app.store.clone();
    // A task of its own: the build goes on when the caller leaves or the request takes too long.
    let build = tokio::spawn(async move { store.create_index(&collection, &definition).await });
    let built = build.await.map_err(|error| Problem::internal(error.to_string()))?;
    let mut out = Vec::new();
    write_index(&built?, &mut out);
    Ok(answer::json(out))
}

/// `DELETE /indexes/{collection}`
pub(super) async fn delete_index(call: Call) -> Result<Response<Body>, Problem> {
    let collection = request::collection(&call)?;
    let definition = read_definition(&call)?;
    if call.app.store.drop_index(&collection, &definition).await? {
        return Ok(answer::json(&br#"{"message":"Index deleted"}"#[..]));
    }
    let detail = format!("the collection has no index '{}'", definition.order());
    Err(Problem::new(ProblemCode::IndexNotFound, detail))
}

/// The parameter `fields`: the same text as an order, `status,-created_at`.
fn read_definition(call: &Call) -> Result<IndexDefinition, Problem> {
    let mut parameters = Parameters::parse(call.query());
    let fields = parameters.take("fields");
    let text = fields.as_deref().unwrap_or_default();
    let definition = match Order::parse(text) {
        Ok(order) => IndexDefinition::new(order).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    match definition {
        Ok(definition) => parameters.finish().map(|()| definition),
        Err(message) => {
            parameters.fault("fields", text, &message);
            let (_, faults) = parameters.into_rest();
            Err(problems::parameters(faults))
        }
    }
}

fn write_index(info: &IndexInfo, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"fields\":");
    json::write_string(&info.definition.order().to_string(), out);
    let state = match info.state {
        IndexState::Building => "building",
        IndexState::Ready => "ready",
    };
    out.extend_from_slice(format!(",\"state\":\"{state}\"}}").as_bytes());
}
