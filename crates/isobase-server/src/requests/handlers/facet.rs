//! Values by which the log can be narrowed.

use std::sync::Arc;

use http::Response;
use isobase_http::Body;

use super::list::{last_day, query};
use crate::{
    Call,
    answer::json,
    failure::Failure,
    request::Parameters,
    requests::{State, wire::FacetsAnswer},
};

/// `GET /api/v1/db/requests/facets`
pub(crate) async fn get_request_facets(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    let query = query(&state, Parameters::parse(call.query()))?;
    let time = last_day(&state, (query.from, query.to));
    let facets = state.requests.facets(&query, time).await?;
    Ok(json(&FacetsAnswer::of(facets, time)))
}
