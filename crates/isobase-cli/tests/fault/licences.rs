//! Activations and reports through kills and on a full disk.

use std::{
    collections::BTreeSet,
    fs,
    net::SocketAddr,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use isobase_testkit::{TestServer, wait_until};
use serde_json::{Value, json};

use super::{
    client::{Client, refused_for_now},
    file::assert_sound,
    full::{FILLER_BYTES, SmallDisk},
    support::{PATIENCE, Random, begin, start_until_ready},
};

const ACTIVATE: &str = "/api/v1/license/activate";
const REQUESTS: &str = "/api/v1/db/requests";
const MACHINES: usize = 200;
const LIMIT: usize = 40;
const RACERS: usize = 8;
const KILLS: usize = 6;
const EMAIL: &str = "a@b.c";

/// A licence for so many machines, and no more.
fn licence(server: &TestServer, limit: usize) -> String {
    let body = json!({ "email": EMAIL, "max_installations": limit, "at_limit": "reject" });
    let headers = [("content-type", "application/json")];
    let made = server
        .request("POST", "/api/v1/db/license/create", &headers, body.to_string().as_bytes())
        .unwrap();
    assert_eq!(made.status, 200, "{}", made.text());
    made.json().unwrap()["license_key"].as_str().unwrap().to_owned()
}

fn activation(key: &str, machine: usize) -> String {
    let installation = format!("m-{machine}");
    json!({ "email": EMAIL, "license_key": key, "installation_id": installation }).to_string()
}

fn installations(server: &TestServer) -> BTreeSet<String> {
    let path = format!("/api/v1/db/installations?email={EMAIL}");
    let listed = server.request("GET", &path, &[], b"").unwrap().json().unwrap();
    let rows = listed["installations"].as_array().unwrap();
    let ids: BTreeSet<_> =
        rows.iter().map(|row| row["installation_id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids.len(), rows.len(), "one twice: {listed}");
    ids
}

#[test]
fn racing_activations_that_are_killed_never_exceed_the_limit() {
    let _alone = begin("isobase serve on SQLite, killed while machines activate");
    let mut random = Random::new();
    let mut server = TestServer::start().unwrap();
    eprintln!("target: {}", server.url());
    let key = licence(&server, LIMIT);
    let (mut accepted, mut decided) = (BTreeSet::new(), BTreeSet::new());
    for round in 0..=KILLS {
        let left: Vec<_> = (0..MACHINES).filter(|it| !decided.contains(it)).collect();
        let after = match round {
            KILLS => None,
            _ => Some(1 + random.below(MACHINES as u64 / 4)),
        };
        for (machine, verdict) in race(&mut server, &key, &left, after) {
            let code = verdict["code"].as_str().unwrap_or_default();
            match code {
                "ok" | "ok_reinstall" => _ = accepted.insert(format!("m-{machine}")),
                "installation_limit" => {}
                _ => panic!("m-{machine}: {verdict}"),
            }
            decided.insert(machine);
        }
        if after.is_some() {
            assert_sound(server.data());
            start_until_ready(&mut server);
        }
        let there = installations(&server);
        assert!(there.len() <= LIMIT, "round {round}: {} machines", there.len());
        let lost: Vec<_> = accepted.difference(&there).collect();
        assert!(lost.is_empty(), "answered as activated and lost: {lost:?}");
        eprintln!("round {round}: {} decided, {} there", decided.len(), there.len());
    }
    assert_eq!(decided.len(), MACHINES);
    assert_eq!(installations(&server), accepted);
    assert_eq!(accepted.len(), LIMIT);
    // Each that is there is let in again, and takes no other place.
    let mut client = Client::connect(server.address()).unwrap();
    for machine in &accepted {
        let number = machine.trim_start_matches("m-").parse().unwrap();
        let said = client.send("POST", ACTIVATE, &[], &activation(&key, number)).unwrap();
        assert_eq!(said.json().unwrap()["code"], "ok_reinstall", "{}", said.text());
    }
    assert_eq!(installations(&server).len(), LIMIT);
}

/// Activates machines at the same time, until all are decided or the service is killed after so many
/// answers; gives what was answered.
fn race(
    server: &mut TestServer,
    key: &str,
    machines: &[usize],
    kill_after: Option<u64>,
) -> Vec<(usize, Value)> {
    let (address, next, answers) = (server.address(), AtomicUsize::new(0), AtomicUsize::new(0));
    let killed = AtomicBool::new(false);
    thread::scope(|scope| {
        let racing: Vec<_> = (0..RACERS)
            .map(|_| scope.spawn(|| activate(address, key, machines, &next, &answers, &killed)))
            .collect();
        if let Some(after) = kill_after {
            let end = Instant::now() + PATIENCE;
            let after = usize::try_from(after).unwrap().min(machines.len());
            while answers.load(Ordering::SeqCst) < after {
                assert!(Instant::now() < end, "too few answers");
                thread::yield_now();
            }
            killed.store(true, Ordering::SeqCst);
            server.kill().unwrap();
        }
        racing.into_iter().flat_map(|it| it.join().unwrap()).collect()
    })
}

fn activate(
    address: SocketAddr,
    key: &str,
    machines: &[usize],
    next: &AtomicUsize,
    answers: &AtomicUsize,
    killed: &AtomicBool,
) -> Vec<(usize, Value)> {
    let mut client = match Client::connect(address) {
        Ok(client) => client,
        Err(error) => {
            assert!(killed.load(Ordering::SeqCst), "before the kill: {error:#}");
            return Vec::new();
        }
    };
    let mut answered = Vec::new();
    while let Some(machine) = machines.get(next.fetch_add(1, Ordering::SeqCst)) {
        match client.send("POST", ACTIVATE, &[], &activation(key, *machine)) {
            Ok(said) => {
                answered.push((*machine, said.json().unwrap()));
                answers.fetch_add(1, Ordering::SeqCst);
            }
            Err(error) => {
                assert!(killed.load(Ordering::SeqCst), "before the kill: {error:#}");
                break;
            }
        }
    }
    answered
}

#[test]
fn a_full_disk_refuses_reports_and_activations_and_loses_none() {
    let Some(disk) = SmallDisk::mount() else { return };
    let _alone = begin("isobase serve on SQLite, whose small disk gets full of reports");
    let builder = TestServer::builder().data(disk.inside.join("data"));
    let server = builder.wrapper(disk.wrapper()).start().unwrap();
    eprintln!("target: {}, at {}", server.url(), disk.inside.display());
    let key = licence(&server, MACHINES);
    let fillers: Vec<_> = (0..3).map(|it| disk.outside().join(format!("filler-{it}"))).collect();
    for filler in &fillers {
        fs::write(filler, vec![0; FILLER_BYTES]).unwrap();
    }
    let mut client = Client::connect(server.address()).unwrap();
    let report = |number: usize| {
        json!({ "service": "web", "request_id": format!("r-{number}"), "endpoint": "/x",
            "method": "POST", "status_code": 200, "request_body": "x".repeat(1_900),
            "response_body": "y".repeat(1_900) })
        .to_string()
    };
    let (mut logged, mut refused) = (0, Vec::new());
    let (mut machines, mut turned_away) = (0, Vec::new());
    for number in 0..20_000 {
        let said = client.send("POST", REQUESTS, &[], &report(number)).unwrap();
        if said.status == 200 {
            logged += 1;
            continue;
        }
        assert_eq!(refused_for_now(&said), "out_of_space");
        refused.push(number);
        let machine = machines + turned_away.len();
        if machine == MACHINES {
            break;
        }
        let said = client.send("POST", ACTIVATE, &[], &activation(&key, machine)).unwrap();
        match said.status {
            200 => machines += 1,
            _ => {
                assert_eq!(refused_for_now(&said), "out_of_space");
                assert!(said.json().unwrap().get("valid").is_none(), "no verdict: {}", said.text());
                turned_away.push(machine);
            }
        }
        if turned_away.len() == 5 {
            break;
        }
    }
    eprintln!("{logged} reports and {machines} activations, then {} refused", refused.len());
    assert!(!refused.is_empty() && !turned_away.is_empty(), "the disk did not get full");
    // Reading goes on, and what was refused is not there.
    let total = |server: &TestServer| {
        let path = format!("{REQUESTS}?service=web&limit=1");
        server.request("GET", &path, &[], b"").unwrap().json().unwrap()["total"].clone()
    };
    assert_eq!(total(&server), logged);
    assert_eq!(installations(&server).len(), machines);

    for filler in fillers {
        fs::remove_file(filler).unwrap();
    }
    wait_until("writing with space", Duration::from_secs(20), || {
        let said = client.send("POST", REQUESTS, &[], &report(refused[0]))?;
        Ok((said.status == 200).then_some(()))
    })
    .unwrap();
    for number in &refused {
        let said = client.send("POST", REQUESTS, &[], &report(*number)).unwrap();
        assert_eq!(said.status, 200, "{}", said.text());
    }
    for machine in &turned_away {
        let said = client.send("POST", ACTIVATE, &[], &activation(&key, *machine)).unwrap();
        assert_eq!(said.json().unwrap()["valid"], true, "{}", said.text());
    }
    assert_eq!(total(&server), logged + refused.len(), "each once");
    assert_eq!(installations(&server).len(), machines + turned_away.len());
}
