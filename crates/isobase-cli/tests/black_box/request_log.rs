//! A service that reports its requests, while the log is there and while it is not.

use std::{
    convert::Infallible,
    time::{Duration, Instant},
};

use isobase_client::{Client, ClientOptions, Report, RequestLog, RequestLogOptions};
use isobase_testkit::TestServer;
use serde_json::{Value, json};
use tower::{Layer, Service, service_fn};

fn log_of(server: &TestServer) -> RequestLog {
    let client = Client::new(&server.url(), ClientOptions::default()).unwrap();
    let flush_after = Duration::from_millis(20);
    let options = RequestLogOptions { flush_after, headers: true, ..RequestLogOptions::new("web") };
    RequestLog::start(client, options)
}

fn logged(server: &TestServer) -> Value {
    let said = server.request("GET", "/api/v1/db/requests?service=web", &[], b"").unwrap();
    said.json().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_layer_reports_what_a_service_answers() {
    let server = TestServer::builder().records_url("memory:").start().unwrap();
    let log = log_of(&server);
    let answer = |request: http::Request<()>| async move {
        let status = if request.uri().path() == "/bad" { 500 } else { 200 };
        Ok::<_, Infallible>(http::Response::builder().status(status).body(()).unwrap())
    };
    let mut service = log.layer().layer(service_fn(answer));
    for path in ["/a", "/bad", "/health"] {
        let request = http::Request::builder().uri(path);
        let request = request.header("authorization", "Bearer hush").header("accept", "a/b");
        let request = request.body(()).unwrap();
        service.call(request).await.unwrap();
    }
    assert_eq!(log.shut_down(Duration::from_secs(30)).await, 0);
    let listed = logged(&server);
    assert_eq!(listed["count"], 2, "{listed}");
    assert_eq!(listed["requests"][0]["service"], "web");
    let headers = json!({ "accept": "a/b", "authorization": "[redacted]" });
    assert_eq!(listed["requests"][0]["request_headers"], headers);
    assert_eq!(log.dropped(), 0);
}

/// A log that is away costs the callers nothing, and what waited is there once when it is back.
#[tokio::test(flavor = "multi_thread")]
async fn reports_wait_while_the_log_is_away() {
    let mut server = TestServer::start().unwrap();
    server.kill().unwrap();
    let log = log_of(&server);
    let began = Instant::now();
    for number in 0..1_000 {
        let endpoint = format!("/{number}");
        log.record(Report { endpoint, method: "GET".to_owned(), ..Report::default() });
    }
    assert!(began.elapsed() < Duration::from_secs(30), "a report waits for nothing");
    server.start_again().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while logged(&server)["total"] != 1_000 {
        assert!(Instant::now() < deadline, "{} wait", log.waiting());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!((log.shut_down(Duration::from_secs(30)).await, log.dropped()), (0, 0));
}
