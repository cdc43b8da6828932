//! Uploads in the bucket of an S3 server.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use isobase_testkit::{
    Fault, FaultProxy, ReservedPort, TestServer, http, upload_packages, wait_until,
};

use sha2::{Digest, Sha256};

use super::{command::App, uploads::upload};

const PATIENCE: Duration = Duration::from_secs(120);

/// An S3 server with a bucket. Its drop ends it.
struct S3 {
    child: Child,
    port: ReservedPort,
}

impl S3 {
    fn start() -> Option<Self> {
        let packages = upload_packages()?;
        let port = ReservedPort::new().unwrap();
        let mut command = Command::new("python3");
        command.args(["-m", "moto.server", "--host", "127.0.0.1", "--port"]);
        command.arg(port.port().to_string()).env("PYTHONPATH", packages.python);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut s3 = Self { child: command.spawn().unwrap(), port };
        let address = s3.port.address();
        wait_until("the S3 server", PATIENCE, || {
            assert!(s3.child.try_wait()?.is_none(), "the S3 server ended");
            let made = http::request(address, "PUT", "/bucket", &[], b"");
            Ok(made.is_ok_and(|made| made.status == 200).then_some(()))
        })
        .unwrap();
        Some(s3)
    }

    /// How many files are there.
    fn count(&self) -> usize {
        let listed = http::request(self.port.address(), "GET", "/bucket", &[], b"").unwrap();
        listed.text().matches("<Key>app/").count()
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Before an S3 server that compares no body with its signature: it does, as S3 does, and damages
/// bodies on their way when it is asked to.
#[derive(Clone)]
struct Strict {
    server: SocketAddr,
    damages: Arc<AtomicBool>,
    /// Bodies that were as they were signed.
    right: Arc<AtomicUsize>,
}

impl Strict {
    fn before(server: SocketAddr) -> (Self, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let strict = Self { server, damages: Arc::default(), right: Arc::default() };
        let serving = strict.clone();
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let strict = serving.clone();
                // A client that leaves is done.
                thread::spawn(move || strict.answer(client));
            }
        });
        (strict, address)
    }

    fn answer(&self, mut client: TcpStream) -> io::Result<()> {
        let mut reader = BufReader::new(client.try_clone()?);
        let (mut head, mut length, mut signed) = (String::new(), 0, String::new());
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 || line == "\r\n" {
                break;
            }
            match line.to_ascii_lowercase().split_once(": ") {
                Some(("content-length", value)) => length = value.trim().parse().unwrap(),
                Some(("x-amz-content-sha256", value)) => value.trim().clone_into(&mut signed),
                _ => {}
            }
            head.push_str(&line);
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        if self.damages.load(Ordering::SeqCst)
            && let Some(byte) = body.last_mut()
        {
            *byte ^= 1;
        }
        let sum: String = Sha256::digest(&body).iter().map(|it| format!("{it:02x}")).collect();
        if sum != signed {
            let refused =
                "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
            return client.write_all(refused.as_bytes());
        }
        self.right.fetch_add(usize::from(length > 0), Ordering::SeqCst);
        let mut server = TcpStream::connect(self.server)?;
        server.write_all(format!("{head}connection: close\r\n\r\n").as_bytes())?;
        server.write_all(&body)?;
        io::copy(&mut server, &mut client).map(|_| ())
    }
}

fn form(bytes: &[u8]) -> Vec<u8> {
    let head = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\n\r\n";
    [head.as_bytes(), bytes, b"\r\n--b--\r\n"].concat()
}

/// Files in a folder that are no folders.
fn files_in(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries.filter(|entry| entry.as_ref().unwrap().path().is_file()).count()
}

#[test]
fn uploads_are_kept_in_a_bucket() {
    let Some(s3) = S3::start() else { return };
    let proxy = FaultProxy::start(s3.port.address()).unwrap();
    let server = TestServer::builder()
        .arg("--set")
        .arg("uploads.store=s3://bucket/app")
        .arg("--set")
        .arg(format!("uploads.endpoint_url=http://{}", proxy.address()))
        .env("AWS_ACCESS_KEY_ID", "key")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .start()
        .unwrap();
    let multipart = [("content-type", "multipart/form-data; boundary=b")];
    // More than one part.
    let large: Vec<u8> = (0..20_000_000_u32).map(|n| (n % 251) as u8).collect();
    let mut urls = Vec::new();
    for bytes in [&large[..], b"", b"small"] {
        let sent = server.request("POST", "/api/upload", &multipart, &form(bytes)).unwrap();
        assert_eq!(sent.status, 200, "{}\n{}", sent.text(), server.log());
        let url = sent.json().unwrap()["url"].as_str().unwrap().to_owned();
        let read = server.request("GET", &url, &[], b"").unwrap();
        assert!(read.status == 200 && read.body == bytes, "{} bytes", read.body.len());
        urls.push(url);
    }
    let range = [("range", "bytes=9000000-9000003")];
    let part = server.request("GET", &urls[0], &range, b"").unwrap();
    assert_eq!((part.status, &part.body[..]), (206, &large[9_000_000..9_000_004]));
    let bytes = ("content-type", "application/offset+octet-stream");
    let headers = [("tus-resumable", "1.0.0"), bytes, ("upload-length", "5")];
    let whole = server.request("POST", "/api/uploads/tus", &headers, b"hello").unwrap();
    let url = whole.header("content-location").unwrap();
    assert_eq!(server.request("GET", url, &[], b"").unwrap().text(), "hello");
    let folder = server.data().join("uploads");
    let left = || [".", ".partial", ".transfers"].map(|name| files_in(&folder.join(name)));
    assert_eq!((left(), s3.count()), ([0, 0, 0], 4));

    // Nothing half is left where the bucket cannot be asked.
    proxy.set(Fault::Reset).unwrap();
    let refused = server.request("POST", "/api/upload", &multipart, &form(b"refused")).unwrap();
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert!(refused.header("retry-after").is_some());
    assert_eq!(server.request("GET", &urls[2], &[], b"").unwrap().status, 503);
    proxy.set(Fault::None).unwrap();
    let listed = server.request("GET", "/api/v1/uploads", &[], b"").unwrap().json().unwrap();
    assert_eq!(listed["uploads"].as_array().unwrap().len(), 4);
    let one = urls[2].replace("/uploads/", "/api/v1/uploads/");
    assert_eq!(server.request("DELETE", &one, &[], b"").unwrap().status, 200);
    assert_eq!((left(), s3.count()), ([0, 0, 0], 3));
}

#[test]
fn a_bucket_gets_what_was_sent_or_nothing() {
    let Some(s3) = S3::start() else { return };
    let (strict, address) = Strict::before(s3.port.address());
    let server = TestServer::builder()
        .arg("--set")
        .arg("uploads.store=s3://bucket/app")
        .arg("--set")
        .arg(format!("uploads.endpoint_url=http://{address}"))
        .env("AWS_ACCESS_KEY_ID", "key")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .start()
        .unwrap();
    // More than one part, and less: every body is signed.
    let large: Vec<u8> = (0..9_000_000_u32).map(|n| (n % 251) as u8).collect();
    for bytes in [&large[..], b"small"] {
        upload(&server, bytes);
    }
    assert!(strict.right.load(Ordering::SeqCst) >= 3);
    strict.damages.store(true, Ordering::SeqCst);
    let multipart = [("content-type", "multipart/form-data; boundary=b")];
    let refused = server.request("POST", "/api/upload", &multipart, &form(b"damaged")).unwrap();
    assert_eq!(refused.status, 503, "{}", refused.text());
    let listed = server.request("GET", "/api/v1/uploads", &[], b"").unwrap().json().unwrap();
    assert_eq!((listed["uploads"].as_array().unwrap().len(), s3.count()), (2, 2));
}

#[test]
fn a_bucket_that_is_none_is_refused() {
    let server = TestServer::builder().prepare().unwrap();
    for url in ["bucket", "http://bucket", "s3://", "s3://key:secret@bucket"] {
        let mut serve = server.command();
        serve.args(["serve", "--port", "0", "--set", &format!("uploads.store={url}")]);
        let said = serve.stdin(Stdio::null()).output().unwrap();
        assert!(!said.status.success(), "{url}");
        let text = String::from_utf8_lossy(&said.stderr).into_owned();
        assert!(text.contains("uploads.store"), "{text}");
    }
}

#[test]
fn files_travel_into_a_bucket_and_out_of_it() {
    let Some(s3) = S3::start() else { return };
    let app = App::new();
    let folder = |name: &str| app.path().join(name);
    let mut server = TestServer::builder().data(folder("one")).start().unwrap();
    // More than one part, one that is empty, and a small one.
    let large: Vec<u8> = (0..20_000_000_u32).map(|n| (n % 251) as u8).collect();
    for bytes in [&large[..], b"", b"small"] {
        upload(&server, bytes);
    }
    server.terminate().unwrap();
    let endpoint = format!("uploads.endpoint_url=http://{}", s3.port.address());
    let run = |arguments: &[&str]| {
        let variables = [("AWS_ACCESS_KEY_ID", "key"), ("AWS_SECRET_ACCESS_KEY", "secret")];
        app.run_with(&[arguments, &["--set", &endpoint]].concat(), &variables).ok()
    };
    let bucket = "s3://bucket/app";
    run(&["copy", "sqlite://one/isobase.db", "sqlite://two.db", "--to-uploads", bucket]);
    assert_eq!(s3.count(), 3);
    run(&[
        "copy",
        "sqlite://two.db",
        "sqlite://three.db",
        "--from-uploads",
        bucket,
        "--to-uploads",
        "three",
    ]);
    run(&["dump", "all.isobase", "--url", "sqlite://two.db", "--uploads", bucket]);
    run(&["restore", "all.isobase", "--url", "sqlite://four/isobase.db"]);
    for copy in ["three", "four/uploads"] {
        let files = std::fs::read_dir(folder("one/uploads")).unwrap().map(Result::unwrap);
        let mut compared = 0;
        for file in files.filter(|file| file.path().is_file()) {
            let there = std::fs::read(folder(copy).join(file.file_name())).unwrap();
            assert!(there == std::fs::read(file.path()).unwrap(), "{copy}: {file:?}");
            compared += 1;
        }
        assert_eq!(compared, 3);
    }
    // A bucket that cannot be asked leaves the target unfinished.
    drop(s3);
    let variables = [("AWS_ACCESS_KEY_ID", "key"), ("AWS_SECRET_ACCESS_KEY", "secret")];
    let down = [
        "copy",
        "sqlite://two.db",
        "sqlite://five.db",
        "--from-uploads",
        bucket,
        "--to-uploads",
        "five",
        "--set",
        &endpoint,
    ];
    app.run_with(&down, &variables).fails(1, &["the uploads in s3://bucket/app cannot be read"]);
}
