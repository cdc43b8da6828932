//! Compare-and-swap: no update is lost.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

use isobase_testkit::{TestServer, postgres_url, unique_name};
use serde_json::Value;

use super::{
    client::{Client, problem},
    stored::Feed,
    support::begin,
};

/// How many clients, and how often each must succeed. Each success of one refuses most of the
/// others, so that the requests grow with the square of the clients.
fn sizes() -> (u64, u64) {
    if isobase_testkit::is_soak() { (32, 100) } else { (16, 20) }
}

#[test]
fn no_increment_is_lost_on_sqlite() {
    let _alone = begin("isobase serve on SQLite, many clients increment one record");
    increment(&TestServer::start().unwrap());
}

#[test]
fn no_increment_is_lost_on_postgres() {
    let Some(url) = postgres_url() else { return };
    let _alone =
        begin("isobase serve on the suite's PostgreSQL, many clients increment one record");
    let url = format!("{url}?schema={}", unique_name("swap"));
    increment(&TestServer::builder().records_url(&url).start().unwrap());
}

fn increment(server: &TestServer) {
    eprintln!("target: {}", server.url());
    let (clients, increments) = sizes();
    let mut client = Client::connect(server.address()).unwrap();
    let created = client.send("POST", "/records/counters", &[], r#"{"value":0}"#).unwrap();
    let id = created.json().unwrap()["id"].clone();
    let path = format!("/records/counters/{id}");
    // The race may take longer than the service keeps an idle connection.
    drop(client);
    let refused = AtomicU64::new(0);
    let begin = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..clients {
            scope.spawn(|| increment_alone(server.address(), &path, increments, &refused));
        }
    });
    let elapsed = begin.elapsed();
    let mut client = Client::connect(server.address()).unwrap();
    let value = client.get(&path).unwrap().json().unwrap()["value"].as_u64();
    assert_eq!(value, Some(clients * increments));
    // One change for each success and one for the beginning: none was written twice.
    let mut feed = Feed::default();
    feed.assert_complete(server);
    assert_eq!(feed.seen(), 1 + clients * increments);
    let refused = refused.into_inner();
    eprintln!("{value:?}, {refused} refused, {elapsed:?}");
    assert!(refused > 0, "the clients never met");
}

/// Increments until this client alone has succeeded often enough.
fn increment_alone(address: SocketAddr, path: &str, increments: u64, refused: &AtomicU64) {
    let mut client = Client::connect(address).unwrap();
    let mut successes = 0;
    while successes < increments {
        let read = client.get(path).unwrap();
        assert_eq!(read.status, 200, "{}", read.text());
        let revision = read.header("etag").unwrap().to_owned();
        let document: Value = read.json().unwrap();
        let body = format!(r#"{{"value":{}}}"#, document["value"].as_u64().unwrap() + 1);
        let answer = client.send("PUT", path, &[("if-match", &revision)], &body).unwrap();
        match answer.status {
            200 => successes += 1,
            412 => {
                assert_eq!(problem(&answer), "revision_conflict");
                refused.fetch_add(1, Ordering::Relaxed);
            }
            _ => panic!("{}", answer.text()),
        }
    }
}
