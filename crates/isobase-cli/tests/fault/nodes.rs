//! Several services on one database, some of which are killed while clients write.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Sender},
    },
    thread,
    time::Instant,
};

use isobase_testkit::{ForeignDatabase, TestServer, is_soak, postgres_url, unique_name};

use super::{
    client::{Client, created_id, refused_for_now},
    stored::{Feed, ids_by_key},
    support::{PATIENCE, begin, start_until_ready},
};

const NODES: usize = 3;
const WRITERS: usize = 6;
/// Answers between two kills.
const ANSWERS: usize = 20;

#[test]
fn three_nodes_on_postgres_lose_and_repeat_nothing() {
    let Some(url) = postgres_url() else { return };
    let _alone = begin("three services on the suite's PostgreSQL, two of which are killed");
    lose_and_repeat_nothing(&format!("{url}?schema={}", unique_name("nodes")), &[]);
}

#[test]
fn three_nodes_on_a_document_database_lose_and_repeat_nothing() {
    // Google's emulator repeats what the other server shows.
    let wanted = |database: &ForeignDatabase| is_soak() || !database.name().contains("google");
    for database in ForeignDatabase::all("nodes").into_iter().filter(wanted) {
        let _alone = begin(&format!("three services on {}, two killed", database.name()));
        lose_and_repeat_nothing(&database.url(), &database.credentials());
        database.forget(&["plain"]).unwrap();
    }
}

fn lose_and_repeat_nothing(url: &str, variables: &[(&'static str, String)]) {
    let begin = Instant::now();
    let mut nodes = started(url, variables);
    let addresses: Vec<_> = nodes.iter().map(TestServer::address).collect();
    let (done, mut answered) = (AtomicBool::new(false), HashMap::new());
    thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        for writer in 0..WRITERS {
            let (sender, addresses, done) = (sender.clone(), &addresses, &done);
            scope.spawn(move || write(addresses, writer, &sender, done));
        }
        drop(sender);
        for kill in [Some(0), Some(1), None] {
            for _ in 0..ANSWERS {
                let (key, id) = receiver.recv_timeout(PATIENCE).expect("the others go on");
                answered.insert(key, id);
            }
            if let Some(node) = kill {
                nodes[node].kill().unwrap();
            }
        }
        done.store(true, Ordering::SeqCst);
        answered.extend(receiver.iter());
    });
    start_until_ready(&mut nodes[0]);
    for node in [&nodes[0], &nodes[2]] {
        // Every key was asked for until it was answered.
        assert!(ids_by_key(node, "plain") == answered, "not what was answered is stored");
        Feed::default().assert_complete(node);
    }
    eprintln!("{url}: {} answers, 0 lost, 0 twice, in {:?}", answered.len(), begin.elapsed());
}

/// They start at once, also to make what the first one makes.
fn started(url: &str, variables: &[(&'static str, String)]) -> Vec<TestServer> {
    let start = || {
        let builder = TestServer::builder().records_url(url);
        let builder =
            variables.iter().fold(builder, |builder, (name, value)| builder.env(*name, value));
        builder.start().unwrap()
    };
    thread::scope(|scope| {
        let starting: Vec<_> = (0..NODES).map(|_| scope.spawn(start)).collect();
        starting.into_iter().map(|node| node.join().unwrap()).collect()
    })
}

/// Creates documents one after the other, each with a key of its own. A node that does not answer
/// is left for the next one, and the request sent again.
fn write(
    addresses: &[SocketAddr],
    writer: usize,
    sender: &Sender<(String, u64)>,
    done: &AtomicBool,
) {
    let (mut node, mut client) = (writer % NODES, None);
    for number in 0.. {
        let key = format!("{writer}-{number}");
        let begin = Instant::now();
        let id = loop {
            assert!(begin.elapsed() < PATIENCE, "{key} was not answered");
            match ask(&mut client, addresses[node], &key) {
                Ok(Some(id)) => break id,
                Ok(None) => {}
                Err(_) => (node, client) = ((node + 1) % NODES, None),
            }
        };
        if sender.send((key, id)).is_err() || done.load(Ordering::SeqCst) {
            return;
        }
    }
}

/// `None` if the node asks to come again.
fn ask(client: &mut Option<Client>, address: SocketAddr, key: &str) -> anyhow::Result<Option<u64>> {
    let client = match client {
        Some(client) => client,
        None => client.insert(Client::connect(address)?),
    };
    let body = format!(r#"{{"key":"{key}","text":"{}"}}"#, "x".repeat(150));
    let answer = client.send("POST", "/records/plain", &[("idempotency-key", key)], &body)?;
    if answer.status == 503 {
        refused_for_now(&answer);
        return Ok(None);
    }
    Ok(Some(created_id(&answer)))
}
