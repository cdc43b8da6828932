//! Reports the requests of a service to the request log, beside the way of its callers.
//!
//! [`RequestLog::start`] has a queue that is bounded by number and bytes, and one task that sends
//! what waits in it. A caller's request only takes its place in the queue. When the log cannot be
//! reached, reports wait and are sent again, each with the id it has had from the beginning, so that
//! none is there twice; when there is no room, bodies of the oldest successes go first, then the
//! oldest successes, then errors, and what goes is counted.

use std::{
    collections::{HashSet, VecDeque},
    future::Future,
    hash::{BuildHasher, RandomState},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use http::Method;
use parking_lot::{Mutex, MutexGuard};
use serde::Serialize;
use tokio::{sync::Notify, task::JoinHandle, time::timeout};
use tower::{Layer, Service};

use crate::{Body, Client, ClientError, Request};

/// What a report takes in the queue beside its texts.
const REPORT_BYTES: usize = 300;

/// How a service reports its requests.
#[derive(Clone, Debug)]
pub struct RequestLogOptions {
    /// The name of the service in the log.
    pub service: String,
    /// Most reports that wait. Default 2,048.
    pub reports_max: usize,
    /// Most bytes that wait. Default 8 MiB.
    pub bytes_max: usize,
    /// Reports that are sent at once. Default 256; at most 1,000.
    pub batch: usize,
    /// How long a report waits for others. Default 1 s.
    pub flush_after: Duration,
    /// How long a batch may take. Default 3 s.
    pub deadline: Duration,
    /// Paths that are not reported. Default `/`, `/health`, `/docs`, `/redoc`, `/openapi.json`.
    pub ignored: HashSet<String>,
}

impl RequestLogOptions {
    /// The defaults for a service.
    pub fn new(service: impl Into<String>) -> Self {
        let ignored = ["/", "/health", "/docs", "/redoc", "/openapi.json"];
        Self {
            service: service.into(),
            reports_max: 2_048,
            bytes_max: 8 << 20,
            batch: 256,
            flush_after: Duration::from_secs(1),
            deadline: Duration::from_secs(3),
            ignored: ignored.map(str::to_owned).into(),
        }
    }
}

/// A request of the service.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Its path.
    pub endpoint: String,
    /// Its method.
    pub method: String,
    /// The status of its answer; none when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_code: Option<u16>,
    /// How long it took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<f64>,
    /// Who asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_identifier: Option<String>,
    /// What was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_body: Option<String>,
    /// What was answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_body: Option<String>,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Report {
    fn bodies(&self) -> usize {
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        length(&self.request_body) + length(&self.response_body)
    }

    fn bytes(&self) -> usize {
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let short = self.endpoint.len() + length(&self.user_identifier) + length(&self.error);
        REPORT_BYTES + short + self.bodies()
    }

    fn is_success(&self) -> bool {
        self.error.is_none() && self.status_code.is_some_and(|status| status < 400)
    }
}

/// A report in the queue, as it is sent.
#[derive(Clone, Debug, Serialize)]
struct Waiting {
    service: String,
    request_id: String,
    #[serde(flatten)]
    report: Report,
}

/// Reports that wait, within bounds.
#[derive(Debug)]
struct Queue {
    waiting: VecDeque<Waiting>,
    bytes: usize,
    reports_max: usize,
    bytes_max: usize,
}

impl Queue {
    /// Puts a report at the end; says how many had to go.
    fn push(&mut self, report: Waiting) -> u64 {
        self.bytes += report.report.bytes();
        self.waiting.push_back(report);
        self.make_room()
    }

    /// Puts back what could not be sent; says how many had to go.
    fn push_front(&mut self, batch: Vec<Waiting>) -> u64 {
        for report in batch.into_iter().rev() {
            self.bytes += report.report.bytes();
            self.waiting.push_front(report);
        }
        self.make_room()
    }

    fn take(&mut self, most: usize) -> Vec<Waiting> {
        let batch: Vec<_> = self.waiting.drain(..most.min(self.waiting.len())).collect();
        self.bytes -= batch.iter().map(|it| it.report.bytes()).sum::<usize>();
        batch
    }

    fn make_room(&mut self) -> u64 {
        let mut gone = 0;
        while self.bytes > self.bytes_max {
            let with_bodies = |it: &&mut Waiting| it.report.is_success() && it.report.bodies() > 0;
            let Some(oldest) = self.waiting.iter_mut().find(with_bodies) else { break };
            self.bytes -= oldest.report.bodies();
            (oldest.report.request_body, oldest.report.response_body) = (None, None);
        }
        while self.bytes > self.bytes_max || self.waiting.len() > self.reports_max {
            let success = self.waiting.iter().position(|it| it.report.is_success());
            let Some(report) = self.waiting.remove(success.unwrap_or(0)) else { break };
            self.bytes -= report.report.bytes();
            gone += 1;
        }
        gone
    }
}

/// What callers and the task share.
#[derive(Debug)]
struct Shared {
    options: RequestLogOptions,
    service: String,
    /// Written by callers and the task; held for no longer than it takes to move reports.
    queue: Mutex<Queue>,
    /// Told when a batch is full, and at the end.
    wake: Notify,
    closing: AtomicBool,
    dropped: AtomicU64,
    numbers: AtomicU64,
    /// Tells this process from others.
    process: u64,
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock()
    }

    fn record(&self, report: Report) {
        if self.options.ignored.contains(&report.endpoint) {
            return;
        }
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let request_id = format!("{:016x}-{number}", self.process);
        let service = self.service.clone();
        let mut queue = self.queue();
        let gone = queue.push(Waiting { service, request_id, report });
        let full = queue.waiting.len() >= self.options.batch;
        drop(queue);
        self.dropped.fetch_add(gone, Ordering::Relaxed);
        if full {
            self.wake.notify_one();
        }
    }
}

/// Reports the requests of a service. Cheap to clone; every clone is the same queue.
#[derive(Clone, Debug)]
pub struct RequestLog {
    shared: Arc<Shared>,
    task: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl RequestLog {
    /// Starts the task that sends what waits. Inside of a tokio runtime.
    #[must_use]
    pub fn start(client: Client, options: RequestLogOptions) -> Self {
        let queue = Queue {
            waiting: VecDeque::new(),
            bytes: 0,
            reports_max: options.reports_max,
            bytes_max: options.bytes_max,
        };
        let shared = Arc::new(Shared {
            service: options.service.clone(),
            options,
            queue: Mutex::new(queue),
            wake: Notify::new(),
            closing: AtomicBool::new(false),
            dropped: AtomicU64::new(0),
            numbers: AtomicU64::new(0),
            process: RandomState::new().hash_one(Instant::now()),
        });
        let task = tokio::spawn(send_what_waits(client, Arc::clone(&shared)));
        Self { shared, task: Arc::new(Mutex::new(Some(task))) }
    }

    /// Puts a report into the queue. Never waits, and never fails.
    pub fn record(&self, report: Report) {
        self.shared.record(report);
    }

    /// How many reports had to go because there was no room, or were refused by the log.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }

    /// How many wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.shared.queue().waiting.len()
    }

    /// Sends what waits, for at most this long; 3 seconds are usual. Says how many are left.
    pub async fn shut_down(&self, longest: Duration) -> usize {
        self.shared.closing.store(true, Ordering::SeqCst);
        self.shared.wake.notify_one();
        let task = self.task.lock().take();
        if let Some(mut task) = task
            && timeout(longest, &mut task).await.is_err()
        {
            task.abort();
        }
        self.waiting()
    }

    /// The layer that reports each request of a service.
    #[must_use]
    pub fn layer(&self) -> RequestLogLayer {
        RequestLogLayer { log: self.clone() }
    }
}

/// Sends what waits until the log is shut down and nothing does.
async fn send_what_waits(client: Client, shared: Arc<Shared>) {
    const PAUSE_FIRST: Duration = Duration::from_millis(500);
    const PAUSE_MAX: Duration = Duration::from_secs(30);
    let mut pause = PAUSE_FIRST;
    loop {
        let closing = shared.closing.load(Ordering::SeqCst);
        if !closing && shared.queue().waiting.len() < shared.options.batch {
            // Either is a reason to look.
            let _ = timeout(shared.options.flush_after, shared.wake.notified()).await;
        }
        let batch = shared.queue().take(shared.options.batch.clamp(1, 1_000));
        if batch.is_empty() {
            if shared.closing.load(Ordering::SeqCst) {
                return;
            }
            continue;
        }
        match send(&client, &batch, shared.options.deadline).await {
            Ok(()) => pause = PAUSE_FIRST,
            Err(error) if is_final(&error) => {
                shared.dropped.fetch_add(batch.len() as u64, Ordering::Relaxed);
            }
            Err(_) => {
                let gone = shared.queue().push_front(batch);
                shared.dropped.fetch_add(gone, Ordering::Relaxed);
                // A part of the pause is left to chance: services that lost the log together come
                // back one after another.
                let share = RandomState::new().hash_one(Instant::now()) % 500;
                let pausing = pause.mul_f64(0.5 + share as f64 / 1_000.0);
                let _ = timeout(pausing, closed(&shared)).await;
                pause = (pause * 2).min(PAUSE_MAX);
            }
        }
    }
}

/// Waits until the log is shut down.
async fn closed(shared: &Shared) {
    while !shared.closing.load(Ordering::SeqCst) {
        shared.wake.notified().await;
    }
    // Whoever shuts down gives a bounded time, which a log that is away must not use up at once.
    tokio::time::sleep(Duration::from_millis(100)).await;
}

async fn send(client: &Client, batch: &[Waiting], deadline: Duration) -> Result<(), ClientError> {
    #[derive(Serialize)]
    struct Reports<'a> {
        requests: &'a [Waiting],
    }
    let text = serde_json::to_vec(&Reports { requests: batch });
    let text = text.map_err(|error| ClientError::InvalidRequest { reason: error.to_string() })?;
    let request = Request::new(Method::POST, &["api", "v1", "db", "requests", "batch"])
        .body(Body::json(text))
        .deadline(deadline);
    client.send(request).await?.bytes().await.map(|_| ())
}

/// Whether the same batch would be refused again.
fn is_final(error: &ClientError) -> bool {
    match error {
        ClientError::InvalidRequest { .. } => true,
        ClientError::Refused(problem) => {
            (400..500).contains(&problem.status) && !matches!(problem.status, 401 | 403 | 408 | 429)
        }
        _ => false,
    }
}

/// Reports each request of the service it stands before: path, method, status and duration.
#[derive(Clone, Debug)]
pub struct RequestLogLayer {
    log: RequestLog,
}

impl<S> Layer<S> for RequestLogLayer {
    type Service = RequestLogService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RequestLogService { inner, log: self.log.clone() }
    }
}

/// A service whose requests are reported.
#[derive(Clone, Debug)]
pub struct RequestLogService<S> {
    inner: S,
    log: RequestLog,
}

impl<S, B, R> Service<http::Request<B>> for RequestLogService<S>
where
    S: Service<http::Request<B>, Response = http::Response<R>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let (began, log) = (Instant::now(), self.log.clone());
        let mut report = Report {
            endpoint: request.uri().path().to_owned(),
            method: request.method().to_string(),
            ..Report::default()
        };
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await;
            report.duration_ms = Some(began.elapsed().as_secs_f64() * 1_000.0);
            match &answer {
                Ok(answer) => report.status_code = Some(answer.status().as_u16()),
                Err(_) => report.error = Some("the service failed without an answer".to_owned()),
            }
            log.record(report);
            answer
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(status: u16, body: usize) -> Waiting {
        let report = Report {
            status_code: Some(status),
            response_body: Some("x".repeat(body)),
            ..Report::default()
        };
        Waiting { service: "s".to_owned(), request_id: status.to_string(), report }
    }

    fn queue(reports_max: usize, bytes_max: usize) -> Queue {
        Queue { waiting: VecDeque::new(), bytes: 0, reports_max, bytes_max }
    }

    #[test]
    fn bodies_of_successes_go_first_and_errors_last() {
        let mut queue = queue(10, 3 * REPORT_BYTES + 1_000);
        assert_eq!(queue.push(waiting(500, 400)), 0);
        assert_eq!(queue.push(waiting(200, 400)), 0);
        assert_eq!(queue.push(waiting(201, 400)), 0);
        assert_eq!(queue.waiting[1].report.response_body, None);
        assert!(queue.waiting[0].report.response_body.is_some());
        assert_eq!(queue.push(waiting(502, 900)), 2);
        let left: Vec<_> = queue.waiting.iter().map(|it| it.request_id.as_str()).collect();
        assert_eq!(left, ["500", "502"]);
        assert!(queue.bytes <= queue.bytes_max);
    }

    #[test]
    fn bytes_are_counted_through_everything() {
        let mut queue = queue(3, 1 << 20);
        for status in [200, 500, 201, 202, 203] {
            queue.push(waiting(status, 10));
        }
        assert_eq!(queue.waiting.len(), 3);
        let batch = queue.take(2);
        assert_eq!(batch[0].request_id, "500");
        queue.push(waiting(204, 10));
        queue.push(waiting(205, 10));
        assert_eq!(queue.push_front(batch), 2);
        let left: Vec<_> = queue.take(9).into_iter().map(|it| it.request_id).collect();
        assert_eq!((left[0].as_str(), left.len(), queue.bytes), ("500", 3, 0));
    }
}
