//! The admin site: its files, and what only it asks for.

use std::{
    path::Path,
    sync::{Arc, atomic::Ordering},
    time::SystemTime,
};

use http::Method;
use isobase_auth::{Authorizer, Sealer, SecretSource};
use isobase_engine_memory::{MemoryEngine, MemoryOptions};
use isobase_server::{HttpConfig, Machine, OpenTo, ServerConfig, Space, compose};
use isobase_store::{
    Action, Atomicity, IfMissing, Precondition, Store, StoreOptions, WriteBatch, WriteOperation,
};
use isobase_types::{CollectionName, DocumentId, Timestamp};
use serde_json::{Value, json};

use super::support::Service;

#[tokio::test]
async fn every_address_is_the_frame_and_nothing_foreign_may_load() {
    let service = Service::new();
    let frame = service.get("/admin").await;
    for target in ["/admin", "/admin/licenses", "/admin/data/orders?id=1", "/admin/no/such/screen"]
    {
        let page = service.get(target).await;
        assert_eq!((page.status, &page.text), (200, &frame.text), "{target}");
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        let policy = page.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    }
    assert!(frame.text.contains("src=\"/admin/assets/app.js\""));
}

#[tokio::test]
async fn files_are_kept_by_browsers_until_they_change() {
    let service = Service::new();
    let module = service.get("/admin/assets/lib/dom.js").await;
    assert_eq!(module.status, 200);
    assert_eq!(module.header("content-type"), "text/javascript; charset=utf-8");
    let known = [("if-none-match", module.header("etag"))];
    let again = service.ask(Method::GET, "/admin/assets/lib/dom.js", &known).await;
    assert_eq!((again.status, again.text.as_str()), (304, ""));
    for target in ["/admin/assets/no.js", "/admin/assets/%2E%2E/src/lib.rs", "/admin/assets/lib"] {
        service.get(target).await.is_problem(404, "route_not_found");
    }
}

#[tokio::test]
async fn numbers_of_the_hub_are_for_administrators() {
    let service = Service::with(Default::default(), Authorizer::new(Some("a-key-of-many-letters")));
    service.get("/admin/api/overview").await.is_problem(401, "unauthenticated");
    service.get("/api/v1/audit").await.is_problem(401, "unauthenticated");
    assert_eq!(service.get("/admin").await.status, 200);
}

#[tokio::test]
async fn hub_opens_while_the_database_is_out_of_order() {
    let service = Service::new();
    let create = [("content-type", "application/json")];
    service.ask_with(Method::POST, "/records/notes", &create, "{}").await;
    let overview = service.get("/admin/api/overview").await.json();
    assert_eq!(overview["ready"], true);
    let data = json!({ "records": 1, "collections": 1, "documents": { "notes": 1 } });
    assert_eq!(overview["data"], data);
    let before = overview["warnings"].as_array().unwrap().len();
    service.trouble.broken.store(true, Ordering::SeqCst);
    let overview = service.get("/admin/api/overview").await;
    assert_eq!(overview.status, 200);
    assert_eq!(overview.json()["ready"], false);
    assert_eq!(overview.json()["warnings"].as_array().unwrap().len(), before + 1);
}

/// A service over a database with these documents of the service itself, which a key opens.
async fn service_with(documents: &[(&str, Value)], machine: Option<Machine>) -> Service {
    let engine = MemoryEngine::new(Arc::new(isobase_engine::SystemClock), MemoryOptions::default());
    let store = Store::new(Arc::new(engine), StoreOptions::default());
    for (collection, body) in documents {
        let id = DocumentId::Text("01".into());
        let action = Action::Put { id, body: body.to_string(), if_missing: IfMissing::Create };
        let operation = WriteOperation {
            collection: CollectionName::new(collection).unwrap(),
            action,
            precondition: Precondition::Missing,
        };
        let batch = WriteBatch { operations: vec![operation], ..WriteBatch::default() };
        store.system().write(batch, Atomicity::EachAlone).await.unwrap();
    }
    let sealer = Some(Sealer::new(SecretSource::Text("a secret of these tests".into())));
    let config = ServerConfig { machine, sealer, ..ServerConfig::default() };
    let authorizer = Arc::new(Authorizer::new(Some("a-key-of-many-letters")));
    Service { app: compose(store, authorizer, config), trouble: Arc::default() }
}

async fn warnings(service: &Service) -> Vec<String> {
    let key = [("x-api-key", "a-key-of-many-letters")];
    let overview = service.ask(Method::GET, "/admin/api/overview", &key).await.json();
    let warnings = overview["warnings"].as_array().unwrap().iter();
    warnings.map(|warning| warning.as_str().unwrap().to_owned()).collect()
}

fn machine(free: u64, total: u64) -> Option<Machine> {
    // What a disk says is a function without a state: one for each case.
    fn space(folder: &Path) -> Option<Space> {
        let (free, total) = folder.to_str()?.split_once('-')?;
        Some(Space { free: free.parse().ok()?, total: total.parse().ok()? })
    }
    Some(Machine { folders: vec![("data", format!("{free}-{total}").into())], space })
}

#[tokio::test]
async fn hub_warns_of_disks_that_are_nearly_full() {
    const GIB: u64 = 1 << 30;
    for (free, total, warns) in [
        (500 * GIB, 1_000 * GIB, false),
        (30 * GIB, 1_000 * GIB, false),
        (10 * GIB, 1_000 * GIB, true),
        (10 * GIB, 20 * GIB, false),
        (GIB - 1, 2 * GIB, true),
    ] {
        let service = service_with(&[], machine(free, total)).await;
        let told = warnings(&service).await;
        assert_eq!(told.iter().any(|it| it.contains("nearly full")), warns, "{free}: {told:?}");
        assert_eq!(told.len(), usize::from(warns), "{told:?}");
        let key = [("x-api-key", "a-key-of-many-letters")];
        let overview = service.ask(Method::GET, "/admin/api/overview", &key).await.json();
        assert_eq!(overview["disks"], json!([{ "purpose": "data", "free": free, "total": total }]));
    }
}

#[tokio::test]
async fn hub_warns_of_failed_jobs_clocks_and_open_doors() {
    let job = |state: &str, at: &str| {
        json!({
            "kind": "backup", "state": state, "by": "internal", "parameters": {},
            "created_at": at, "started_at": at, "ended_at": at, "error": "no room",
        })
    };
    let now = Timestamp::from_system_time(SystemTime::now()).to_string();
    for (state, at, warns) in [
        ("failed", &*now, true),
        ("interrupted", &now, true),
        ("succeeded", &now, false),
        ("failed", "2020-01-01T00:00:00.000000Z", false),
    ] {
        let told = warnings(&service_with(&[("isobase_jobs", job(state, at))], None).await).await;
        assert_eq!(told.iter().any(|it| it.contains("job failed")), warns, "{state}: {told:?}");
    }
    let entry = |at: &str| ("isobase_audit", json!({ "at": at, "action": "license.created" }));
    for (at, warns) in [("2999-01-01T00:00:00.000000Z", true), (&*now, false), ("rubbish", false)] {
        let told = warnings(&service_with(&[entry(at)], None).await).await;
        assert_eq!(told.iter().any(|it| it.contains("in the future")), warns, "{at}: {told:?}");
    }
    let open = Service::new().get("/admin/api/overview").await.json()["warnings"].to_string();
    assert!(open.contains("everybody who reaches it") && open.contains("no secret"), "{open}");
}

#[tokio::test]
async fn audit_is_told_newest_first_and_hidden_elsewhere() {
    let engine = MemoryEngine::new(Arc::new(isobase_engine::SystemClock), MemoryOptions::default());
    let store = Store::new(Arc::new(engine), StoreOptions::default());
    let collection = CollectionName::new("isobase_audit").unwrap();
    for (at, action) in [(1, "license.created"), (3, "license.revoked"), (2, "license.extended")] {
        let id = DocumentId::Text(format!("7-{at}").into());
        let body = json!({ "at": format!("2026-11-30T12:00:0{at}Z"), "actor": "internal", "action": action });
        let action = Action::Put { id, body: body.to_string(), if_missing: IfMissing::Create };
        let operation = WriteOperation {
            collection: collection.clone(),
            action,
            precondition: Precondition::Missing,
        };
        let batch = WriteBatch { operations: vec![operation], ..WriteBatch::default() };
        store.system().write(batch, Atomicity::EachAlone).await.unwrap();
    }
    let http = HttpConfig { open_to: OpenTo::Everyone, ..HttpConfig::default() };
    let config = ServerConfig { http, ..ServerConfig::default() };
    let app = compose(store, Arc::new(Authorizer::open()), config);
    let service = Service { app, trouble: Arc::default() };
    let ask = async |target: &str| service.get(target).await;
    let page = ask("/api/v1/audit?limit=2").await.json();
    let actions = |page: &serde_json::Value| -> Vec<String> {
        let entries = page["entries"].as_array().unwrap().iter();
        entries.map(|entry| entry["action"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(actions(&page), ["license.revoked", "license.extended"]);
    assert_eq!(page["entries"][0]["id"], "7-3");
    let next = format!("/api/v1/audit?limit=2&cursor={}", page["next"].as_str().unwrap());
    let rest = ask(&next).await.json();
    assert_eq!(actions(&rest), ["license.created"]);
    assert_eq!(rest["next"], json!(null));
    let some = ask("/api/v1/audit?action=license.revoked").await.json();
    assert_eq!(actions(&some), ["license.revoked"]);
    ask("/api/v1/audit?limit=0").await.is_problem(422, "invalid_parameter");
    assert_eq!(ask("/collections").await.json(), json!({ "collections": [] }));
}

#[tokio::test]
async fn views_are_kept_under_names() {
    let service = Service::new();
    let json = [("content-type", "application/json")];
    let put = async |name: &str, address: &str| {
        let body = json!({ "address": address }).to_string();
        service.ask_with(Method::PUT, &format!("/admin/api/views/{name}"), &json, &body).await
    };
    assert_eq!(service.get("/admin/api/views").await.json(), json!({ "views": [] }));
    assert_eq!(put("b", "/admin/data/orders?filter=a%3D1").await.status, 200);
    assert_eq!(put("a%20%3Cb%3E", "/admin").await.status, 200);
    let changed = put("b", "/admin/requests?range=1h").await.json();
    let views = json!([
        { "name": "a <b>", "address": "/admin" },
        { "name": "b", "address": "/admin/requests?range=1h" },
    ]);
    assert_eq!(changed["views"], views);
    assert_eq!(service.get("/admin/api/views").await.json()["views"], views);
    // Nothing that leads elsewhere, and nothing without end.
    for address in
        ["", "https://example.com/admin", "//example.com", "/administer", "/records/a", "/admin\n"]
    {
        put("c", address).await.is_problem(422, "invalid_body");
    }
    put("c", &format!("/admin?{}", "x".repeat(4_000))).await.is_problem(422, "invalid_body");
    put(&"x".repeat(101), "/admin").await.is_problem(422, "invalid_body");
    put("%20", "/admin").await.is_problem(422, "invalid_body");
    for _ in 0..2 {
        let left = service.ask(Method::DELETE, "/admin/api/views/b", &[]).await.json();
        assert_eq!(left["views"].as_array().unwrap().len(), 1);
    }
    for number in 0..99 {
        assert_eq!(put(&format!("v{number}"), "/admin").await.status, 200);
    }
    put("one-more", "/admin").await.is_problem(422, "limit_exceeded");
    assert_eq!(service.get("/collections").await.json(), json!({ "collections": [] }));
}
