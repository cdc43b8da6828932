//! Handlers of the routes about the service.

mod client;
mod measures;
mod pages;

use std::sync::{Arc, LazyLock};

use http::{HeaderValue, Response, StatusCode, header};
use isobase_http::Body;
use isobase_store::WRITING_STOPPED;

use super::{
    State, problems,
    wire::{Health, Service, Status},
};
use crate::{
    Call,
    answer::json,
    cached::{etag_of, if_changed},
    failure::Failure,
};

pub(super) use client::{get_client, get_client_types};

const PROMETHEUS: HeaderValue =
    HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

pub(super) async fn get_service(_: Arc<State>, _: Call) -> Result<Response<Body>, Failure> {
    Ok(json(&Service::THIS))
}

pub(super) async fn get_health(state: Arc<State>, _: Call) -> Result<Response<Body>, Failure> {
    Ok(json(&Health::of(state.durability.as_str())))
}

pub(super) async fn get_liveness(_: Arc<State>, _: Call) -> Result<Response<Body>, Failure> {
    Ok(json(&Status::OK))
}

pub(super) async fn get_readiness(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    if call.shared().stopping().is_cancelled() {
        return Err(problems::not_ready("the service is stopping").into());
    }
    match state.readiness.check(&state.store).await {
        Ok(()) => Ok(json(&Status::OK)),
        Err(cause) => {
            let detail = match cause.starts_with(WRITING_STOPPED) {
                true => &*cause,
                false => "the database does not work now",
            };
            Err(problems::not_ready(detail).with_cause(cause.clone()).into())
        }
    }
}

pub(super) async fn get_metrics(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    let text = call.shared().metrics_text(measures::all(&state));
    Ok(Body::full(text).into_response(StatusCode::OK, PROMETHEUS))
}

pub(super) async fn get_openapi(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    let text = call.shared().openapi();
    let etag = state.openapi_etag.get_or_init(|| etag_of(&text));
    Ok(if_changed(&call, etag, || Body::json(StatusCode::OK, text.clone())))
}

pub(super) async fn get_docs(_: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    Ok(page(&call, pages::docs()))
}

pub(super) async fn get_docs_viewer(_: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    static ETAG: LazyLock<HeaderValue> = LazyLock::new(|| etag_of(pages::VIEWER.as_bytes()));
    Ok(client::file(&call, pages::VIEWER, client::JAVASCRIPT, &ETAG))
}

pub(super) async fn get_docs_errors(_: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    Ok(page(&call, pages::errors()))
}

fn page(call: &Call, page: &pages::Page) -> Response<Body> {
    if_changed(call, &page.etag, || {
        let mut response = Body::full(page.html.clone()).into_response(StatusCode::OK, HTML);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, page.policy.clone());
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        response
    })
}
