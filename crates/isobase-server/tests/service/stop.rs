//! The end of the service.

use std::time::Duration;

use isobase_server::HttpConfig as ServerConfig;
use tokio::net::TcpStream;

use super::support::{Server, soon};

#[tokio::test]
async fn requests_under_way_are_finished() {
    let server = Server::start(ServerConfig::default()).await;
    server.service.hang();
    let mut idle = server.connect().await;
    idle.send(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n").await;
    idle.read_until("{\"status\":\"ok\"}").await;
    let mut busy = server.connect().await;
    busy.send(b"GET /records/c/1 HTTP/1.1\r\nHost: a\r\n\r\n").await;
    soon("the read", server.service.trouble.hanging.notified()).await;
    server.stop.cancel();
    assert_eq!(idle.read_to_end().await, "", "an idle connection ends at once");
    assert!(TcpStream::connect(server.address).await.is_err(), "nobody new comes in");
    server.service.trouble.go_on.notify_one();
    let answer = busy.read_to_end().await;
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    assert!(answer.to_ascii_lowercase().contains("connection: close"), "{answer}");
    soon("the end", server.task).await.unwrap().unwrap();
}

#[tokio::test]
async fn requests_that_never_end_are_cut() {
    let config =
        ServerConfig { stop_timeout: Duration::from_millis(100), ..ServerConfig::default() };
    let server = Server::start(config).await;
    server.service.hang();
    let mut busy = server.connect().await;
    busy.send(b"GET /records/c/1 HTTP/1.1\r\nHost: a\r\n\r\n").await;
    soon("the read", server.service.trouble.hanging.notified()).await;
    server.stop.cancel();
    soon("the end", server.task).await.unwrap().unwrap();
    assert_eq!(busy.read_to_end().await, "");
}

#[tokio::test]
async fn a_stopping_service_is_not_ready() {
    let server = Server::start(ServerConfig::default()).await;
    server.stop.cancel();
    soon("the end", server.task).await.unwrap().unwrap();
    server.service.get("/readyz").await.is_problem(503, "not_ready");
}
