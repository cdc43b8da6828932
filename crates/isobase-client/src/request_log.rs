//! Reports the requests of a service to the request log, beside the way of its callers.
//!
//! [`RequestLog::start`] has a queue that is bounded by number and bytes, and one task that sends
//! what waits in it. A caller's request only takes its place in the queue. When the log cannot be
//! reached, reports wait and are sent again, each with the id it has had from the beginning, so that
//! none is there twice; when there is no room, bodies of the oldest successes go first, then the
//! oldest successes, then errors, and what goes is counted and told to the log, which shows the gap.

use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    future::Future,
    hash::{BuildHasher, RandomState},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant, SystemTime},
};

use http::{HeaderMap, HeaderName, Method, header};
use isobase_types::Timestamp;
use parking_lot::{Mutex, MutexGuard};
use serde::{Serialize, Serializer};
use tokio::{sync::Notify, task::JoinHandle, time::timeout};
use tower::{Layer, Service};

use crate::{Body, Client, ClientError, Request};

/// The share of a report in the queue beside its texts.
const REPORT_BYTES: usize = 300;
/// The endpoint of a report that stands for those that were dropped.
const DROPPED: &str = "(dropped)";
/// No request takes longer: a year.
const DURATION_MS_MAX: f64 = 365.0 * 86_400_000.0;

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
    /// Whether the layer reports headers, too; the log keeps their names, and values of those that are
    /// harmless. Default no.
    pub headers: bool,
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
            headers: false,
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
    /// The status of its answer; `None` if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_code: Option<u16>,
    /// How long it took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<f64>,
    /// Who asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_identifier: Option<String>,
    /// The request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_body: Option<String>,
    /// The answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_body: Option<String>,
    /// The headers of the request. Credentials are better left out: the log stores none, but they
    /// are on their way to it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub request_headers: BTreeMap<String, String>,
    /// The headers of the answer.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub response_headers: BTreeMap<String, String>,
    /// The error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The id of the key that was shown, never the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    /// The model that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Tokens that it read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    /// Tokens that it wrote.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
    /// The price of that, in one currency for all services.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,
    /// How long the first piece of its answer took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_token_ms: Option<f64>,
    /// It is no request but stands for so many reports that there was no room for. The log itself
    /// reports these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropped: Option<u64>,
}

impl Report {
    fn bodies(&self) -> usize {
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        length(&self.request_body) + length(&self.response_body)
    }

    fn bytes(&self) -> usize {
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let of_headers = self.request_headers.iter().chain(&self.response_headers);
        let headers: usize = of_headers.map(|(name, value)| name.len() + value.len()).sum();
        let texts = [&self.user_identifier, &self.error, &self.key_id, &self.model];
        let short = self.endpoint.len() + texts.into_iter().map(length).sum::<usize>();
        REPORT_BYTES + short + headers + self.bodies()
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
    /// When the request began, or the first report was dropped.
    #[serde(serialize_with = "as_text")]
    timestamp: Timestamp,
    #[serde(flatten)]
    report: Report,
}

fn as_text<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}

/// Reports that wait, within bounds.
#[derive(Debug)]
struct Queue {
    waiting: VecDeque<Waiting>,
    bytes: usize,
    /// Dropped reports that nothing in the queue stands for any more.
    untold: u64,
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
            let request = || self.waiting.iter().position(|it| it.report.dropped.is_none());
            let place = success.or_else(request).unwrap_or(0);
            let Some(report) = self.waiting.remove(place) else { break };
            self.bytes -= report.report.bytes();
            match report.report.dropped {
                Some(dropped) => self.untold += dropped,
                None => gone += 1,
            }
        }
        gone
    }
}

/// State that callers and the task share.
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
    /// Those of them that the log was told of, or will be by what waits. Only the task writes it.
    told: AtomicU64,
    /// When the first was dropped that the log was not told of.
    dropped_since: Mutex<Option<Timestamp>>,
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
        let took = report.duration_ms.filter(|ms| (0.0..DURATION_MS_MAX).contains(ms));
        let now = Timestamp::from_system_time(SystemTime::now());
        let began = now.unix_us - (took.unwrap_or_default() * 1_000.0) as i64;
        let waiting = self.waiting(report, Timestamp { unix_us: began });
        let mut queue = self.queue();
        let gone = queue.push(waiting);
        let full = queue.waiting.len() >= self.options.batch;
        drop(queue);
        self.drop_reports(gone);
        if full {
            self.wake.notify_one();
        }
    }

    fn waiting(&self, report: Report, timestamp: Timestamp) -> Waiting {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let request_id = format!("{:016x}-{number}", self.process);
        Waiting { service: self.service.clone(), request_id, timestamp, report }
    }

    /// Counts reports that are gone.
    fn drop_reports(&self, gone: u64) {
        if gone > 0 {
            self.dropped.fetch_add(gone, Ordering::Relaxed);
            let now = || Timestamp::from_system_time(SystemTime::now());
            self.dropped_since.lock().get_or_insert_with(now);
        }
    }

    /// A report of those that are gone and that the log does not know of, if there are any.
    fn gap(&self) -> Option<Waiting> {
        let untold = std::mem::take(&mut self.queue().untold);
        let dropped = self.dropped.load(Ordering::Relaxed);
        let gone = dropped - self.told.swap(dropped, Ordering::Relaxed) + untold;
        if gone == 0 {
            return None;
        }
        let now = || Timestamp::from_system_time(SystemTime::now());
        let since = self.dropped_since.lock().take().unwrap_or_else(now);
        let report = Report {
            endpoint: DROPPED.to_owned(),
            method: "NONE".to_owned(),
            dropped: Some(gone.min(u32::MAX.into())),
            ..Report::default()
        };
        Some(self.waiting(report, since))
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
            untold: 0,
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
            told: AtomicU64::new(0),
            dropped_since: Mutex::new(None),
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
        let mut batch = shared.queue().take(shared.options.batch.clamp(1, 999));
        if batch.is_empty() {
            if shared.closing.load(Ordering::SeqCst) {
                return;
            }
            continue;
        }
        batch.extend(shared.gap());
        match send(&client, &batch, shared.options.deadline).await {
            Ok(()) => pause = PAUSE_FIRST,
            Err(error) if is_final(&error) => {
                // What stood for others is counted already.
                let requests = batch.iter().filter(|it| it.report.dropped.is_none()).count();
                shared.drop_reports(requests as u64);
            }
            Err(_) => {
                let gone = shared.queue().push_front(batch);
                shared.drop_reports(gone);
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
    // Anyone who shuts down gives a bounded time, which a log that is away must not use up at once.
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
        let with_headers = log.shared.options.headers;
        if with_headers {
            report.request_headers = told(request.headers());
        }
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await;
            report.duration_ms = Some(began.elapsed().as_secs_f64() * 1_000.0);
            match &answer {
                Ok(answer) => {
                    report.status_code = Some(answer.status().as_u16());
                    if with_headers {
                        report.response_headers = told(answer.headers());
                    }
                }
                Err(_) => report.error = Some("the service failed without an answer".to_owned()),
            }
            log.record(report);
            answer
        })
    }
}

/// Headers as they are reported. What is known to be a credential does not leave the process.
fn told(headers: &HeaderMap) -> BTreeMap<String, String> {
    const SECRETS: [HeaderName; 4] =
        [header::AUTHORIZATION, header::PROXY_AUTHORIZATION, header::COOKIE, header::SET_COOKIE];
    let mut told = BTreeMap::new();
    for (name, value) in headers {
        let value = match SECRETS.contains(name) {
            true => "",
            false => value.to_str().unwrap_or_default(),
        };
        let text: &mut String = told.entry(name.as_str().to_owned()).or_default();
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(value);
    }
    told
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
        let timestamp = Timestamp::default();
        Waiting { service: "s".to_owned(), request_id: status.to_string(), timestamp, report }
    }

    fn queue(reports_max: usize, bytes_max: usize) -> Queue {
        Queue { waiting: VecDeque::new(), bytes: 0, untold: 0, reports_max, bytes_max }
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
    fn what_stands_for_others_goes_last_and_is_told_again() {
        let mut queue = queue(2, 1 << 20);
        let gap = |dropped| {
            let report = Report { dropped: Some(dropped), ..waiting(0, 0).report };
            Waiting { report: Report { status_code: None, ..report }, ..waiting(0, 0) }
        };
        assert_eq!((queue.push(gap(7)), queue.push(waiting(500, 0))), (0, 0));
        assert_eq!((queue.push(waiting(502, 0)), queue.untold), (1, 0));
        assert_eq!((queue.push(gap(3)), queue.untold), (1, 0));
        assert_eq!((queue.push(gap(1)), queue.untold), (0, 7));
        assert_eq!(queue.waiting.len(), 2);
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
