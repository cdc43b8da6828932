//! Answers and syncs: in which order they come, and what a failed one means.

use std::{
    collections::HashMap,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use isobase_testkit::TestServer;
use tempfile::TempDir;

use super::{
    client::{Client, created_id, problem, refused_for_now},
    file::assert_sound,
    stored::{Feed, ids_by_key},
    strace::{Call, Trace, has_strace},
    support::{PATIENCE, READY_MAX, begin, start_until_ready, status, wait_until_readyz},
};

const SYNCS: [&str; 2] = ["fsync", "fdatasync"];
/// Where an answer leaves by.
const SENDS: &str = "write,writev,sendto,sendmsg";
const WRITES: u64 = 50;

#[test]
fn every_answer_to_a_write_follows_a_sync() {
    if !has_strace() {
        return;
    }
    let _alone = begin("isobase serve on SQLite, watched by strace");
    let (folder, data) = prepared_data();
    let trace = Trace::new(folder.path());
    let calls = format!("trace=fsync,fdatasync,{SENDS}");
    let wrapper = trace.wrapper(&["-e", &calls]);
    let mut server = TestServer::builder().data(&data).wrapper(wrapper).start().unwrap();
    eprintln!("target: {}", server.url());
    let mut client = Client::connect(server.address()).unwrap();
    for number in 0..WRITES {
        create(&mut client, "sequential", number);
    }
    let pid = server.pid().unwrap();
    server.kill().unwrap();
    let syncs = syncs_before_answers(&trace.of_ended_process(pid));
    assert_eq!(syncs.len(), WRITES as usize);
    let without: Vec<_> = (1..).zip(&syncs).filter(|(_, syncs)| **syncs == 0).collect();
    assert!(without.is_empty(), "answers without a sync before them: {without:?}");
    eprintln!("{WRITES} answers, each after a sync, {} syncs in all", syncs.iter().sum::<u64>());
}

/// How many syncs of the log ended between two answers, for each answer.
fn syncs_before_answers(calls: &[Call]) -> Vec<u64> {
    let (mut syncs, mut answers) = (0, Vec::new());
    // Threads whose sync has begun and not ended, and whether it is one of the log.
    let mut begun: HashMap<&str, bool> = HashMap::new();
    for call in calls {
        if call.is_of(&SYNCS) {
            let is_log = call.text.contains(".db-wal>");
            if call.text.ends_with("<unfinished ...>") {
                begun.insert(&call.thread, is_log);
            } else if begun.remove(call.thread.as_str()).unwrap_or(is_log) && call.has_succeeded() {
                syncs += 1;
            }
        } else if call.is_created() {
            answers.push(std::mem::take(&mut syncs));
        }
    }
    answers
}

#[test]
fn after_a_failed_sync_nothing_is_written() {
    if !has_strace() {
        return;
    }
    let _alone = begin("isobase serve on SQLite, its syncs failing by strace");
    let (_folder, data) = prepared_data();
    // The first sync of a new log is of its header.
    for number in 1..=8 {
        // Once, or from then on: a second try that succeeds must not be believed either.
        let when = format!("{number}{}", if number % 2 == 0 { "+" } else { "" });
        fail_for_good(&data, &Fault { when: &when, ..SYNC_FAULT });
    }
    // Some file systems find out only then that there is no space.
    fail_for_good(&data, &Fault { error: "ENOSPC", ..SYNC_FAULT });
}

#[test]
fn after_a_failed_write_to_the_disk_nothing_is_written() {
    if !has_strace() {
        return;
    }
    let _alone = begin("isobase serve on SQLite, its writes failing by strace");
    let (_folder, data) = prepared_data();
    for when in ["1", "2+", "5", "9+"] {
        fail_for_good(&data, &Fault { calls: "pwrite64", when, ..SYNC_FAULT });
    }
}

#[test]
fn after_a_failed_checkpoint_nothing_is_written() {
    if !has_strace() {
        return;
    }
    let _alone = begin("isobase serve on SQLite, its checkpoints failing by strace");
    let (_folder, data) = prepared_data();
    // Enough for a log that is due to be folded into the file after some hundred writes.
    let fault = Fault { file: "isobase.db", when: "1", body_bytes: 100_000, ..SYNC_FAULT };
    fail_for_good(&data, &fault);
    fail_for_good(&data, &Fault { calls: "pwrite64", when: "100+", ..fault });
}

#[test]
fn a_failed_sync_under_load_ends_all_writing() {
    if !has_strace() {
        return;
    }
    let _alone = begin("isobase serve on SQLite under 8 writers, a sync failing by strace");
    let (folder, data) = prepared_data();
    let trace = Trace::new(folder.path());
    let inject = "inject=fsync,fdatasync:error=EIO:when=20";
    let wrapper = trace.wrapper(&["-e", "trace=fsync,fdatasync", "-e", inject]);
    let mut server = TestServer::builder().data(&data).wrapper(wrapper).start().unwrap();
    eprintln!("target: {}", server.url());
    let address = server.address();
    let failed = AtomicBool::new(false);
    let answered: Vec<(String, u64)> = thread::scope(|scope| {
        let writers: Vec<_> = (0..8)
            .map(|writer| {
                let failed = &failed;
                scope.spawn(move || write_until_refused(address, writer, failed))
            })
            .collect();
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
    });
    assert_eq!(status(&server, "/livez"), 200);
    wait_until_readyz(&server, 503, PATIENCE);
    // Answers to what an earlier sync has made durable may leave late. What the failed one was to
    // make durable is answered to no one, and no one reads it.
    let committed = ids_by_key(&server, "faults");
    for (key, id) in &answered {
        assert_eq!(committed.get(key), Some(id), "{key} was answered and not committed");
    }
    assert!(committed.len() == answered.len(), "some of what was committed was not answered");
    let pid = server.pid().unwrap();
    server.kill().unwrap();
    let calls = trace.of_ended_process(pid);
    assert!(calls.iter().any(Call::is_injected), "strace made no sync fail");
    assert_recovers(&data, &answered, &[]);
    eprintln!("{} answers of what was committed before the failed sync", answered.len());
}

/// Creates until the service refuses. Who begins after anybody was refused is refused, too.
fn write_until_refused(
    address: SocketAddr,
    writer: u64,
    failed: &AtomicBool,
) -> Vec<(String, u64)> {
    let mut client = Client::connect(address).unwrap();
    let mut answered = Vec::new();
    for number in 0..10_000 {
        let late = failed.load(Ordering::SeqCst);
        let key = format!("{writer}-{number}");
        let body = format!(r#"{{"key":"{key}"}}"#);
        let answer = client.send("POST", "/records/faults", &[], &body).unwrap();
        if answer.status != 201 {
            refused_for_now(&answer);
            failed.store(true, Ordering::SeqCst);
            return answered;
        }
        assert!(!late, "{key} was written after another writer was refused");
        answered.push((key, created_id(&answer)));
    }
    panic!("no write was refused");
}

#[test]
fn a_full_disk_passes() {
    if !has_strace() {
        return;
    }
    let _alone = begin("isobase serve on SQLite, its disk full for a moment by strace");
    let (_folder, data) = prepared_data();
    for when in ["2", "5", "9"] {
        let fault = Fault { calls: "pwrite64", error: "ENOSPC", when, ..SYNC_FAULT };
        let mut run = Run::start(&data, &fault);
        let (refused, code) = run.write_until_refused();
        assert_eq!(code, "out_of_space", "{fault:?}");
        // It failed once only, so the next write succeeds.
        for number in refused + 1..refused + 4 {
            let id = create(&mut run.client, "faults", number);
            run.answered.push((number.to_string(), id));
        }
        wait_until_readyz(&run.server, 200, PATIENCE);
        assert!(run.server.terminate().unwrap().success(), "{}", run.server.log());
        assert_recovers(run.data(), &run.answered, &[refused.to_string()]);
    }
}

/// What `strace` lets fail.
#[derive(Clone, Copy, Debug)]
struct Fault<'a> {
    calls: &'a str,
    file: &'a str,
    error: &'a str,
    /// Which call on the file, as `strace` counts: `3` the third one, `3+` all from it on.
    when: &'a str,
    /// Size of each document that is written until it happens.
    body_bytes: usize,
}

const SYNC_FAULT: Fault<'_> = Fault {
    calls: "fsync,fdatasync",
    file: "isobase.db-wal",
    error: "EIO",
    when: "3",
    body_bytes: 100,
};

/// A server whose disk fails, and one client.
struct Run {
    server: TestServer,
    client: Client,
    trace: Trace,
    /// Never read; its drop removes the data, after the server has ended.
    _folder: TempDir,
    body_bytes: usize,
    /// What was answered, by key.
    answered: Vec<(String, u64)>,
}

impl Run {
    /// Starts on a copy of a data folder.
    fn start(data: &Path, fault: &Fault<'_>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("data");
        fs::create_dir(&copy).unwrap();
        fs::copy(data.join("isobase.db"), copy.join("isobase.db")).unwrap();
        let trace = Trace::new(folder.path());
        let &Fault { calls, file, error, when, body_bytes } = fault;
        let file = fs::canonicalize(&copy).unwrap().join(file);
        let wrapper = trace.wrapper(&[
            "-P",
            file.to_str().unwrap(),
            "-e",
            &format!("trace={calls}"),
            "-e",
            &format!("inject={calls}:error={error}:when={when}"),
        ]);
        let server = TestServer::builder().data(&copy).wrapper(wrapper).start().unwrap();
        let url = server.url();
        eprintln!("target: {url}; {error} of {calls} number {when} of {}", file.display());
        let client = Client::connect(server.address()).unwrap();
        Self { server, client, trace, _folder: folder, body_bytes, answered: Vec::new() }
    }

    /// Gives the number of the write that was refused, and with what code.
    fn write_until_refused(&mut self) -> (u64, String) {
        for number in 0..1_000 {
            let filler = "x".repeat(self.body_bytes);
            let body = format!(r#"{{"key":"{number}","filler":"{filler}"}}"#);
            let answer = self.client.send("POST", "/records/faults", &[], &body).unwrap();
            if answer.status != 201 {
                return (number, refused_for_now(&answer));
            }
            self.answered.push((number.to_string(), created_id(&answer)));
        }
        panic!("no write was refused");
    }

    fn data(&self) -> &Path {
        self.server.data()
    }
}

/// One fault that ends writing: from the first refused write on there is no other.
fn fail_for_good(data: &Path, fault: &Fault<'_>) {
    let mut run = Run::start(data, fault);
    let (refused, code) = run.write_until_refused();
    assert!(["unavailable", "outcome_unknown"].contains(&code.as_str()), "{fault:?}: {code}");
    let mut absent: Vec<String> = Vec::new();
    // What was under way when the disk failed may have been written all the same.
    if code == "unavailable" {
        absent.push(refused.to_string());
    }
    for number in refused + 1..refused + 6 {
        let body = format!(r#"{{"key":"{number}"}}"#);
        let answer = run.client.send("POST", "/records/faults", &[], &body).unwrap();
        assert_eq!(refused_for_now(&answer), "unavailable");
        absent.push(number.to_string());
    }
    let other = run.client.send("DELETE", "/records/kept/1", &[], "").unwrap();
    assert_eq!((other.status, problem(&other).as_str()), (503, "unavailable"));

    assert_eq!(run.client.get("/records/kept/1").unwrap().status, 200);
    let stored = ids_by_key(&run.server, "faults");
    assert_eq!(stored.len(), run.answered.len(), "reads show what was answered");
    assert_eq!(status(&run.server, "/livez"), 200);
    wait_until_readyz(&run.server, 503, PATIENCE);
    let pid = run.server.pid().unwrap();
    // Who restarts it must see that something was wrong.
    assert_eq!(run.server.terminate().unwrap().code(), Some(1), "{}", run.server.log());
    let calls = run.trace.of_ended_process(pid);
    assert!(calls.iter().any(Call::is_injected), "{fault:?} never happened");
    assert_recovers(run.data(), &run.answered, &absent);
}

/// The next start has what was answered, and not what was not written.
fn assert_recovers(data: &Path, answered: &[(String, u64)], absent: &[String]) {
    assert_sound(data);
    let mut server = TestServer::builder().data(data).prepare().unwrap();
    let ready = start_until_ready(&mut server);
    assert!(ready <= READY_MAX, "ready after {ready:?}");
    let stored = ids_by_key(&server, "faults");
    for (key, id) in answered {
        assert_eq!(stored.get(key), Some(id), "{key} was answered and is lost");
    }
    for key in absent {
        assert!(!stored.contains_key(key), "{key} was answered as not written and is there");
    }
    assert_eq!(status(&server, "/records/kept/1"), 200);
    let mut client = Client::connect(server.address()).unwrap();
    create(&mut client, "faults", 1_000_000);
    Feed::default().assert_complete(&server);
    assert!(server.terminate().unwrap().success(), "{}", server.log());
    assert_sound(data);
}

fn create(client: &mut Client, collection: &str, number: u64) -> u64 {
    let body = format!(r#"{{"key":"{number}"}}"#);
    created_id(&client.send("POST", &format!("/records/{collection}"), &[], &body).unwrap())
}

/// A data folder with one document, closed cleanly: a start on it syncs nothing, so that the
/// counting begins with the first write.
fn prepared_data() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut server = TestServer::builder().data(&data).start().unwrap();
    create(&mut Client::connect(server.address()).unwrap(), "kept", 0);
    assert!(server.terminate().unwrap().success());
    (folder, data)
}
