use std::sync::Arc;

use http::Method;
use isobase_auth::Authorizer;
use isobase_server::{LicenceOptions, Secret, ServerConfig, compose};
use serde_json::{Value, json};

use crate::records::support::{Ask, Reply, Service, Settings};

const DB: &str = "/api/v1/db/license";

async fn create(service: &Service, body: Value) -> (i64, String) {
    let made = service.post(&format!("{DB}/create"), body.to_string()).await;
    let made = made.has_status(200).json();
    (made["id"].as_i64().unwrap(), made["license_key"].as_str().unwrap().to_owned())
}

async fn step(service: &Service, id: i64, action: &str, body: &str) -> Reply {
    service.post(&format!("{DB}/{id}/{action}"), body).await
}

#[tokio::test]
async fn each_step_shows_the_licence_and_is_refused_twice() {
    let service = Service::new();
    let (id, _) = create(&service, json!({ "email": "a@b.c" })).await;
    for (action, state) in [("suspend", "suspended"), ("reinstate", "active")] {
        let said = step(&service, id, action, "").await;
        assert_eq!(said.has_status(200).json()["state"], state);
        step(&service, id, action, "").await.is_problem(409, "license_state");
    }
    let days = service.get(&format!("{DB}/{id}")).await.json()["days"].as_i64().unwrap();
    let extended = step(&service, id, "extend", r#"{"days":30}"#).await.json();
    assert_eq!(extended["days"], days + 30);
    step(&service, id, "extend", "{}").await.is_problem(422, "invalid_body");
    let forever = step(&service, id, "extend", r#"{"expiry_date":null}"#).await.json();
    assert_eq!(forever["expires_at"], Value::Null);
    service.delete(&format!("{DB}/{id}")).await.has_status(200);
    assert_eq!(service.get(&format!("{DB}/{id}")).await.json()["state"], "deleted");
    step(&service, id, "restore", "").await.has_status(200);
    let rotated = step(&service, id, "rotate-key", "").await.has_status(200).json();
    assert!(rotated["license_key"].as_str().unwrap().starts_with("LIC-"));
    step(&service, id, "revoke", "").await.has_status(200);
    step(&service, id, "reinstate", "").await.is_problem(409, "license_state");
    step(&service, 999, "revoke", "").await.is_problem(404, "license_not_found");
    step(&service, id, "explode", "").await.is_problem(404, "route_not_found");
}

#[tokio::test]
async fn policies_and_limits_of_a_licence_hold() {
    let service = Service::new();
    let activate = async |key: &str, id: &str| {
        let body = json!({ "email": "a@b.c", "installation_id": id, "license_key": key });
        service.post("/api/v1/license/activate", body.to_string()).await
    };
    let own = json!({ "email": "a@b.c", "max_installations": 1, "at_limit": "reject" });
    let (id, key) = create(&service, own).await;
    activate(&key, "m-1").await.has_status(200);
    let refused = activate(&key, "m-2").await;
    refused.is_problem(400, "installation_limit");
    assert_eq!((&refused.json()["limit"], &refused.json()["active_count"]), (&json!(1), &json!(1)));
    let listed = service.get(&format!("{DB}/{id}/installations")).await.json();
    assert_eq!(listed["installations"][0]["installation_id"], "m-1");
    service.delete(&format!("{DB}/{id}/installations/m-1")).await.has_status(200);
    activate(&key, "m-2").await.has_status(200);
    service
        .delete(&format!("{DB}/{id}/installations/m-1"))
        .await
        .is_problem(404, "installation_not_found");
    let more = json!({ "at_limit": "allow_n", "allow_n": 1 });
    service.patch(&format!("{DB}/{id}"), more.to_string()).await.has_status(200);
    activate(&key, "m-3").await.has_status(200);
    activate(&key, "m-4").await.is_problem(400, "installation_limit");
    service.get(&format!("{DB}/export.csv")).await.contains(",2,2,20");
    for wrong in [
        json!({ "at_limit": "eject" }),
        json!({ "max_installations": -1 }),
        json!({ "max_installations": 201 }),
        json!({ "grace_days": "many" }),
        json!({ "tags": [1] }),
        json!({ "tags": "a" }),
        json!({ "email": "" }),
        json!({ "email": "a\u{0}b" }),
        json!({ "license_key": "\n" }),
    ] {
        let said = service.patch(&format!("{DB}/{id}"), wrong.to_string()).await;
        said.is_problem(422, "invalid_body");
    }
}

#[tokio::test]
async fn pages_and_exports_show_what_is_chosen_and_no_formulas() {
    let service = Service::new();
    for number in 0..5 {
        let (id, _) = create(&service, json!({ "email": format!("{number}@b.c") })).await;
        if number == 0 {
            step(&service, id, "suspend", "").await;
        }
    }
    let hostile = json!({ "email": "=cmd|' /C calc'!A0", "note": "@SUM(1,\"2\")", "tags": ["x"] });
    create(&service, hostile).await;
    let first = service.get(&format!("{DB}?limit=4")).await.json();
    assert_eq!(first["count"], 4);
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = service.get(&format!("{DB}?limit=4&cursor={cursor}")).await.json();
    assert_eq!((&second["count"], &second["next_cursor"]), (&json!(2), &Value::Null));
    assert_eq!(service.get(&format!("{DB}?state=suspended")).await.json()["count"], 1);
    assert_eq!(service.get(&format!("{DB}?q=3%40B")).await.json()["count"], 1);
    assert_eq!(service.get(&format!("{DB}?tag=x")).await.json()["count"], 1);
    service
        .get(&format!("{DB}?state=odd&expires_before=soon"))
        .await
        .is_problem(422, "invalid_parameter");
    service.get(&format!("{DB}?cursor=xyz")).await.is_problem(422, "invalid_argument");
    let csv = service.get(&format!("{DB}/export.csv?state=active")).await;
    assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8"));
    assert_eq!(csv.text.lines().count(), 6);
    csv.contains("\"'=cmd|' /c calc'!a0\"").contains("\"'@SUM(1,\"\"2\"\")\"").lacks("\n0@b.c");
}

#[tokio::test]
async fn files_are_signed_where_there_is_a_secret() {
    let open = Service::new();
    let app = compose(open.store.clone(), Arc::new(Authorizer::open()), ServerConfig::default());
    let plain = Service::of(app, open.store.clone());
    // Its key is shown once: only the hash is kept.
    let (id, key) = create(&plain, json!({ "email": "a@b.c" })).await;
    let listed = plain.get(&format!("{DB}/list")).await;
    listed.lacks(&key).contains(&key[key.len() - 4..].replace('-', ""));
    plain.get(&format!("{DB}/by-key?license_key={key}")).await.has_status(200).contains(&key);
    step(&plain, id, "file", "{}").await.is_problem(501, "no_license_secret");
    plain.get("/api/v1/license/public-key").await.is_problem(501, "no_license_secret");
    let secret = Some(Secret::new(&"s".repeat(32)).unwrap());
    let licences = LicenceOptions { secret, ..LicenceOptions::default() };
    let config = ServerConfig { licences, ..ServerConfig::default() };
    let service = Service::with(Settings { config, ..Settings::default() });
    let (id, _) = create(&service, json!({ "email": "a@b.c" })).await;
    let key = service.get("/api/v1/license/public-key").await.json();
    assert_eq!((&key["alg"], key["public_key"].as_str().unwrap().len()), (&json!("ed25519"), 44));
    let file = step(&service, id, "file", r#"{"days":7,"installation_id":"m-1"}"#).await;
    file.has_status(200).contains("-----BEGIN ISOBASE LICENSE-----");
    step(&service, id, "file", r#"{"days":0}"#).await.is_problem(422, "invalid_body");
    step(&service, id, "suspend", "").await;
    step(&service, id, "file", "{}").await.is_problem(409, "license_state");
}

#[tokio::test]
async fn many_are_made_by_one_request_that_may_be_repeated() {
    let service = Service::new();
    let path = format!("{DB}/bulk");
    let body = json!({ "licenses": [{ "email": "A@b.c", "days": 30, "tags": ["team"] },
        { "email": "b@b.c", "license_key": "own", "expiry_date": null }] });
    let ask = async |key: &str, body: &Value| {
        let ask = Ask::new(Method::POST, &path).json(body.to_string());
        service.send(ask.header("idempotency-key", key)).await
    };
    let first = ask("k-1", &body).await;
    let made = first.has_status(200).json();
    assert_eq!((&made["created"], &made["refused"]), (&json!(2), &json!(0)));
    assert_eq!(
        (&made["results"][0]["email"], &made["results"][1]["license_key"]),
        (&json!("a@b.c"), &json!("own"))
    );
    assert_eq!(made["results"][1]["expiry"], Value::Null);
    let again = ask("k-1", &body).await;
    assert_eq!(again.json(), made);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    ask("k-1", &json!({ "licenses": [{ "email": "c@b.c" }] })).await.has_status(422);
    let listed = async || service.get(&format!("{DB}/list")).await.json()["count"].clone();
    assert_eq!(listed().await, 2);
    // None is made when one cannot be.
    let taken =
        json!({ "licenses": [{ "email": "c@b.c" }, { "email": "d@b.c", "license_key": "own" }] });
    let refused = service.post(&path, taken.to_string()).await;
    assert_eq!(refused.is_problem(400, "license_refused").blamed(), ["/licenses/1"]);
    let wrong = json!({ "licenses": [{ "email": "c@b.c", "days": 0 }, 7, { "email": "" }] });
    let refused = service.post(&path, wrong.to_string()).await;
    assert_eq!(refused.is_problem(422, "invalid_body").blamed(), ["/licenses/0", "/licenses/1"]);
    let empty = json!({ "licenses": [{ "email": "c@b.c" }, { "email": "" }] });
    let refused = service.post(&path, empty.to_string()).await;
    assert_eq!(refused.is_problem(422, "invalid_body").blamed(), ["/licenses/1/email"]);
    service.post(&path, r#"{"licenses":[]}"#).await.is_problem(422, "invalid_body");
    let many = json!({ "licenses": vec![json!({ "email": "c@b.c" }); 1_001] });
    service.post(&path, many.to_string()).await.is_problem(422, "limit_exceeded");
    assert_eq!(listed().await, 2);
    // One alone may be repeated too.
    let one = || {
        Ask::new(Method::POST, &format!("{DB}/create"))
            .json(r#"{"email":"e@b.c"}"#)
            .header("idempotency-key", "k-2")
    };
    let (first, second) = (service.send(one()).await, service.send(one()).await);
    assert_eq!(first.has_status(200).json(), second.json());
    assert_eq!(listed().await, 3);
}

#[tokio::test]
async fn an_import_tells_of_every_row() {
    let service = Service::new();
    let row = |key: &str, expiry: &str| json!({ "id": 9, "email": "a@b.c", "license_key": key, "expiry_date": expiry, "status": "active" });
    let body = json!({
        "licenses": [row("K-1", "2099-01-01"), row("K-2", "whenever"), row("", "2099-01-01")],
        "installations": [{ "email": "a@b.c", "installation_id": "m-1" }],
    });
    let import = async |query: &str| {
        let said = service.post(&format!("{DB}/import{query}"), body.to_string()).await;
        said.has_status(200).json()
    };
    let dry = import("?dry_run=true").await;
    assert_eq!((&dry["dry_run"], &dry["licenses"]["created"]), (&json!(true), &json!(2)));
    assert_eq!(service.get(&format!("{DB}/list")).await.json()["count"], 0);
    let first = import("").await;
    assert_eq!(
        (&first["licenses"]["created"], &first["licenses"]["failed"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(import("").await["licenses"]["unchanged"], 2);
    // What cannot be read is shown, and breaks no list.
    let list = service.get(&format!("{DB}/list")).await.json();
    assert_eq!(list["count"], 2);
    let odd = service.get(&format!("{DB}?state=unreadable")).await.json();
    assert_eq!(odd["licenses"][0]["expiry_date"], "whenever");
    let many = json!({ "licenses": vec![row("K", "2099-01-01"); 501] });
    let said = service.post(&format!("{DB}/import"), many.to_string()).await;
    said.is_problem(422, "limit_exceeded");
    let wrong = json!({ "licenses": [{ "email": 7 }] });
    service.post(&format!("{DB}/import"), wrong.to_string()).await.is_problem(422, "invalid_body");
}
