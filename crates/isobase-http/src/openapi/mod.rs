//! The OpenAPI 3.1 document, made from a list of routes.

mod operation;
mod schemas;

use schemars::JsonSchema;
use serde_json::{Map, Value, json};

use crate::{ProblemCode, Spec, problem::ProblemBody};
use schemas::Schemas;

/// The part of the document about a service as a whole.
#[derive(Clone, Debug)]
pub struct Api {
    /// Its name.
    pub title: &'static str,
    /// Its version.
    pub version: &'static str,
    /// The facts that a reader must know.
    pub description: &'static str,
    /// Its licence, as an expression of SPDX.
    pub license: &'static str,
    /// The subject of each group of routes. A group that is not named here is described by its name.
    pub tags: &'static [(&'static str, &'static str)],
    /// Every code that a problem of the service may have.
    pub codes: Vec<ProblemCode>,
    /// How callers show who they are: name and description of each way, as the document has it.
    pub security_schemes: Vec<(&'static str, Value)>,
}

/// The whole document of some routes.
#[must_use]
pub fn openapi(api: &Api, specs: &[Spec]) -> Value {
    let schemes: Vec<&str> = api.security_schemes.iter().map(|(name, _)| *name).collect();
    let mut schemas = Schemas::default();
    schemas.given.subschema_for::<ProblemBody<'_>>();
    let mut paths = Map::new();
    for spec in specs {
        let path = paths.entry(shown(&spec.path)).or_insert_with(|| Value::Object(Map::new()));
        let method = spec.method.as_str().to_ascii_lowercase();
        path[method] = operation::operation(spec, &schemes, &mut schemas);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": api.title,
            "version": api.version,
            "description": api.description,
            "license": { "name": api.license, "identifier": api.license },
        },
        "servers": [{ "url": "/", "description": "The service that this document comes from." }],
        "tags": tags(api, specs),
        "paths": paths,
        "components": {
            "schemas": components(api, schemas),
            "examples": operation::examples(specs),
            "headers": {
                "X-Request-Id": {
                    "description": "Names the request in the log. One that the request brings is kept.",
                    "schema": { "type": "string" },
                },
            },
            "securitySchemes": security_schemes(api),
        },
    })
}

/// A path as the document has it: it does not know parameters of several segments.
fn shown(path: &str) -> String {
    path.replace("{*", "{")
}

/// The schemas that others refer to; that of the codes has those of the service.
fn components(api: &Api, schemas: Schemas) -> Map<String, Value> {
    let mut components = schemas.into_components();
    if let Some(schema) = components.get_mut(&*ProblemCode::schema_name())
        && !api.codes.is_empty()
    {
        schema["enum"] = api.codes.iter().map(|code| code.as_str()).collect();
    }
    components
}

/// The groups of routes, in the order of the list.
fn tags(api: &Api, specs: &[Spec]) -> Vec<Value> {
    let mut names: Vec<&str> = Vec::new();
    for spec in specs {
        if !names.contains(&&*spec.operation.tag) {
            names.push(&spec.operation.tag);
        }
    }
    let about = |name: &str| {
        let known = api.tags.iter().find(|(tag, _)| *tag == name);
        known.map_or_else(|| format!("The routes of {name}."), |(_, about)| (*about).to_owned())
    };
    names.into_iter().map(|name| json!({ "name": name, "description": about(name) })).collect()
}

fn security_schemes(api: &Api) -> Map<String, Value> {
    api.security_schemes.iter().map(|(name, scheme)| ((*name).to_owned(), scheme.clone())).collect()
}

#[cfg(test)]
mod tests {
    use http::{Request, Response, StatusCode};

    use super::*;
    use crate::{
        Answer, Asked, Body, Call, Content, Gate, HttpConfig, Operation, Permission, Problem,
        Refusal, RequestBody, Route, Routes, Service, Shape, handler,
    };

    struct Open;

    impl Gate for Open {
        type Principal = ();

        async fn admit(&self, _: Asked<'_>) -> Result<(), Refusal> {
            Ok(())
        }

        fn name_of(&self, (): &()) -> String {
            String::new()
        }

        fn is_open(&self) -> bool {
            true
        }

        fn is_trusted_by_place(&self, (): &()) -> bool {
            true
        }
    }

    async fn name(state: std::sync::Arc<String>, _: Call<()>) -> Result<Response<Body>, Problem> {
        Ok(Body::json(StatusCode::OK, format!("{state:?}")))
    }

    /// The collections of an application are known when it starts, not when we compile.
    #[test]
    fn routes_made_at_run_time_are_answered_and_described() {
        let mut routes = Routes::default();
        for collection in ["items", "orders"] {
            let answer = Content::shaped(Shape::Written(json!({ "const": collection })));
            let operation = Operation::new(format!("get_{collection}"), "app", "Read")
                .answers(Answer::new(200, "It.").content(answer));
            let path = format!("/api/{collection}");
            let route = Route::get(path, Permission::Read, handler(name), operation);
            routes.add(collection.to_owned(), vec![route]);
        }
        let api = Api {
            title: "t",
            version: "1",
            description: "",
            license: "MIT",
            tags: &[],
            codes: vec![crate::codes::INTERNAL],
            security_schemes: Vec::new(),
        };
        let service = Service::new(routes, Open, api, HttpConfig::default()).unwrap();
        let document: Value = serde_json::from_slice(&service.shared().openapi()).unwrap();
        let described = &document["paths"]["/api/orders"]["get"];
        assert_eq!(described["operationId"], "get_orders");
        let content = &described["responses"]["200"]["content"]["application/json"];
        assert_eq!(content["schema"], json!({ "const": "orders" }));
        let codes = &document["components"]["schemas"]["ProblemCode"]["enum"];
        assert_eq!(*codes, json!(["internal"]));
        let request = Request::get("/api/orders").header("host", "localhost");
        let request = request.body(RequestBody::whole("")).unwrap();
        let answering = std::pin::pin!(service.handle(request));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let response = runtime.block_on(answering);
        assert_eq!(response.body().whole().map(|bytes| &bytes[..]), Some(&b"\"orders\""[..]));
    }
}
