use std::{
    io::{BufRead, BufReader},
    process::Stdio,
    time::Duration,
};

use isobase_testkit::{ReservedPort, Signal, TestServer, wait_until};

use super::command::{App, command};

#[test]
fn serves_until_told_to_stop() {
    let mut server = TestServer::start().unwrap();
    let json = [("content-type", "application/json")];
    let created = server.request("POST", "/records/test", &json, b"{\"a\":1}").unwrap();
    assert_eq!(created.status, 201);
    assert!(server.terminate().unwrap().success(), "{}", server.log());
    server.start_again().unwrap();
    let listed = server.request("GET", "/records/test", &[], b"").unwrap();
    assert_eq!(listed.text(), "[{\"a\":1,\"id\":1}]");
}

#[test]
fn says_what_it_serves_where_and_to_whom() {
    let server = TestServer::start().unwrap();
    let log = server.log();
    let file = server.data().join("isobase.db");
    for part in [&server.url(), "open: ", "/docs", file.to_str().unwrap()] {
        assert!(log.contains(part), "{part:?} is not in {log}");
    }
}

#[test]
fn an_interrupt_stops_it_too() {
    let mut server = TestServer::start().unwrap();
    server.signal(Signal::INT).unwrap();
    assert!(server.wait().unwrap().success());
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let mut server = TestServer::start().unwrap();
    // A request whose body never comes keeps the service from ending by itself.
    let mut open = server.connect().unwrap();
    open.send(b"POST /records/a HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n{").unwrap();
    server.signal(Signal::TERM).unwrap();
    wait_until("the stop", Duration::from_secs(10), || {
        Ok(server.log().contains("stopping").then_some(()))
    })
    .unwrap();
    server.signal(Signal::TERM).unwrap();
    assert_eq!(server.wait().unwrap().code(), Some(130));
}

#[test]
fn a_free_port_is_printed() {
    let app = App::new();
    let mut child = command(app.path())
        .args(["serve", "--port", "0", "--json"])
        .env("RECORDS_URL", "memory:")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let said: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(said["event"], "serving");
    assert_eq!(said["engine"], "memory");
    assert!(!said["url"].as_str().unwrap().ends_with(":0"), "{said}");
}

#[test]
fn refuses_to_be_open_beyond_this_machine() {
    let app = App::new();
    let serve = ["serve", "--host", "0.0.0.0", "--port", "0"];
    app.run(&serve).fails(2, &["INTERNAL_API_KEY", "--open", "isobase key create"]);
}

#[test]
fn a_port_in_use_is_named_with_a_way_out() {
    let app = App::new();
    let port = ReservedPort::new().unwrap();
    let _listener = std::net::TcpListener::bind(port.address()).unwrap();
    let number = port.port().to_string();
    let said = app.run(&["serve", "--port", &number]);
    said.fails(1, &[&format!("error: port {number} on 127.0.0.1 is in use"), "hint: ", "--port"]);
}

#[test]
fn a_folder_that_is_served_is_refused_with_its_address() {
    let server = TestServer::start().unwrap();
    let data = server.data().to_str().unwrap().to_owned();
    let said = App::new().run(&["serve", "--port", "0", "--data", &data]);
    said.fails(1, &["is in use", &server.url()]);
}

#[test]
fn what_cannot_be_opened_is_named() {
    let app = App::new();
    let file = app.write("text.db", &"not a database ".repeat(100));
    let url = format!("sqlite://{}", file.display());
    app.run_with(&["serve"], &[("RECORDS_URL", &url)]).fails(1, &["text.db"]);
    app.run(&["serve", "missing"]).fails(2, &["there is no folder missing"]);
    app.run_with(&["serve"], &[("RECORDS_URL", "couchdb:h")]).fails(2, &["expected couchdb://"]);
}
