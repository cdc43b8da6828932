//! Letters: through a mail server, and without one.

use std::time::Duration;
#[cfg(feature = "mail")]
use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    sync::mpsc::{Receiver, channel},
    thread,
};

use isobase_testkit::TestServer;
use serde_json::{Value, json};

/// Nothing a test waits for takes this long, unless it never comes.
const PATIENCE: Duration = Duration::from_secs(60);

const JSON: (&str, &str) = ("content-type", "application/json");

fn ask(server: &TestServer, method: &str, target: &str, body: &Value) -> u16 {
    server.request(method, target, &[JSON], body.to_string().as_bytes()).unwrap().status
}

/// A mail server that takes every letter and shows it.
#[cfg(feature = "mail")]
fn mail_server() -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    let (letters, received) = channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let mut letter: Option<String> = None;
            stream.write_all(b"220 test\r\n").unwrap();
            for line in lines.map_while(Result::ok) {
                let answer: &[u8] = match &mut letter {
                    Some(text) if line == "." => {
                        let whole = std::mem::take(text);
                        letter = None;
                        // The test may be over.
                        let _ = letters.send(whole);
                        b"250 taken\r\n"
                    }
                    Some(text) => {
                        text.push_str(&line);
                        text.push('\n');
                        continue;
                    }
                    None if line == "DATA" => {
                        letter = Some(String::new());
                        b"354 go on\r\n"
                    }
                    None if line == "QUIT" => b"221 bye\r\n",
                    None => b"250 ok\r\n",
                };
                // A client that leaves is done.
                if stream.write_all(answer).is_err() {
                    break;
                }
            }
        }
    });
    (url, received)
}

/// The next letter, with the lines joined that were broken for its way.
#[cfg(feature = "mail")]
fn next(received: &Receiver<String>) -> String {
    let letter = received.recv_timeout(PATIENCE).expect("a letter");
    letter.replace("=\n", "").replace("=3D", "=").replace("=23", "#")
}

#[cfg(feature = "mail")]
fn token(text: &str) -> String {
    let link = text.split_whitespace().find(|word| word.contains("/confirm#")).expect("a link");
    link.split('#').nth(1).unwrap().to_owned()
}

fn register(server: &TestServer) {
    let body = json!({ "username": "ann", "email": "ann@x.org", "password": "secret" });
    assert_eq!(ask(server, "POST", "/api/register", &body), 200);
}

#[cfg(feature = "mail")]
#[test]
fn letters_go_through_a_mail_server() {
    let (url, received) = mail_server();
    let server = TestServer::builder()
        .env("ISOBASE_MAIL_SMTP_URL", &url)
        .env("ISOBASE_MAIL_FROM", "My app <app@example.com>")
        .env("ISOBASE_PUBLIC_URL", "https://app.example.com")
        .start()
        .unwrap();
    register(&server);
    let letter = next(&received);
    assert!(letter.contains("To: ann@x.org\n"), "{letter}");
    assert!(letter.contains("app@example.com"), "{letter}");
    assert!(letter.contains("https://app.example.com/confirm#verify."), "{letter}");
    let body = json!({ "token": token(&letter) });
    assert_eq!(ask(&server, "POST", "/api/register/verify", &body), 200);
    assert_eq!(ask(&server, "POST", "/api/register/verify", &body), 403);
    let address = json!({ "email": "ann@x.org" });
    assert_eq!(ask(&server, "POST", "/api/login/reset", &address), 200);
    let letter = next(&received);
    let body = json!({ "token": token(&letter), "password": "another" });
    assert_eq!(ask(&server, "PUT", "/api/login/reset", &body), 200);
    let sign_in = json!({ "username": "ann", "password": "another" });
    assert_eq!(ask(&server, "POST", "/api/login", &sign_in), 200);
    assert_eq!(ask(&server, "POST", "/api/login/code", &address), 200);
    let letter = next(&received);
    let code = letter.split("code: ").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    let sign_in = json!({ "email": "ann@x.org", "code": code });
    assert_eq!(ask(&server, "POST", "/api/login", &sign_in), 200);
    assert_eq!(ask(&server, "POST", "/api/login", &sign_in), 401);
    let log = server.log();
    assert!(!log.contains("confirm#") && !log.contains(&code), "{log}");
}

#[cfg(feature = "mail")]
#[test]
fn a_mail_server_that_is_down_stops_nothing() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = TestServer::builder()
        .env("ISOBASE_MAIL_SMTP_URL", format!("smtp://user:hush-password@{closed}"))
        .env("ISOBASE_MAIL_FROM", "app@example.com")
        .start()
        .unwrap();
    register(&server);
    let told = isobase_testkit::wait_until("the failure", PATIENCE, || {
        Ok(server.log().contains("the mail was not sent").then_some(()))
    });
    told.unwrap();
    let address = json!({ "email": "ann@x.org" });
    for (target, failures) in [("/api/login/code", 2), ("/api/login/reset", 3)] {
        assert_eq!(ask(&server, "POST", target, &address), 200);
        let told = isobase_testkit::wait_until("the failure", PATIENCE, || {
            let log = server.log();
            let failed = log.lines().filter(|line| line.contains("the mail was not sent"));
            Ok((failed.count() >= failures).then_some(()))
        });
        told.unwrap();
    }
    let log = server.log();
    assert!(!log.contains("hush-password"));
    // The code is in the subject of its letter.
    assert!(!log.contains("Your code"), "{log}");
}

#[test]
fn without_a_mail_server_letters_are_in_the_log() {
    let server = TestServer::builder().start().unwrap();
    register(&server);
    let letter = isobase_testkit::wait_until("the letter", PATIENCE, || {
        let log = server.log();
        Ok(log.contains("/confirm#verify.").then_some(log))
    })
    .unwrap();
    assert!(letter.contains("no mail server is configured"), "{letter}");
}

#[test]
fn a_mail_server_needs_a_sender() {
    let app = super::command::App::new();
    let variables = [("ISOBASE_MAIL_SMTP_URL", "smtp://127.0.0.1:25")];
    app.run_with(&["serve", "--port", "0"], &variables).fails(2, &["mail.from"]);
}
