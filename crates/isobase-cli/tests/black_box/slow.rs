//! Others that take their time: mail servers, identity providers, readers of streams. Nobody waits for
//! them who need not.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
    time::Duration,
};

use isobase_testkit::TestServer;
use serde_json::{Value, json};

use super::command::App;

/// Nothing a test waits for takes this long, unless it never comes.
const PATIENCE: Duration = Duration::from_secs(60);

/// An address where connections are taken and never answered, as long as this lives.
struct Silent(TcpListener);

impl Silent {
    fn listen() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }
}

fn ask(server: &TestServer, method: &str, target: &str, body: &Value) -> u16 {
    let json = [("content-type", "application/json")];
    server.request(method, target, &json, body.to_string().as_bytes()).unwrap().status
}

#[cfg(feature = "mail")]
#[test]
fn a_mail_server_that_never_answers_keeps_nobody_waiting() {
    let silent = Silent::listen();
    let mut server = TestServer::builder()
        .env("ISOBASE_MAIL_SMTP_URL", format!("smtp://{}", silent.address()))
        .env("ISOBASE_MAIL_FROM", "app@example.com")
        .start()
        .unwrap();
    let ann = json!({ "username": "ann", "email": "ann@x.org", "password": "secret" });
    assert_eq!(ask(&server, "POST", "/api/register", &ann), 200);
    let address = json!({ "email": "ann@x.org" });
    assert_eq!(ask(&server, "POST", "/api/login/code", &address), 200);
    assert_eq!(ask(&server, "POST", "/api/login", &ann), 200);
    // Its letters are on their way, and it ends without them.
    assert!(server.terminate().unwrap().success());
    assert!(!server.log().contains("Your code"), "{}", server.log());
}

#[cfg(feature = "providers")]
#[test]
fn a_provider_that_never_answers_is_given_up_and_others_are_served() {
    let silent = Silent::listen();
    let app = App::new();
    let address = silent.address();
    let settings = format!("[providers.test]\nissuer = \"http://{address}\"\nclient_id = \"x\"\n");
    let settings = app.write("isobase.toml", &settings);
    let server = TestServer::builder().arg("--config").arg(settings).start().unwrap();
    thread::scope(|scope| {
        let begun = scope.spawn(|| {
            let mut connection = server.connect().unwrap();
            connection.set_deadline(PATIENCE);
            connection.request("GET", "/api/login/with/test", &[], b"").unwrap()
        });
        // It has asked the provider.
        let (connection, _) = silent.0.accept().unwrap();
        connection.peek(&mut [0]).unwrap();
        assert_eq!(ask(&server, "POST", "/records/notes", &json!({})), 201);
        let begun = begun.join().unwrap();
        assert_eq!(begun.status, 503, "{}", begun.text());
        assert_eq!(begun.json().unwrap()["code"], "provider_unavailable");
        assert!(!begun.text().contains(&address.to_string()), "{}", begun.text());
    });
}

#[test]
fn readers_of_streams_that_do_not_read_hold_nobody_up() {
    const STREAMS: usize = 300;
    let app = App::new();
    app.write("isobase.toml", "[collections.items]\n");
    let server = TestServer::builder().arg(app.path()).start().unwrap();
    let open = |head: &str| {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        stream
    };
    let streams: Vec<TcpStream> =
        (0..STREAMS).map(|_| open("GET /api/events HTTP/1.1\r\nhost: localhost\r\n\r\n")).collect();
    // Each is open, and reads no more than that.
    for stream in &streams {
        read_until(stream, &["event: connected"]);
    }
    // As many that never come to the end of what they ask.
    let asking: Vec<TcpStream> = (0..STREAMS)
        .map(|_| open("POST /api/items HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99\r\n\r\n{"))
        .collect();
    let text = "x".repeat(20_000);
    for number in 0..30 {
        let item = json!({ "number": number, "text": text });
        assert_eq!(ask(&server, "POST", "/api/items", &item), 200);
    }
    assert_eq!(ask(&server, "GET", "/api/items?limit=1", &Value::Null), 200);
    // Who reads after all has everything, or is told what it missed.
    read_until(&streams[STREAMS - 1], &["\"number\":29", "event: gap"]);
    drop(asking);
}

/// Reads until one of these texts came.
fn read_until(mut stream: &TcpStream, texts: &[&str]) {
    let (mut read, mut piece) = (String::new(), vec![0; 1 << 16]);
    while !texts.iter().any(|text| read.contains(text)) {
        let bytes = stream.read(&mut piece).unwrap();
        assert!(bytes > 0, "the stream ended after {read}");
        read.push_str(&String::from_utf8_lossy(&piece[..bytes]));
    }
}
