//! Requests of fault tests, and what answers must look like.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use isobase_testkit::http::{Connection, Response};
use serde_json::Value;

/// A client with one connection that stays.
pub(super) struct Client {
    connection: Connection,
    /// The longest that an answer took.
    pub(super) slowest: Duration,
}

impl Client {
    pub(super) fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        Ok(Self { connection: Connection::open(address)?, slowest: Duration::ZERO })
    }

    pub(super) fn get(&mut self, path: &str) -> anyhow::Result<Response> {
        self.send("GET", path, &[], "")
    }

    /// Sends JSON.
    pub(super) fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> anyhow::Result<Response> {
        let mut all = headers.to_vec();
        if !body.is_empty() {
            all.push(("content-type", "application/json"));
        }
        let begin = Instant::now();
        let answer = self.connection.request(method, path, &all, body.as_bytes());
        self.slowest = self.slowest.max(begin.elapsed());
        answer
    }
}

/// Asserts that an answer is a problem with all its parts; gives its code.
#[track_caller]
pub(super) fn problem(answer: &Response) -> String {
    let shown = format!("{} {}", answer.status, answer.text());
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{shown}");
    let body: Value = answer.json().unwrap();
    assert_eq!(body["status"], answer.status, "{shown}");
    for part in ["type", "title", "detail", "code", "request_id"] {
        assert!(body[part].as_str().is_some_and(|text| !text.is_empty()), "{part} of {shown}");
    }
    body["code"].as_str().unwrap().to_owned()
}

/// Asserts that an answer asks to come again, soon; gives the code of the problem.
#[track_caller]
pub(super) fn refused_for_now(answer: &Response) -> String {
    let code = problem(answer);
    let shown = format!("{} {code}", answer.status);
    let retry = answer.header("retry-after").and_then(|text| text.parse::<u64>().ok());
    assert!(retry.is_some_and(|seconds| (1..=30).contains(&seconds)), "{shown}: {retry:?}");
    match answer.status {
        503 => assert!(
            ["unavailable", "deadline_exceeded", "outcome_unknown", "not_ready"]
                .contains(&code.as_str()),
            "{shown}"
        ),
        507 => assert_eq!(code, "out_of_space"),
        _ => panic!("{shown}: {}", answer.text()),
    }
    code
}

/// The id of a document that was created.
#[track_caller]
pub(super) fn created_id(answer: &Response) -> u64 {
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json().unwrap()["id"].as_u64().unwrap()
}
