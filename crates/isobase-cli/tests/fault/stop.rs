//! A stop under load, and starts that must be refused.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Sender},
    },
    time::{Duration, Instant},
};

use isobase_testkit::{Signal, TestServer, http};

use super::{
    client::{Client, created_id},
    file::assert_sound,
    stored::{Feed, ids_by_key},
    support::{PATIENCE, begin, start_until_ready},
};

const WRITERS: u64 = 8;
const STOP_MAX: Duration = Duration::from_secs(10);

#[test]
fn a_stop_under_load_is_clean() {
    let _alone = begin("isobase serve on SQLite, stopped under 8 writers");
    let mut server = TestServer::start().unwrap();
    eprintln!("target: {}", server.url());
    let address = server.address();
    let told = AtomicBool::new(false);
    let mut answered = Vec::new();
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        for writer in 0..WRITERS {
            let (sender, told) = (sender.clone(), &told);
            scope.spawn(move || write_until_stopped(address, writer, &sender, told));
        }
        drop(sender);
        for _ in 0..500 {
            answered.push(receiver.recv_timeout(PATIENCE).expect("writers go on until the stop"));
        }
        told.store(true, Ordering::SeqCst);
        let begin = Instant::now();
        server.signal(Signal::TERM).unwrap();
        assert_eq!(server.wait().unwrap().code(), Some(0), "{}", server.log());
        let stopped = begin.elapsed();
        assert!(stopped <= STOP_MAX, "stopped after {stopped:?}");
        answered.extend(receiver.iter());
        eprintln!("stopped after {stopped:?}, {} answers", answered.len());
    });
    assert!(!server.data().join("isobase.db-wal").exists(), "the log is folded into the file");
    assert_sound(server.data());
    start_until_ready(&mut server);
    let stored = ids_by_key(&server, "stopped");
    for (key, id) in &answered {
        assert_eq!(stored.get(key), Some(id), "{key} was answered and is lost");
    }
    // A graceful stop answers what it carries out.
    assert_eq!(stored.len(), answered.len(), "something was written and not answered");
    Feed::default().assert_complete(&server);
}

/// Writes until the service does not take more, which only the stop may cause.
fn write_until_stopped(
    address: SocketAddr,
    writer: u64,
    sender: &Sender<(String, u64)>,
    told: &AtomicBool,
) {
    let mut client = Client::connect(address).unwrap();
    for number in 0.. {
        let key = format!("{writer}-{number}");
        let body = format!(r#"{{"key":"{key}"}}"#);
        match client.send("POST", "/records/stopped", &[], &body) {
            Ok(answer) if answer.status == 201 => sender.send((key, created_id(&answer))).unwrap(),
            other => {
                assert!(told.load(Ordering::SeqCst), "before the stop: {other:?}");
                return;
            }
        }
    }
}

#[test]
fn a_stop_does_not_wait_for_clients_that_do_not_read() {
    let _alone = begin("isobase serve on SQLite, stopped while clients take no answer");
    let mut server = TestServer::start().unwrap();
    eprintln!("target: {}", server.url());
    let mut client = Client::connect(server.address()).unwrap();
    for _ in 0..20 {
        let body = format!(r#"{{"filler":"{}"}}"#, "x".repeat(1_000_000));
        created_id(&client.send("POST", "/records/large", &[], &body).unwrap());
    }
    let mut stalled: Vec<_> = (0..8).map(|_| server.connect().unwrap()).collect();
    for connection in &mut stalled {
        let request = http::request_bytes("localhost", "GET", "/records/large", &[], b"");
        connection.send(&request).unwrap();
        assert!(!connection.read_part().unwrap().is_empty());
    }
    let begin = Instant::now();
    server.signal(Signal::TERM).unwrap();
    assert_eq!(server.wait().unwrap().code(), Some(0), "{}", server.log());
    let stopped = begin.elapsed();
    eprintln!("stopped after {stopped:?}");
    assert!(stopped <= STOP_MAX, "stopped after {stopped:?}");
}

#[test]
fn a_second_process_is_refused_and_harms_nothing() {
    let _alone = begin("isobase serve on SQLite, and a second one on its data");
    let mut first = TestServer::start().unwrap();
    eprintln!("target: {}", first.url());
    let mut client = Client::connect(first.address()).unwrap();
    created_id(&client.send("POST", "/records/kept", &[], r#"{"a":1}"#).unwrap());
    let pid = first.pid().unwrap();
    for _ in 0..2 {
        let mut second = TestServer::builder().data(first.data()).prepare().unwrap();
        second.spawn().unwrap();
        assert_eq!(second.wait().unwrap().code(), Some(1), "{}", second.log());
        let said = second.log();
        for part in [format!("process {pid}"), first.url(), "isobase.db".to_owned()] {
            assert!(said.contains(&part), "{part:?} is not in {said}");
        }
        created_id(&client.send("POST", "/records/kept", &[], r#"{"a":2}"#).unwrap());
    }
    // The lock is the process's: it ends with it, however it ends.
    first.kill().unwrap();
    let mut second = TestServer::builder().data(first.data()).prepare().unwrap();
    start_until_ready(&mut second);
    let kept = second.request("GET", "/records/kept", &[], b"").unwrap();
    assert_eq!(kept.json().unwrap().as_array().unwrap().len(), 3);
}

#[test]
fn a_damaged_file_is_refused_and_left_as_it_is() {
    let _alone = begin("isobase serve on files that are no sound databases");
    let mut server = TestServer::start().unwrap();
    let mut client = Client::connect(server.address()).unwrap();
    for number in 0..200 {
        let body = format!(r#"{{"number":{number},"filler":"{}"}}"#, "x".repeat(500));
        created_id(&client.send("POST", "/records/kept", &[], &body).unwrap());
    }
    assert!(server.terminate().unwrap().success());
    let sound = fs::read(server.data().join("isobase.db")).unwrap();
    let garbage: Vec<u8> = (0..sound.len()).map(|at| (at * 7 % 251) as u8).collect();
    let with_garbage = |from: usize| [&sound[..from], &garbage[from..]].concat();
    let cases: [(&str, Vec<u8>); 7] = [
        ("garbage", garbage.clone()),
        ("text", b"not a database\n".repeat(100)),
        ("cut in the header", sound[..50].to_vec()),
        ("cut in the first page", sound[..3_000].to_vec()),
        ("cut in half", sound[..sound.len() / 2].to_vec()),
        ("garbage behind the header", with_garbage(100)),
        ("garbage behind the first page", with_garbage(4_096)),
    ];
    for (name, bytes) in cases {
        assert_refused(name, &bytes);
    }
}

fn assert_refused(name: &str, bytes: &[u8]) {
    let mut server = TestServer::builder().prepare().unwrap();
    let file = server.data().join("isobase.db");
    fs::create_dir(server.data()).unwrap();
    fs::write(&file, bytes).unwrap();
    server.spawn().unwrap();
    let code = server.wait().unwrap().code();
    let said = server.log();
    assert_eq!(code, Some(1), "{name}: {said}");
    assert!(fs::read(&file).unwrap() == bytes, "{name}: the file has changed");
    assert_names(&said, &file);
    eprintln!("{name}: {}", said.trim());
}

/// The message is for people: it names the file and says what is wrong, and nothing panicked.
fn assert_names(said: &str, file: &Path) {
    let message = said.lines().find(|line| line.starts_with("error: "));
    let message = message.unwrap_or_else(|| panic!("no error in {said}"));
    assert!(message.contains(file.to_str().unwrap()), "{message}");
    let wrong = ["not a SQLite database", "damaged"];
    assert!(wrong.iter().any(|words| message.contains(words)), "{message}");
    assert!(!said.contains("panicked"), "{said}");
}
