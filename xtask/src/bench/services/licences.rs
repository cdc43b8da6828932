//! Activation and validation beside plain creates and reads.

use anyhow::Result;
use isobase_testkit::load::Workload;
use serde_json::{Value, json};

use super::{
    Plan, Subject,
    ratios::{Ratios, Target},
};

/// Licences of one request that makes them.
const BULK: u64 = 500;

pub(super) fn measure(subject: &Subject, plan: Plan, ratios: &mut Ratios) -> Result<()> {
    // As many as are activated: each once.
    let count = plan.rows.min(plan.writes_max);
    let mut keys = Vec::new();
    for first in (0..count).step_by(BULK as usize) {
        let rows: Vec<Value> = (first..count.min(first + BULK))
            .map(|n| json!({ "email": format!("user{n}@example.com"), "days": 365 }))
            .collect();
        let made = subject.ask(
            "POST",
            "/api/v1/db/license/bulk",
            &json!({ "licenses": rows }).to_string(),
        )?;
        let results = made["results"].as_array().cloned().unwrap_or_default();
        keys.extend(results.iter().filter_map(|it| it["license_key"].as_str().map(str::to_owned)));
    }
    let document = json!({ "email": "user@example.com", "n": 1, "text": "x".repeat(200) });
    let id = subject.ask("POST", "/records/plain", &document.to_string())?["id"].to_string();
    let create = Workload::of("create", subject.post("/records/plain", &document));
    let get = Workload::of("get", subject.get(&format!("/records/plain/{id}")));
    let (mut activate, mut validate) = (Workload::default(), Workload::default());
    for (n, key) in keys.iter().enumerate() {
        let email = format!("user{n}@example.com");
        let body = json!({ "email": email, "installation_id": "m-1", "license_key": key });
        activate.push("activate", subject.post("/api/v1/db/license/activate", &body));
        let body = json!({ "email": email, "installation_id": "m-1" });
        validate.push("validate", subject.post("/api/v1/db/license/validate", &body));
    }
    let creates = subject.load(&create, plan, Some(count))?;
    let activations = subject.load(&activate, plan, Some(count))?;
    ratios.rate(
        "activations over distinct licences / durable creates",
        (activations.rate(), creates.rate()),
        Target::AtLeast(0.25),
    );
    let p99 =
        |report: &isobase_testkit::load::LoadReport| report.latency().quantile(0.99).as_secs_f64();
    ratios.time(
        "p99 of activations / of durable creates",
        (p99(&activations), p99(&creates)),
        Target::AtMost(4.0),
    );
    // Those whose activation did not fit into the time are not validated.
    for (n, key) in keys.iter().enumerate().skip(activations.answered() as usize) {
        let body = json!({ "email": format!("user{n}@example.com"), "installation_id": "m-1", "license_key": key });
        subject.ask("POST", "/api/v1/db/license/activate", &body.to_string())?;
    }
    let gets = subject.load(&get, plan, None)?;
    let validations = subject.load(&validate, plan, None)?;
    ratios.rate("validations / GET by id", (validations.rate(), gets.rate()), Target::AtLeast(0.5));
    Ok(())
}
