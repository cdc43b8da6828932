//! `_bulk_docs` by reqwest.

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value, json};

use super::{Bulk, place};

/// Documents of one request.
const PART: usize = 1_000;

pub(super) async fn bulk(bulk: &Bulk<'_>) -> Result<Value> {
    // A client wants to know its cryptography, also for plain HTTP.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::new();
    let Bulk { url, from, to, .. } = *bulk;
    let all = client.get(format!("{url}/{from}/_all_docs?include_docs=true")).send().await?;
    let all: Value = serde_json::from_slice(&all.error_for_status()?.bytes().await?)?;
    let rows = all["rows"].as_array().context("_all_docs has rows")?;
    let mut documents: Vec<Map<String, Value>> = rows
        .iter()
        .filter(|row| !is_design(&row["id"]))
        .filter_map(|row| row["doc"].as_object().cloned())
        .map(|mut document| {
            document.retain(|field, _| field != "_rev" && bulk.keeps(field));
            document
        })
        .collect();
    documents.sort_by_cached_key(|document| place(document["_id"].as_str().unwrap_or_default()));
    client.put(format!("{url}/{to}")).send().await?.error_for_status()?;
    // The same indexes.
    let designs = rows.iter().filter_map(|row| row["doc"].as_object());
    for design in designs.filter(|design| is_design(&design["_id"])) {
        let mut design = design.clone();
        design.remove("_rev");
        let place = design["_id"].as_str().unwrap_or_default();
        let request = client.put(format!("{url}/{to}/{place}"));
        let request = request.header("content-type", "application/json");
        request.body(serde_json::to_vec(&design)?).send().await?.error_for_status()?;
    }
    bulk.write(documents, PART, |part| {
        let request = client.post(format!("{url}/{to}/_bulk_docs"));
        async move {
            let body = serde_json::to_vec(&json!({ "docs": part }))?;
            let request = request.header("content-type", "application/json").body(body);
            let answer = request.send().await?.error_for_status()?.bytes().await?;
            let answer: Vec<Value> = serde_json::from_slice(&answer)?;
            ensure!(answer.iter().all(|row| row["error"].is_null()), "a document was refused");
            Ok(())
        }
    })
    .await
}

fn is_design(id: &Value) -> bool {
    id.as_str().is_some_and(|id| id.starts_with("_design/"))
}
