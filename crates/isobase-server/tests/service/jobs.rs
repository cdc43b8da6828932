//! Jobs that hang, that are too many, and that a process has left.

use std::{sync::Arc, time::Duration};

use futures_util::future::{BoxFuture, FutureExt, pending};
use http::Method;
use isobase_auth::Authorizer;
use isobase_engine_memory::{MemoryEngine, MemoryOptions};
use isobase_jobs::{Databases, Purpose, Target};
use isobase_server::{HttpConfig, Jobs, JobsOptions, OpenTo, ServerConfig, compose};
use isobase_store::{
    Action, Atomicity, IfMissing, Precondition, Store, StoreOptions, WriteBatch, WriteOperation,
};
use isobase_types::{CollectionName, DocumentId, Timestamp};
use serde_json::{Value, json};

use super::support::{Reply, Service, soon};

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

/// Databases that never open.
struct Silent;

impl Databases for Silent {
    fn check(&self, url: &str, by_anybody: bool) -> Result<String, String> {
        match by_anybody && url.contains("closed") {
            true => Err("not for everybody".to_owned()),
            false => Ok("silent:".to_owned()),
        }
    }

    fn open<'a>(
        &'a self,
        _: &'a str,
        _: Purpose,
    ) -> BoxFuture<'a, Result<Box<dyn Target>, String>> {
        pending().boxed()
    }

    fn scratch(&self) -> BoxFuture<'_, Result<Box<dyn Target>, String>> {
        pending().boxed()
    }
}

fn service() -> (Service, Store, Jobs) {
    let engine = MemoryEngine::new(Arc::new(isobase_engine::SystemClock), MemoryOptions::default());
    let store = Store::new(Arc::new(engine), StoreOptions::default());
    let databases: Option<Arc<dyn Databases>> = Some(Arc::new(Silent));
    let jobs = Jobs::new(&store, JobsOptions { databases, ..JobsOptions::default() });
    let http = HttpConfig { open_to: OpenTo::Everyone, ..HttpConfig::default() };
    let config = ServerConfig { http, jobs: Some(jobs.clone()), ..ServerConfig::default() };
    let app = compose(store.clone(), Arc::new(Authorizer::open()), config);
    (Service { app, trouble: Arc::default() }, store, jobs)
}

async fn copy(service: &Service) -> Reply {
    let body = json!({ "to": "silent://me:hush@host" }).to_string();
    service.ask_with(Method::POST, "/api/v1/jobs/copy", &JSON, &body).await
}

async fn state(service: &Service, id: &str) -> String {
    let job = service.get(&format!("/api/v1/jobs/{id}")).await.json();
    job["state"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn only_so_many_jobs_wait_and_each_can_be_stopped() {
    let (service, _, jobs) = service();
    let mut ids = Vec::new();
    for _ in 0..isobase_jobs::RUNNING_MAX + isobase_jobs::JOBS_WAITING_MAX {
        let begun = copy(&service).await;
        assert_eq!(begun.status, 202, "{}", begun.text);
        assert!(!begun.text.contains("hush"), "{}", begun.text);
        let id = begun.json()["id"].as_str().unwrap().to_owned();
        assert_eq!(begun.header("location"), format!("/api/v1/jobs/{id}"));
        ids.push(id);
    }
    copy(&service).await.is_problem(429, "too_many_jobs");
    let ended = |id: String| {
        let service = &service;
        async move {
            while matches!(&*state(service, &id).await, "queued" | "running") {
                tokio::task::yield_now().await;
            }
            state(service, &id).await
        }
    };
    // One that waits ends as one that runs.
    for id in [ids.last().unwrap(), ids.first().unwrap()] {
        let target = format!("/api/v1/jobs/{id}/cancel");
        assert_eq!(service.ask(Method::POST, &target, &[]).await.status, 202);
        assert_eq!(soon("the end of the job", ended(id.clone())).await, "cancelled");
        service.ask(Method::POST, &target, &[]).await.is_problem(409, "job_state");
    }
    assert_eq!(copy(&service).await.status, 202);
    soon("the end of all jobs", jobs.close(Duration::from_secs(20))).await;
    assert_eq!(state(&service, &ids[1]).await, "interrupted");
    copy(&service).await.is_problem(503, "not_ready");
}

#[tokio::test]
async fn callers_without_credentials_may_be_refused() {
    let (service, _, _) = service();
    let body = json!({ "to": "closed://host" }).to_string();
    let refused = service.ask_with(Method::POST, "/api/v1/jobs/copy", &JSON, &body).await;
    refused.is_problem(422, "invalid_body");
    // There is no folder of backups here.
    let backup = service.ask(Method::POST, "/api/v1/jobs/backup", &[]).await;
    backup.is_problem(501, "unsupported");
    assert_eq!(service.get("/api/v1/jobs").await.json(), json!({ "jobs": [] }));
}

#[tokio::test]
async fn a_job_whose_process_is_silent_is_interrupted() {
    let (service, store, jobs) = service();
    let now = Timestamp::from_system_time(std::time::SystemTime::now()).unix_us;
    for (id, beat_us) in [("j1", now - 60_000_000), ("j2", now)] {
        let body = json!({
            "kind": "copy", "state": "running", "by": "internal", "parameters": {},
            "created_at": "2026-11-30T12:00:00Z", "beat_us": beat_us,
        });
        let action = Action::Put {
            id: DocumentId::Text(id.into()),
            body: body.to_string(),
            if_missing: IfMissing::Create,
        };
        let collection = CollectionName::new("isobase_jobs").unwrap();
        let operation = WriteOperation { collection, action, precondition: Precondition::Missing };
        let batch = WriteBatch { operations: vec![operation], ..WriteBatch::default() };
        store.system().write(batch, Atomicity::EachAlone).await.unwrap();
    }
    let listed = service.get("/api/v1/jobs").await.json();
    let states: Vec<_> =
        listed["jobs"].as_array().unwrap().iter().map(|job| (&job["id"], &job["state"])).collect();
    assert_eq!(states, [(&json!("j2"), &json!("running")), (&json!("j1"), &json!("interrupted"))]);
    jobs.note_interrupted().await.unwrap();
    let noted = service.get("/api/v1/jobs/j1").await.json();
    assert!(noted["ended_at"].is_string(), "{noted}");
    assert_eq!(service.get("/api/v1/jobs/j2").await.json()["ended_at"], Value::Null);
    // It is not of this process, which cannot stop it.
    let cancel = service.ask(Method::POST, "/api/v1/jobs/j2/cancel", &[]).await;
    cancel.is_problem(409, "job_state");
}
