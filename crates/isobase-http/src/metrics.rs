//! Counters of the service. Every route has its own, so counting a request takes no look-up.

use std::{
    borrow::Cow,
    fmt::Write,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use http::StatusCode;

use crate::Spec;

/// Upper bounds of the latency buckets, in microseconds: from a read in memory to the deadline.
const BUCKETS_US: [u64; 14] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000,
    5_000_000, 30_000_000,
];
const STATUS_CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// A number for `/metrics` that something else than this crate counts.
///
/// One whose name ends in `_total` only grows and is a counter, any other a gauge.
/// Source: <https://prometheus.io/docs/practices/naming/>.
#[derive(Clone, Debug, PartialEq)]
pub struct Measure {
    name: Cow<'static, str>,
    help: &'static str,
    labels: Vec<(&'static str, String)>,
    value: f64,
}

impl Measure {
    /// A number by its whole name (`isobase_store_reads_waiting`), and a sentence about it.
    pub fn new(name: impl Into<Cow<'static, str>>, help: &'static str, value: f64) -> Self {
        Self { name: name.into(), help, labels: Vec::new(), value }
    }

    /// Adds a label.
    #[must_use]
    pub fn label(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.labels.push((name, value.into()));
        self
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let Self { name, help, labels, value } = self;
        let kind = if name.ends_with("_total") { "counter" } else { "gauge" };
        write!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name}")?;
        for (index, (label, text)) in labels.iter().enumerate() {
            let text = text.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n");
            let before = if index == 0 { '{' } else { ',' };
            write!(out, "{before}{label}=\"{text}\"")?;
        }
        let after = if labels.is_empty() { "" } else { "}" };
        writeln!(out, "{after} {value}")
    }
}

/// All counters.
pub(crate) struct Metrics {
    /// One per route, then one for requests that have none.
    routes: Box<[RouteMetrics]>,
    /// Requests that are being answered.
    pub(crate) in_flight: Arc<AtomicI64>,
    /// Open connections.
    pub(crate) connections: AtomicI64,
    /// Connections closed at once because there were too many.
    pub(crate) connections_refused: AtomicU64,
    /// Requests with wrong keys.
    pub(crate) failed_authentications: AtomicU64,
    /// Handlers that panicked.
    pub(crate) panics: AtomicU64,
}

/// Counters of one route, on cache lines of their own.
#[repr(align(64))]
#[derive(Default)]
struct RouteMetrics {
    statuses: [AtomicU64; STATUS_CLASSES.len()],
    /// How many requests fell into each bucket; the last is for everything slower.
    buckets: [AtomicU64; BUCKETS_US.len() + 1],
    sum_us: AtomicU64,
}

impl Metrics {
    /// Counters for so many routes.
    pub(crate) fn new(routes: usize) -> Self {
        Self {
            routes: (0..=routes).map(|_| RouteMetrics::default()).collect(),
            in_flight: Arc::default(),
            connections: AtomicI64::new(0),
            connections_refused: AtomicU64::new(0),
            failed_authentications: AtomicU64::new(0),
            panics: AtomicU64::new(0),
        }
    }

    /// Counts an answer: of the route with this number, or of none.
    pub(crate) fn count(&self, route: Option<usize>, status: StatusCode, took: Duration) {
        let number = route.unwrap_or(self.routes.len() - 1);
        let Some(route) = self.routes.get(number) else { return };
        let class = usize::from(status.as_u16() / 100).clamp(1, STATUS_CLASSES.len()) - 1;
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = BUCKETS_US.partition_point(|bound| *bound < us);
        route.statuses[class].fetch_add(1, Relaxed);
        route.buckets[bucket].fetch_add(1, Relaxed);
        route.sum_us.fetch_add(us, Relaxed);
    }

    /// The counters in the text format of Prometheus, with what others measure.
    pub(crate) fn to_text(&self, specs: &[Spec], others: &[Measure]) -> String {
        let mut text = String::with_capacity(16 << 10);
        // Writing to a String cannot fail.
        let _ = self.write(&mut text, specs, others);
        text
    }

    fn write(&self, out: &mut String, specs: &[Spec], others: &[Measure]) -> std::fmt::Result {
        out.push_str(
            "# HELP isobase_http_requests_total Answered requests.\n\
             # TYPE isobase_http_requests_total counter\n",
        );
        for (labels, route) in self.labelled(specs) {
            for (class, count) in STATUS_CLASSES.iter().zip(&route.statuses) {
                let count = count.load(Relaxed);
                if count > 0 {
                    writeln!(
                        out,
                        "isobase_http_requests_total{{{labels},status=\"{class}\"}} {count}"
                    )?;
                }
            }
        }
        out.push_str(
            "# HELP isobase_http_request_seconds Time from the head of a request to the head of its answer.\n\
             # TYPE isobase_http_request_seconds histogram\n",
        );
        for (labels, route) in self.labelled(specs) {
            route.write_histogram(out, &labels)?;
        }
        for measure in self.own().iter().chain(others) {
            measure.write(out)?;
        }
        Ok(())
    }

    /// Counters without regard to routes.
    fn own(&self) -> [Measure; 5] {
        let counter =
            |name, help, value: &AtomicU64| Measure::new(name, help, value.load(Relaxed) as f64);
        let gauge =
            |name, help, value: &AtomicI64| Measure::new(name, help, value.load(Relaxed) as f64);
        [
            counter(
                "isobase_http_connections_refused_total",
                "Connections closed at once because there were too many.",
                &self.connections_refused,
            ),
            counter(
                "isobase_http_failed_authentications_total",
                "Requests with wrong keys.",
                &self.failed_authentications,
            ),
            counter("isobase_http_panics_total", "Handlers that panicked.", &self.panics),
            gauge(
                "isobase_http_requests_in_flight",
                "Requests that are being answered.",
                &self.in_flight,
            ),
            gauge("isobase_http_connections", "Open connections.", &self.connections),
        ]
    }

    /// The counters that counted anything, with their labels. A label never holds what a client
    /// sent.
    fn labelled(&self, specs: &[Spec]) -> impl Iterator<Item = (String, &RouteMetrics)> {
        let named = specs
            .iter()
            .map(|spec| format!("method=\"{}\",route=\"{}\"", spec.method.as_str(), spec.path));
        named
            .chain(std::iter::once("method=\"\",route=\"none\"".to_owned()))
            .zip(&*self.routes)
            .filter(|(_, route)| route.total() > 0)
    }
}

impl RouteMetrics {
    fn total(&self) -> u64 {
        self.buckets.iter().map(|bucket| bucket.load(Relaxed)).sum()
    }

    fn write_histogram(&self, out: &mut String, labels: &str) -> std::fmt::Result {
        let mut total = 0;
        for (bound, bucket) in BUCKETS_US.iter().zip(&self.buckets) {
            total += bucket.load(Relaxed);
            let seconds = *bound as f64 / 1e6;
            writeln!(
                out,
                "isobase_http_request_seconds_bucket{{{labels},le=\"{seconds}\"}} {total}"
            )?;
        }
        total += self.buckets[BUCKETS_US.len()].load(Relaxed);
        let sum = self.sum_us.load(Relaxed) as f64 / 1e6;
        writeln!(out, "isobase_http_request_seconds_bucket{{{labels},le=\"+Inf\"}} {total}")?;
        writeln!(out, "isobase_http_request_seconds_sum{{{labels}}} {sum}")?;
        writeln!(out, "isobase_http_request_seconds_count{{{labels}}} {total}")
    }
}
