//! The rules of collections hold on every face, in open mode too.

use std::sync::Arc;

use isobase_auth::Authorizer;
use isobase_server::{ServerConfig, compose};
use isobase_store::{Rule, RuleAction, RuleBook, Rules, Unruled};
use isobase_types::CollectionName;

use super::support::{Ask, Service, Settings};

/// Notes that anybody may read once they are public, and no one may change; `agent_data_store` is
/// closed; `free` is declared and has no rule.
fn rules() -> Arc<RuleBook> {
    let rule = |action: RuleAction, text: &str| (action, Rule::parse(action, text).unwrap());
    let notes = [
        rule(RuleAction::List, "public=true"),
        rule(RuleAction::Create, "@new.public=false"),
        rule(RuleAction::Update, "@user.id=1"),
        rule(RuleAction::Delete, "old=true"),
    ];
    let notes = notes.into_iter().fold(Rules::default(), |all, (action, it)| all.with(action, it));
    let closed = RuleAction::ALL.into_iter().fold(Rules::default(), |all, action| {
        all.with(action, Rule::parse(action, "false").unwrap())
    });
    let rules = RuleBook::new(Unruled::Open)
        .with(name("notes"), notes)
        .with(name("agent_data_store"), closed)
        .with(name("free"), Rules::default());
    Arc::new(rules)
}

fn name(text: &str) -> CollectionName {
    CollectionName::new(text).unwrap()
}

async fn service() -> Service {
    let config = ServerConfig { rules: rules(), ..ServerConfig::default() };
    let service = Service::with(Settings { config, ..Settings::default() });
    for (key, body) in [
        ("seen", r#"{"public":true,"n":1}"#),
        ("hidden", r#"{"public":false,"secret":"s3cret"}"#),
        ("old", r#"{"public":true,"old":true}"#),
    ] {
        let put = isobase_store::Action::Put {
            id: isobase_types::DocumentId::parse(key).unwrap(),
            body: body.to_owned(),
            if_missing: isobase_store::IfMissing::Create,
        };
        let operation = isobase_store::WriteOperation {
            collection: name("notes"),
            action: put,
            precondition: isobase_store::Precondition::None,
        };
        let batch = isobase_store::WriteBatch { operations: vec![operation], ..Default::default() };
        service.store.write(batch, isobase_store::Atomicity::EachAlone).await.unwrap();
    }
    service
}

#[tokio::test]
async fn reads_show_what_the_rule_lets_see() {
    let service = service().await;
    service.get("/records/notes/seen").await.has_status(200);
    service.get("/records/notes/hidden").await.is_problem(404, "record_not_found").lacks("s3cret");
    service.get("/records/notes/missing").await.is_problem(404, "record_not_found");
    service.get("/records/notes").await.has_status(200).contains("\"seen\"").lacks("s3cret");
    service.get("/records/notes?secret=s3cret").await.is(200, "[]");
    let page = service.get("/records/notes?page=1&limit=1").await;
    assert_eq!(page.json()["total"], 2);
    let stats = r#"{"total_records":2,"collections":1,"collection_names":["notes"]}"#;
    service.get("/stats").await.is(200, stats);
    let changes = service.get("/changes?include=body").await;
    changes.has_status(200).contains("\"seen\"").lacks("hidden").lacks("s3cret");
    let reads = r#"{"operations":[{"method":"get","id":"seen"},{"method":"get","id":"hidden"}]}"#;
    let batch = service.post("/records/notes/batch", reads).await;
    batch.contains("\"n\":1").contains("record_not_found").lacks("s3cret");
    service.get("/collections/notes/schema").await.is_problem(401, "unauthenticated");
}

#[tokio::test]
async fn writes_are_refused_by_their_rules() {
    let service = service().await;
    service.post("/records/notes", r#"{"public":false}"#).await.has_status(201);
    let refused = service.post("/records/notes", r#"{"public":true}"#).await;
    refused.is_problem(403, "forbidden").contains("create_rule");
    let refused = service.patch("/records/notes/seen", "{}").await;
    refused.is_problem(401, "unauthenticated");
    assert!(refused.header("www-authenticate").is_some());
    service.delete("/records/notes/hidden").await.is_problem(404, "record_not_found");
    service.delete("/records/notes/seen").await.is_problem(403, "forbidden");
    service.delete("/records/notes?confirm=notes").await.has_status(200).contains("\"deleted\":1");
    service.get("/records/notes/old").await.has_status(404);
    let lines = "{\"public\":false}\n{\"public\":true}\n";
    let loaded = service.send(Ask::new(http::Method::POST, "/records/notes").lines(lines)).await;
    loaded.has_status(200).contains("\"created\":1").contains("forbidden");
}

#[tokio::test]
async fn collections_without_a_rule_stay_open() {
    let service = service().await;
    for collection in ["free", "undeclared"] {
        let path = format!("/records/{collection}");
        service.post(&path, "{}").await.has_status(201);
        service.get(&path).await.has_status(200).contains("id");
    }
}

#[tokio::test]
async fn the_data_store_is_under_the_same_rules() {
    let service = service().await;
    let path = "/data-store/namespaces/a/records/k";
    service.put(path, r#"{"value":1}"#).await.is_problem(401, "unauthenticated");
    service.get(path).await.is_problem(401, "unauthenticated");
    service.get("/data-store/namespaces").await.is_problem(401, "unauthenticated");
}

/// The same documents in a service with a key.
async fn keyed(rules: Arc<RuleBook>) -> Service {
    let store = service().await.store;
    let config = ServerConfig { rules, ..ServerConfig::default() };
    let app = compose(store.clone(), Arc::new(Authorizer::new(Some("secret"))), config);
    Service::of(app, store)
}

#[tokio::test]
async fn without_a_key_everybody_sees_what_rules_let_see() {
    let service = keyed(rules()).await;
    service.get("/records/notes").await.has_status(200).contains("\"seen\"").lacks("s3cret");
    service.get("/records/notes/hidden").await.is_problem(404, "record_not_found");
    service.get("/changes?include=body").await.contains("\"seen\"").lacks("s3cret");
    service.get("/stats").await.contains("\"total_records\":2");
    service.post("/records/notes", r#"{"public":false}"#).await.has_status(201);
    service.post("/records/notes", r#"{"public":true}"#).await.is_problem(403, "forbidden");
    for closed in ["/records/undeclared", "/data-store/namespaces", "/indexes/notes"] {
        service.get(closed).await.is_problem(401, "unauthenticated");
    }
    let with = |target: &str, key: &str| {
        let ask = Ask::new(http::Method::GET, target);
        ask.header("authorization", format!("Bearer {key}"))
    };
    service.send(with("/records/notes", "wrong")).await.is_problem(401, "unauthenticated");
    service.send(with("/records/notes", "secret")).await.contains("s3cret");
    service.send(with("/records/undeclared", "secret")).await.is(200, "[]");
}

#[tokio::test]
async fn a_service_without_rules_takes_a_key_as_before() {
    let declared = RuleBook::new(Unruled::Open).with(name("notes"), Rules::default());
    for rules in [Arc::default(), Arc::new(declared)] {
        let service = keyed(rules).await;
        for target in ["/records/notes", "/records/notes/seen", "/stats", "/changes"] {
            service.get(target).await.is_problem(401, "unauthenticated");
        }
        service.post("/records/notes", "{}").await.is_problem(401, "unauthenticated");
    }
}
