//! Webhooks against a receiver that fails, and a service that is killed.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU16, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use isobase_testkit::TestServer;
use isobase_webhooks::sign;
use serde_json::{Value, json};

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];
const PATIENCE: Duration = Duration::from_secs(60);

/// A delivery that came: its headers and its body.
type Came = (BTreeMap<String, String>, String);

/// Somebody who is told things, and answers with a status.
struct Receiver {
    url: String,
    status: Arc<AtomicU16>,
    came: Arc<Mutex<Vec<Came>>>,
}

impl Receiver {
    fn start(status: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let (status, came) = (Arc::new(AtomicU16::new(status)), Arc::default());
        let (answers, kept) = (Arc::clone(&status), Arc::clone(&came));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut reader = BufReader::new(stream.unwrap());
                let (mut line, mut headers) = (String::new(), BTreeMap::new());
                reader.read_line(&mut line).unwrap();
                loop {
                    line.clear();
                    reader.read_line(&mut line).unwrap();
                    let Some((name, value)) = line.trim().split_once(": ") else { break };
                    headers.insert(name.to_ascii_lowercase(), value.to_owned());
                }
                let length = headers.get("content-length").map_or(0, |it| it.parse().unwrap());
                let mut body = vec![0; length];
                reader.read_exact(&mut body).unwrap();
                let came: &Mutex<Vec<Came>> = &kept;
                came.lock().unwrap().push((headers, String::from_utf8(body).unwrap()));
                let answer = format!(
                    "HTTP/1.1 {} Told\r\nlocation: http://127.0.0.1:1/elsewhere\r\n\
                     content-length: 4\r\nconnection: close\r\n\r\ntold",
                    answers.load(Ordering::SeqCst)
                );
                reader.get_mut().write_all(answer.as_bytes()).unwrap();
            }
        });
        Self { url, status, came }
    }

    fn answer(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    /// What came, when there is enough of it.
    fn when(&self, enough: impl Fn(&[Came]) -> bool) -> Vec<Came> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let came = self.came.lock().unwrap().clone();
            if enough(&came) {
                return came;
            }
            assert!(Instant::now() < deadline, "{came:?}");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

fn ask(server: &TestServer, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let text = if body.is_null() { String::new() } else { body.to_string() };
    let reply = server.request(method, path, &JSON, text.as_bytes()).unwrap();
    (reply.status, reply.json().unwrap_or(Value::Null))
}

fn server() -> TestServer {
    TestServer::builder().env("ISOBASE_WEBHOOKS_PRIVATE", "true").start().unwrap()
}

fn hook(server: &TestServer, url: &str, topics: &[&str]) -> (String, Vec<u8>) {
    let (status, made) =
        ask(server, "POST", "/api/v1/webhooks", &json!({ "url": url, "topics": topics }));
    assert_eq!(status, 201, "{made}");
    let secret = made["secret"].as_str().unwrap().strip_prefix("whsec_").unwrap().to_owned();
    (made["id"].as_str().unwrap().to_owned(), from_base64(&secret))
}

fn from_base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = text.bytes().filter_map(|it| DIGITS.iter().position(|digit| *digit == it));
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for digit in digits {
        bits = (bits << 6) | u32::try_from(digit).unwrap();
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from((bits >> count) & 255).unwrap());
        }
    }
    bytes
}

/// Waits until the latest delivery is in a state.
fn delivery(server: &TestServer, state: &str) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (_, page) = ask(server, "GET", "/api/v1/deliveries", &Value::Null);
        let latest = page["deliveries"][0].clone();
        if latest["state"] == state && latest["attempts"] != 0 {
            return latest;
        }
        assert!(Instant::now() < deadline, "{page}\n{}", server.log());
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn deliveries_are_signed_tried_again_and_remembered() {
    let (server, receiver) = (server(), Receiver::start(500));
    let (id, secret) = hook(&server, &receiver.url, &["documents:orders", "licences"]);
    ask(&server, "POST", "/records/others", &json!({ "not": "told" }));
    let (_, made) = ask(&server, "POST", "/records/orders", &json!({ "total": 7 }));
    let came = receiver.when(|came| !came.is_empty());
    let (headers, body) = &came[0];
    let told: Value = serde_json::from_str(body).unwrap();
    assert_eq!(told["type"], "document.created");
    assert_eq!(told["data"]["id"], made["id"]);
    assert_eq!(told["data"]["document"], json!({ "total": 7 }));
    let stamp: i64 = headers["webhook-timestamp"].parse().unwrap();
    let signature = sign(std::slice::from_ref(&secret), &headers["webhook-id"], stamp, body);
    assert_eq!(headers["webhook-signature"], signature);
    assert_eq!(headers["content-type"], "application/json");

    // It waits for its next attempt; somebody sends it at once, under the same id.
    let waits = delivery(&server, "pending");
    assert_eq!((&waits["status"], &waits["attempts"]), (&json!(500), &json!(1)), "{waits}");
    let (_, failing) = ask(&server, "GET", &format!("/api/v1/webhooks/{id}"), &Value::Null);
    assert!(failing["failing_since"].is_string() && failing["secret"].is_null(), "{failing}");
    receiver.answer(204);
    let again = format!("/api/v1/deliveries/{}/resend", waits["id"].as_str().unwrap());
    assert_eq!(ask(&server, "POST", &again, &Value::Null).0, 202);
    let arrived = delivery(&server, "delivered");
    assert_eq!(arrived["status"], 204);
    let came = receiver.when(|came| came.len() == 2);
    assert_eq!(came[1].0["webhook-id"], headers["webhook-id"]);

    // A licence, and with another secret both sign.
    let rotate = format!("/api/v1/webhooks/{id}/rotate");
    assert_eq!(ask(&server, "POST", &rotate, &Value::Null).0, 200);
    ask(&server, "POST", "/api/v1/db/license/create", &json!({ "email": "ann@example.com" }));
    let came = receiver.when(|came| came.len() == 3);
    let (headers, body) = &came[2];
    let told: Value = serde_json::from_str(body).unwrap();
    assert_eq!(told["type"], "license.created", "{body}");
    let stamp: i64 = headers["webhook-timestamp"].parse().unwrap();
    let former = sign(&[secret], &headers["webhook-id"], stamp, body);
    let signatures: Vec<_> = headers["webhook-signature"].split(' ').collect();
    assert!(signatures.len() == 2 && signatures.contains(&&*former), "{signatures:?}");
}

#[test]
fn what_happened_is_told_after_a_kill_and_only_once() {
    let (mut server, receiver) = (server(), Receiver::start(204));
    hook(&server, &receiver.url, &["documents:orders"]);
    for n in 0..50 {
        assert_eq!(ask(&server, "POST", "/records/orders", &json!({ "n": n })).0, 201);
    }
    server.kill().unwrap();
    server.start_again().unwrap();
    for n in 50..60 {
        assert_eq!(ask(&server, "POST", "/records/orders", &json!({ "n": n })).0, 201);
    }
    let told = |came: &[Came]| {
        let mut told = BTreeMap::new();
        for (headers, body) in came {
            let body: Value = serde_json::from_str(body).unwrap();
            told.insert(headers["webhook-id"].clone(), body["data"]["document"]["n"].clone());
        }
        told
    };
    let came = receiver.when(|came| told(came).len() >= 60);
    let mut numbers: Vec<_> = told(&came).values().filter_map(Value::as_i64).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..60).collect::<Vec<_>>(), "each once by its id");
}

#[test]
fn redirects_are_not_followed_and_410_ends_it() {
    let (server, receiver) = (server(), Receiver::start(302));
    let (id, _) = hook(&server, &receiver.url, &["accounts"]);
    let test = format!("/api/v1/webhooks/{id}/test");
    assert_eq!(ask(&server, "POST", &test, &Value::Null).0, 202);
    assert_eq!(delivery(&server, "pending")["status"], 302);
    receiver.answer(410);
    assert_eq!(ask(&server, "POST", &test, &Value::Null).0, 202);
    assert_eq!(delivery(&server, "failed")["status"], 410);
    let (_, hook) = ask(&server, "GET", &format!("/api/v1/webhooks/{id}"), &Value::Null);
    assert!(hook["disabled"].as_str().unwrap().contains("410"), "{hook}");
}

#[test]
fn addresses_within_are_refused_unless_they_are_allowed() {
    let server = TestServer::start().unwrap();
    for url in [
        "http://example.com/hook",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://10.0.0.1/x",
        "https://169.254.169.254/latest",
        "https://user:pass@example.com/",
        "ftp://example.com/",
        "x",
    ] {
        let body = json!({ "url": url, "topics": ["licences"] });
        let (status, answer) = ask(&server, "POST", "/api/v1/webhooks", &body);
        assert_eq!((status, &answer["code"]), (422, &json!("invalid_body")), "{url}: {answer}");
    }
    for topics in [json!([]), json!(["everything"]), json!(["documents:isobase_keys"]), json!([1])]
    {
        let body = json!({ "url": "https://example.com/", "topics": topics });
        assert_eq!(ask(&server, "POST", "/api/v1/webhooks", &body).0, 422, "{topics}");
    }
    // A name that leads within is found out when it is connected to.
    let body = json!({ "url": "https://localhost/hook", "topics": ["licences"] });
    let (_, made) = ask(&server, "POST", "/api/v1/webhooks", &body);
    let test = format!("/api/v1/webhooks/{}/test", made["id"].as_str().unwrap());
    assert_eq!(ask(&server, "POST", &test, &Value::Null).0, 202);
    let tried = delivery(&server, "pending");
    let one = format!("/api/v1/deliveries/{}", tried["id"].as_str().unwrap());
    let (_, tried) = ask(&server, "GET", &one, &Value::Null);
    let told = tried["log"][0]["told"].as_str().unwrap();
    assert!(told.contains("no address of the public network"), "{tried}");
}
