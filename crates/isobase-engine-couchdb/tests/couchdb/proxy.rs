//! A CouchDB server with faults: an HTTP proxy that follows a script.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use reqwest::Method;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};

/// What happens to a request that a rule is about.
#[derive(Clone)]
pub(crate) enum Action {
    /// It is answered here, and never reaches the server.
    Answer(u16, &'static str),
    /// As `Answer`, with a header.
    AnswerWith(u16, &'static str, &'static str),
    /// The server carries it out, and this is answered instead of its answer.
    AnswerAfter(u16, &'static str),
    /// It never reaches the server, and the connection ends.
    Cut,
    /// The server carries it out, and the connection ends without an answer.
    CutAfter,
    /// The connection ends in the middle of the answer.
    CutWithin,
    /// It waits until it is let go, then goes to the server.
    Hold(Arc<Gate>),
}

/// Lets requests wait.
pub(crate) struct Gate {
    arrived: Semaphore,
    open: Semaphore,
}

impl Gate {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { arrived: Semaphore::new(0), open: Semaphore::new(0) })
    }

    /// Waits until a request is held.
    pub(crate) async fn arrived(&self) {
        self.arrived.acquire().await.unwrap().forget();
    }

    /// Lets all go on, also those that come.
    pub(crate) fn open(&self) {
        self.open.add_permits(1_000);
    }
}

/// Requests and what happens to them.
#[derive(Clone)]
struct Rule {
    method: Method,
    path: String,
    times: Arc<AtomicUsize>,
    action: Action,
}

/// The proxy. It ends with the runtime.
#[derive(Clone)]
pub(crate) struct Proxy {
    pub(crate) address: String,
    rules: Arc<Mutex<Vec<Rule>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

/// A request that came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) body: String,
}

impl Proxy {
    /// Without a server behind it every request needs a rule.
    pub(crate) async fn start(server: Option<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let proxy = Self { address, rules: Arc::default(), seen: Arc::default() };
        let serving = proxy.clone();
        let server = server.map(Arc::from);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serving.clone().serve(stream, server.clone()));
            }
        });
        proxy
    }

    /// The next `times` requests of a method whose path contains a text meet an action. Earlier
    /// rules come first.
    pub(crate) fn rule(&self, method: Method, path: &str, times: usize, action: Action) {
        let times = Arc::new(AtomicUsize::new(times));
        let rule = Rule { method, path: path.to_owned(), times, action };
        self.rules.lock().unwrap().push(rule);
    }

    pub(crate) fn clear(&self) {
        self.rules.lock().unwrap().clear();
    }

    /// How many requests came of a method whose path contains a text.
    pub(crate) fn seen(&self, method: Method, path: &str) -> usize {
        let seen = self.seen.lock().unwrap();
        seen.iter().filter(|seen| seen.method == method && seen.path.contains(path)).count()
    }

    /// All requests that came.
    pub(crate) fn all_seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    fn action(&self, method: &Method, path: &str, body: &[u8]) -> Option<Action> {
        let body = String::from_utf8_lossy(body).into_owned();
        let seen = Seen { method: method.clone(), path: path.to_owned(), body };
        self.seen.lock().unwrap().push(seen);
        let rules = self.rules.lock().unwrap();
        let rule = rules.iter().find(|rule| {
            rule.method == *method
                && path.contains(&rule.path)
                && rule
                    .times
                    .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
                    .is_ok()
        });
        rule.map(|rule| rule.action.clone())
    }

    async fn serve(self, mut stream: TcpStream, server: Option<Arc<str>>) {
        let mut buffer = Vec::new();
        while let Some((method, path, body)) = read_request(&mut stream, &mut buffer).await {
            let action = self.action(&method, &path, &body);
            let forward = || forward(server.as_deref(), method.clone(), &path, body.clone());
            let (status, header, answer) = match action {
                Some(Action::Answer(status, body)) => (status, "", body.as_bytes().to_vec()),
                Some(Action::AnswerWith(status, header, body)) => {
                    (status, header, body.as_bytes().to_vec())
                }
                Some(Action::AnswerAfter(status, body)) => {
                    forward().await;
                    (status, "", body.as_bytes().to_vec())
                }
                Some(Action::Cut) => return,
                Some(Action::CutAfter) => {
                    forward().await;
                    return;
                }
                Some(Action::CutWithin) => {
                    let (_, answer) = forward().await;
                    let half = &answer[..answer.len() / 2];
                    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
                    let chunk =
                        format!("{:x}\r\n{}\r\n", half.len(), String::from_utf8_lossy(half));
                    let _ = stream.write_all(format!("{head}{chunk}").as_bytes()).await;
                    let _ = stream.flush().await;
                    return;
                }
                Some(Action::Hold(gate)) => {
                    gate.arrived.add_permits(1);
                    gate.open.acquire().await.unwrap().forget();
                    let (status, answer) = forward().await;
                    (status, "", answer)
                }
                None => {
                    let (status, answer) = forward().await;
                    (status, "", answer)
                }
            };
            let length = answer.len();
            let head = format!(
                "HTTP/1.1 {status} Answer\r\nContent-Type: application/json\r\n{header}\
                 Content-Length: {length}\r\n\r\n"
            );
            if stream.write_all(&[head.into_bytes(), answer].concat()).await.is_err() {
                return;
            }
        }
    }
}

async fn forward(
    server: Option<&str>,
    method: Method,
    path: &str,
    body: Vec<u8>,
) -> (u16, Vec<u8>) {
    let Some(server) = server else {
        return (500, format!("{{\"error\":\"no rule for {method} {path}\"}}").into_bytes());
    };
    send(server, method, path, body).await
}

/// One request past the crate under test.
pub(crate) async fn send(
    server: &str,
    method: Method,
    path: &str,
    body: Vec<u8>,
) -> (u16, Vec<u8>) {
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(no_tls())
        .no_proxy()
        .timeout(Duration::from_secs(30))
        .build()
        .unwrap();
    let request = client
        .request(method, format!("{server}{path}"))
        .header("Content-Type", "application/json")
        .body(body);
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.bytes().await.unwrap().to_vec())
}

fn no_tls() -> rustls::ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth()
}

async fn read_request(
    stream: &mut TcpStream,
    buffer: &mut Vec<u8>,
) -> Option<(Method, String, Vec<u8>)> {
    let head_end = loop {
        if let Some(at) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&buffer[..head_end]).into_owned();
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ');
    let method = Method::from_bytes(first.next()?.as_bytes()).ok()?;
    let path = first.next()?.to_owned();
    let length = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(0, |(_, value)| value.trim().parse::<usize>().unwrap());
    while buffer.len() < head_end + length {
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
    let body = buffer[head_end..head_end + length].to_vec();
    buffer.drain(..head_end + length);
    Some((method, path, body))
}
