//! Slow clients, slow handlers, too many connections.

use std::{io::ErrorKind, time::Duration};

use http::Method;
use isobase_auth::Authorizer;
use isobase_server::HttpConfig as ServerConfig;
use tokio::{
    io::AsyncReadExt,
    task::{JoinSet, yield_now},
};

use super::support::{Server, Service, soon};

const SHORT: Duration = Duration::from_millis(200);

#[tokio::test]
async fn half_heads_are_closed_and_hold_nobody_up() {
    let server = Server::start(ServerConfig { header_timeout: SHORT, ..Default::default() }).await;
    let mut clients = JoinSet::new();
    for number in 0..300_usize {
        let mut client = server.connect().await;
        let head = "GET /livez HTTP/1.1\r\nHost: a\r\n";
        client.send(&head.as_bytes()[..number % head.len()]).await;
        clients.spawn(async move { client.read_to_end().await });
    }
    for _ in 0..50 {
        server.answers().await;
    }
    while let Some(text) = soon("the ends", clients.join_next()).await {
        assert_eq!(text.unwrap(), "");
    }
}

#[tokio::test]
async fn dripping_heads_are_closed() {
    let server = Server::start(ServerConfig { header_timeout: SHORT, ..Default::default() }).await;
    let mut client = server.connect().await;
    client.send(b"GET / HTTP/1.1\r\n").await;
    let (mut read, mut write) = client.0.into_split();
    let drip = async {
        loop {
            let sent = tokio::io::AsyncWriteExt::write_all(&mut write, b"x: y\r\n").await;
            if sent.is_err() {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(SHORT / 10).await;
        }
    };
    let mut text = Vec::new();
    tokio::select! {
        () = drip => {}
        ended = soon("the end", read.read_to_end(&mut text)) => drop(ended),
    }
    assert_eq!(text, b"");
}

#[tokio::test]
async fn half_bodies_are_told_and_closed() {
    let config = ServerConfig { body_idle_timeout: SHORT, ..Default::default() };
    let server = Server::start(config).await;
    let head = b"POST /records/c HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
        Content-Length: 10\r\n\r\n{\"a\"";
    let answer = server.exchange(head).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("\"code\":\"body_timeout\""), "{answer}");
}

#[tokio::test]
async fn dripping_bodies_are_told_and_closed() {
    let config = ServerConfig { body_timeout: SHORT, ..Default::default() };
    let server = Server::start(config).await;
    let mut client = server.connect().await;
    client.send(b"POST /records/c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    let (mut read, mut write) = client.0.into_split();
    let drip = async {
        loop {
            let sent = tokio::io::AsyncWriteExt::write_all(&mut write, b"1\r\n \r\n").await;
            if sent.is_err() {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(SHORT / 10).await;
        }
    };
    let mut text = Vec::new();
    tokio::select! {
        () = drip => {}
        ended = soon("the end", read.read_to_end(&mut text)) => drop(ended),
    }
    assert!(text.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&text));
}

#[tokio::test]
async fn idle_connections_are_closed() {
    let config = ServerConfig { keep_alive_timeout: SHORT, ..Default::default() };
    let server = Server::start(config).await;
    let mut client = server.connect().await;
    for _ in 0..3 {
        client.send(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n").await;
        client.read_until("{\"status\":\"ok\"}").await;
    }
    assert_eq!(client.read_to_end().await, "");
}

#[tokio::test]
async fn a_connection_outlives_its_deadlines_while_it_is_answered() {
    let config =
        ServerConfig { keep_alive_timeout: SHORT, header_timeout: SHORT, ..Default::default() };
    let server = Server::start(config).await;
    server.service.hang();
    let mut client = server.connect().await;
    client.send(b"GET /records/c/1 HTTP/1.1\r\nHost: a\r\n\r\n").await;
    soon("the read", server.service.trouble.hanging.notified()).await;
    // The deadlines themselves are what is waited for.
    tokio::time::sleep(SHORT * 3).await;
    server.service.trouble.go_on.notify_one();
    assert!(client.read_until("}").await.starts_with("HTTP/1.1 404"));
    assert_eq!(client.read_to_end().await, "");
}

#[tokio::test]
async fn readers_that_stall_are_closed() {
    let config = ServerConfig { write_idle_timeout: SHORT, ..Default::default() };
    let server = Server::start(config).await;
    let document = format!("{{\"a\":\"{}\"}}", "x".repeat(1 << 20));
    for _ in 0..24 {
        let json = [("content-type", "application/json")];
        let made = server.service.ask_with(Method::POST, "/records/c", &json, &document).await;
        assert_eq!(made.status, 201);
    }
    let mut client = server.connect().await;
    client.send(b"GET /records/c HTTP/1.1\r\nHost: a\r\n\r\n").await;
    client.read_until("\r\n\r\n").await;
    // Nothing more is read until the server has given up.
    soon("the server gives up", async {
        while server.metric("isobase_http_connections").await > 0.0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(client.read_to_end().await.len() < 24 << 20);
    assert!((server.metric("isobase_http_requests_in_flight").await - 1.0).abs() < 0.1);
}

/// Every connection gives its buffers back after each answer.
fn restless() -> ServerConfig {
    ServerConfig { rest_timeout: Duration::ZERO, ..Default::default() }
}

#[tokio::test]
async fn connections_that_rest_go_on_with_whatever_is_sent_next() {
    let server = Server::start(restless()).await;
    let mut client = server.connect().await;
    let request = b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n";
    for cut in 0..request.len() {
        client.send(&request[..cut]).await;
        // Another connection's answer lets the server see the first part alone.
        server.answers().await;
        client.send(&request[cut..]).await;
        assert!(client.read_until("{\"status\":\"ok\"}").await.starts_with("HTTP/1.1 200"));
    }
    // Several requests at once, longer than what a connection that rests reads at once.
    let padding = format!("x-padding: {}\r\n", "p".repeat(3_000));
    let padded = format!("GET /livez HTTP/1.1\r\nHost: a\r\n{padding}\r\n");
    server.answers().await;
    client.send(padded.repeat(5).as_bytes()).await;
    for _ in 0..5 {
        assert!(client.read_until("{\"status\":\"ok\"}").await.starts_with("HTTP/1.1 200"));
    }
    // A request that is refused for its framing is still refused, and ends the connection.
    server.answers().await;
    client
        .send(
            b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        )
        .await;
    let refused = client.read_to_end().await;
    assert!(refused.starts_with("HTTP/1.1 400"), "{refused}");
}

#[tokio::test]
async fn connections_that_rest_are_closed_at_their_deadline_and_at_the_stop() {
    let config = ServerConfig { keep_alive_timeout: SHORT, ..restless() };
    let server = Server::start(config).await;
    let mut client = server.connect().await;
    client.send(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n").await;
    client.read_until("{\"status\":\"ok\"}").await;
    assert_eq!(client.read_to_end().await, "");

    let server = Server::start(restless()).await;
    let mut client = server.connect().await;
    client.send(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n").await;
    client.read_until("{\"status\":\"ok\"}").await;
    server.answers().await;
    server.stop.cancel();
    assert_eq!(client.read_to_end().await, "");
}

#[tokio::test]
async fn an_answer_that_is_not_taken_yet_keeps_its_connection_from_resting() {
    let server = Server::start(restless()).await;
    let document = format!("{{\"a\":\"{}\"}}", "x".repeat(1 << 20));
    for _ in 0..16 {
        let json = [("content-type", "application/json")];
        let made = server.service.ask_with(Method::POST, "/records/c", &json, &document).await;
        assert_eq!(made.status, 201);
    }
    let body = |answer: &str| answer.split_once("\r\n\r\n").unwrap().1.to_owned();
    let request = "GET /records/c HTTP/1.1\r\nHost: a\r\n";
    let whole =
        body(&server.exchange(format!("{request}Connection: close\r\n\r\n").as_bytes()).await);

    let mut client = server.connect().await;
    client.send(format!("{request}\r\n").as_bytes()).await;
    let mut taken = client.read_until("\r\n\r\n").await;
    let mut piece = vec![0; 64 << 10];
    // Until the answer is made: its last bytes are not sent then.
    soon("the answer's end", async {
        while server.metric("isobase_http_requests_in_flight").await > 1.0 {
            match client.0.try_read(&mut piece) {
                Ok(read) => taken.push_str(std::str::from_utf8(&piece[..read]).unwrap()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => yield_now().await,
                Err(error) => panic!("{error}"),
            }
        }
    })
    .await;
    // The time after which a connection may rest is what is waited for.
    tokio::time::sleep(SHORT).await;
    client.send(b"GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    taken.push_str(&client.read_to_end().await);
    let rest = body(&taken);
    assert!(rest.starts_with(&whole), "{} of {} bytes came", rest.len(), whole.len());
    assert!(rest.ends_with("{\"status\":\"ok\"}"));
}

#[tokio::test]
async fn slow_reads_are_given_up() {
    let config = ServerConfig { request_timeout: SHORT, ..Default::default() };
    let service = Service::with(config, Authorizer::open());
    service.hang();
    service.get("/records/c/1").await.is_problem(503, "deadline_exceeded");
}

#[tokio::test]
async fn slow_writes_have_an_unknown_outcome() {
    let config = ServerConfig { request_timeout: SHORT, ..Default::default() };
    let service = Service::with(config, Authorizer::open());
    service.hang();
    let json = [("content-type", "application/json")];
    let reply = service.ask_with(Method::POST, "/records/c", &json, "{}").await;
    reply.is_problem(503, "outcome_unknown");
}

#[tokio::test]
async fn too_many_connections_are_refused_and_room_is_found_again() {
    let server = Server::start(ServerConfig { connections_max: 2, ..Default::default() }).await;
    let mut first = server.connect().await;
    let mut second = server.connect().await;
    for client in [&mut first, &mut second] {
        client.send(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n").await;
        client.read_until("{\"status\":\"ok\"}").await;
    }
    let refused = server.connect().await.read_to_end().await;
    assert!(refused.starts_with("HTTP/1.1 503") && refused.contains("retry-after"), "{refused}");
    drop((first, second));
    soon("room", async {
        while server.metric("isobase_http_connections").await > 0.0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    server.answers().await;
}
