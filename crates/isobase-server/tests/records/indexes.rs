//! Declared indexes.

use http::Method;

use super::support::{Ask, Service};

#[tokio::test]
async fn indexes_are_declared_listed_and_taken_away() {
    let service = Service::new();
    service.post("/records/c", r#"{"status":"open"}"#).await.has_status(201);
    service.get("/indexes/c").await.is(200, r#"{"indexes":[]}"#);
    let put = |fields: &str| Ask::new(Method::PUT, &format!("/indexes/c?fields={fields}"));
    let declared = service.send(put("status,-created_at")).await;
    declared.is(200, r#"{"fields":"status,-created_at","state":"ready"}"#);
    service.send(put("status,-created_at")).await.has_status(200);
    service.send(put("address.city")).await.has_status(200);
    let listed = r#"{"indexes":[{"fields":"status,-created_at","state":"ready"},{"fields":"address.city","state":"ready"}]}"#;
    service.get("/indexes/c").await.is(200, listed);
    service.get("/indexes/other").await.is(200, r#"{"indexes":[]}"#);
    let gone = r#"{"message":"Index deleted"}"#;
    service.delete("/indexes/c?fields=address.city").await.is(200, gone);
    service.delete("/indexes/c?fields=address.city").await.is_problem(404, "index_not_found");
    service
        .delete("/indexes/c?fields=-status,-created_at")
        .await
        .is_problem(404, "index_not_found");
}

#[tokio::test]
async fn impossible_indexes_are_refused() {
    let service = Service::new();
    for query in ["", "?fields=", "?fields=a,b,c,d", "?fields=a..b", "?fields=a,a", "?fields=a&x=1"]
    {
        for method in [Method::PUT, Method::DELETE] {
            let ask = Ask::new(method, &format!("/indexes/c{query}"));
            service.send(ask).await.is_problem(422, "invalid_parameter");
        }
    }
    service.get("/indexes/c").await.is(200, r#"{"indexes":[]}"#);
}
