//! Uploads in several requests, over the network: real clients, cut connections, killed servers.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use isobase_testkit::{Fault, FaultProxy, TestServer, http::Connection, upload_packages};
use serde_json::Value;

const PATH: &str = "/api/uploads/tus";
/// A client that says nothing for so long hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// A client in a process of its own, which ends with this.
struct Client {
    child: Child,
    lines: Receiver<String>,
}

impl Client {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    /// Lets it begin so many uploads: an upload whose beginning is cut off is begun again.
    fn begun(&mut self, count: usize) {
        let mut begun = 0;
        while begun < count {
            begun += usize::from(self.line() == "begun");
        }
    }

    /// Lets it send so many pieces, or come to its end, which is said then.
    fn pieces(&mut self, count: usize) -> Option<Value> {
        for _ in 0..count {
            let line = self.line();
            if line != "piece" && line != "begun" {
                return Some(serde_json::from_str(&line).unwrap());
            }
        }
        None
    }

    fn line(&mut self) -> String {
        self.lines.recv_timeout(PATIENCE).expect("a client goes on to its end")
    }

    fn end(&mut self) -> Value {
        self.pieces(usize::MAX).unwrap()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn script(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/uploads").join(name)
}

fn js_client(endpoint: &str, count: usize, bytes: usize, how: &str) -> Option<Client> {
    let packages = upload_packages()?;
    let mut command = Command::new("node");
    command.arg(script("tus.mjs")).arg(endpoint).arg(packages.npm);
    command.args([count.to_string(), bytes.to_string(), how.to_owned()]);
    Some(Client::start(&mut command))
}

fn py_client(endpoint: &str, count: usize, bytes: usize) -> Option<Client> {
    let packages = upload_packages()?;
    let mut command = Command::new("python3");
    command.arg(script("tus.py")).arg(endpoint).env("PYTHONPATH", packages.python);
    Some(Client::start(command.args([count.to_string(), bytes.to_string()])))
}

/// As many files as were sent, and nothing else on the disk.
#[track_caller]
fn assert_files(server: &TestServer, count: usize) {
    let page = server.request("GET", "/api/v1/uploads?limit=1000", &[], b"").unwrap();
    let page = page.json().unwrap();
    assert_eq!(page["uploads"].as_array().unwrap().len(), count, "{page}");
    let left = |folder: &str| {
        let entries = std::fs::read_dir(server.data().join("uploads").join(folder)).unwrap();
        entries.filter(|entry| entry.as_ref().unwrap().path().is_file()).count()
    };
    assert_eq!((left(""), left(".transfers")), (count, 0));
}

#[test]
fn clients_go_on_through_cut_connections() {
    let server = TestServer::start().unwrap();
    let proxy = FaultProxy::start(server.address()).unwrap();
    let endpoint = format!("http://{}{PATH}/", proxy.address());
    let mut files = 0;
    for (how, cuts) in [("", 12), ("during", 0), ("override", 3), ("parallel", 0), ("deferred", 0)]
    {
        let Some(mut client) = js_client(&endpoint, 3, 1_200_000, how) else { return };
        if how != "parallel" {
            client.begun(3);
        }
        for cut in 0..cuts {
            assert!(client.pieces(1 + cut % 4).is_none(), "all was sent after {cut} cuts");
            proxy.set(Fault::Reset).unwrap();
            proxy.set(Fault::None).unwrap();
        }
        assert_eq!(client.end(), serde_json::json!({ "files": 3, "twice": 0 }), "{how}");
        files += 3;
        assert_files(&server, files);
    }
    let Some(mut client) = py_client(&endpoint, 1, 2_400_000) else { return };
    client.begun(1);
    for cut in 0..6 {
        assert!(client.pieces(1 + cut % 3).is_none(), "all was sent after {cut} cuts");
        proxy.set(Fault::Reset).unwrap();
        proxy.set(Fault::None).unwrap();
    }
    client.end();
    assert_files(&server, files + 1);
}

/// A block of docs/uploads.md in this language, for a service at another address.
fn of_the_page(language: &str, server: &TestServer) -> String {
    let page = include_str!("../../../../docs/uploads.md");
    let block = page.split(&format!("```{language}\n")).nth(1).unwrap();
    let block = block.split("```").next().unwrap().replace("http://127.0.0.1:8002", "");
    assert!(block.contains(PATH), "{block}");
    block.replace(PATH, &format!("{}{PATH}", server.url()))
}

#[test]
fn the_clients_of_the_page_upload() {
    let Some(packages) = upload_packages() else { return };
    let server = TestServer::start().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let js = of_the_page("js", &server);
    let (import, js) = js.split_once('\n').unwrap();
    assert_eq!(import, "import { Upload } from \"tus-js-client\";");
    let prelude = "import { createRequire } from 'node:module';\n\
        const { Upload } = createRequire(`${process.argv[2]}/x.js`)('tus-js-client');\n\
        const file = Object.assign(Buffer.from('a film'), { name: 'film.txt' });\n\
        const show = (url) => console.log(JSON.stringify(url));\n";
    std::fs::write(path.join("page.mjs"), format!("{prelude}{js}")).unwrap();
    let mut command = Command::new("node");
    let url = Client::start(command.current_dir(path).arg("page.mjs").arg(&packages.npm)).end();
    let file = server.request("GET", url.as_str().unwrap(), &[], b"").unwrap();
    assert_eq!(file.text(), "a film");
    std::fs::write(path.join("film.mp4"), vec![7; 6_000_000]).unwrap();
    std::fs::write(path.join("page.py"), of_the_page("python", &server)).unwrap();
    let mut command = Command::new("python3");
    command.current_dir(path).arg("page.py").env("PYTHONPATH", packages.python);
    assert!(command.status().unwrap().success());
    assert_files(&server, 2);
}

#[test]
fn twenty_uploads_outlive_a_killed_server() {
    let mut server = TestServer::start().unwrap();
    let endpoint = format!("{}{PATH}", server.url());
    let Some(mut client) = js_client(&endpoint, 20, 1_000_000, "") else { return };
    client.begun(20);
    for pieces in [3, 31, 17, 29] {
        assert!(client.pieces(pieces).is_none(), "all was sent too soon");
        server.kill().unwrap();
        server.start_again().unwrap();
    }
    let end = client.end();
    assert_eq!(end, serde_json::json!({ "files": 20, "twice": 0 }), "{}", server.log());
    assert_files(&server, 20);
    // A stop lets requests end.
    assert!(server.terminate().unwrap().success());
}

#[test]
fn one_request_at_a_time_brings_bytes() {
    let server = TestServer::start().unwrap();
    let version = ("tus-resumable", "1.0.0");
    let begun = server.request("POST", PATH, &[version, ("upload-length", "10")], b"").unwrap();
    let url = begun.header("location").unwrap();
    let head = |offset: &str, length: &str| {
        format!(
            "PATCH {url} HTTP/1.1\r\nhost: localhost\r\ntus-resumable: 1.0.0\r\nupload-offset: \
             {offset}\r\ncontent-type: application/offset+octet-stream\r\ncontent-length: \
             {length}\r\n\r\n"
        )
    };
    let mut slow = Connection::open(server.address()).unwrap();
    slow.send(format!("{}hello", head("0", "10")).as_bytes()).unwrap();
    let folder = server.data().join("uploads/.transfers");
    isobase_testkit::wait_until("the first bytes", PATIENCE, || {
        let entry = std::fs::read_dir(&folder)?.next();
        let size =
            entry.transpose()?.map(|entry| entry.metadata().map(|it| it.len())).transpose()?;
        Ok((size == Some(5)).then_some(()))
    })
    .unwrap();
    let mut other = Connection::open(server.address()).unwrap();
    other.send(format!("{}world", head("5", "5")).as_bytes()).unwrap();
    let refused = other.read_response(false).unwrap();
    assert_eq!(refused.status, 423, "{}", refused.text());
    // A client that comes back has given up the connection that says nothing any more.
    let looked = server.request("HEAD", url, &[version], b"").unwrap();
    assert_eq!((looked.status, looked.header("upload-offset")), (200, Some("5")));
    assert_eq!(slow.read_response(false).unwrap().status, 423);
    let mut again = Connection::open(server.address()).unwrap();
    again.send(format!("{}world", head("5", "5")).as_bytes()).unwrap();
    let done = again.read_response(false).unwrap();
    assert_eq!(done.status, 204, "{}", done.text());
    let file = server.request("GET", done.header("content-location").unwrap(), &[], b"").unwrap();
    assert_eq!(file.text(), "helloworld");
}

#[test]
fn an_upload_outlives_the_session_that_began_it() {
    let server = TestServer::builder().env("INTERNAL_API_KEY", "key-of-this-test").start().unwrap();
    let version = ("tus-resumable", "1.0.0");
    let length = ("upload-length", "5");
    let refused = server.request("POST", PATH, &[version, length], b"").unwrap();
    assert_eq!(refused.status, 401);
    let key = ("x-api-key", "key-of-this-test");
    let begun = server.request("POST", PATH, &[version, length, key], b"").unwrap();
    let url = begun.header("location").unwrap();
    let over = ("authorization", "Bearer ises_over_and_gone");
    let looked = server.request("HEAD", url, &[version, over], b"").unwrap();
    assert_eq!((looked.status, looked.header("upload-offset")), (200, Some("0")));
    let bytes = ("content-type", "application/offset+octet-stream");
    let headers = [version, over, bytes, ("upload-offset", "0")];
    let done = server.request("PATCH", url, &headers, b"hello").unwrap();
    assert_eq!(done.status, 204, "{}", done.text());
    let listed = server.request("GET", "/api/v1/uploads", &[key], b"").unwrap().json().unwrap();
    assert_eq!(listed["uploads"][0]["owner"], "internal");
}
