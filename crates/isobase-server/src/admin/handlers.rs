//! What answers the routes of the admin site.

use std::sync::Arc;

use http::{HeaderValue, Response, StatusCode, header};
use isobase_admin::{FRAME, File};
use isobase_auth::Principal;
use isobase_http::Body;
use isobase_store::SYSTEM_PREFIX;

use super::{State, problems, wire::Overview};
use crate::{
    Call,
    answer::json,
    cached::{etag_of, if_changed},
    failure::Failure,
};

/// Nothing but the site's own files and answers, and no page of others around it.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

/// Every address of the site shows the same frame, which draws what the address says.
pub(super) async fn get_screen(_: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    Ok(sent(&call, &FRAME))
}

pub(super) async fn get_asset(_: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    let path = call.parameter(0);
    match isobase_admin::file(path) {
        Some(file) => Ok(sent(&call, file)),
        None => Err(problems::no_file(path).into()),
    }
}

fn sent(call: &Call, file: &File) -> Response<Body> {
    if_changed(call, &etag_of(file.bytes), || {
        let content_type = HeaderValue::from_static(file.content_type);
        let mut response = Body::full(file.bytes).into_response(StatusCode::OK, content_type);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        response
    })
}

/// The numbers of the hub. A database that does not answer is told as that, not as a failure: the
/// site opens when it is needed most.
pub(super) async fn get_overview(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    let mut overview = Overview::new(state.started_at, state.store.engine_name());
    if let Principal::Account { name, .. } = &call.principal {
        overview.account = Some(name.to_string());
    }
    if call.shared().stopping().is_cancelled() {
        overview.warn("The service is stopping.");
    }
    match state.collections().await {
        Ok(collections) => {
            overview.ready = true;
            for collection in collections {
                let name = collection.name.as_str();
                match name.strip_prefix(SYSTEM_PREFIX) {
                    Some(system) => overview.system(system, collection.documents),
                    None => overview.collection(collection.documents),
                }
            }
        }
        Err(cause) => {
            tracing::warn!(%cause, "the hub has no numbers: {cause}");
            overview.warn("The database does not answer now; what is stored is not shown.");
        }
    }
    Ok(json(&overview))
}
