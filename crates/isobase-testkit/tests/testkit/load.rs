use std::net::SocketAddr;
use std::time::Duration;

use isobase_testkit::http::request_bytes;
use isobase_testkit::load::{LoadOptions, Workload, run};

use crate::fixture;

fn options(address: SocketAddr) -> LoadOptions {
    let duration = Duration::from_secs(60);
    LoadOptions { address, connections: 8, duration, requests_max: Some(500) }
}

fn get(path: &str) -> Vec<u8> {
    request_bytes("test", "GET", path, &[], b"")
}

#[test]
fn counts_by_class_and_status() {
    let server = fixture().start().unwrap();
    let mut load = Workload::of("found", get("/found"));
    load.push("missing", get("/missing"));
    let report = run(&options(server.address()), &load).unwrap();
    assert_eq!((report.answered(), report.failures), (500, 0));
    assert_eq!(report.errors(), report.statuses[&404]);
    assert!(report.statuses[&200] > 200 && report.statuses[&404] > 200, "{report}");
    assert_eq!(report.latency().count(), 500);
    assert_eq!(report.classes[1].name, "missing");
    assert!(report.rate() > 0.0 && report.body_bytes > 500);
}

#[test]
fn ends_after_its_time() {
    let server = fixture().start().unwrap();
    let mut options = options(server.address());
    (options.duration, options.requests_max) = (Duration::from_millis(50), None);
    let report = run(&options, &Workload::of("a", get("/"))).unwrap();
    assert!(report.answered() > 0 && report.elapsed == options.duration);
}

#[test]
fn counts_broken_connections() {
    let server = fixture().start().unwrap();
    // The server closes without saying so in its answer.
    let mut options = options(server.address());
    (options.connections, options.requests_max) = (1, Some(10));
    let report = run(&options, &Workload::of("close", get("/close"))).unwrap();
    assert_eq!(report.answered(), 10);
    assert!(report.failures >= 9, "{report}");
}

#[test]
fn refuses_addresses_beyond_loopback() {
    let options = options("192.0.2.1:80".parse().unwrap());
    let error = run(&options, &Workload::of("a", get("/"))).unwrap_err();
    assert!(error.to_string().contains("loopback"), "{error}");
}
