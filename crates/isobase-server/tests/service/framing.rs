//! Requests that two readers may understand in two ways are refused, and the connection ends.

use isobase_server::HttpConfig as ServerConfig;

use super::support::Server;

/// The status of the first answer, and how many answers there are.
fn statuses(text: &str) -> (&str, usize) {
    (text.get(9..12).unwrap_or("none"), text.matches("HTTP/1.1 ").count())
}

/// Name, bytes, statuses that are right. Each ends with what would be a second request if the
/// end of the first were misjudged: exactly one answer may come.
fn cases() -> Vec<(&'static str, Vec<u8>, &'static [&'static str])> {
    const BAD: &[&str] = &["400"];
    let head = |lines: &str| format!("POST /records/c HTTP/1.1\r\n{lines}\r\n");
    let host = |lines: &str| head(&format!("Host: a\r\n{lines}"));
    let chunked = |body: &str| host("Transfer-Encoding: chunked\r\n") + body;
    let text: Vec<(&'static str, String, &'static [&'static str])> = vec![
        ("no Host", head(""), BAD),
        ("two Hosts", head("Host: a\r\nHost: a\r\n"), BAD),
        ("empty Host", head("Host: \r\n"), BAD),
        ("Host with a path", head("Host: a/b\r\n"), BAD),
        ("Host with a user", head("Host: a@b\r\n"), BAD),
        (
            "length and chunks",
            host("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n") + "{}",
            BAD,
        ),
        (
            "chunks and length",
            host("Transfer-Encoding: chunked\r\nContent-Length: 2\r\n") + "{}",
            BAD,
        ),
        ("two equal lengths", host("Content-Length: 2\r\nContent-Length: 2\r\n") + "{}", BAD),
        ("two lengths", host("Content-Length: 2\r\nContent-Length: 3\r\n") + "{}", BAD),
        ("list of lengths", host("Content-Length: 2, 2\r\n") + "{}", BAD),
        ("signed length", host("Content-Length: +2\r\n") + "{}", BAD),
        ("hexadecimal length", host("Content-Length: 0x2\r\n") + "{}", BAD),
        ("negative length", host("Content-Length: -2\r\n") + "{}", BAD),
        ("length of 20 digits", host("Content-Length: 99999999999999999999\r\n") + "{}", BAD),
        ("no length", host("Content-Length:\r\n") + "{}", BAD),
        ("unknown encoding", host("Transfer-Encoding: gzip\r\n") + "{}", &["400", "501"]),
        (
            "encoding before chunks",
            host("Transfer-Encoding: gzip, chunked\r\n") + "0\r\n\r\n",
            &["400", "501"],
        ),
        (
            "chunks twice",
            host("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n",
            BAD,
        ),
        ("blank before colon", host("Content-Length : 2\r\n") + "{}", BAD),
        ("folded header", host("X: a\r\n b\r\n"), BAD),
        ("folded length", host("Content-Length:\r\n 2\r\n") + "{}", BAD),
        ("header without colon", host("broken\r\n"), BAD),
        ("NUL in a header", host("X: a\0b\r\n"), BAD),
        ("CR in a header", host("X: a\rb\r\n"), BAD),
        ("bare LF", "POST /records/c HTTP/1.1\nHost: a\n\n".to_owned(), BAD),
        (
            "chunks in HTTP/1.0",
            "POST /records/c HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
                .to_owned(),
            BAD,
        ),
        ("blank in the target", "GET /records/c d HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), BAD),
        ("unknown version", "GET / HTTP/3.0\r\nHost: a\r\n\r\n".to_owned(), BAD),
        ("HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), BAD),
        ("no request at all", "\x16\x03\x01\x02\x00\x01\r\n\r\n".to_owned(), BAD),
        ("empty lines", "\r\n".repeat(50), BAD),
        ("chunk shorter than said", chunked("5\r\n{}\r\n0\r\n\r\n"), BAD),
        ("chunk longer than said", chunked("1\r\n{}\r\n0\r\n\r\n"), BAD),
        ("chunk ended by LF", chunked("2\r\n{}\n0\r\n\r\n"), BAD),
        ("chunk size ended by LF", chunked("2\n{}\r\n0\r\n\r\n"), BAD),
        ("LF in a chunk extension", chunked("2;a\nb\r\n{}\r\n0\r\n\r\n"), BAD),
        ("signed chunk size", chunked("+2\r\n{}\r\n0\r\n\r\n"), BAD),
        ("prefixed chunk size", chunked("0x2\r\n{}\r\n0\r\n\r\n"), BAD),
        ("chunk size past 64 bits", chunked("10000000000000002\r\n{}\r\n0\r\n\r\n"), BAD),
        ("300 headers", host(&"X: a\r\n".repeat(300)), &["431"]),
        ("64 KiB in a header", host(&format!("X: {}\r\n", "a".repeat(64 << 10))), &["431"]),
        (
            "target of 9 KiB",
            format!(
                "GET /{} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
                "a".repeat(9 << 10)
            ),
            &["414"],
        ),
        (
            "target of 1 MiB",
            format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(1 << 20)),
            &["414", "431"],
        ),
    ];
    text.into_iter().map(|(name, text, right)| (name, text.into_bytes(), right)).collect()
}

#[tokio::test]
async fn ambiguous_requests_get_one_refusal() {
    let server = Server::start(ServerConfig::default()).await;
    let second = b"GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    for (name, bytes, right) in cases() {
        let answer = server.exchange(&[bytes.as_slice(), second].concat()).await;
        let (status, answers) = statuses(&answer);
        assert!(right.contains(&status), "{name}: {answer}");
        assert!(answers == 1 || name == "target of 9 KiB", "{name}: {answer}");
    }
    assert_eq!(server.service.get("/records/c").await.text, "[]", "nothing was stored");
    server.answers().await;
}

#[tokio::test]
async fn refusals_do_not_depend_on_how_bytes_arrive() {
    let server = Server::start(ServerConfig::default()).await;
    for (name, bytes, right) in cases().into_iter().filter(|(_, bytes, _)| bytes.len() < 300) {
        let mut client = server.connect().await;
        client.0.set_nodelay(true).unwrap();
        for byte in &bytes {
            client.send(&[*byte]).await;
            tokio::task::yield_now().await;
        }
        let answer = client.read_to_end().await;
        let (status, answers) = statuses(&answer);
        assert!(right.contains(&status) && answers == 1, "{name}: {answer}");
    }
}

#[tokio::test]
async fn proper_requests_pass_in_any_shape() {
    let server = Server::start(ServerConfig::default()).await;
    let mut client = server.connect().await;
    let put =
        "PUT /records/c/a?upsert=true HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n";
    let requests = [
        format!("{put}Content-Length: 7\r\n\r\n{{\"a\":1}}"),
        format!(
            "{put}Transfer-Encoding: chunked\r\n\r\n3;x=y\r\n{{\"a\r\n4\r\n\":2}}\r\n0\r\nx: y\r\n\r\n"
        ),
        "\r\nGET /records/c/a HTTP/1.1\r\nHost: [::1]:8002\r\n\r\n".to_owned(),
    ];
    client.send(requests.concat().as_bytes()).await;
    let mut text = String::new();
    for end in ["{\"a\":1,\"id\":\"a\"}", "{\"a\":2,\"id\":\"a\"}", "{\"a\":2,\"id\":\"a\"}"] {
        text += &client.read_until(end).await;
    }
    assert_eq!(text.matches("HTTP/1.1 20").count(), 3, "{text}");
}

#[tokio::test]
async fn malformed_heads_get_a_problem() {
    let server = Server::start(ServerConfig::default()).await;
    let answer = server.exchange(b"GET / HTTP/1.1\r\n\r\n").await;
    assert!(answer.contains("\"code\":\"malformed_request\""), "{answer}");
    assert!(answer.to_ascii_lowercase().contains("connection: close"), "{answer}");
}

#[tokio::test]
async fn announced_bodies_are_refused_unread() {
    let config = ServerConfig { body_bytes_max: 100, ..ServerConfig::default() };
    let server = Server::start(config).await;
    let head = "POST /records/c HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n";
    let announced = format!("{head}Content-Length: 101\r\nExpect: 100-continue\r\n\r\n");
    let answer = server.exchange(announced.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert!(answer.contains("\"code\":\"body_too_large\""), "{answer}");
    let body = "x".repeat(101);
    let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n65\r\n{body}\r\n0\r\n\r\n");
    assert!(server.exchange(chunked.as_bytes()).await.starts_with("HTTP/1.1 413"));
}

/// The end of the connection is announced, or the connection goes on.
#[tokio::test]
async fn a_body_that_nobody_reads_breaks_no_request() {
    let server = Server::start(ServerConfig::default()).await;
    let refused = [
        "PUT /nope HTTP/1.1",
        "DELETE /records/c/1 HTTP/1.1",
        "PUT /records/c/1 HTTP/1.1\r\nContent-Type: text/plain",
    ];
    for line in refused {
        // The body is on its way: it is read.
        let mut client = server.connect().await;
        let head = format!("{line}\r\nHost: a\r\nContent-Length: 5\r\n\r\n");
        client.send(head.as_bytes()).await;
        client.send(b"hello").await;
        client.send(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let answers = client.read_until("{\"status\":\"ok\"}").await;
        assert!(!answers.to_ascii_lowercase().contains("connection: close"), "{answers}");
        // It is too large, or it does not come, which is waited for: the client is told.
        let lengths: &[u32] = if line.ends_with("plain") { &[1 << 20, 5] } else { &[1 << 20] };
        for length in lengths {
            let head = format!("{line}\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
            let answer = server.exchange(head.as_bytes()).await.to_ascii_lowercase();
            assert!(answer.contains("connection: close"), "{answer}");
        }
    }
    // Read to its end: the connection goes on, also when the client asked first.
    let mut client = server.connect().await;
    let head = "POST /records/c HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n";
    client.send(format!("{head}Transfer-Encoding: chunked\r\n\r\n").as_bytes()).await;
    client.read_until("HTTP/1.1 100 Continue\r\n\r\n").await;
    client.send(b"2\r\n{}\r\n0\r\n\r\n").await;
    let answer = client.read_until("{\"id\":1}").await.to_ascii_lowercase();
    assert!(
        answer.starts_with("http/1.1 201") && !answer.contains("connection: close"),
        "{answer}"
    );
}
