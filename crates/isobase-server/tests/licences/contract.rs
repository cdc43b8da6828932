//! What clients of the older database and licence services send, and what they are told.

use serde_json::{Value, json};

use crate::records::support::Service;

const DB: &str = "/api/v1/db";

async fn post(service: &Service, path: &str, body: Value) -> crate::records::support::Reply {
    service.post(path, body.to_string()).await
}

async fn licence(service: &Service, email: &str, key: &str, expiry: &str) {
    let body = json!({ "email": email, "license_key": key, "expiry_date": expiry });
    post(service, &format!("{DB}/license"), body).await.has_status(200);
}

#[tokio::test]
async fn a_licence_is_made_found_edited_and_deleted() {
    let service = Service::new();
    let body =
        json!({ "email": "Ann@b.c", "license_key": "K-1", "expiry_date": "2099-01-02T03:04:05" });
    post(&service, &format!("{DB}/license"), body).await.is(
        200,
        r#"{"success":true,"email":"Ann@b.c","license_key":"K-1","expiry":"2099-01-02T03:04:05"}"#,
    );
    let row = service.get(&format!("{DB}/license/by-key?license_key=K-1")).await;
    let id = row.json()["id"].as_i64().unwrap();
    let created = row.json()["created_at"].as_str().unwrap().to_owned();
    let expected = format!(
        r#"{{"id":{id},"email":"ann@b.c","license_key":"K-1","expiry_date":"2099-01-02T03:04:05","created_at":"{created}","status":"active"}}"#
    );
    row.is(200, &expected);
    service.get(&format!("{DB}/license/by-email?email=ANN@b.c")).await.is(200, &expected);
    let list = service.get(&format!("{DB}/license/list")).await.json();
    assert_eq!((&list["count"], &list["licenses"][0]["license_key"]), (&json!(1), &json!("K-1")));
    assert!(list["licenses"][0]["days"].as_i64().unwrap() > 20_000);
    let one = format!("{DB}/license/{id}");
    let edit =
        json!({ "email": "bob@b.c", "license_key": "K-2", "expiry_date": "2098-01-01T00:00:00Z" });
    service.patch(&one, edit.to_string()).await.is(200, r#"{"success":true}"#);
    let row = service.get(&format!("{DB}/license/by-key?license_key=K-2")).await.json();
    assert_eq!(
        (&row["email"], &row["expiry_date"]),
        (&json!("bob@b.c"), &json!("2098-01-01T00:00:00"))
    );
    service.delete(&one).await.is(200, r#"{"success":true}"#);
    for path in ["license/by-key?license_key=K-2", "license/by-email?email=bob@b.c"] {
        let gone = service.get(&format!("{DB}/{path}")).await;
        gone.is_problem(404, "license_not_found").contains(r#""detail":"License not found""#);
    }
    service.delete(&one).await.is_problem(404, "license_not_found");
    assert_eq!(service.get(&format!("{DB}/license/list")).await.json()["count"], 0);
}

#[tokio::test]
async fn edits_that_fit_nothing_are_bad_requests() {
    let service = Service::new();
    licence(&service, "a@b.c", "K-1", "2099-01-01").await;
    licence(&service, "a@b.c", "K-2", "2099-01-01").await;
    let body = json!({ "email": "a@b.c", "license_key": "K-2", "expiry_date": "2099-01-01" });
    let unknown = service.patch(&format!("{DB}/license/999"), body.to_string()).await;
    unknown.is_problem(400, "license_refused").contains(r#""detail":"License not found""#);
    let taken = service.patch(&format!("{DB}/license/1"), body.to_string()).await;
    taken.is_problem(400, "license_refused").contains(r#""detail":"License key already exists""#);
    let other = json!({ "email": "x@b.c", "license_key": "K-1", "expiry_date": "2099-01-01" });
    post(&service, &format!("{DB}/license"), other).await.is_problem(400, "license_refused");
    service.patch(&format!("{DB}/license/abc"), "{}").await.is_problem(422, "invalid_id");
    service.patch(&format!("{DB}/license/1"), "{}").await.is_problem(422, "invalid_body");
}

#[tokio::test]
async fn every_form_of_an_expiry_is_read_and_rubbish_is_422() {
    let service = Service::new();
    let forms = [
        (json!("2099-01-02T03:04:05Z"), json!("2099-01-02T03:04:05")),
        (json!("2099-01-02T03:04:05.123456"), json!("2099-01-02T03:04:05.123456")),
        (json!("2099-01-02"), json!("2099-01-02T00:00:00")),
        (json!("2099-01-02T03:04:05+02:00"), json!("2099-01-02T01:04:05")),
        (json!(null), json!(null)),
    ];
    for (place, (form, shown)) in forms.into_iter().enumerate() {
        let body =
            json!({ "email": "a@b.c", "license_key": format!("K{place}"), "expiry_date": form });
        let said = post(&service, &format!("{DB}/license"), body).await;
        assert_eq!(said.has_status(200).json()["expiry"], shown);
    }
    for rubbish in [json!("soon"), json!("2099-13-01"), json!(7), json!({}), json!("2099-02-30")] {
        let body = json!({ "email": "a@b.c", "license_key": "K", "expiry_date": rubbish });
        let said = post(&service, &format!("{DB}/license"), body).await;
        assert_eq!(said.is_problem(422, "invalid_body").blamed(), ["/expiry_date"], "{rubbish}");
    }
    let missing = json!({ "email": "a@b.c", "license_key": "K" });
    post(&service, &format!("{DB}/license"), missing).await.is_problem(422, "invalid_body");
    assert_eq!(service.get(&format!("{DB}/license/list")).await.json()["count"], 5);
}

#[tokio::test]
async fn a_key_is_made_that_nobody_can_forge() {
    let service = Service::new();
    let make = async || {
        let body = json!({ "email": "a@b.c", "days": "30" });
        post(&service, &format!("{DB}/license/create"), body).await.has_status(200).json()
    };
    let (one, two) = (make().await, make().await);
    assert_ne!(one["license_key"], two["license_key"]);
    assert!(one["license_key"].as_str().unwrap().starts_with("LIC-"));
    assert_eq!(one["success"], true);
    for days in [json!(0), json!(3_651), json!("x"), json!(1.5)] {
        let body = json!({ "email": "a@b.c", "days": days });
        let said = post(&service, &format!("{DB}/license/create"), body).await;
        assert_eq!(said.is_problem(422, "invalid_body").blamed(), ["/days"]);
    }
    post(&service, &format!("{DB}/license/create"), json!({}))
        .await
        .is_problem(422, "invalid_body");
}

#[tokio::test]
async fn installations_are_noted_seen_and_replaced() {
    let service = Service::new();
    let all = format!("{DB}/installations");
    let of = |id: &str| json!({ "email": "A@b.c", "installation_id": id });
    post(&service, &all, of("m-1")).await.is(200, r#"{"success":true}"#);
    let again = post(&service, &all, of("m-1")).await;
    again.is_problem(409, "installation_exists").contains("Installation already exists");
    post(&service, &format!("{all}?upsert=true"), of("m-1")).await.is(200, r#"{"success":true}"#);
    post(&service, &all, of("m-2")).await.has_status(200);
    for path in ["installations", "installations/last-seen"] {
        let one = format!("{DB}/{path}?email=a@b.c&installation_id=m-1");
        service.patch(&one, "").await.is(200, r#"{"success":true}"#);
        let none = format!("{DB}/{path}?email=a@b.c&installation_id=x");
        let said = service.patch(&none, "").await;
        said.is_problem(404, "installation_not_found").contains("Installation not found");
    }
    let listed = service.get(&format!("{all}?email=a@B.c")).await.json();
    assert_eq!(
        (&listed["count"], &listed["installations"][0]["installation_id"]),
        (&json!(2), &json!("m-1"))
    );
    let one = service.get(&format!("{all}?email=a@b.c&installation_id=m-2")).await.json();
    assert_eq!((&one["email"], &one["installation_id"]), (&json!("a@b.c"), &json!("m-2")));
    let seen = one["last_seen"].as_str().unwrap();
    assert_eq!((seen.len(), &seen[10..11]), (19, " "));
    assert_eq!(one, listed["installations"][1]);
    let empty = service.get(&format!("{all}?email=a@b.c&installation_id=")).await.json();
    assert_eq!(empty["count"], 2);
    service
        .get(&format!("{all}?email=a@b.c&installation_id=x"))
        .await
        .is_problem(404, "installation_not_found");
    service.get(&all).await.is_problem(422, "invalid_parameter");
    let replace = format!("{all}/replace-oldest");
    post(&service, &replace, of("m-3")).await.is(200, r#"{"success":true,"replaced":"m-2"}"#);
    for id in ["m-3", "m-1"] {
        let said = post(&service, &replace, of(id)).await;
        said.is_problem(404, "nothing_to_replace").contains("No installations to replace");
    }
    let nobody = json!({ "email": "x", "installation_id": "m" });
    post(&service, &replace, nobody).await.is_problem(404, "nothing_to_replace");
    service.delete(&format!("{all}?email=a@b.c&installation_id=m-3")).await.has_status(200);
    assert_eq!(service.get(&format!("{all}?email=a@b.c")).await.json()["count"], 1);
}

#[tokio::test]
async fn the_licence_service_answers_as_it_did() {
    let service = Service::new();
    licence(&service, "ann@b.c", "K-1", "2099-01-02T03:04:05").await;
    let activate = async |id: &str, key: &str, email: &str| {
        let body = json!({ "email": email, "installation_id": id, "license_key": key });
        post(&service, "/api/v1/license/activate", body).await
    };
    let first = activate("m-1", "K-1", "ANN@b.c").await.has_status(200).json();
    assert_eq!(first["valid"], true);
    assert_eq!(first["expiry"], "2099-01-02T03:04:05");
    assert_eq!(first["active_count"], 1);
    assert_eq!((&first["replaced"], &first["reason"]), (&Value::Null, &Value::Null));
    assert_eq!(first["message"], "License activated successfully");
    assert_eq!((&first["code"], &first["limit"]), (&json!("ok"), &json!(2)));
    assert!(first["server_time"].is_string() && first["request_id"].is_string());
    let again = activate("m-1", "K-1", "ann@b.c").await.json();
    assert_eq!(again["message"], "License activated (reinstall detected)");
    activate("m-2", "K-1", "ann@b.c").await.has_status(200);
    let third = activate("m-3", "K-1", "ann@b.c").await.json();
    assert_eq!(third["message"], "License activated (replaced oldest installation)");
    assert_eq!(third["active_count"], 2);
    let refused = activate("m-1", "none", "ann@b.c").await;
    refused.is_problem(400, "invalid_license").contains("License key not found or inactive");
    assert_eq!(
        (&refused.json()["valid"], &refused.json()["reason"]),
        (&json!(false), &json!("invalid_license"))
    );
    let mismatch = activate("m-1", "K-1", "x@b.c").await;
    mismatch.is_problem(400, "email_mismatch").contains("Email does not match license key");
    licence(&service, "old@b.c", "K-2", "2001-01-02T00:00:00Z").await;
    let expired = activate("m-1", "K-2", "old@b.c").await;
    expired.is_problem(400, "license_expired").contains("License expired on 2001-01-02T00:00:00");

    let validate = "/api/v1/license/validate";
    let replaced = third["replaced"].as_str().unwrap();
    let gone = service.get(&format!("{validate}?email=ann@b.c&installation_id={replaced}")).await;
    gone.is_problem(403, "installation_freed").contains("Installation not found or deactivated");
    let body = json!({ "email": "ann@b.c", "installation_id": "m-3" });
    let valid = post(&service, validate, body).await.has_status(200).json();
    assert_eq!(
        (&valid["valid"], &valid["message"]),
        (&json!(true), &json!("Installation validated"))
    );
    let unknown = service.get(&format!("{validate}?email=ann@b.c&installation_id=x")).await;
    unknown.is_problem(403, "installation_not_found");
    let noted = json!({ "email": "nobody@b.c", "installation_id": "m" });
    post(&service, &format!("{DB}/installations"), noted).await.has_status(200);
    let none = service.get(&format!("{validate}?email=nobody@b.c&installation_id=m")).await;
    none.is_problem(403, "no_active_license").contains("No active license found");

    let list = service.get("/api/v1/license/list").await.json();
    assert_eq!(list["count"], 2);
    let of_email = service.get("/api/v1/license/installations/ann@b.c").await.json();
    assert_eq!((&of_email["email"], &of_email["count"]), (&json!("ann@b.c"), &json!(2)));
    let own = json!({ "email": "z@b.c", "license_key": "own", "days": 1 });
    let made = post(&service, "/api/v1/license/create", own).await.has_status(200).json();
    assert_eq!(made["license_key"], "own");
    service.delete(&format!("/api/v1/license/{}", made["id"])).await.has_status(200);
    service.delete("/api/v1/license/999").await.is_problem(404, "license_not_found");
}

/// A service that answers its clients itself wants an answer, not an error.
#[tokio::test]
async fn a_thin_caller_is_always_told_with_200() {
    let service = Service::new();
    licence(&service, "ann@b.c", "K-1", "2099-01-02").await;
    let body =
        |key: &str| json!({ "email": "ann@b.c", "installation_id": "m", "license_key": key });
    let path = format!("{DB}/license/activate");
    let refused = post(&service, &path, body("x")).await.has_status(200).json();
    assert_eq!((&refused["valid"], &refused["code"]), (&json!(false), &json!("invalid_license")));
    assert_eq!(post(&service, &path, body("K-1")).await.json()["valid"], true);
    let pair = json!({ "email": "ann@b.c", "installation_id": "m" });
    let valid = post(&service, &format!("{DB}/license/validate"), pair).await.json();
    assert_eq!(valid["valid"], true);
    let explained = post(&service, &format!("{DB}/license/explain"), body("x")).await.json();
    assert_eq!(explained["rules"][1]["rule"], "key_is_known");
    assert_eq!(explained["answer"]["code"], "invalid_license");
}
