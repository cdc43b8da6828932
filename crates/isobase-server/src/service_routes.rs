//! Routes about the service itself.

use http::{HeaderValue, Response, StatusCode, header};
use isobase_auth::Permission;
use serde::Serialize;

use crate::{
    Answer, Body, BodyLimit, Call, Content, Doc, Method, Problem, ProblemCode, Route, openapi,
    pages,
};

const VERSION: &str = env!("CARGO_PKG_VERSION");
const PROMETHEUS: HeaderValue =
    HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// The routes of the service itself.
pub(crate) static ROUTES: &[Route] = &[
    Route {
        method: Method::Get,
        path: "/",
        operation_id: "get_service",
        tag: "service",
        permission: Permission::Public,
        handler: |call| Box::pin(get_service(call)),
        body: BodyLimit::None,
        doc: Doc {
            summary: "Say what this is",
            description: "Name and version of the service.",
            parameters: &[],
            request: &[],
            answers: &[Answer {
                status: 200,
                description: "The service runs.",
                headers: &[],
                content: &[json(
                    r##"{"$ref":"#/components/schemas/Service"}"##,
                    r#"{"service":"Isobase","version":"0.1.0","status":"running"}"#,
                )],
            }],
            problems: &[],
        },
    },
    Route {
        method: Method::Get,
        path: "/health",
        operation_id: "get_health",
        tag: "service",
        permission: Permission::Public,
        handler: |call| Box::pin(get_health(call)),
        body: BodyLimit::None,
        doc: Doc {
            summary: "Say that the service runs",
            description: "Answers 200 while the process answers requests; `durability` says what \
                an answered write has survived. Whether the database works is told by `/readyz`.",
            parameters: &[],
            request: &[],
            answers: &[Answer {
                status: 200,
                description: "The service runs.",
                headers: &[],
                content: &[json(
                    r##"{"$ref":"#/components/schemas/Health"}"##,
                    r#"{"status":"ok","service":"database","version":"0.1.0","durability":"full"}"#,
                )],
            }],
            problems: &[],
        },
    },
    Route {
        method: Method::Get,
        path: "/livez",
        operation_id: "get_liveness",
        tag: "service",
        permission: Permission::Public,
        handler: |call| Box::pin(get_liveness(call)),
        body: BodyLimit::None,
        doc: Doc {
            summary: "Say that the process lives",
            description: "For supervisors that restart what does not answer.",
            parameters: &[],
            request: &[],
            answers: &[Answer {
                status: 200,
                description: "The process lives.",
                headers: &[],
                content: &[json(STATUS_SCHEMA, r#"{"status":"ok"}"#)],
            }],
            problems: &[],
        },
    },
    Route {
        method: Method::Get,
        path: "/readyz",
        operation_id: "get_readiness",
        tag: "service",
        permission: Permission::Public,
        handler: |call| Box::pin(get_readiness(call)),
        body: BodyLimit::None,
        doc: Doc {
            summary: "Say whether the database works",
            description: "For load balancers. The answer is at most one second old.",
            parameters: &[],
            request: &[],
            answers: &[Answer {
                status: 200,
                description: "The database works.",
                headers: &[],
                content: &[json(STATUS_SCHEMA, r#"{"status":"ok"}"#)],
            }],
            problems: &[ProblemCode::NotReady],
        },
    },
    Route {
        method: Method::Get,
        path: "/metrics",
        operation_id: "get_metrics",
        tag: "service",
        permission: Permission::Read,
        handler: |call| Box::pin(get_metrics(call)),
        body: BodyLimit::None,
        doc: Doc {
            summary: "Read the counters",
            description: "Requests, latencies, connections and the database, in the text format of \
                Prometheus. Free in open mode; with keys it takes one.",
            parameters: &[],
            request: &[],
            answers: &[Answer {
                status: 200,
                description: "The counters.",
                headers: &[],
                content: &[Content {
                    media_type: "text/plain",
                    schema: r#"{"type":"string"}"#,
                    example: "isobase_http_requests_in_flight 1",
                }],
            }],
            problems: &[],
        },
    },
    Route {
        method: Method::Get,
        path: "/openapi.json",
        operation_id: "get_openapi",
        tag: "service",
        permission: Permission::Public,
        handler: |call| Box::pin(get_openapi(call)),
        body: BodyLimit::None,
        doc: Doc {
            summary: "Read the description of the service",
            description: "An OpenAPI 3.1 document of every route.",
            parameters: &[],
            request: &[],
            answers: &[Answer {
                status: 200,
                description: "The description.",
                headers: &[],
                content: &[json(r#"{"type":"object"}"#, "")],
            }],
            problems: &[],
        },
    },
    Route {
        method: Method::Get,
        path: "/docs",
        operation_id: "get_docs",
        tag: "service",
        permission: Permission::Public,
        handler: |call| Box::pin(get_docs(call)),
        body: BodyLimit::None,
        doc: Doc {
            summary: "Browse the routes",
            description: "A page for people, made from `/openapi.json`. It loads nothing from \
                elsewhere.",
            parameters: &[],
            request: &[],
            answers: &[PAGE],
            problems: &[],
        },
    },
    Route {
        method: Method::Get,
        path: "/docs/errors",
        operation_id: "get_docs_errors",
        tag: "service",
        permission: Permission::Public,
        handler: |call| Box::pin(get_docs_errors(call)),
        body: BodyLimit::None,
        doc: Doc {
            summary: "Browse the problem codes",
            description: "What every `code` of a problem means and what to do about it; the `type` \
                of a problem leads here.",
            parameters: &[],
            request: &[],
            answers: &[PAGE],
            problems: &[],
        },
    },
];

/// The schemas these routes refer to.
pub(crate) static SCHEMAS: &[(&str, &str)] = &[
    (
        "Service",
        r#"{"type":"object","required":["service","version","status"],"properties":{"service":{"type":"string","const":"Isobase"},"version":{"type":"string"},"status":{"type":"string","const":"running"}}}"#,
    ),
    (
        "Health",
        r#"{"type":"object","required":["status","service","version","durability"],"properties":{"status":{"type":"string","const":"ok"},"service":{"type":"string","const":"database"},"version":{"type":"string"},"durability":{"type":"string","enum":["full","relaxed","none"]}}}"#,
    ),
];

const STATUS_SCHEMA: &str =
    r#"{"type":"object","required":["status"],"properties":{"status":{"const":"ok"}}}"#;

const PAGE: Answer = Answer {
    status: 200,
    description: "The page.",
    headers: &[("Content-Security-Policy", "Allows nothing but the page's own script and style.")],
    content: &[Content { media_type: "text/html", schema: r#"{"type":"string"}"#, example: "" }],
};

const fn json(schema: &'static str, example: &'static str) -> Content {
    Content { media_type: "application/json", schema, example }
}

/// `/health` on the wire. The first two fields are what clients have always read.
#[derive(Serialize)]
struct Health {
    status: &'static str,
    service: &'static str,
    version: &'static str,
    durability: &'static str,
}

async fn get_service(_call: Call) -> Result<Response<Body>, Problem> {
    let text = format!(r#"{{"service":"Isobase","version":"{VERSION}","status":"running"}}"#);
    Ok(Body::json(StatusCode::OK, text))
}

async fn get_health(call: Call) -> Result<Response<Body>, Problem> {
    let health = Health {
        status: "ok",
        service: "database",
        version: VERSION,
        durability: call.app.config.durability.as_str(),
    };
    let json = serde_json::to_vec(&health).expect("text always serialises");
    Ok(Body::json(StatusCode::OK, json))
}

async fn get_liveness(_call: Call) -> Result<Response<Body>, Problem> {
    Ok(ok())
}

async fn get_readiness(call: Call) -> Result<Response<Body>, Problem> {
    if call.app.stopping.is_cancelled() {
        return Err(Problem::new(ProblemCode::NotReady, "the service is stopping"));
    }
    match call.app.readiness.check(&call.app.store).await {
        Ok(()) => Ok(ok()),
        Err(cause) => {
            Err(Problem::new(ProblemCode::NotReady, "the database does not work now")
                .with_cause(cause))
        }
    }
}

fn ok() -> Response<Body> {
    Body::json(StatusCode::OK, &br#"{"status":"ok"}"#[..])
}

async fn get_metrics(call: Call) -> Result<Response<Body>, Problem> {
    let text = call.app.metrics.to_text(&call.app.store.gauges());
    Ok(Body::full(text).into_response(StatusCode::OK, PROMETHEUS))
}

async fn get_openapi(_call: Call) -> Result<Response<Body>, Problem> {
    Ok(Body::json(StatusCode::OK, openapi::text()))
}

async fn get_docs(_call: Call) -> Result<Response<Body>, Problem> {
    Ok(page(pages::docs()))
}

async fn get_docs_errors(_call: Call) -> Result<Response<Body>, Problem> {
    Ok(page(pages::errors()))
}

fn page(page: &pages::Page) -> Response<Body> {
    let mut response = Body::full(page.html.clone()).into_response(StatusCode::OK, HTML);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, page.policy.clone());
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}
