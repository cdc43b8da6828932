//! The service that is measured.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use isobase_testkit::{
    TestServer,
    http::request_bytes,
    load::{self, LoadOptions, LoadReport, Workload},
};
use serde_json::Value;

use super::Plan;

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];
const LINES: [(&str, &str); 1] = [("content-type", "application/x-ndjson")];

/// A running service with an empty database.
pub(super) struct Subject {
    server: TestServer,
    engine: &'static str,
    _folder: tempfile::TempDir,
}

impl Subject {
    pub(super) fn start(executable: &Path, postgres: Option<&str>, schema: &str) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("isobase-bench-").tempdir()?;
        let data = folder.path().join("data");
        fs::create_dir_all(&data)?;
        let builder = TestServer::builder().executable(executable).data(&data);
        let (builder, engine) = match postgres {
            None => (builder, "SQLite"),
            Some(url) => {
                let separator = if url.contains('?') { '&' } else { '?' };
                let url = format!("{url}{separator}schema=bench_{schema}");
                (builder.records_url(&url), "PostgreSQL")
            }
        };
        Ok(Self { server: builder.start()?, engine, _folder: folder })
    }

    pub(super) fn engine(&self) -> &'static str {
        self.engine
    }

    /// Sends one request and reads its answer.
    pub(super) fn ask(&self, method: &str, path: &str, body: &str) -> Result<Value> {
        let headers =
            if path.starts_with("/records/") && body.starts_with("{") && body.contains('\n') {
                LINES
            } else {
                JSON
            };
        let said = self.server.request(method, path, &headers, body.as_bytes())?;
        ensure!(said.status < 300, "{method} {path}: {} {}", said.status, said.text());
        said.json()
    }

    /// Seconds that one request takes.
    pub(super) fn seconds(&self, method: &str, path: &str, body: &str) -> Result<f64> {
        let began = Instant::now();
        self.ask(method, path, body)?;
        Ok(began.elapsed().as_secs_f64())
    }

    /// CPU time of the service since its start.
    pub(super) fn cpu(&self) -> Result<Duration> {
        Ok(self.server.usage()?.cpu)
    }

    pub(super) fn get(&self, path: &str) -> Vec<u8> {
        request_bytes(&self.host(), "GET", path, &[], b"")
    }

    pub(super) fn post(&self, path: &str, body: &Value) -> Vec<u8> {
        request_bytes(&self.host(), "POST", path, &JSON, body.to_string().as_bytes())
    }

    /// Runs a load, all of whose answers must be good.
    pub(super) fn load(
        &self,
        workload: &Workload,
        plan: Plan,
        max: Option<u64>,
    ) -> Result<LoadReport> {
        let options = LoadOptions {
            address: self.server.address(),
            connections: plan.connections,
            duration: plan.duration,
            requests_max: max,
        };
        let report = load::run(&options, workload)?;
        ensure!(report.errors() == 0 && report.failures == 0, "{report}");
        Ok(report)
    }

    fn host(&self) -> String {
        self.server.address().to_string()
    }
}
