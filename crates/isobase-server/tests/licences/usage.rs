//! Licences by their installations.

use serde_json::{Value, json};

use crate::records::support::Service;

const DB: &str = "/api/v1/db/license";

async fn licence(service: &Service, body: Value) -> (i64, String) {
    let made = service.post(&format!("{DB}/create"), body.to_string()).await;
    let made = made.has_status(200).json();
    (made["id"].as_i64().unwrap(), made["license_key"].as_str().unwrap().to_owned())
}

async fn activate(service: &Service, email: &str, key: &str, installation: &str) {
    let body = json!({ "email": email, "installation_id": installation, "license_key": key });
    let path = "/api/v1/license/activate";
    service.post(path, body.to_string()).await.has_status(200);
}

async fn ids(service: &Service, query: &str) -> Vec<i64> {
    let page = service.get(&format!("{DB}?{query}")).await.has_status(200).json();
    let mut ids: Vec<_> =
        page["licenses"].as_array().unwrap().iter().map(|it| it["id"].as_i64().unwrap()).collect();
    ids.sort_unstable();
    ids
}

#[tokio::test]
async fn lists_tell_and_choose_by_installations() {
    let service = Service::new();
    let (unused, unused_key) = licence(&service, json!({ "email": "ann@b.c" })).await;
    let (below, key) = licence(&service, json!({ "email": "bob@b.c" })).await;
    activate(&service, "bob@b.c", &key, "m-1").await;
    // One that a client noted for the e-mail alone.
    let (full, _) = licence(&service, json!({ "email": "eve@b.c" })).await;
    for installation in ["m-1", "m-2"] {
        let noted = json!({ "email": "eve@b.c", "installation_id": installation });
        service.post("/api/v1/db/installations", noted.to_string()).await.has_status(200);
    }
    let own = json!({ "email": "eve@b.c", "max_installations": 2 });
    let (over, key) = licence(&service, own).await;
    for installation in ["m-3", "m-4"] {
        activate(&service, "eve@b.c", &key, installation).await;
    }
    let lower = json!({ "max_installations": 1 }).to_string();
    service.patch(&format!("{DB}/{over}"), lower).await.has_status(200);

    for (query, expected) in [
        ("installations=none", vec![unused]),
        ("installations=below_limit", vec![below]),
        ("installations=at_limit", vec![full]),
        ("installations=over_limit", vec![over]),
        ("seen_since=2020-01-01", vec![below, full, over]),
        ("not_seen_since=2020-01-01", vec![unused]),
        ("seen_since=2999-01-01", vec![]),
        ("not_seen_since=2999-01-01&email=eve@b.c", vec![full, over]),
        ("installations=none&email=bob@b.c", vec![]),
        ("installation=M-1", vec![below, full]),
        ("installation=m-3&installations=over_limit", vec![over]),
        ("installation=nowhere", vec![]),
        ("created_before=2020-01-01", vec![]),
        ("created_after=2020-01-01&email=bob@b.c", vec![below]),
        (&format!("q={unused_key}"), vec![unused]),
    ] {
        assert_eq!(ids(&service, query).await, expected, "{query}");
    }
    let one = service.get(&format!("{DB}/{over}")).await.json();
    assert_eq!(
        (&one["installations"], &one["places"], &one["places_taken"]),
        (&json!(2), &json!(1), &json!(2))
    );
    assert!(one["last_seen"].as_str().unwrap().ends_with('Z'), "{one}");
    let none = service.get(&format!("{DB}/{unused}")).await.json();
    assert_eq!((&none["installations"], &none["last_seen"]), (&json!(0), &Value::Null));
    let counted = service.get(&format!("{DB}?limit=1&count=true")).await.json();
    assert_eq!((&counted["total"], &counted["total_capped"]), (&json!(4), &json!(false)));
    let csv = service.get(&format!("{DB}/export.csv?installations=at_limit")).await;
    assert_eq!(csv.contains(",2,2,20").text.lines().count(), 2);
    let wrong = service.get(&format!("{DB}?installations=many&seen_since=soon")).await;
    assert_eq!(wrong.is_problem(422, "invalid_parameter").blamed().len(), 2);
}

#[tokio::test]
async fn a_list_reads_installations_together() {
    let service = Service::new();
    let many: Vec<Value> =
        (0..120).map(|number| json!({ "email": format!("{number}@b.c") })).collect();
    let body = json!({ "licenses": many }).to_string();
    service.post(&format!("{DB}/bulk"), body).await.has_status(200);
    let before = service.lists_run();
    assert_eq!(ids(&service, "limit=100").await.len(), 100);
    // The licences, and the installations of fifty e-mails at a time.
    assert_eq!(service.lists_run() - before, 3);
    let mut cursor = String::new();
    let mut found = 0;
    loop {
        let page = service.get(&format!("{DB}?installations=none&limit=50&cursor={cursor}")).await;
        let page = page.has_status(200).json();
        found += page["licenses"].as_array().unwrap().len();
        match page["next_cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(found, 120);
}

#[tokio::test]
async fn licences_are_counted_by_their_state() {
    let service = Service::new();
    for body in [
        json!({ "email": "a@b.c", "days": 10 }),
        json!({ "email": "a@b.c", "days": 100 }),
        json!({ "email": "a@b.c", "expiry_date": "2020-01-01" }),
        json!({ "email": "a@b.c", "days": 5, "from_first_activation": true }),
    ] {
        licence(&service, body).await;
    }
    let (gone, _) = licence(&service, json!({ "email": "a@b.c" })).await;
    service.delete(&format!("{DB}/{gone}")).await.has_status(200);
    let (_, key) = licence(&service, json!({ "email": "a@b.c", "days": 100 })).await;
    activate(&service, "a@b.c", &key, "m-1").await;
    let mut totals = service.get(&format!("{DB}/stats")).await.has_status(200).json();
    let came = totals["activations"].take();
    let mut days = vec![0; 30];
    days[29] = 1;
    assert_eq!(came, json!(days));
    totals.as_object_mut().unwrap().remove("activations");
    let states = json!({ "active": 3, "deleted": 1, "expired": 1, "not_started": 1 });
    assert_eq!(totals, json!({ "states": states, "ending_soon": 1, "complete": true }));
    service.get(&format!("{DB}/stats?odd=1")).await.is_problem(422, "invalid_parameter");
}
