//! SIGKILL between commit and answer: a repeat with the same `Idempotency-Key` is safe.

use std::{
    net::SocketAddr,
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc::{self, Sender},
    },
    time::Duration,
};

use isobase_testkit::{TestServer, http::Response, wait_until};

use super::{
    client::{Client, created_id},
    file::assert_sound,
    stored::{Feed, ids_by_key},
    strace::{Trace, has_strace},
    support::{PATIENCE, Random, begin, start_until_ready},
};

const CLIENTS: u64 = 8;
const KILLS: u64 = 10;
const ANSWERS_MAX: u64 = 100;

/// An answer to a client: for which key, with which id, and whether it was a repeat.
struct Answered {
    key: String,
    id: u64,
    repeated: bool,
}

#[test]
fn a_repeat_after_a_kill_gives_one_record() {
    let _alone = begin("isobase serve on SQLite, killed under 8 clients that repeat their keys");
    let mut random = Random::new();
    let mut server = TestServer::start().unwrap();
    eprintln!("target: {}", server.url());
    let address = server.address();
    // How many keys each client may begin.
    let keys = AtomicU64::new(u64::MAX);
    let mut answered = Vec::new();
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        for client in 0..CLIENTS {
            let (sender, keys) = (sender.clone(), &keys);
            scope.spawn(move || write_keys(address, client, keys, &sender));
        }
        drop(sender);
        for _ in 0..KILLS {
            for _ in 0..=random.below(ANSWERS_MAX) {
                answered.push(receiver.recv_timeout(PATIENCE).expect("clients go on"));
            }
            server.kill().unwrap();
            start_until_ready(&mut server);
        }
        // Everybody finishes the key that is under way.
        keys.store(0, Ordering::SeqCst);
        answered.extend(receiver.iter());
    });
    let stored = ids_by_key(&server, "repeated");
    for Answered { key, id, .. } in &answered {
        assert_eq!(stored.get(key), Some(id), "{key} is lost, or another one");
    }
    assert_eq!(stored.len(), answered.len(), "as many records as keys");
    Feed::default().assert_complete(&server);
    assert_sound(server.data());
    let repeated = answered.iter().filter(|answer| answer.repeated).count();
    eprintln!("{} keys, {KILLS} kills, {repeated} answers came from a repeat", answered.len());
}

/// Sends key after key, each until it is answered.
fn write_keys(address: SocketAddr, client: u64, keys: &AtomicU64, sender: &Sender<Answered>) {
    let mut connection = None;
    for number in 0.. {
        if number >= keys.load(Ordering::SeqCst) {
            return;
        }
        let key = format!("{client}-{number}");
        let answer = wait_until("an answer after restarts", Duration::from_secs(60), || {
            Ok(try_once(&mut connection, address, &key))
        });
        let answer = answer.unwrap();
        let repeated = answer.header("idempotency-replayed").is_some();
        sender.send(Answered { key, id: created_id(&answer), repeated }).unwrap();
    }
}

/// `None` when the service is not there.
fn try_once(connection: &mut Option<Client>, address: SocketAddr, key: &str) -> Option<Response> {
    let mut client = match connection.take() {
        Some(client) => client,
        None => Client::connect(address).ok()?,
    };
    let answer = post(&mut client, key).ok()?;
    *connection = Some(client);
    Some(answer)
}

fn post(client: &mut Client, key: &str) -> anyhow::Result<Response> {
    let body = format!(r#"{{"key":"{key}"}}"#);
    client.send("POST", "/records/repeated", &[("idempotency-key", key)], &body)
}

#[test]
fn a_kill_between_commit_and_answer_gives_one_record() {
    if !has_strace() {
        return;
    }
    let _alone = begin("isobase serve on SQLite, killed by strace as it begins to answer");
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    for round in 0..3 {
        // The service dies when it enters the call that sends the answer: after the commit.
        let trace = Trace::new(folder.path());
        let inject = "inject=writev,sendto:signal=SIGKILL";
        let wrapper = trace.wrapper(&["-e", "trace=writev,sendto", "-e", inject]);
        let mut server = TestServer::builder().data(&data).wrapper(wrapper).prepare().unwrap();
        server.spawn().unwrap();
        eprintln!("target: {}", server.url());
        let mut client =
            wait_until("a connection", PATIENCE, || Ok(Client::connect(server.address()).ok()))
                .unwrap();
        let key = format!("unanswered-{round}");
        let answer = post(&mut client, &key);
        assert!(answer.is_err(), "answered although killed before: {answer:?}");
        server.wait().unwrap();

        let server = TestServer::builder().data(&data).start().unwrap();
        let mut client = Client::connect(server.address()).unwrap();
        let stored = ids_by_key(&server, "repeated");
        let id = *stored.get(&key).expect("it was committed before it was to be answered");
        let answer = post(&mut client, &key).unwrap();
        assert_eq!(created_id(&answer), id);
        assert_eq!(answer.header("idempotency-replayed"), Some("true"));
        assert_eq!(ids_by_key(&server, "repeated"), stored);
    }
}
