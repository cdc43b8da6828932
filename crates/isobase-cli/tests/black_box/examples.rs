//! The examples do what their pages say.

use std::{fs, path::PathBuf};

use isobase_testkit::TestServer;
use serde_json::{Value, json};

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

fn agent_platform() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples/agent-platform")
}

/// The names of the collections, as the samples have them.
fn collections() -> Vec<String> {
    let files = fs::read_dir(agent_platform().join("samples")).unwrap();
    let name = |file: fs::DirEntry| file.path().file_stem().unwrap().to_str().unwrap().to_owned();
    let mut names: Vec<_> = files.map(|file| name(file.unwrap())).collect();
    names.sort();
    names
}

fn samples(collection: &str) -> Vec<Value> {
    let path = agent_platform().join(format!("samples/{collection}.json"));
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// The batch that the page makes of samples.
fn batch(documents: &[Value]) -> String {
    let operations: Vec<_> = documents
        .iter()
        .map(|document| {
            let mut body = document.clone();
            let id = body.as_object_mut().unwrap().remove("_id").unwrap();
            json!({"method": "put", "id": id, "upsert": true, "body": body})
        })
        .collect();
    json!({ "operations": operations }).to_string()
}

fn served() -> TestServer {
    let settings = agent_platform().join("isobase.toml");
    TestServer::builder().arg("--config").arg(settings).start().unwrap()
}

#[test]
fn samples_of_the_agent_platform_are_stored() {
    let server = served();
    let expected =
        ["agent_data_store", "agents", "demos", "deployments", "sessions", "tickets", "users"];
    assert_eq!(collections(), expected);
    for collection in collections() {
        let documents = samples(&collection);
        let path = format!("/records/{collection}/batch");
        let written = server.request("POST", &path, &JSON, batch(&documents).as_bytes()).unwrap();
        let answer: Value = serde_json::from_str(&written.text()).unwrap();
        for result in answer["results"].as_array().unwrap() {
            assert_eq!(result["status"], 201, "{collection}: {result}");
        }
        let listed = server.request("GET", &format!("/records/{collection}"), &[], b"").unwrap();
        let listed: Vec<Value> = serde_json::from_str(&listed.text()).unwrap();
        assert_eq!(listed.len(), documents.len(), "{collection}");
        for mut document in documents {
            let id = document.as_object_mut().unwrap().remove("_id").unwrap();
            document["id"] = id;
            assert!(listed.contains(&document), "{collection}: {document}");
        }
    }
    let user = [("x-user-id", "user-ann"), ("x-agent-id", "reporter")];
    let record = "/data-store/namespaces/default/records/src/main.py";
    let read = server.request("GET", record, &user, b"").unwrap();
    let read: Value = serde_json::from_str(&read.text()).unwrap();
    assert_eq!((&read["accessCount"], &read["value"]["lines"]), (&json!(4), &json!(120)));
}

#[test]
fn broken_samples_of_the_agent_platform_are_refused() {
    let server = served();
    let cases = [
        ("agents", "/name", json!(7), "/name"),
        ("deployments", "/agent_id", Value::Null, "/agent_id"),
        (
            "users",
            "/usage_info/usage/0/response_cost",
            json!("1"),
            "/usage_info/usage/0/response_cost",
        ),
        ("sessions", "/messages/0/role", json!("robot"), "/messages/0/role"),
        ("tickets", "/status", json!("failed"), "/error"),
        ("demos", "/created_at", json!("yesterday"), "/created_at"),
        ("agent_data_store", "/accessCount", json!(-1), "/accessCount"),
    ];
    for (collection, place, value, blamed) in cases {
        let mut document = samples(collection).swap_remove(0);
        *document.pointer_mut(place).unwrap() = value;
        let path = format!("/records/{collection}/x?upsert=true");
        document.as_object_mut().unwrap().remove("_id");
        let refused = server.request("PUT", &path, &JSON, document.to_string().as_bytes()).unwrap();
        assert_eq!(refused.status, 422, "{collection}: {}", refused.text());
        let problem: Value = serde_json::from_str(&refused.text()).unwrap();
        assert_eq!(problem["code"], "schema_violation");
        let errors = problem["errors"].as_array().unwrap();
        assert!(errors.iter().any(|error| error["pointer"] == blamed), "{collection}: {problem}");
    }
    let stats = server.request("GET", "/stats", &[], b"").unwrap();
    assert!(stats.text().contains("\"total_records\":0"), "{}", stats.text());
}
