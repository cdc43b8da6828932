//! The description of the service and of its routes.

use isobase_http::{Answer, Content, Operation};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::codes;

/// Its kind.
#[derive(Serialize, JsonSchema)]
pub(super) struct Service {
    #[schemars(extend("const" = "Isobase"))]
    service: &'static str,
    version: &'static str,
    #[schemars(extend("const" = "running"))]
    status: &'static str,
}

impl Service {
    pub(super) const THIS: Self =
        Self { service: "Isobase", version: env!("CARGO_PKG_VERSION"), status: "running" };
}

// The first two members are what clients have always read.
/// That the service runs.
#[derive(Serialize, JsonSchema)]
pub(super) struct Health {
    #[schemars(extend("const" = "ok"))]
    status: &'static str,
    #[schemars(extend("const" = "database"))]
    service: &'static str,
    version: &'static str,
    #[schemars(extend("enum" = ["full", "relaxed", "none"]))]
    durability: &'static str,
}

impl Health {
    pub(super) fn of(durability: &'static str) -> Self {
        let version = env!("CARGO_PKG_VERSION");
        Self { status: "ok", service: "database", version, durability }
    }
}

/// All is well.
#[derive(Serialize, JsonSchema)]
pub(super) struct Status {
    #[schemars(extend("const" = "ok"))]
    status: &'static str,
}

impl Status {
    pub(super) const OK: Self = Self { status: "ok" };
}

fn operation(id: &'static str, summary: &'static str) -> Operation {
    Operation::new(id, "service", summary)
}

pub(super) fn get_service() -> Operation {
    operation("get_service", "Say what this is")
        .description("Name and version of the service.")
        .answers(Answer::new(200, "The service runs.").content(Content::like(&Service::THIS)))
}

pub(super) fn get_health() -> Operation {
    operation("get_health", "Say that the service runs")
        .description(
            "Answers 200 while the process answers requests; `durability` says what an answered \
             write has survived. Whether the database works is told by `/readyz`.",
        )
        .answers(Answer::new(200, "The service runs.").content(Content::like(&Health::of("full"))))
}

pub(super) fn get_liveness() -> Operation {
    operation("get_liveness", "Say that the process lives")
        .description("For supervisors that restart what does not answer.")
        .answers(Answer::new(200, "The process lives.").content(Content::like(&Status::OK)))
}

pub(super) fn get_readiness() -> Operation {
    operation("get_readiness", "Say whether the database works")
        .description("For load balancers. The answer is at most one second old.")
        .answers(Answer::new(200, "The database works.").content(Content::like(&Status::OK)))
        .problems([codes::NOT_READY])
}

pub(super) fn get_metrics() -> Operation {
    let counters = Content::text("text/plain").example("isobase_http_requests_in_flight 1");
    operation("get_metrics", "Read the counters")
        .description(
            "Requests, latencies, connections and the database, in the text format of \
             Prometheus. Free in open mode; with keys it takes one.",
        )
        .answers(Answer::new(200, "The counters.").content(counters))
}

pub(super) fn get_openapi() -> Operation {
    operation("get_openapi", "Read the description of the service")
        .description("An OpenAPI 3.1 document of every route.")
        .answers(Answer::new(200, "The description.").content(Content::of::<Map<String, Value>>()))
}

pub(super) fn get_docs() -> Operation {
    operation("get_docs", "Browse the routes")
        .description(
            "A page for people, made from `/openapi.json`. It loads nothing from elsewhere.",
        )
        .answers(page())
}

pub(super) fn get_docs_viewer() -> Operation {
    operation("get_docs_viewer", "Read the script of the page of routes")
        .description("RapiDoc, with its licences.")
        .answers(module("The script.", "text/javascript"))
}

pub(super) fn get_docs_errors() -> Operation {
    operation("get_docs_errors", "Browse the problem codes")
        .description(
            "What every `code` of a problem means and what to do about it; the `type` of a \
             problem leads here.",
        )
        .answers(page())
}

pub(super) fn get_client() -> Operation {
    operation("get_client", "Read the client for JavaScript")
        .description(
            "An ES module without dependencies, for browsers and Node.js: collections, accounts, \
             live events, uploads. The same as the npm package of the project.",
        )
        .answers(module("The module.", "text/javascript"))
}

pub(super) fn get_client_types() -> Operation {
    operation("get_client_types", "Read the types of the client for JavaScript")
        .description("For TypeScript and editors; `isobase types` writes those of an app.")
        .answers(module("The types.", "text/plain"))
}

fn module(description: &'static str, media_type: &'static str) -> Answer {
    let headers = [("ETag", "Of this version."), ("Cache-Control", "`no-cache`")];
    Answer::new(200, description).headers(headers).content(Content::text(media_type))
}

fn page() -> Answer {
    let policy = ("Content-Security-Policy", "Allows nothing but the page's own script and style.");
    Answer::new(200, "The page.").headers([policy]).content(Content::text("text/html"))
}
