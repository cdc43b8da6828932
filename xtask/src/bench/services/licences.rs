//! Activation and validation beside plain creates and reads.

use std::time::Instant;

use anyhow::Result;
use isobase_testkit::load::Workload;
use serde_json::{Value, json};

use super::{
    Parts, Plan, Subject,
    ratios::{Ratios, Target},
};

/// Licences of one request that makes them.
const BULK: u64 = 500;

/// Installations that are validated again and again, unless more were activated.
const VALIDATED_MAX: usize = 10_000;

pub(super) const PARTS: [&str; 2] = ["activate", "validate"];

pub(super) fn measure(
    subject: &Subject,
    plan: Plan,
    parts: &Parts,
    ratios: &mut Ratios,
) -> Result<()> {
    // As many as are activated: each once.
    let keys = make(subject, plan.rows.min(plan.writes_max), plan)?;
    let activated = match parts.has("activate") {
        true => activate(subject, plan, &keys, ratios)?,
        false => 0,
    };
    match parts.has("validate") {
        true => validate(subject, plan, (&keys, activated), ratios),
        false => Ok(()),
    }
}

/// The keys of so many licences, or of as many as there is time for.
fn make(subject: &Subject, count: u64, plan: Plan) -> Result<Vec<String>> {
    let (began, mut keys) = (Instant::now(), Vec::new());
    for first in (0..count).step_by(BULK as usize) {
        let rows: Vec<Value> = (first..count.min(first + BULK))
            .map(|n| json!({ "email": email(n as usize), "days": 365 }))
            .collect();
        let made = subject.ask(
            "POST",
            "/api/v1/db/license/bulk",
            &json!({ "licenses": rows }).to_string(),
        )?;
        let results = made["results"].as_array().cloned().unwrap_or_default();
        keys.extend(results.iter().filter_map(|it| it["license_key"].as_str().map(str::to_owned)));
        if began.elapsed() > plan.fill {
            break;
        }
    }
    println!("{} licences were made in {:.0} s", keys.len(), began.elapsed().as_secs_f64());
    Ok(keys)
}

/// How many licences were activated within the time of a load.
fn activate(subject: &Subject, plan: Plan, keys: &[String], ratios: &mut Ratios) -> Result<usize> {
    let count = keys.len() as u64;
    let document = json!({ "email": "user@example.com", "n": 1, "text": "x".repeat(200) });
    let create = Workload::of("create", subject.post("/records/plain", &document));
    let mut activate = Workload::default();
    for (n, key) in keys.iter().enumerate() {
        activate.push("activate", subject.post("/api/v1/db/license/activate", &activation(n, key)));
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
    Ok(activations.answered() as usize)
}

fn validate(
    subject: &Subject,
    plan: Plan,
    (keys, activated): (&[String], usize),
    ratios: &mut Ratios,
) -> Result<()> {
    // Those whose activation did not fit into its time are not measured, but as many as a load of
    // validations asks for are there.
    let wanted = keys.len().min(activated.max(VALIDATED_MAX));
    for (n, key) in keys.iter().enumerate().take(wanted).skip(activated) {
        let body = activation(n, key).to_string();
        subject.ask("POST", "/api/v1/db/license/activate", &body)?;
    }
    let mut validate = Workload::default();
    for n in 0..wanted {
        let body = json!({ "email": email(n), "installation_id": "m-1" });
        validate.push("validate", subject.post("/api/v1/db/license/validate", &body));
    }
    let document = json!({ "email": "user@example.com", "n": 1, "text": "x".repeat(200) });
    let id = subject.ask("POST", "/records/plain", &document.to_string())?["id"].to_string();
    let get = Workload::of("get", subject.get(&format!("/records/plain/{id}")));
    let gets = subject.load(&get, plan, None)?;
    let validations = subject.load(&validate, plan, None)?;
    ratios.rate("validations / GET by id", (validations.rate(), gets.rate()), Target::AtLeast(0.5));
    Ok(())
}

fn email(n: usize) -> String {
    format!("user{n}@example.com")
}

fn activation(n: usize, key: &str) -> Value {
    json!({ "email": email(n), "installation_id": "m-1", "license_key": key })
}
