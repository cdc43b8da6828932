//! Event-stream clients that others made: each resumes without loss or repeat over restarts of the
//! service, at its own address and behind nginx.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use futures_util::StreamExt;
use isobase_testkit::{ReservedPort, TestServer, browser, clients, nginx, wait_until};
use reqwest_eventsource::{Event, EventSource};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::command::{App, root};

/// Nothing a test waits for takes this long, unless it never comes.
const PATIENCE: Duration = Duration::from_secs(120);

/// Streams of a client: `eventsource-5 1` is that package at the second address.
const STREAMS: usize = 7 * 2;

/// What each stream was told, by its name: events and their data.
type Told = Arc<Mutex<BTreeMap<String, Vec<(String, Value)>>>>;

/// A process that prints a line for each event. Its drop ends it.
struct Listeners(Child);

impl Listeners {
    fn start(command: &mut Command, told: &Told) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let told = Arc::clone(told);
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let (stream, event, data) = serde_json::from_str(&line).unwrap();
                let mut told: std::sync::MutexGuard<'_, BTreeMap<String, Vec<(String, Value)>>> =
                    told.lock().unwrap();
                told.entry(stream).or_default().push((event, data));
            }
        });
        Self(child)
    }
}

impl Drop for Listeners {
    fn drop(&mut self) {
        // The end of its input ends it; whatever has hung by then is killed.
        drop(self.0.stdin.take());
        let ended = wait_until("the listeners end", Duration::from_secs(10), || {
            Ok(self.0.try_wait()?.map(|_| ()))
        });
        if ended.is_err() {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}

/// Streams of Rust's `reqwest-eventsource`, one at each address. Its drop ends them.
struct InRust(Option<Runtime>);

impl InRust {
    fn start(addresses: &[String], told: &Told) -> Self {
        let runtime = Runtime::new().unwrap();
        for (number, address) in addresses.iter().enumerate() {
            let (name, told) = (format!("reqwest-eventsource {number}"), Arc::clone(told));
            let mut source = EventSource::get(format!("{address}/api/events"));
            runtime.spawn(async move {
                while let Some(next) = source.next().await {
                    // It opens, and it lost its stream and comes again: neither is an event.
                    let Ok(Event::Message(event)) = next else { continue };
                    let data = serde_json::from_str(&event.data).unwrap();
                    told.lock().unwrap().entry(name.clone()).or_default().push((event.event, data));
                }
            });
        }
        Self(Some(runtime))
    }
}

impl Drop for InRust {
    fn drop(&mut self) {
        self.0.take().into_iter().for_each(Runtime::shutdown_background);
    }
}

/// nginx as its package has it, with what docs/events.md adds. Its drop ends it.
struct Nginx {
    child: Child,
    port: ReservedPort,
    _folder: TempDir,
}

impl Nginx {
    fn before(server: &TestServer, program: &Path) -> Self {
        let page = fs::read_to_string(root().join("docs/events.md")).unwrap();
        let documented = page.split("```nginx\n").nth(1).unwrap().split("```").next().unwrap();
        let address = server.address().to_string();
        let documented = documented.replace("127.0.0.1:8002", &address);
        assert!(documented.contains(&address));
        let (folder, port) = (tempfile::tempdir().unwrap(), ReservedPort::new().unwrap());
        let kept = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {kind};\n"));
        let settings = format!(
            "daemon off;\npid nginx.pid;\nuser root;\nevents {{}}\nhttp {{\naccess_log off;\n{}\
             server {{\nlisten {};\n{documented}\nlocation / {{ proxy_pass http://{address}; }}\n\
             }}\n}}\n",
            kept.concat(),
            port.address(),
        );
        fs::write(folder.path().join("nginx.conf"), settings).unwrap();
        let mut command = Command::new(program);
        command.arg("-p").arg(folder.path()).args(["-c", "nginx.conf", "-e", "stderr"]);
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let child = command.stdin(Stdio::null()).stderr(log).spawn().unwrap();
        let nginx = Self { child, port, _folder: folder };
        wait_until("nginx", PATIENCE, || {
            let asked =
                isobase_testkit::http::request(nginx.port.address(), "GET", "/livez", &[], b"");
            Ok(asked.is_ok_and(|answer| answer.status == 200).then_some(()))
        })
        .unwrap();
        nginx
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // The master ends its workers when it is asked, and not when it is killed.
        let pid = self.child.id().to_string();
        let _ = Command::new("kill").arg(pid).status();
        let _ = self.child.wait();
    }
}

#[test]
fn clients_of_others_resume_without_loss_or_repeat() {
    let (Some(browser), Some(clients), Some(nginx)) = (browser(), clients(), nginx()) else {
        return;
    };
    let app = App::new();
    app.write("isobase.toml", "[collections.notes]\nevent = \"note\"\n");
    app.write("index.html", "<!doctype html><link rel=\"icon\" href=\"data:,\">");
    let mut server = TestServer::builder().arg(app.path()).start().unwrap();
    let proxy = Nginx::before(&server, &nginx);
    let addresses = [server.url(), format!("http://{}", proxy.port.address())];

    let told = Told::default();
    let (ours, theirs) = (root().join("tests/browser"), root().join("tests/clients"));
    let mut in_browser = Command::new("node");
    in_browser.arg(ours.join("events.mjs")).args([&browser.packages, &browser.program]);
    let mut in_node = Command::new("node");
    in_node.arg(theirs.join("eventsource.mjs")).arg(&clients.packages);
    let mut in_python = Command::new(&clients.python);
    in_python.arg(theirs.join("events.py")).arg(root().join("docs/events.md"));
    let _in_rust = InRust::start(&addresses, &told);
    let _listeners = [&mut in_browser, &mut in_node, &mut in_python]
        .map(|command| Listeners::start(command.args(&addresses), &told));

    // Every stream has been told as many notes, or is connected so many times.
    let wait_for = |event: &str, count: usize| {
        let waited = wait_until("all streams", PATIENCE, || {
            let told = told.lock().unwrap();
            let has = |events: &Vec<(String, Value)>| {
                events.iter().filter(|(name, _)| name == event).count() >= count
            };
            Ok((told.len() == STREAMS && told.values().all(has)).then_some(()))
        });
        if let Err(error) = waited {
            panic!("{error:#}: not {count} of {event}: {:#?}", told.lock().unwrap());
        }
    };
    let mut texts = Vec::new();
    let mut write = |server: &TestServer, count: usize| {
        for _ in 0..count {
            let text = json!(format!("note {}", texts.len()));
            let body = json!({ "text": text }).to_string();
            let json = [("content-type", "application/json")];
            let stored = server.request("POST", "/api/notes", &json, body.as_bytes()).unwrap();
            assert_eq!(stored.status, 200, "{}", stored.text());
            texts.push(text);
        }
        texts.len()
    };
    wait_for("connected", 1);
    let count = write(&server, 5);
    wait_for("note_created", count);
    server.terminate().unwrap();
    server.start_again().unwrap();
    // Before the streams are there again, and after.
    write(&server, 20);
    wait_for("connected", 2);
    let count = write(&server, 5);
    wait_for("note_created", count);
    server.kill().unwrap();
    server.start_again().unwrap();
    write(&server, 20);
    wait_for("connected", 3);
    let count = write(&server, 5);
    wait_for("note_created", count);

    for (stream, events) in told.lock().unwrap().iter() {
        let notes = events.iter().filter(|(name, _)| name == "note_created");
        let notes: Vec<&Value> = notes.map(|(_, data)| &data["text"]).collect();
        assert_eq!(notes, texts.iter().collect::<Vec<_>>(), "{stream}");
        assert!(events.iter().all(|(name, _)| name != "gap"), "{stream}");
    }
}
