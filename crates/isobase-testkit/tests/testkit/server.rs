use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use isobase_testkit::{ReservedPort, TestServer, http, unique_name};

use crate::fixture;

#[test]
fn starts_and_answers() {
    let server = fixture().arg("--extra").start().unwrap();
    let answer = server.request("GET", "/a", &[("x-y", "z")], b"").unwrap();
    assert_eq!((answer.status, answer.header("x-fixture")), (200, Some("yes")));
    assert_eq!(answer.json().unwrap()["line"], "GET /a HTTP/1.1");
    assert!(server.log().contains("\"serve\", \"--host\""), "{}", server.log());
    assert!(server.log().contains("--extra"));
    assert!(server.usage().unwrap().resident_bytes > 0);
}

#[test]
fn keeps_a_connection_open() {
    let server = fixture().start().unwrap();
    let mut connection = server.connect().unwrap();
    for path in ["/a", "/missing", "/b"] {
        let answer = connection.request("GET", path, &[], b"").unwrap();
        assert!(answer.text().contains(path));
    }
    connection.set_deadline(Duration::from_millis(50));
    assert!(connection.read_response(false).is_err());
}

#[test]
fn sends_raw_bytes() {
    let server = fixture().start().unwrap();
    let sent = b"GET /close HTTP/1.1\r\n\r\n";
    let answer = http::raw(server.address(), sent, http::DEADLINE).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"));
}

#[test]
fn ends_and_starts_again_on_the_same_port() {
    let mut server = fixture().start().unwrap();
    let address = server.address();
    assert_eq!(server.kill().unwrap().signal(), Some(9));
    assert!(server.request("GET", "/", &[], b"").is_err());
    server.start_again().unwrap();
    assert_eq!(server.address(), address);
    assert_eq!(server.terminate().unwrap().signal(), Some(15));
    assert_eq!(server.pid(), None);
}

#[test]
fn shows_what_a_failed_start_printed() {
    let error = fixture().env("FIXTURE", "fail").start().unwrap_err();
    let text = format!("{error:#}");
    assert!(text.contains("arguments:") && text.contains("exit status: 3"), "{text}");
}

#[test]
fn keeps_the_developers_environment_out() {
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
    let server = fixture().env("GIVEN", "1").start().unwrap();
    let log = server.log();
    assert!(log.contains("\"GIVEN\"") && !log.contains("CARGO_MANIFEST_DIR"), "{log}");
}

#[test]
fn a_wrapper_becomes_the_server() {
    let mut server = fixture().wrapper(["env", "-u", "HOME"]).start().unwrap();
    assert_eq!(server.kill().unwrap().signal(), Some(9));
    assert!(server.request("GET", "/", &[], b"").is_err());
}

#[test]
fn a_drop_ends_the_process() {
    let server: TestServer = fixture().start().unwrap();
    let pid = server.pid().unwrap();
    drop(server);
    assert!(isobase_testkit::ProcessUsage::of(pid).is_err());
}

#[test]
fn a_reserved_port_is_refused_and_given_to_nobody() {
    let port = ReservedPort::new().unwrap();
    assert!(std::net::TcpStream::connect(port.address()).is_err());
    let others: Vec<_> = (0..200).map(|_| ReservedPort::new().unwrap()).collect();
    assert!(others.iter().all(|other| other.port() != port.port()));
    for _ in 0..2 {
        let listener = std::net::TcpListener::bind(port.address()).unwrap();
        std::net::TcpStream::connect(port.address()).unwrap();
        drop(listener);
    }
}

#[test]
fn names_are_unique() {
    let names: std::collections::HashSet<_> = (0..1000).map(|_| unique_name("t")).collect();
    assert_eq!(names.len(), 1000);
    assert!(names.iter().all(|name| name.len() <= 1 + 27));
}
