//! What the annotations of a schema do to documents on the wire.

use http::Method;

use super::support::{Ask, Service};

const PEOPLE: &str = r#"{"required":["email"],"properties":{"email":{"type":"string","x-unique":true},
    "visits":{"type":"integer","default":0},"key":{"x-default":"uuid","readOnly":true},
    "password":{"writeOnly":true},"team":{"x-reference":"teams"}}}"#;

async fn service() -> Service {
    let service = Service::new();
    service.put("/collections/people/schema", PEOPLE).await.has_status(200);
    service
}

fn with_key(body: &str) -> Ask {
    Ask::new(Method::POST, "/records/people").json(body).header("idempotency-key", "k")
}

#[tokio::test]
async fn answers_show_the_document_as_it_is_stored() {
    let service = service().await;
    let sent = r#"{"email":"a","password":"hush","key":"mine"}"#;
    let created = service.send(with_key(sent)).await;
    created
        .has_status(201)
        .lacks("hush")
        .lacks("mine")
        .contains(r#"{"email":"a","visits":0,"key":"0"#);
    service.get("/records/people/1").await.is(200, &created.text);
    let repeated = service.send(with_key(sent)).await;
    repeated.is(201, &created.text);
    assert_eq!(repeated.header("idempotency-replayed"), Some("true"));
    // The document has changed since: what was made for it is no longer known.
    service.patch("/records/people/1", r#"{"visits":1}"#).await.contains("\"visits\":1");
    service.send(with_key(sent)).await.is(201, r#"{"email":"a","id":1}"#);
    let replaced = service.put("/records/people/1", r#"{"email":"a","key":null}"#).await;
    replaced.has_status(200).contains(r#""key":"0"#).lacks("hush");
    let made = service.put("/records/people/k?upsert=true", r#"{"email":"b"}"#).await;
    made.has_status(201).contains(r#"{"email":"b","visits":0,"key":"0"#);
    service.post("/records/people", r#"{"email":"b"}"#).await.is_problem(409, "not_unique");
}

#[tokio::test]
async fn write_only_fields_cannot_be_asked_for() {
    let service = service().await;
    service.post("/records/people", r#"{"email":"a","password":"hush"}"#).await.has_status(201);
    for target in [
        "/records/people?password=hush",
        "/records/people?sort=password",
        "/records/people?fields=email,password",
        "/records/people?or=(email.eq.a,password.gt.a)&limit=1",
        "/records/people/1?fields=password",
    ] {
        let refused = service.get(target).await;
        refused.is_problem(400, "write_only_field").contains("password");
    }
    let patch = Ask::new(Method::PATCH, "/records/people/1")
        .header("content-type", "application/json-patch+json")
        .body(r#"[{"op":"test","path":"/password","value":"x"}]"#);
    service.send(patch).await.is_problem(400, "write_only_field");
    let batch = r#"{"operations":[{"method":"patch","id":1,"patch":
        [{"op":"copy","from":"/password","path":"/x"}]}]}"#;
    service.post("/records/people/batch", batch).await.is_problem(400, "write_only_field");
    for target in ["/records/people", "/records/people/1", "/records/people?limit=5&meta=true"] {
        service.get(target).await.has_status(200).lacks("hush");
    }
    let read = r#"{"operations":[{"method":"get","id":1}]}"#;
    service.post("/records/people/batch", read).await.has_status(200).lacks("hush");
    let lines = Ask::new(Method::GET, "/records/people").header("accept", "application/x-ndjson");
    service.send(lines).await.has_status(200).lacks("hush");
}

#[tokio::test]
async fn references_are_read_once_for_each_level() {
    let service = service().await;
    let teams = r#"{"properties":{"home":{"x-reference":"homes"}}}"#;
    service.put("/collections/teams/schema", teams).await.has_status(200);
    service.put("/records/homes/h?upsert=true", r#"{"city":"x"}"#).await.has_status(201);
    for team in ["a", "b"] {
        let target = format!("/records/teams/{team}?upsert=true");
        service.put(&target, r#"{"home":"h"}"#).await.has_status(201);
    }
    let people: String = (0..40)
        .map(|n| format!("{{\"email\":\"{n}\",\"team\":\"{}\"}}\n", ["a", "b"][n % 2]))
        .collect();
    service.send(Ask::new(Method::POST, "/records/people").lines(people)).await.has_status(200);
    let before = service.lists_run();
    let page = service.get("/records/people?limit=40&expand=team.home").await;
    assert_eq!(page.json()["items"][39]["team"]["home"]["city"], "x");
    assert_eq!(service.lists_run() - before, 3);
    let all = service.get("/records/people?expand=team&fields=team.home").await;
    assert_eq!(all.json()[0]["team"]["home"], "h");
}

#[tokio::test]
async fn expanded_documents_are_sent_again() {
    let service = service().await;
    service.put("/records/teams/t?upsert=true", r#"{"name":"T"}"#).await.has_status(201);
    service.post("/records/people", r#"{"email":"a","team":"t"}"#).await.has_status(201);
    let target = "/records/people/1?expand=team&fields=team";
    let shown = service.get(target).await;
    shown.is(200, r#"{"team":{"name":"T","id":"t"},"id":1}"#);
    let known = |target: &str| {
        Ask::new(Method::GET, target).header("if-none-match", shown.etag().to_owned())
    };
    service.send(known("/records/people/1")).await.has_status(304);
    service.send(known(target)).await.is(200, &shown.text);
    for (expand, named) in [("tea", "team"), ("team.home", "none"), ("team..x", "")] {
        let refused = service.get(&format!("/records/people/1?expand={expand}")).await;
        refused.is_problem(422, "invalid_parameter").contains(named).contains("expand");
    }
}
