//! Many event streams in this process.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use isobase_testkit::wait_until;
use rustix::process::{Resource, getrlimit, setrlimit};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::interrupt;

/// Stands once in each event of a change.
pub(super) const MARK: &str = "mark-";
/// Streams that are being opened at a time.
const OPENING_MAX: usize = 128;
const OPEN_DEADLINE: Duration = Duration::from_secs(300);
const TOLD_DEADLINE: Duration = Duration::from_secs(120);

/// How a stream is subscribed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Dialect {
    /// By its address.
    Path(&'static str),
    /// By a second request, which names the client that the first event says, and a topic.
    PocketBase(&'static str),
}

/// Streams that count what they are told. Their drop closes them.
#[derive(Debug)]
pub(super) struct Streams {
    /// Its drop ends every stream.
    _runtime: Runtime,
    count: Arc<Count>,
    streams: u64,
}

/// Written by the streams.
#[derive(Debug, Default)]
struct Count {
    open: AtomicU64,
    told: AtomicU64,
    broken: AtomicU64,
}

impl Streams {
    pub(super) fn open(address: SocketAddr, dialect: Dialect, streams: u32) -> Result<Self> {
        // One thread: the server shall have the other cores.
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let count = Arc::new(Count::default());
        let opening = Arc::new(Semaphore::new(OPENING_MAX));
        for _ in 0..streams {
            let (count, opening) = (Arc::clone(&count), Arc::clone(&opening));
            runtime.spawn(async move {
                // Broken streams are found by their number.
                let _ = listen(address, dialect, &count, &opening).await;
                count.broken.fetch_add(1, Ordering::Relaxed);
            });
        }
        let opened = Self { _runtime: runtime, count, streams: streams.into() };
        wait_until("the streams", OPEN_DEADLINE, || {
            interrupt::check()?;
            opened.check()?;
            Ok((opened.count.open.load(Ordering::Relaxed) == opened.streams).then_some(()))
        })?;
        Ok(opened)
    }

    /// Lets something happen; gives how long it took until every stream was told.
    pub(super) fn tell(&self, happen: impl FnOnce() -> Result<()>) -> Result<Duration> {
        let target = self.count.told.load(Ordering::SeqCst) + self.streams;
        let began = Instant::now();
        happen()?;
        while self.count.told.load(Ordering::Acquire) < target {
            if began.elapsed() > TOLD_DEADLINE {
                bail!("not every stream was told within {TOLD_DEADLINE:?}");
            }
            self.check()?;
            // Finer than what is measured, and cheap beside it.
            std::thread::sleep(Duration::from_micros(200));
        }
        Ok(began.elapsed())
    }

    fn check(&self) -> Result<()> {
        let broken = self.count.broken.load(Ordering::Relaxed);
        ensure!(broken == 0, "{broken} streams broke");
        Ok(())
    }
}

async fn listen(
    address: SocketAddr,
    dialect: Dialect,
    count: &Count,
    opening: &Semaphore,
) -> Result<()> {
    let permit = opening.acquire().await?;
    let mut stream = TcpStream::connect(address).await?;
    let path = match dialect {
        Dialect::Path(path) => path,
        Dialect::PocketBase(_) => "/api/realtime",
    };
    let head =
        format!("GET {path} HTTP/1.1\r\nhost: {address}\r\naccept: text/event-stream\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    let greeting = timeout(OPEN_DEADLINE, greeting(&mut stream)).await??;
    if let Dialect::PocketBase(topic) = dialect {
        subscribe(address, &greeting, topic).await?;
    }
    drop(permit);
    count.open.fetch_add(1, Ordering::Relaxed);
    let mut buffer = vec![0; 16 * 1024];
    // What was read last, as far as a mark may begin in it.
    let mut kept = 0;
    loop {
        let read = stream.read(&mut buffer[kept..]).await?;
        ensure!(read > 0, "the stream ended");
        let text = &buffer[..kept + read];
        let marks = text.windows(MARK.len()).filter(|part| *part == MARK.as_bytes()).count();
        count.told.fetch_add(marks as u64, Ordering::Release);
        let end = kept + read;
        kept = (MARK.len() - 1).min(end);
        buffer.copy_within(end - kept..end, 0);
    }
}

/// The first event.
async fn greeting(stream: &mut TcpStream) -> Result<String> {
    let mut text = Vec::new();
    while !text.windows(2).any(|end| end == b"\n\n") {
        ensure!(stream.read_buf(&mut text).await? > 0, "the stream ended before its first event");
    }
    let text = String::from_utf8(text)?;
    ensure!(text.starts_with("HTTP/1.1 200"), "{text}");
    Ok(text)
}

async fn subscribe(address: SocketAddr, greeting: &str, topic: &str) -> Result<()> {
    let data = greeting.lines().find_map(|line| line.strip_prefix("data:"));
    let said: Value = serde_json::from_str(data.context("the first event has no data")?)?;
    let body = json!({ "clientId": said["clientId"], "subscriptions": [topic] }).to_string();
    let mut stream = TcpStream::connect(address).await?;
    let head = format!(
        "POST /api/realtime HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    ensure!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    Ok(())
}

/// Lets this process, and those that it starts, have so many files open.
pub(super) fn allow_files(files: u64) -> Result<()> {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < files) {
        limit.current = Some(files);
        limit.maximum = limit.maximum.map(|maximum| maximum.max(files));
        setrlimit(Resource::Nofile, limit)
            .with_context(|| format!("{files} open files are needed: take fewer --streams"))?;
    }
    Ok(())
}
