//! A server that gives prepared answers, one after another.

use std::sync::{Arc, Mutex};

use isobase_engine_dynamodb::DynamoDbDatabase;
use isobase_journal::JournalOptions;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::fixture::options;

/// What to do with a request.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// Status and JSON.
    Json(u16, String),
    /// Read the request, and close in the middle of the answer.
    Cut,
    /// Read the request, and close before the answer.
    Gone,
}

pub(crate) fn ok(json: &str) -> Answer {
    Answer::Json(200, json.to_owned())
}

/// An error as DynamoDB spells it.
pub(crate) fn error(status: u16, code: &str, message: &str) -> Answer {
    let json =
        format!(r#"{{"__type":"com.amazonaws.dynamodb.v20120810#{code}","message":"{message}"}}"#);
    Answer::Json(status, json)
}

/// A canceled transaction with the codes of its items.
pub(crate) fn canceled(codes: &[&str]) -> Answer {
    let reasons: Vec<String> = codes
        .iter()
        .map(|code| format!(r#"{{"Code":"{code}","Message":"because of {code}"}}"#))
        .collect();
    let json = format!(
        r#"{{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","Message":"Transaction cancelled","CancellationReasons":[{}]}}"#,
        reasons.join(",")
    );
    Answer::Json(400, json)
}

/// A request that was made: operation and body.
pub(crate) type Request = (String, String);

pub(crate) struct Script {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<Request>>>,
    task: JoinHandle<()>,
}

impl Script {
    /// Gives the answers in their order; the last one again and again.
    pub(crate) async fn start(answers: &[Answer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let mut answers: Vec<Answer> = answers.to_vec();
        answers.reverse();
        let answers = Arc::new(Mutex::new(answers));
        let made = Arc::clone(&requests);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&answers), Arc::clone(&made)));
            }
        });
        Self { url, requests, task }
    }

    /// A database that talks to it, with little patience.
    pub(crate) async fn native(&self) -> DynamoDbDatabase {
        native(&self.url).await
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    pub(crate) fn operations(&self) -> Vec<String> {
        self.requests().into_iter().map(|(operation, _)| operation).collect()
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(crate) async fn native(url: &str) -> DynamoDbDatabase {
    let remote =
        JournalOptions { deadline: std::time::Duration::from_millis(600), ..Default::default() };
    DynamoDbDatabase::new(&options(url, "p_"), &remote).await.unwrap()
}

async fn serve(
    mut stream: TcpStream,
    answers: Arc<Mutex<Vec<Answer>>>,
    requests: Arc<Mutex<Vec<Request>>>,
) {
    while let Some(request) = read_request(&mut stream).await {
        requests.lock().unwrap().push(request);
        let answer = {
            let mut answers = answers.lock().unwrap();
            if answers.len() > 1 { answers.pop() } else { answers.last().cloned() }
        };
        match answer.expect("there is at least one answer") {
            Answer::Json(status, json) => {
                let head = format!(
                    "HTTP/1.1 {status} X\r\ncontent-type: application/x-amz-json-1.0\r\n\
                     content-length: {}\r\n\r\n",
                    json.len()
                );
                stream.write_all(head.as_bytes()).await.unwrap();
                stream.write_all(json.as_bytes()).await.unwrap();
            }
            Answer::Cut => {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{").await.unwrap();
                return;
            }
            Answer::Gone => return,
        }
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<Request> {
    let message = read_message(stream).await?;
    let operation = message.header("x-amz-target").unwrap();
    let operation = operation.split_once('.').unwrap().1.to_owned();
    Some((operation, String::from_utf8(message.bytes[message.head..].to_vec()).unwrap()))
}

/// A request or an answer with its length.
struct Message {
    bytes: Vec<u8>,
    head: usize,
}

impl Message {
    fn header(&self, name: &str) -> Option<String> {
        let text = std::str::from_utf8(&self.bytes[..self.head]).unwrap();
        let line = text.lines().find(|line| line.to_lowercase().starts_with(name))?;
        Some(line.split_once(": ")?.1.trim().to_owned())
    }
}

async fn read_message(stream: &mut TcpStream) -> Option<Message> {
    let mut bytes = Vec::new();
    let mut part = [0; 4096];
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|it| it == b"\r\n\r\n") {
            break end + 4;
        }
        match stream.read(&mut part).await {
            Ok(read) if read > 0 => bytes.extend_from_slice(&part[..read]),
            _ => return None,
        }
    };
    let mut message = Message { bytes, head };
    let length: usize = message.header("content-length").unwrap().parse().unwrap();
    while message.bytes.len() < head + length {
        match stream.read(&mut part).await {
            Ok(read) if read > 0 => message.bytes.extend_from_slice(&part[..read]),
            _ => return None,
        }
    }
    Some(message)
}

/// A server that hands everything on to another one, and keeps what was asked.
pub(crate) struct Recorder {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<Request>>>,
    task: JoinHandle<()>,
}

impl Recorder {
    pub(crate) async fn start(endpoint: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&requests);
        let server = endpoint.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(hand_on(stream, server.clone(), Arc::clone(&kept)));
            }
        });
        Self { url, requests, task }
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn hand_on(mut stream: TcpStream, server: String, kept: Arc<Mutex<Vec<Request>>>) {
    let mut onward = TcpStream::connect(server).await.unwrap();
    while let Some(request) = read_message(&mut stream).await {
        let operation = request.header("x-amz-target").unwrap();
        let operation = operation.split_once('.').unwrap().1.to_owned();
        let body = String::from_utf8(request.bytes[request.head..].to_vec()).unwrap();
        kept.lock().unwrap().push((operation, body));
        onward.write_all(&request.bytes).await.unwrap();
        let Some(answer) = read_message(&mut onward).await else { return };
        if stream.write_all(&answer.bytes).await.is_err() {
            return;
        }
    }
}
