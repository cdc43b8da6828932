//! A closed-loop load client: N keep-alive connections, each with one request
//! on its way, all on one thread.
//!
//! It shares the machine with the server it measures, so it is made cheap: the
//! requests are prepared bytes, an answer is only scanned for its end, and a
//! request allocates nothing. [`LoadReport::client_cpu`] tells what it cost.
//! It refuses every address beyond loopback: it is no tool against others.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::histogram::Histogram;
use crate::usage::ProcessUsage;
use crate::wire::AnswerReader;

/// One round of connections at most, so that a wrong number does not use up
/// the machine's ports.
const CONNECTIONS_MAX: usize = 4096;
/// A server that breaks this many connections is not worth measuring on.
const FAILURES_MAX: u64 = 1000;
/// An answer of 100 records fits; a larger one takes several reads.
const READ_BYTES: usize = 64 * 1024;
const POLL_MAX: Duration = Duration::from_millis(100);

/// The requests of a load, in the order they are sent.
#[derive(Clone, Debug, Default)]
pub struct Workload {
    classes: Vec<String>,
    requests: Vec<Prepared>,
}

#[derive(Clone, Debug)]
struct Prepared {
    class: usize,
    bytes: Vec<u8>,
    head_only: bool,
}

impl Workload {
    /// A load of one request, sent again and again.
    pub fn of(class: &str, bytes: Vec<u8>) -> Self {
        let mut load = Self::default();
        load.push(class, bytes);
        load
    }

    /// Adds a request (see [`request_bytes`](crate::http::request_bytes)).
    /// Latencies are reported for each `class`, such as `read` and `write`.
    ///
    /// The connections begin at evenly spaced places and go round; shuffle the
    /// requests if their order must not matter.
    pub fn push(&mut self, class: &str, bytes: Vec<u8>) {
        let index = self.classes.iter().position(|known| known == class).unwrap_or_else(|| {
            self.classes.push(class.to_owned());
            self.classes.len() - 1
        });
        let head_only = bytes.starts_with(b"HEAD ");
        self.requests.push(Prepared { class: index, bytes, head_only });
    }
}

/// How to run a load.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// Where the server listens; on loopback.
    pub address: SocketAddr,
    /// Connections, each with one request on its way; 1 to 4096.
    pub connections: usize,
    /// The load ends after this time, counted from when all are connected.
    pub duration: Duration,
    /// The load ends earlier when this many requests are answered.
    pub requests_max: Option<u64>,
}

/// What a load has shown.
#[derive(Clone, Debug)]
pub struct LoadReport {
    /// From when all were connected to the last counted answer, or the end.
    pub elapsed: Duration,
    /// One for each class, in the order of first use.
    pub classes: Vec<ClassReport>,
    /// Answers by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Connections that broke or answered with something else than HTTP.
    pub failures: u64,
    /// Bytes of all bodies.
    pub body_bytes: u64,
    /// CPU time of this whole process meanwhile.
    pub client_cpu: Duration,
}

/// The latencies of one class of requests.
#[derive(Clone, Debug)]
pub struct ClassReport {
    /// As given to [`Workload::push`].
    pub name: String,
    /// From the first byte sent to the last byte received.
    pub latency: Histogram,
}

impl LoadReport {
    /// Requests answered, whatever the status.
    pub fn answered(&self) -> u64 {
        self.statuses.values().sum()
    }

    /// Requests answered with 400 and above.
    pub fn errors(&self) -> u64 {
        self.statuses.range(400..).map(|(_, count)| count).sum()
    }

    /// Answered requests per second.
    pub fn rate(&self) -> f64 {
        self.answered() as f64 / self.elapsed.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// The latencies of all classes together.
    pub fn latency(&self) -> Histogram {
        let mut all = Histogram::default();
        self.classes.iter().for_each(|class| all.merge(&class.latency));
        all
    }
}

impl std::fmt::Display for LoadReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seconds = self.elapsed.as_secs_f64();
        write!(f, "{:.0} requests/s over {seconds:.1} s", self.rate())?;
        for class in &self.classes {
            let latency = &class.latency;
            let (p50, p99) = (latency.quantile(0.5), latency.quantile(0.99));
            write!(f, "; {} p50 {p50:.1?} p99 {p99:.1?} max {:.1?}", class.name, latency.max())?;
        }
        for (status, count) in &self.statuses {
            write!(f, "; {status}: {count}")?;
        }
        if self.failures > 0 {
            write!(f, "; broken connections: {}", self.failures)?;
        }
        Ok(())
    }
}

/// Runs a load to its end. The target is named on standard error first.
///
/// To warm the server up, run a short load before, and forget its report.
///
/// # Errors
/// When the address is not loopback, no one listens there, or connections keep breaking.
pub fn run(options: &LoadOptions, workload: &Workload) -> Result<LoadReport> {
    let &LoadOptions { address, connections, duration, requests_max } = options;
    announce(options);
    ensure!(address.ip().is_loopback(), "a load goes to loopback only, not to {address}");
    ensure!((1..=CONNECTIONS_MAX).contains(&connections), "1 to {CONNECTIONS_MAX} connections");
    ensure!(!workload.requests.is_empty(), "a load needs a request");
    let mut run = Run::connect(address, connections, workload)?;
    let cpu_before = ProcessUsage::of(std::process::id())?;
    let elapsed = run.drive(duration, requests_max.unwrap_or(u64::MAX))?;
    let client_cpu = ProcessUsage::of(std::process::id())?.cpu_since(&cpu_before);
    Ok(run.report(elapsed, client_cpu))
}

#[expect(clippy::print_stderr, reason = "the one who starts a load must see where it goes")]
fn announce(options: &LoadOptions) {
    let LoadOptions { address, connections, duration, .. } = options;
    eprintln!("load: {address}, {connections} connections, {:.1} s", duration.as_secs_f64());
}

struct Run<'a> {
    workload: &'a Workload,
    poll: Poll,
    connections: Vec<Connection>,
    address: SocketAddr,
    tally: Tally,
}

struct Connection {
    stream: TcpStream,
    reader: AnswerReader,
    /// Place in the workload of the request on its way.
    at: usize,
    /// Bytes of it that are sent.
    sent: usize,
    since: Instant,
    idle: bool,
}

struct Tally {
    latencies: Vec<Histogram>,
    statuses: Box<[u64; 1000]>,
    started: u64,
    answered: u64,
    failures: u64,
    body_bytes: u64,
    last: Instant,
}

impl<'a> Run<'a> {
    fn connect(address: SocketAddr, count: usize, workload: &'a Workload) -> Result<Self> {
        let poll = Poll::new()?;
        let now = Instant::now();
        let mut connections = Vec::with_capacity(count);
        for index in 0..count {
            let stream = open(&poll, address, index)?;
            let at = index * workload.requests.len() / count;
            let reader = AnswerReader::default();
            connections.push(Connection { stream, reader, at, sent: 0, since: now, idle: true });
        }
        let tally = Tally {
            latencies: vec![Histogram::default(); workload.classes.len()],
            statuses: Box::new([0; 1000]),
            started: 0,
            answered: 0,
            failures: 0,
            body_bytes: 0,
            last: now,
        };
        Ok(Self { workload, poll, connections, address, tally })
    }

    fn drive(&mut self, duration: Duration, requests_max: u64) -> Result<Duration> {
        let mut events = Events::with_capacity(self.connections.len());
        let mut buffer = vec![0; READ_BYTES];
        let start = Instant::now();
        for index in 0..self.connections.len() {
            self.start(index, Instant::now(), requests_max)?;
        }
        loop {
            let left = duration.saturating_sub(start.elapsed());
            if left.is_zero() {
                return Ok(duration);
            }
            match self.poll.poll(&mut events, Some(left.min(POLL_MAX))) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                other => other?,
            }
            for event in &events {
                self.advance(event.token().0, &mut buffer, requests_max)?;
            }
            if self.tally.answered >= requests_max {
                return Ok(self.tally.last - start);
            }
        }
    }

    /// Sends the connection's request, unless enough are under way.
    fn start(&mut self, index: usize, now: Instant, requests_max: u64) -> Result<()> {
        let connection = &mut self.connections[index];
        connection.idle = self.tally.started >= requests_max;
        if connection.idle {
            return Ok(());
        }
        self.tally.started += 1;
        connection.since = now;
        connection.sent = 0;
        connection.reader.reset();
        match connection.send(&self.workload.requests[connection.at].bytes) {
            Ok(()) => Ok(()),
            Err(_) => self.replace(index, requests_max),
        }
    }

    /// Does what can be done without waiting.
    fn advance(&mut self, index: usize, buffer: &mut [u8], requests_max: u64) -> Result<()> {
        let connection = &mut self.connections[index];
        if connection.idle {
            return Ok(());
        }
        let request = &self.workload.requests[connection.at];
        if connection.send(&request.bytes).is_err() {
            return self.replace(index, requests_max);
        }
        match connection.receive(buffer, request.head_only, &mut self.tally.body_bytes) {
            Ok(false) => return Ok(()),
            Ok(true) => {}
            Err(_) => return self.replace(index, requests_max),
        }
        let now = Instant::now();
        let status = usize::from(connection.reader.status()).min(999);
        let closes = connection.reader.closes();
        self.tally.latencies[request.class].record(now - connection.since);
        self.tally.statuses[status] += 1;
        self.tally.answered += 1;
        self.tally.last = now;
        connection.at = (connection.at + 1) % self.workload.requests.len();
        if closes {
            self.reopen(index)?;
        }
        self.start(index, now, requests_max)
    }

    /// The connection broke: a new one takes its place with the next request.
    fn replace(&mut self, index: usize, requests_max: u64) -> Result<()> {
        self.tally.failures += 1;
        self.tally.started -= 1;
        if self.tally.failures > FAILURES_MAX {
            bail!("more than {FAILURES_MAX} connections to {} broke", self.address);
        }
        self.reopen(index)?;
        let connection = &mut self.connections[index];
        connection.at = (connection.at + 1) % self.workload.requests.len();
        self.start(index, Instant::now(), requests_max)
    }

    fn reopen(&mut self, index: usize) -> Result<()> {
        self.connections[index].stream = open(&self.poll, self.address, index)?;
        Ok(())
    }

    fn report(self, elapsed: Duration, client_cpu: Duration) -> LoadReport {
        let classes = self.workload.classes.iter().zip(self.tally.latencies);
        let statuses = (0u16..).zip(self.tally.statuses.iter().copied());
        LoadReport {
            elapsed,
            classes: classes
                .map(|(name, latency)| ClassReport { name: name.clone(), latency })
                .collect(),
            statuses: statuses.filter(|(_, count)| *count > 0).collect(),
            failures: self.tally.failures,
            body_bytes: self.tally.body_bytes,
            client_cpu,
        }
    }
}

impl Connection {
    fn send(&mut self, bytes: &[u8]) -> Result<()> {
        while self.sent < bytes.len() {
            match self.stream.write(&bytes[self.sent..]) {
                Ok(sent) => self.sent += sent,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Whether the answer has come to its end.
    fn receive(&mut self, buffer: &mut [u8], head_only: bool, bytes: &mut u64) -> Result<bool> {
        loop {
            let read = match self.stream.read(buffer) {
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            if read == 0 {
                ensure!(self.reader.finish(), "closed before the end of an answer");
                return Ok(true);
            }
            let count = |part: &[u8]| *bytes += part.len() as u64;
            let taken = self.reader.feed(&buffer[..read], head_only, count)?;
            if self.reader.is_done() {
                ensure!(taken == read, "bytes behind the end of an answer");
                return Ok(true);
            }
            // A short read has emptied the socket: the next bytes are a new event.
            if read < buffer.len() {
                return Ok(false);
            }
        }
    }
}

fn open(poll: &Poll, address: SocketAddr, index: usize) -> Result<TcpStream> {
    let stream =
        std::net::TcpStream::connect(address).with_context(|| format!("connect to {address}"))?;
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)?;
    let mut stream = TcpStream::from_std(stream);
    let interest = Interest::READABLE | Interest::WRITABLE;
    poll.registry().register(&mut stream, Token(index), interest)?;
    Ok(stream)
}
