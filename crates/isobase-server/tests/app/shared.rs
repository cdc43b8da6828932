//! Batches, expanded references and rules of an app's collection.

use std::sync::Arc;

use http::Method;
use isobase_auth::{AccountOptions, Accounts, NewAccount, PasswordOptions, Role, SessionKind};
use isobase_server::{AppCollection, ServerConfig};
use isobase_store::{Rule, RuleAction, RuleBook, Rules, Schema, Unruled};
use isobase_types::CollectionName;
use serde_json::{Value, json};

use super::support::{items, service};
use crate::records::support::{Ask, Service, Settings};

const NOTES: &str = r#"{"required":["text"],"properties":{
    "text":{"type":"string"},"owner":{"type":"integer","x-reference":"isobase_accounts"},
    "about":{"type":["integer","null"],"x-reference":"notes"},
    "pin":{"type":"string","writeOnly":true}}}"#;

/// Notes that belong to accounts.
fn notes() -> AppCollection {
    let mut notes = AppCollection::new(CollectionName::new("notes").unwrap());
    notes.schema = Some(Schema::parse(NOTES.as_bytes()).unwrap());
    notes
}

/// A service with notes and accounts, and the tokens of `ann` and `eve`.
async fn with_accounts(rules: Rules) -> (Service, [String; 2]) {
    let name = || CollectionName::new("notes").unwrap();
    let rules = Arc::new(RuleBook::new(Unruled::Open).with(name(), rules));
    let config = ServerConfig { collections: vec![notes()], rules, ..ServerConfig::default() };
    let settings = Settings { config, ..Settings::default() };
    let schemas = [(name(), notes().schema.unwrap())].into();
    let service = Service::made(settings, |store| store.with_schemas(schemas));
    let passwords = PasswordOptions { memory_kib: 8, passes: 1, ..PasswordOptions::default() };
    let accounts =
        Accounts::new(&service.store, AccountOptions { passwords, ..AccountOptions::default() });
    let mut tokens = [String::new(), String::new()];
    for (name, token) in ["ann", "eve"].into_iter().zip(&mut tokens) {
        let email = format!("{name}@x.org");
        let new = NewAccount { name, email: Some(&email), password: "secret" };
        let account = accounts.create(new, &Role::user()).await.unwrap();
        let session = accounts.sessions().begin(&account, SessionKind::Bearer, None).await.unwrap();
        *token = format!("Bearer {}", session.token);
    }
    (service, tokens)
}

async fn ask(service: &Service, token: &str, (method, path): (Method, &str), body: Value) -> Value {
    let ask = Ask::new(method, path).header("authorization", token);
    let ask = if body.is_null() { ask } else { ask.json(body.to_string()) };
    let reply = service.send(ask).await;
    reply.has_status(200);
    reply.json()
}

#[tokio::test]
async fn a_batch_writes_rows() {
    let service = service(vec![items()]);
    let batch = json!({ "operations": [
        { "method": "create", "body": { "user_id": "1", "name": 7, "zebra": 1, "done": true } },
        { "method": "create", "body": { "user_id": 1, "name": "b" } },
        { "method": "put", "id": 1, "body": { "done": 1 } },
        { "method": "patch", "id": 2, "patch": { "name": "c", "user_id": 9 }, "if_match": "*" },
        { "method": "delete", "id": 3 },
    ]});
    let written = service.post("/api/items/batch", batch.to_string()).await;
    written.has_status(200);
    let statuses: Vec<Value> = written.json()["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["status"].clone())
        .collect();
    assert_eq!(statuses, [201, 201, 200, 200, 404]);
    let rows = service.get("/api/items?sort=id&fields=name,done,user_id").await;
    let expected =
        r#"[{"id":1,"user_id":1,"name":"7","done":1},{"id":2,"user_id":1,"name":"c","done":0}]"#;
    rows.is(200, expected);
    // What is no operation is told before anything is written.
    for (operation, message) in [
        (json!({ "method": "patch", "id": 1, "patch": [] }), "as an object"),
        (json!({ "method": "put", "id": "x", "body": {}, "upsert": true }), "no upsert"),
        (json!({ "method": "get", "id": 1 }), "writes only"),
    ] {
        let mut operations = vec![json!({ "method": "delete", "id": 1 })];
        if operation["method"] == "get" {
            operations.clear();
        }
        operations.push(operation);
        let body = json!({ "operations": operations }).to_string();
        let refused = service.post("/api/items/batch", body).await;
        refused.is_problem(422, "invalid_batch").contains(message);
    }
    let atomic = json!({ "atomic": true, "operations": [
        { "method": "delete", "id": 1 }, { "method": "delete", "id": 9 },
    ]});
    let refused = service.post("/api/items/batch", atomic.to_string()).await;
    refused.is_problem(409, "batch_rejected").contains("item_not_found: Item not found");
    rows.is(200, &service.get("/api/items?sort=id&fields=name,done,user_id").await.text);
}

#[tokio::test]
async fn what_a_batch_refuses_has_the_answer_it_had_alone() {
    let service = service(vec![items()]);
    let operations = json!([
        { "method": "create", "body": { "user_id": 1, "name": "a" } },
        { "method": "create", "body": { "name": "x" } },
        { "method": "patch", "id": 1, "patch": { "zebra": 1 } },
        { "method": "delete", "id": 9 },
        { "method": "create", "body": { "user_id": 1, "name": "b" } },
    ]);
    let atomic = json!({ "operations": operations, "atomic": true }).to_string();
    // The type of the body is not looked at, as on the other routes.
    let ask = Ask::new(Method::POST, "/api/items/batch").body(atomic);
    let refused = service.send(ask).await;
    refused.is_problem(409, "batch_rejected").contains("operation 1: fields_required: user_id");
    service.get("/api/items").await.is(200, "[]");
    let each = json!({ "operations": operations }).to_string();
    let written = service.post("/api/items/batch", each).await.json();
    let told: Vec<(u64, &str)> = written["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| {
            (it["status"].as_u64().unwrap(), it["error"]["detail"].as_str().unwrap_or_default())
        })
        .collect();
    let expected = [
        (201, ""),
        (400, "user_id and name required"),
        (400, "No fields to update"),
        (404, "Item not found"),
        (201, ""),
    ];
    assert_eq!(told, expected);
    assert_eq!(written["results"][1]["error"]["errors"][0]["pointer"], "/user_id");
    assert_eq!(service.get("/api/items").await.json().as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn references_are_expanded_and_accounts_show_their_name_only() {
    let signed_in = Rule::parse(RuleAction::List, "@user").unwrap();
    let rules = Rules::default().with(RuleAction::List, signed_in);
    let (service, [ann, _]) = with_accounts(rules).await;
    let all = (Method::POST, "/api/notes");
    let first = json!({ "text": "a", "owner": 2, "pin": "0000" });
    ask(&service, &ann, all.clone(), first).await;
    ask(&service, &ann, all, json!({ "text": "b", "owner": 1, "about": 3 })).await;
    let eve = json!({ "username": "eve", "id": 2 });
    let one = ask(&service, &ann, (Method::GET, "/api/notes/3?expand=owner"), Value::Null).await;
    assert_eq!(one, json!({ "id": 3, "text": "a", "owner": eve, "about": null }));
    for target in [
        "/api/notes?expand=owner,about.owner&sort=-id",
        "/api/notes?expand=owner,about.owner&sort=-id&limit=2",
    ] {
        let listed = ask(&service, &ann, (Method::GET, target), Value::Null).await;
        let rows = listed.get("items").unwrap_or(&listed);
        assert_eq!(rows[0]["owner"], json!({ "username": "ann", "id": 1 }), "{target}");
        assert_eq!(rows[0]["about"], json!({ "text": "a", "owner": eve, "id": 3 }), "{target}");
    }
    let record =
        ask(&service, &ann, (Method::GET, "/records/notes/3?expand=owner"), Value::Null).await;
    assert_eq!(record["owner"], eve);
    for target in
        ["/api/notes?expand=text", "/api/notes/3?expand=owner.name", "/api/notes?expand=pin"]
    {
        let reply =
            service.send(Ask::new(Method::GET, target).header("authorization", &*ann)).await;
        reply.is_problem(422, "invalid_parameter");
    }
}

#[tokio::test]
async fn rules_bind_lists_counts_and_batches() {
    let rule = |action, text: &str| (action, Rule::parse(action, text).unwrap());
    let rules = [
        rule(RuleAction::List, "or(owner.eq.@user.id, text.eq.open)"),
        rule(RuleAction::Create, "@user & owner=@user.id"),
        rule(RuleAction::Update, "owner=@user.id & @new.owner=@user.id & @new.text[ne]=secret"),
    ];
    let rules = rules.into_iter().fold(Rules::default(), |all, (action, it)| all.with(action, it));
    let (service, [ann, eve]) = with_accounts(rules).await;
    for (token, owner) in [(&ann, 1), (&ann, 1), (&eve, 2)] {
        let body = json!({ "text": "x", "owner": owner });
        ask(&service, token, (Method::POST, "/api/notes"), body).await;
    }
    let counted = (Method::GET, "/api/notes?page=1&limit=1");
    assert_eq!(ask(&service, &ann, counted.clone(), Value::Null).await["total"], 2);
    assert_eq!(ask(&service, &eve, counted.clone(), Value::Null).await["total"], 1);
    // No one needs a key, and sees nothing.
    let nobody = service.get("/api/notes?limit=5&count=exact").await;
    nobody.is(200, r#"{"items":[],"next":null,"total":0}"#);
    let batch = json!({ "operations": [
        { "method": "create", "body": { "text": "for ann", "owner": 1 } },
        { "method": "patch", "id": 5, "patch": { "owner": 1 } },
        { "method": "patch", "id": 5, "patch": { "text": "secret" } },
        { "method": "patch", "id": 5, "patch": { "text": "mine" } },
        { "method": "patch", "id": 3, "patch": { "text": "stolen" } },
    ]});
    let answer = ask(&service, &eve, (Method::POST, "/api/notes/batch"), batch).await;
    let statuses: Vec<Value> =
        answer["results"].as_array().unwrap().iter().map(|it| it["status"].clone()).collect();
    assert_eq!(statuses, [403, 403, 403, 200, 404]);
}
