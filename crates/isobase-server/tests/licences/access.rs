use std::sync::Arc;

use http::Method;
use isobase_auth::Authorizer;
use isobase_server::{ServerConfig, compose};
use serde_json::json;

use crate::records::support::{Ask, Service};

/// The products have no key of the service; everything else asks for one.
#[tokio::test]
async fn products_need_only_the_key_of_their_licence() {
    let open = Service::new();
    let authorizer = Authorizer::new(Some("internal-key"));
    let app = compose(open.store.clone(), Arc::new(authorizer), ServerConfig::default());
    let service = Service::of(app, open.store.clone());
    let body = json!({ "email": "a@b.c", "license_key": "K", "expiry_date": null }).to_string();
    service.post("/api/v1/db/license", body.clone()).await.is_problem(401, "unauthenticated");
    let keyed = Ask::new(Method::POST, "/api/v1/db/license").json(body);
    service.send(keyed.header("x-api-key", "internal-key")).await.has_status(200);
    let activation = json!({ "email": "a@b.c", "installation_id": "m", "license_key": "K" });
    service.post("/api/v1/license/activate", activation.to_string()).await.has_status(200);
    let validate = "/api/v1/license/validate?email=a@b.c&installation_id=m";
    service.get(validate).await.has_status(200).lacks("license_key");
    for path in [
        "/api/v1/license/list",
        "/api/v1/license/installations/a@b.c",
        "/api/v1/db/license/list",
        "/api/v1/db/license/by-key?license_key=K",
        "/api/v1/db/installations?email=a@b.c",
        "/api/v1/db/license/export.csv",
    ] {
        service.get(path).await.is_problem(401, "unauthenticated").lacks("a@b.c");
    }
    service.delete("/api/v1/license/1").await.is_problem(401, "unauthenticated");
    service.get("/records/isobase_licences").await.is_problem(401, "unauthenticated");
    open.get("/records/isobase_licences").await.is_problem(422, "invalid_collection_name");
}
