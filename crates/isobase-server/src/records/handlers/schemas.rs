//! The schema of a collection.

use std::sync::Arc;

use http::{HeaderName, HeaderValue, Response, StatusCode};
use isobase_http::{Body, Problem, ProblemItem};
use isobase_store::{InvalidSchema, Schema, SchemaInfo, SchemaOrigin};
use isobase_types::CollectionName;

use super::request;
use crate::{
    Call,
    answer::json,
    codes,
    failure::Failure,
    records::{State, wire::Message},
    request::{no_parameters, require_json},
};

/// Where the schema comes from: `configuration` or `database`.
const X_SCHEMA_ORIGIN: HeaderName = HeaderName::from_static("x-schema-origin");

/// `GET /collections/{collection}/schema`
pub(crate) async fn get_schema(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    let collection = request::collection(&call)?;
    no_parameters(&call)?;
    let info = state.view(&call).schema(&collection).await?;
    Ok(answer_schema(&info.ok_or_else(|| not_found(&collection))?))
}

/// `PUT /collections/{collection}/schema`
pub(crate) async fn put_schema(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    let collection = request::collection(&call)?;
    no_parameters(&call)?;
    request::refuse_conditions(&call, "a schema has no revision to compare")?;
    require_json(&call.headers)?;
    let body = call.take_body().collect().await?;
    // Reading a schema computes for some milliseconds.
    let read = tokio::task::spawn_blocking(move || Schema::declared(&body)).await;
    let schema = read.map_err(|error| Problem::internal(error.to_string()))?.map_err(invalid)?;
    state.views.store().set_schema(&collection, &schema).await?;
    Ok(answer_schema(&SchemaInfo { schema, origin: SchemaOrigin::Stored }))
}

/// `DELETE /collections/{collection}/schema`
pub(crate) async fn delete_schema(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    let collection = request::collection(&call)?;
    no_parameters(&call)?;
    request::refuse_conditions(&call, "a schema has no revision to compare")?;
    if state.views.store().delete_schema(&collection).await? {
        return Ok(json(&Message { message: "Schema deleted" }));
    }
    Err(not_found(&collection).into())
}

fn answer_schema(info: &SchemaInfo) -> Response<Body> {
    let mut response = Body::json(StatusCode::OK, info.schema.as_text().to_owned());
    let origin = HeaderValue::from_static(match info.origin {
        SchemaOrigin::Declared => "configuration",
        SchemaOrigin::Stored => "database",
    });
    response.headers_mut().insert(X_SCHEMA_ORIGIN, origin);
    response
}

fn not_found(collection: &CollectionName) -> Problem {
    let detail = format!("the collection {:?} has no schema", collection.as_str());
    Problem::new(codes::SCHEMA_NOT_FOUND, detail)
}

fn invalid(error: InvalidSchema) -> Problem {
    Problem::new(codes::INVALID_SCHEMA, format!("the schema is refused: {error}"))
        .with_item(ProblemItem::at(error.pointer, error.message))
}
