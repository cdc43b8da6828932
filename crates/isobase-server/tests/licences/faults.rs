use serde_json::json;

use crate::records::support::Service;

/// Anyone who is told that a licence is invalid stops: an outage must never say so.
#[tokio::test]
async fn an_outage_is_503_and_never_an_invalid_licence() {
    let service = Service::new();
    let body = json!({ "email": "a@b.c", "license_key": "K", "expiry_date": null });
    service.post("/api/v1/db/license", body.to_string()).await.has_status(200);
    let activation = json!({ "email": "a@b.c", "installation_id": "m", "license_key": "K" });
    service.post("/api/v1/license/activate", activation.to_string()).await.has_status(200);
    service.fail_after(0, 0);
    let other = json!({ "email": "a@b.c", "installation_id": "n", "license_key": "K" });
    for path in ["/api/v1/license/activate", "/api/v1/db/license/activate"] {
        let said = service.post(path, other.to_string()).await;
        said.is_problem(503, "unavailable").lacks("valid").lacks("made to fail");
        assert_eq!(said.header("retry-after"), Some("1"));
    }
    for path in ["license/list", "license", "license/by-key?license_key=K"] {
        let said = service.get(&format!("/api/v1/db/{path}")).await;
        said.is_problem(503, "unavailable");
    }
}

#[tokio::test(start_paused = true)]
async fn wrong_keys_without_end_are_slowed_down() {
    let service = Service::new();
    let body = json!({ "email": "a@b.c", "license_key": "K", "expiry_date": null });
    service.post("/api/v1/db/license", body.to_string()).await.has_status(200);
    let activate = async |key: &str| {
        let body = json!({ "email": "a@b.c", "installation_id": "m", "license_key": key });
        service.post("/api/v1/license/activate", body.to_string()).await
    };
    for number in 0..600 {
        activate(&format!("wrong-{number}")).await.is_problem(400, "invalid_license");
    }
    let slowed = activate("wrong").await;
    slowed.is_problem(429, "rate_limited");
    assert!(slowed.header("retry-after").is_some());
    // Services with keys of their own are not bounded by the address they share.
    let asked = json!({ "email": "a@b.c", "installation_id": "m", "license_key": "K" });
    service.post("/api/v1/db/license/activate", asked.to_string()).await.has_status(200);
    tokio::time::advance(std::time::Duration::from_secs(60)).await;
    activate("K").await.has_status(200);
}
