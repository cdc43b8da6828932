//! The service itself: what it is, whether it works, what it has counted, how it is used.

mod handlers;
mod problems;
mod state;
mod wire;

use isobase_http::{Answer, BodyLimit, Content, Doc, Method, Permission, handler};

use crate::{Route, codes};
pub(crate) use state::State;

/// The routes of the service itself.
pub(crate) fn routes() -> Vec<Route<State>> {
    vec![
        Route {
            method: Method::Get,
            path: "/",
            operation_id: "get_service",
            tag: "service",
            permission: Permission::Public,
            handler: handler(handlers::get_service),
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
                    content: &[json_content!(
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
            handler: handler(handlers::get_health),
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
                    content: &[json_content!(
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
            handler: handler(handlers::get_liveness),
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
                    content: &[json_content!(STATUS_SCHEMA, r#"{"status":"ok"}"#)],
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
            handler: handler(handlers::get_readiness),
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
                    content: &[json_content!(STATUS_SCHEMA, r#"{"status":"ok"}"#)],
                }],
                problems: &[codes::NOT_READY],
            },
        },
        Route {
            method: Method::Get,
            path: "/metrics",
            operation_id: "get_metrics",
            tag: "service",
            permission: Permission::Read,
            handler: handler(handlers::get_metrics),
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
            handler: handler(handlers::get_openapi),
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
                    content: &[json_content!(r#"{"type":"object"}"#, "")],
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
            handler: handler(handlers::get_docs),
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
            handler: handler(handlers::get_docs_errors),
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
    ]
}

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
