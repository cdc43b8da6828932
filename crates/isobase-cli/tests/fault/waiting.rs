//! Very many requests that wait for changes, and what they cost the database meanwhile.

use std::{net::SocketAddr, thread, time::Duration};

use isobase_testkit::{
    FaultProxy, ForeignDatabase, TestServer, is_soak, postgres_url, unique_name, wait_until,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::support::{PATIENCE, begin};

/// Files that are open beside the connections.
const OTHER_FILES: u64 = 500;
/// What may reach the database in a second while nothing happens: a look at the head, on databases
/// that tell of no writes of other processes, and signs of life.
const PIECES_A_SECOND_MAX: usize = 8;

/// Many, and for how long nothing happens: nobody waits for that in the suite.
fn extent() -> (usize, Duration) {
    match is_soak() {
        true => (10_000, Duration::from_secs(5)),
        false => (200, Duration::ZERO),
    }
}

#[test]
fn very_many_waiting_requests_cost_no_reads() {
    let _alone = begin("a service on each engine, with very many waiting requests");
    open_files();
    let Some(postgres) = postgres_url() else { return };
    all_wait(&format!("{postgres}?schema={}", unique_name("waiting")), &[]);
    if is_soak() {
        all_wait("sqlite://data/isobase.db", &[]);
        for database in ForeignDatabase::all("waiting") {
            all_wait(&database.url(), &database.credentials());
            database.forget(&["c"]).unwrap();
        }
    }
}

/// As the service does for itself: many systems begin with 1,024.
fn open_files() {
    let limit = getrlimit(Resource::Nofile);
    let (waiters, _) = extent();
    let wanted = waiters as u64 + OTHER_FILES;
    assert!(
        limit.maximum.is_none_or(|maximum| maximum >= wanted),
        "this test opens {wanted} files: raise the limit (ulimit -Hn)"
    );
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
}

fn all_wait(url: &str, variables: &[(&'static str, String)]) {
    let (waiters, quiet) = extent();
    eprintln!("{waiters} requests wait on {url}");
    let (proxy, url) = behind_a_proxy(url);
    let room = (waiters + 100).to_string();
    let mut server =
        TestServer::builder().records_url(&url).env("ISOBASE_LIMITS_CONNECTIONS_MAX", room);
    for (name, value) in variables {
        server = server.env(*name, value);
    }
    let server = server.start().unwrap();
    create(&server);
    let request = "GET /records/c/changes?since=now&wait=30 HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let mut waiting = Vec::with_capacity(waiters);
    for _ in 0..waiters {
        let mut connection = server.connect().unwrap();
        connection.set_deadline(PATIENCE);
        connection.send(request.as_bytes()).unwrap();
        waiting.push(connection);
    }
    let all = format!("isobase_http_requests_in_flight {}", waiters + 1);
    wait_until("that all of them wait", PATIENCE, || {
        Ok(server.request("GET", "/metrics", &[], b"")?.text().contains(&all).then_some(()))
    })
    .unwrap();
    if let Some(proxy) = &proxy
        && !quiet.is_zero()
    {
        // The last of them have just read where they are.
        thread::sleep(Duration::from_secs(1));
        let before = proxy.sent();
        thread::sleep(quiet);
        let sent = proxy.sent() - before;
        let most = PIECES_A_SECOND_MAX * usize::try_from(quiet.as_secs()).unwrap();
        eprintln!("{sent} pieces went to the database in {quiet:?}");
        assert!(sent <= most, "{url}: {sent} pieces in {quiet:?}");
    }
    create(&server);
    for connection in &mut waiting {
        let answer = connection.read_response(false).unwrap();
        assert!(answer.text().contains(r#""kind":"created""#), "{url}: {}", answer.text());
    }
}

fn create(server: &TestServer) {
    let json = [("content-type", "application/json")];
    let created = server.request("POST", "/records/c", &json, b"{}").unwrap();
    assert_eq!(created.status, 201, "{}", created.text());
}

/// The URL with a proxy between; none where the database is a file.
fn behind_a_proxy(url: &str) -> (Option<FaultProxy>, String) {
    let Some(at) = url.find("127.0.0.1:") else { return (None, url.to_owned()) };
    let rest = &url[at..];
    let end = rest.find(['/', '?', '&']).unwrap_or(rest.len());
    let address: SocketAddr = rest[..end].parse().unwrap();
    let proxy = FaultProxy::start(address).unwrap();
    let url = url.replace(&rest[..end], &proxy.address().to_string());
    (Some(proxy), url)
}
