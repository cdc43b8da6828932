//! The schema of a collection.

use http::{HeaderName, HeaderValue, Response, StatusCode};
use isobase_store::{InvalidSchema, Schema, SchemaInfo, SchemaOrigin};
use isobase_types::CollectionName;

use super::{answer, request};
use crate::{Body, Call, Problem, ProblemCode, ProblemItem};

/// Where the schema comes from: `configuration` or `database`.
const X_SCHEMA_ORIGIN: HeaderName = HeaderName::from_static("x-schema-origin");

/// `GET /collections/{collection}/schema`
pub(super) async fn get_schema(call: Call) -> Result<Response<Body>, Problem> {
    let collection = request::collection(&call)?;
    request::no_parameters(&call)?;
    let info = call.app.store.schema(&collection).await?;
    Ok(answer_schema(&info.ok_or_else(|| not_found(&collection))?))
}

/// `PUT /collections/{collection}/schema`
pub(super) async fn put_schema(mut call: Call) -> Result<Response<Body>, Problem> {
    let collection = request::collection(&call)?;
    request::no_parameters(&call)?;
    request::refuse_conditions(&call, "a schema has no revision to compare")?;
    request::require_json(&call.headers)?;
    let body = request::take_body(&mut call).collect().await?;
    // Reading a schema computes for some milliseconds.
    let read = tokio::task::spawn_blocking(move || Schema::parse(&body)).await;
    let schema = read.map_err(|error| Problem::internal(error.to_string()))?.map_err(invalid)?;
    call.app.store.set_schema(&collection, &schema).await?;
    Ok(answer_schema(&SchemaInfo { schema, origin: SchemaOrigin::Stored }))
}

/// `DELETE /collections/{collection}/schema`
pub(super) async fn delete_schema(call: Call) -> Result<Response<Body>, Problem> {
    let collection = request::collection(&call)?;
    request::no_parameters(&call)?;
    request::refuse_conditions(&call, "a schema has no revision to compare")?;
    if call.app.store.delete_schema(&collection).await? {
        return Ok(answer::json(&br#"{"message":"Schema deleted"}"#[..]));
    }
    Err(not_found(&collection))
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
    Problem::new(ProblemCode::SchemaNotFound, detail)
}

fn invalid(error: InvalidSchema) -> Problem {
    Problem::new(ProblemCode::InvalidSchema, format!("the schema is refused: {error}"))
        .with_item(ProblemItem::at(error.pointer, error.message))
}
