//! SIGKILL while clients write.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    net::SocketAddr,
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver, Sender},
    },
    time::{Duration, Instant},
};

use isobase_testkit::TestServer;

use super::{
    client::{Client, created_id},
    file::assert_sound,
    stored::{Feed, documents, ids_by_key},
    support::{PATIENCE, READY_MAX, Random, begin, start_until_ready},
};

const ROUNDS: u64 = 20;
const WRITERS: u64 = 8;
/// The server is killed after a number of answers below this one…
const ANSWERS_MAX: u64 = 300;
/// … and a time of at most some commits.
const PAUSE_MAX_US: u64 = 6_000;
/// Documents that one atomic batch creates.
const BATCH: usize = 4;

/// What the service has answered with success.
enum Written {
    Created { key: String, id: u64 },
    Replaced { id: String, number: u64 },
    Batch { tag: String },
}

#[test]
fn nothing_that_was_answered_is_lost() {
    let _alone = begin("isobase serve on SQLite, killed under 8 writers");
    let mut random = Random::new();
    let mut server = TestServer::start().unwrap();
    eprintln!("target: {}", server.url());
    let index = server.request("PUT", "/indexes/plain?fields=key", &[], b"").unwrap();
    assert_eq!(index.status, 200, "{}", index.text());
    let (mut book, mut feed) = (Book::default(), Feed::default());
    let mut slowest = Duration::ZERO;
    for round in 0..ROUNDS {
        let answers = 1 + random.below(ANSWERS_MAX);
        let pause = Duration::from_micros(random.below(PAUSE_MAX_US));
        let before = book.answers;
        write_until_killed(&mut server, round, answers, pause, &mut book);
        assert_sound(server.data());
        let ready = start_until_ready(&mut server);
        slowest = slowest.max(ready);
        assert!(ready <= READY_MAX, "round {round}: ready after {ready:?}");
        book.assert_kept(&server);
        feed.assert_complete(&server);
        let written = book.answers - before;
        eprintln!("round {round}: killed {pause:?} after {answers} answers, {written} in all");
    }
    assert!(server.terminate().unwrap().success(), "{}", server.log());
    assert_sound(server.data());
    eprintln!("{} answers, 0 lost, ready after at most {slowest:?}", book.answers);
}

fn write_until_killed(
    server: &mut TestServer,
    round: u64,
    answers: u64,
    pause: Duration,
    book: &mut Book,
) {
    let address = server.address();
    let killed = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        for writer in 0..WRITERS {
            let (sender, killed) = (sender.clone(), &killed);
            scope.spawn(move || write(address, writer, round, &sender, killed));
        }
        drop(sender);
        for _ in 0..answers {
            book.note(receiver.recv_timeout(PATIENCE).expect("writers go on until the kill"));
        }
        note_for(pause, &receiver, book);
        killed.store(true, Ordering::SeqCst);
        server.kill().unwrap();
        receiver.iter().for_each(|written| book.note(written));
    });
}

/// Takes answers in for a while.
fn note_for(pause: Duration, receiver: &Receiver<Written>, book: &mut Book) {
    let end = Instant::now() + pause;
    while let Ok(written) = receiver.recv_timeout(end.saturating_duration_since(Instant::now())) {
        book.note(written);
    }
}

/// Writes until the connection breaks, which only the kill may do.
fn write(
    address: SocketAddr,
    writer: u64,
    round: u64,
    sender: &Sender<Written>,
    killed: &AtomicBool,
) {
    let mut client = Client::connect(address).unwrap();
    for number in 1.. {
        match write_once(&mut client, writer, round, number) {
            Ok(written) => sender.send(written).unwrap(),
            Err(error) => {
                assert!(killed.load(Ordering::SeqCst), "before the kill: {error:#}");
                return;
            }
        }
    }
}

fn write_once(
    client: &mut Client,
    writer: u64,
    round: u64,
    number: u64,
) -> anyhow::Result<Written> {
    let key = format!("{round}-{writer}-{number}");
    let body = format!(r#"{{"key":"{key}","text":"{}"}}"#, "x".repeat(150));
    match writer {
        // Half of them create.
        0..4 => {
            let answer = client.send("POST", "/records/plain", &[], &body)?;
            Ok(Written::Created { key, id: created_id(&answer) })
        }
        // One document, again and again; and a new one each time.
        4 | 5 => {
            let (id, number) = match writer {
                4 => ("same".to_owned(), round * 1_000_000 + number),
                _ => (key, number),
            };
            let path = format!("/records/named/{id}?upsert=true");
            let answer = client.send("PUT", &path, &[], &format!(r#"{{"number":{number}}}"#))?;
            assert!(matches!(answer.status, 200 | 201), "{}", answer.text());
            Ok(Written::Replaced { id, number })
        }
        _ => {
            let operation = format!(r#"{{"method":"create","body":{{"tag":"{key}"}}}}"#);
            let operations = vec![operation; BATCH].join(",");
            let batch = format!(r#"{{"atomic":true,"operations":[{operations}]}}"#);
            let answer = client.send("POST", "/records/whole/batch", &[], &batch)?;
            assert_eq!(answer.status, 200, "{}", answer.text());
            Ok(Written::Batch { tag: key })
        }
    }
}

/// What must be there from now on.
#[derive(Default)]
struct Book {
    answers: usize,
    created: HashMap<String, u64>,
    replaced: HashMap<String, u64>,
    batches: HashSet<String>,
}

impl Book {
    fn note(&mut self, written: Written) {
        self.answers += 1;
        match written {
            Written::Created { key, id } => _ = self.created.insert(key, id),
            Written::Replaced { id, number } => _ = self.replaced.insert(id, number),
            Written::Batch { tag } => _ = self.batches.insert(tag),
        }
    }

    fn assert_kept(&self, server: &TestServer) {
        let stored = ids_by_key(server, "plain");
        for (key, id) in &self.created {
            assert_eq!(stored.get(key), Some(id), "{key} was answered and is lost");
        }
        self.assert_indexed(server, &stored);
        let mut named = HashMap::new();
        for document in documents(server, "named", "number") {
            let id = document["id"].as_str().unwrap().to_owned();
            named.insert(id, document["number"].as_u64().unwrap());
        }
        for (id, number) in &self.replaced {
            // One more may have been written and not answered.
            let found = named.get(id).is_some_and(|found| found >= number);
            assert!(found, "{id} was answered {number} and is {:?}", named.get(id));
        }
        let mut whole: BTreeMap<String, usize> = BTreeMap::new();
        for document in documents(server, "whole", "tag") {
            *whole.entry(document["tag"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        assert!(whole.values().all(|parts| *parts == BATCH), "half a batch: {whole:?}");
        let lost: Vec<_> = self.batches.iter().filter(|tag| !whole.contains_key(*tag)).collect();
        assert!(lost.is_empty(), "batches were answered and are lost: {lost:?}");
    }

    /// The index knows what is there, also what was written and not answered.
    fn assert_indexed(&self, server: &TestServer, stored: &HashMap<String, u64>) {
        for (key, id) in stored.iter().take(20) {
            let path = format!("/records/plain?key={key}");
            let found = server.request("GET", &path, &[], b"").unwrap().json().unwrap();
            assert_eq!(found[0]["id"].as_u64(), Some(*id), "{path}: {found}");
        }
        let path = "/records/plain?sort=key&limit=1&count=exact";
        let page = server.request("GET", path, &[], b"").unwrap();
        let total = page.header("x-total-count").and_then(|text| text.parse().ok());
        assert_eq!(total, Some(stored.len()), "{}", page.text());
    }
}
