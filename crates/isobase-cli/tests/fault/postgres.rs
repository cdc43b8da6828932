//! PostgreSQL that restarts, is killed, or falls silent under load.

use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, Instant},
};

use isobase_testkit::{
    Durability, Fault, FaultProxy, PostgresBinaries, Signal, Stop, TestPostgres,
    TestPostgresBuilder, TestServer, http::Response, wait_until,
};

use super::{
    client::{Client, created_id, refused_for_now},
    stored::{Feed, ids_by_key},
    support::{PATIENCE, begin, leave_out, status, wait_until_readyz},
};

/// No request takes longer, whatever happens to PostgreSQL.
const REQUEST_MAX: Duration = Duration::from_secs(10);
/// Writes succeed again within this time after PostgreSQL accepts connections.
const RECOVERY_MAX: Duration = Duration::from_secs(10);
/// A stop ends within this time.
const STOP_MAX: Duration = Duration::from_secs(10);

/// As an administrator does, or a pooler in between.
const END_CONNECTIONS: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";

#[test]
fn a_restart_of_postgres_loses_nothing() {
    let Some(builder) = own_postgres() else { return };
    let _alone = begin("isobase serve on an own PostgreSQL, which is restarted under 32 clients");
    let mut postgres = builder.start().unwrap();
    let server = TestServer::builder().records_url(&postgres.url()).start().unwrap();
    eprintln!("target: {}, {}", server.url(), postgres.url());
    let load = Load::new(Mix { creating: 12, repeating: 12, reading: 8 });
    let report = load.run(&server, || {
        load.wait_for_writes(200);
        for round in 1..=3 {
            postgres.psql(END_CONNECTIONS).unwrap();
            load.assert_recovered(&server, &format!("the end {round} of all connections"));
        }
        for how in [Stop::Fast, Stop::Immediate, Stop::Kill] {
            postgres.restart(how).unwrap();
            load.assert_recovered(&server, &format!("a restart ({how:?})"));
        }
        // And one that stays away until everybody has noticed.
        postgres.stop(Stop::Fast).unwrap();
        load.wait_until_all_are_refused();
        wait_until_readyz(&server, 503, REQUEST_MAX);
        assert_eq!(status(&server, "/livez"), 200);
        postgres.start_again().unwrap();
        load.assert_recovered(&server, "an absence");
    });
    report.assert_kept(&server);
}

#[test]
fn a_silent_postgres_costs_seconds() {
    let Some(builder) = own_postgres() else { return };
    let _alone = begin("isobase serve on an own PostgreSQL behind a proxy that falls silent");
    let postgres = builder.durability(Durability::Off).start().unwrap();
    let proxy = FaultProxy::start(SocketAddr::from(([127, 0, 0, 1], postgres.port()))).unwrap();
    let url = format!("postgres://postgres@{}/postgres", proxy.address());
    let server = TestServer::builder().records_url(&url).start().unwrap();
    eprintln!("target: {}, {url}, {}", server.url(), postgres.url());
    let load = Load::new(Mix { creating: 6, repeating: 6, reading: 4 });
    let report = load.run(&server, || {
        load.wait_for_writes(100);
        for round in 1..=2 {
            proxy.set(Fault::Blackhole).unwrap();
            load.wait_until_all_are_refused();
            wait_until_readyz(&server, 503, REQUEST_MAX);
            let begin = Instant::now();
            assert_eq!(status(&server, "/livez"), 200);
            assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
            proxy.set(Fault::None).unwrap();
            load.assert_recovered(&server, &format!("silence {round}"));
        }
        proxy.set(Fault::Reset).unwrap();
        load.wait_until_all_are_refused();
        proxy.set(Fault::None).unwrap();
        load.assert_recovered(&server, "resets");
    });
    report.assert_kept(&server);
}

#[test]
fn a_commit_that_is_cut_off_is_unknown_and_repeatable() {
    let Some(builder) = own_postgres() else { return };
    let _alone = begin("isobase serve on an own PostgreSQL behind a proxy that cuts commits off");
    let postgres = builder.durability(Durability::Off).start().unwrap();
    let proxy = FaultProxy::start(SocketAddr::from(([127, 0, 0, 1], postgres.port()))).unwrap();
    let url = format!("postgres://postgres@{}/postgres", proxy.address());
    let server = TestServer::builder().records_url(&url).start().unwrap();
    eprintln!("target: {}, {url}, {}", server.url(), postgres.url());
    let mut client = Client::connect(server.address()).unwrap();
    for number in 0..10 {
        let key = format!("cut-{number}");
        proxy.reset_before(b"COMMIT");
        let answer = post(&mut client, "keyed", &key, true).unwrap();
        assert_eq!(refused_for_now(&answer), "outcome_unknown");
        proxy.reset_before(b"");
        assert_eq!(post(&mut client, "keyed", &key, true).unwrap().status, 201);
    }
    assert_eq!(ids_by_key(&server, "keyed").len(), 10);
    Feed::default().assert_complete(&server);
}

#[test]
fn a_stop_does_not_wait_for_a_silent_postgres() {
    let Some(builder) = own_postgres() else { return };
    let _alone = begin("isobase serve, stopped while its PostgreSQL is silent");
    let postgres = builder.durability(Durability::Off).start().unwrap();
    let proxy = FaultProxy::start(SocketAddr::from(([127, 0, 0, 1], postgres.port()))).unwrap();
    let url = format!("postgres://postgres@{}/postgres", proxy.address());
    let mut server = TestServer::builder().records_url(&url).start().unwrap();
    eprintln!("target: {}, {url}, {}", server.url(), postgres.url());
    let mut clients: Vec<_> = (0..8).map(|_| Client::connect(server.address()).unwrap()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        assert_eq!(post(client, "plain", &format!("{number}"), false).unwrap().status, 201);
    }
    proxy.set(Fault::Blackhole).unwrap();
    std::thread::scope(|scope| {
        for (number, client) in clients.iter_mut().enumerate() {
            // It is answered or cut off.
            scope.spawn(move || post(client, "plain", &format!("late-{number}"), false));
        }
        let begin = Instant::now();
        server.signal(Signal::TERM).unwrap();
        let code = server.wait().unwrap().code();
        let stopped = begin.elapsed();
        eprintln!("stopped after {stopped:?}");
        assert_eq!(code, Some(0), "{}", server.log());
        assert!(stopped <= STOP_MAX, "stopped after {stopped:?}");
    });
}

/// A cluster of its own, as durable as in production unless the test says otherwise; `None` when
/// there is no PostgreSQL and the test is left out.
fn own_postgres() -> Option<TestPostgresBuilder> {
    if let Err(error) = PostgresBinaries::find() {
        leave_out(&format!("{error:#}"));
        return None;
    }
    Some(TestPostgres::builder())
}

/// How many clients do what.
#[derive(Clone, Copy)]
struct Mix {
    /// They create, and do not repeat what was refused.
    creating: usize,
    /// They create with an `Idempotency-Key`, and repeat until they have an answer.
    repeating: usize,
    reading: usize,
}

/// Clients that go on whatever happens, and what they share with the test.
struct Load {
    mix: Mix,
    stopping: AtomicBool,
    /// Writes answered with success.
    writes: AtomicU64,
    /// Answers other than success, for each client.
    refusals: Vec<AtomicU64>,
}

/// What the clients were told.
#[derive(Default)]
struct Report {
    created: HashMap<String, u64>,
    repeated: HashMap<String, u64>,
    /// Keys that were answered as not written.
    refused: HashSet<String>,
    /// Keys of which the service did not know.
    unknown: HashSet<String>,
    reads: u64,
    codes: HashMap<String, u64>,
    slowest: Duration,
}

impl Load {
    fn new(mix: Mix) -> Self {
        let clients = mix.creating + mix.repeating + mix.reading;
        Self {
            mix,
            stopping: AtomicBool::new(false),
            writes: AtomicU64::new(0),
            refusals: std::iter::repeat_with(AtomicU64::default).take(clients).collect(),
        }
    }

    /// Lets the clients work while `faults` runs.
    fn run(&self, server: &TestServer, faults: impl FnOnce()) -> Report {
        let address = server.address();
        let reports = std::thread::scope(|scope| {
            let clients: Vec<_> = (0..self.refusals.len())
                .map(|client| scope.spawn(move || self.work(client, address)))
                .collect();
            // Clients must end also when the test has failed.
            let stop = StopOnDrop(&self.stopping);
            faults();
            drop(stop);
            clients.into_iter().map(|client| client.join().unwrap()).collect::<Vec<_>>()
        });
        let mut all = Report::default();
        for report in reports {
            all.created.extend(report.created);
            all.repeated.extend(report.repeated);
            all.refused.extend(report.refused);
            all.unknown.extend(report.unknown);
            all.reads += report.reads;
            all.slowest = all.slowest.max(report.slowest);
            for (code, count) in report.codes {
                *all.codes.entry(code).or_default() += count;
            }
        }
        all
    }

    fn work(&self, number: usize, address: SocketAddr) -> Report {
        let mut report = Report::default();
        let mut client = Client::connect(address).unwrap();
        let (creating, repeating) = (self.mix.creating, self.mix.repeating);
        for turn in 0.. {
            if self.stopping.load(Ordering::SeqCst) {
                break;
            }
            let key = format!("{number}-{turn}");
            if number < creating {
                self.create(number, &mut client, &key, &mut report);
            } else if number < creating + repeating {
                self.create_surely(number, &mut client, &key, &mut report);
            } else {
                let answer = client.get("/records/plain?limit=1").unwrap();
                match answer.status {
                    200 => report.reads += 1,
                    _ => _ = self.refused(number, &answer, &mut report),
                }
            }
        }
        report.slowest = client.slowest;
        report
    }

    fn create(&self, number: usize, client: &mut Client, key: &str, report: &mut Report) {
        let answer = post(client, "plain", key, false).unwrap();
        if answer.status == 201 {
            report.created.insert(key.to_owned(), created_id(&answer));
            self.writes.fetch_add(1, Ordering::SeqCst);
            return;
        }
        let is_unknown = self.refused(number, &answer, report) == "outcome_unknown";
        let keys = if is_unknown { &mut report.unknown } else { &mut report.refused };
        keys.insert(key.to_owned());
    }

    fn create_surely(&self, number: usize, client: &mut Client, key: &str, report: &mut Report) {
        let begin = Instant::now();
        loop {
            let answer = post(client, "keyed", key, true).unwrap();
            if answer.status == 201 {
                report.repeated.insert(key.to_owned(), created_id(&answer));
                self.writes.fetch_add(1, Ordering::SeqCst);
                return;
            }
            self.refused(number, &answer, report);
            assert!(begin.elapsed() < Duration::from_secs(120), "{key} never succeeds");
        }
    }

    fn refused(&self, number: usize, answer: &Response, report: &mut Report) -> String {
        let code = refused_for_now(answer);
        *report.codes.entry(code.clone()).or_default() += 1;
        self.refusals[number].fetch_add(1, Ordering::SeqCst);
        code
    }

    fn wait_for_writes(&self, count: u64) {
        let target = self.writes.load(Ordering::SeqCst) + count;
        wait_until(&format!("{count} writes"), PATIENCE, || {
            Ok((self.writes.load(Ordering::SeqCst) >= target).then_some(()))
        })
        .unwrap();
    }

    /// No one waits longer than a request may take; each may have one under way that was begun
    /// before.
    fn wait_until_all_are_refused(&self) {
        let before: Vec<u64> = self.refusals.iter().map(|at| at.load(Ordering::SeqCst)).collect();
        wait_until("a refusal for every client", 2 * REQUEST_MAX, || {
            let mut pairs = self.refusals.iter().zip(&before);
            let all = pairs.all(|(now, before)| now.load(Ordering::SeqCst) > *before);
            Ok(all.then_some(()))
        })
        .unwrap();
    }

    fn assert_recovered(&self, server: &TestServer, what: &str) {
        let begin = Instant::now();
        let before = self.writes.load(Ordering::SeqCst);
        wait_until(&format!("a write after {what}"), RECOVERY_MAX, || {
            Ok((self.writes.load(Ordering::SeqCst) > before).then_some(()))
        })
        .unwrap_or_else(|error| panic!("{error:#}; the server printed:\n{}", server.log()));
        eprintln!("{what}: the first write after {:?}", begin.elapsed());
        wait_until_readyz(server, 200, RECOVERY_MAX);
        self.wait_for_writes(100);
    }
}

struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Report {
    fn assert_kept(&self, server: &TestServer) {
        let stored = ids_by_key(server, "plain");
        let refused_but_stored: Vec<_> =
            self.refused.iter().filter(|key| stored.contains_key(*key)).collect();
        for (key, id) in &self.created {
            assert_eq!(stored.get(key), Some(id), "{key} was answered and is lost");
        }
        let unasked: Vec<_> = stored
            .keys()
            .filter(|key| !self.created.contains_key(*key) && !self.unknown.contains(*key))
            .collect();
        assert!(refused_but_stored.is_empty(), "answered as not written: {refused_but_stored:?}");
        assert!(unasked.is_empty(), "there, and never answered: {unasked:?}");
        assert!(ids_by_key(server, "keyed") == self.repeated, "as many records as keys");
        Feed::default().assert_complete(server);
        let (created, repeated) = (self.created.len(), self.repeated.len());
        eprintln!(
            "{created} created, {repeated} by repeating, {} reads, refused {:?}, slowest {:?}",
            self.reads, self.codes, self.slowest
        );
        assert!(self.slowest <= REQUEST_MAX, "a request took {:?}", self.slowest);
    }
}

fn post(
    client: &mut Client,
    collection: &str,
    key: &str,
    is_repeatable: bool,
) -> anyhow::Result<Response> {
    let body = format!(r#"{{"key":"{key}","text":"{}"}}"#, "x".repeat(150));
    let idempotency: &[_] = if is_repeatable { &[("idempotency-key", key)] } else { &[] };
    client.send("POST", &format!("/records/{collection}"), idempotency, &body)
}
