//! What Prometheus and Grafana read of us.

use std::{
    collections::BTreeSet,
    fs,
    io::Write,
    process::{Command, Stdio},
};

use isobase_testkit::{TestServer, readers};
use serde_json::Value;

use super::command::root;

/// Words of PromQL, and what Prometheus itself has, are no names of ours.
fn names(expression: &str) -> impl Iterator<Item = &str> {
    let is_part = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let words = expression.split(move |character| !is_part(character));
    words.filter(|word| word.starts_with("isobase_") || word.starts_with("process_"))
}

/// Every expression of the dashboard and of the alerts.
fn expressions() -> Vec<String> {
    let dashboard = fs::read_to_string(root().join("deploy/grafana.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().unwrap());
    let shown: Vec<String> =
        targets.map(|target| target["expr"].as_str().unwrap().to_owned()).collect();
    assert!(shown.len() > 10);
    shown
}

#[test]
fn metrics_alerts_and_the_dashboard_fit_together() {
    let Some(readers) = readers() else { return };
    let server = TestServer::start().unwrap();
    let json = [("content-type", "application/json")];
    server.request("POST", "/records/c", &json, b"{}").unwrap();
    let metrics = server.request("GET", "/metrics", &[], b"").unwrap().text();
    let promtool = |arguments: &[&str], input: &str| {
        let mut command = Command::new(&readers.promtool);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        assert!(output.status.success(), "{arguments:?}: {said:?}");
        said.concat()
    };
    assert_eq!(promtool(&["check", "metrics"], &metrics), "", "{metrics}");

    let alerts = root().join("deploy/alerts.yml");
    promtool(&["check", "rules", alerts.to_str().unwrap()], "");
    let alerts = fs::read_to_string(alerts).unwrap();
    let shown = expressions();
    let known: BTreeSet<&str> = metrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .collect();
    for name in shown.iter().chain([&alerts]).flat_map(|text| names(text)) {
        let plain = name.trim_end_matches("_bucket");
        assert!(known.contains(plain), "{name} is not in /metrics: {known:?}");
    }
    // As rules they are judged, too; Grafana fills in its own variables before it asks.
    let rules: Vec<Value> = shown
        .iter()
        .enumerate()
        .map(|(number, expression)| {
            let expression = expression.replace("$__rate_interval", "5m");
            serde_json::json!({ "record": format!("panel:{number}"), "expr": expression })
        })
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("panels.yml");
    let rules = serde_json::json!({ "groups": [{ "name": "panels", "rules": rules }] });
    fs::write(&file, rules.to_string()).unwrap();
    promtool(&["check", "rules", file.to_str().unwrap()], "");
}
