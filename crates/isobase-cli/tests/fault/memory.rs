//! Requests that ask for much: refused soon, or answered within a bounded memory.

use std::time::{Duration, Instant};

use isobase_testkit::{TestServer, http};

use super::{
    client::{Client, problem},
    support::{begin, status},
};

const MIB: usize = 1 << 20;
/// A body that is refused is answered within this time.
const REFUSAL_MAX: Duration = Duration::from_secs(5);
/// Threads of the service: what the allocator keeps for later, it keeps for each.
const THREADS: usize = 2;
/// Of a debug build, with small page caches.
const IDLE_MEMORY_MAX: usize = 16 * MIB;
const RECORDS: usize = 200_000;
/// What an import or export of any length may add, with small page caches; little more than half of
/// what is sent. It is 30 to 53 MiB in a debug build, however much is sent.
const STREAM_MEMORY_MAX: usize = 64 * MIB;

/// A file that is much larger than what may be held of it.
const UPLOAD_BYTES: usize = 96 * MIB;
/// What an upload of any length may add.
const UPLOAD_MEMORY_MAX: usize = 32 * MIB;

#[test]
fn twenty_mebibytes_of_brackets_are_refused_at_the_door() {
    let _alone = begin("isobase serve, bodies over its limit");
    let limit = 8 * MIB;
    let server = start(&[("ISOBASE_LIMITS_BODY_BYTES", "8MiB")]);
    let brackets = vec![b'['; 20 * MIB];
    let routes = [
        ("POST", "/records/deep"),
        ("PUT", "/records/deep/a?upsert=true"),
        ("PATCH", "/records/deep/a"),
        ("POST", "/records/deep/batch"),
    ];
    // Often enough that what is kept of each would show.
    for (method, path) in routes.into_iter().cycle().take(20) {
        let begin = Instant::now();
        let headers = [("content-type", "application/json")];
        let answer = server.request(method, path, &headers, &brackets).unwrap();
        assert_eq!((answer.status, problem(&answer).as_str()), (413, "body_too_large"), "{path}");
        assert!(begin.elapsed() < REFUSAL_MAX, "{path}: {:?}", begin.elapsed());
        // Without a length it is counted as it comes.
        let answer = send_chunked(&server, method, path, &brackets);
        assert_eq!((answer.status, problem(&answer).as_str()), (413, "body_too_large"), "{path}");
    }
    assert_alive(&server);
    // A body of 8 MiB in a buffer that doubles, and what the allocator keeps of it.
    assert_peak_below(&server, IDLE_MEMORY_MAX + THREADS * 8 * limit);
}

#[test]
fn twenty_mebibytes_of_brackets_are_refused_by_the_parser() {
    let _alone = begin("isobase serve, deep bodies within its limit");
    let limit = 32 * MIB;
    let server = start(&[("ISOBASE_LIMITS_BODY_BYTES", "32MiB")]);
    let deep = [vec![b'['; 20 * MIB], br#"{"a":"#.repeat(4 * MIB)];
    for body in deep {
        for (method, path, media_type) in [
            ("POST", "/records/deep", "application/json"),
            ("PUT", "/records/deep/a?upsert=true", "application/json"),
            ("PATCH", "/records/deep/a", "application/merge-patch+json"),
            ("POST", "/records/deep/batch", "application/json"),
            ("POST", "/records/deep", "application/x-ndjson"),
        ] {
            let begin = Instant::now();
            let headers = [("content-type", media_type)];
            let answer = server.request(method, path, &headers, &body).unwrap();
            let shown = format!("{method} {path} as {media_type}: {}", answer.text());
            match media_type {
                // A line that is refused does not refuse the others.
                "application/x-ndjson" => {
                    assert_eq!(answer.json().unwrap()["created"], 0, "{shown}")
                }
                _ => assert_eq!(answer.status, 422, "{shown}"),
            }
            assert!(begin.elapsed() < REFUSAL_MAX, "{shown} took {:?}", begin.elapsed());
        }
    }
    assert_alive(&server);
    // The same for 20 MiB, which are less than the limit; nothing for their depth.
    assert_peak_below(&server, IDLE_MEMORY_MAX + THREADS * 3 * limit);
}

#[test]
fn an_import_and_an_export_take_bounded_memory() {
    let _alone = begin("isobase serve on SQLite, 200,000 records in and out");
    let server = start(&[("ISOBASE_SQLITE_CACHE", "1MiB")]);
    let idle = peak(&server);
    let filler = "x".repeat(500);
    let lines: String =
        (0..RECORDS).map(|n| format!("{{\"number\":{n},\"text\":\"{filler}\"}}\n")).collect();
    let headers = [("content-type", "application/x-ndjson")];
    let begin = Instant::now();
    let answer = server.request("POST", "/records/many", &headers, lines.as_bytes()).unwrap();
    assert_eq!(answer.json().unwrap()["created"], RECORDS, "{}", answer.text());
    eprintln!("{} MiB in after {:?}", lines.len() / MIB, begin.elapsed());
    for (accept, end) in [("application/x-ndjson", "}\n"), ("application/json", "}]")] {
        let answer = server.request("GET", "/records/many", &[("accept", accept)], b"").unwrap();
        assert_eq!(answer.status, 200);
        assert!(answer.body.len() > lines.len(), "{} bytes as {accept}", answer.body.len());
        assert!(answer.body.ends_with(format!("\"id\":{RECORDS}{end}").as_bytes()), "{accept}");
    }
    // Clients that take their time leave what they have not taken in the database.
    let mut slow: Vec<_> = (0..4).map(|_| server.connect().unwrap()).collect();
    let request = http::request_bytes("localhost", "GET", "/records/many", &[], b"");
    slow.iter_mut().for_each(|client| client.send(&request).unwrap());
    for turn in 0..200 {
        assert!(!slow[turn % 4].read_part().unwrap().is_empty());
    }
    assert!(lines.len() > STREAM_MEMORY_MAX, "too little was sent to tell");
    assert_peak_below(&server, idle + STREAM_MEMORY_MAX);
    assert_alive(&server);
}

/// An upload and a read of any length: the service holds pieces.
#[test]
fn an_upload_takes_bounded_memory() {
    let _alone = begin("isobase serve, an upload of 96 MiB in two ways, and a read of it");
    let server = start(&[("ISOBASE_SQLITE_CACHE", "1MiB")]);
    // What the first upload makes once is not of the next.
    upload(&server, MIB);
    let idle = peak(&server);
    let url = upload(&server, UPLOAD_BYTES);
    let read = server.request("GET", &url, &[], b"").unwrap();
    assert_eq!((read.status, read.body.len()), (200, UPLOAD_BYTES));
    let version = ("tus-resumable", "1.0.0");
    let length = UPLOAD_BYTES.to_string();
    let headers = [version, ("upload-length", &*length)];
    let begun = server.request("POST", "/api/uploads/tus", &headers, b"").unwrap();
    let bytes = ("content-type", "application/offset+octet-stream");
    let headers = [version, bytes, ("upload-offset", "0")];
    let place = begun.header("location").unwrap();
    let sent = server.request("PATCH", place, &headers, &vec![b'x'; UPLOAD_BYTES]).unwrap();
    assert_eq!(sent.status, 204, "{}", sent.text());
    assert!(UPLOAD_BYTES > 2 * UPLOAD_MEMORY_MAX, "too little was sent to tell");
    assert_peak_below(&server, idle + UPLOAD_MEMORY_MAX);
}

/// Uploads so many bytes; gives where they are.
fn upload(server: &TestServer, bytes: usize) -> String {
    let head = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n";
    let form = [head.as_bytes(), &vec![b'x'; bytes], b"\r\n--b--\r\n"].concat();
    let multipart = [("content-type", "multipart/form-data; boundary=b")];
    let sent = server.request("POST", "/api/upload", &multipart, &form).unwrap();
    assert_eq!(sent.status, 200, "{}", sent.text());
    sent.json().unwrap()["url"].as_str().unwrap().to_owned()
}

fn start(variables: &[(&str, &str)]) -> TestServer {
    let builder = TestServer::builder().env("TOKIO_WORKER_THREADS", THREADS.to_string());
    let builder = variables.iter().fold(builder, |builder, (name, value)| builder.env(name, value));
    let server = builder.start().unwrap();
    eprintln!("target: {}", server.url());
    server
}

/// Sends a body in chunks until the service has had enough.
fn send_chunked(server: &TestServer, method: &str, path: &str, body: &[u8]) -> http::Response {
    let mut connection = server.connect().unwrap();
    let headers = [("content-type", "application/json"), ("transfer-encoding", "chunked")];
    let head = http::request_bytes("localhost", method, path, &headers, b"");
    connection.send(&head).unwrap();
    for chunk in body.chunks(MIB) {
        let mut bytes = format!("{:x}\r\n", chunk.len()).into_bytes();
        bytes.extend_from_slice(chunk);
        bytes.extend_from_slice(b"\r\n");
        // It may answer and close before it has all.
        if connection.send(&bytes).is_err() {
            break;
        }
    }
    connection.read_response(false).unwrap()
}

fn assert_alive(server: &TestServer) {
    let mut client = Client::connect(server.address()).unwrap();
    assert_eq!(client.send("POST", "/records/alive", &[], r#"{"a":1}"#).unwrap().status, 201);
    assert_eq!(status(server, "/readyz"), 200);
    assert_eq!(client.get("/records/deep").unwrap().text(), "[]", "nothing was stored");
}

/// The most memory of its own that it ever had: without the pages of its code, of which there are
/// more with every feature, and which no request makes grow.
fn peak(server: &TestServer) -> usize {
    let usage = server.usage().unwrap();
    usage.resident_peak_bytes.saturating_sub(usage.resident_file_bytes) as usize
}

#[track_caller]
fn assert_peak_below(server: &TestServer, bound: usize) {
    let (peak, bound) = (peak(server) / MIB, bound / MIB);
    eprintln!("at most {peak} MiB resident, allowed {bound}");
    assert!(peak <= bound, "{peak} MiB resident, allowed {bound}");
}
