//! Services that log requests and activate licences while their database comes and goes.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use isobase_testkit::{Fault, FaultProxy, TestServer, http, postgres_url, unique_name};
use serde_json::{Value, json};

use super::support::begin;

const REPORTS: usize = 60;
const MACHINES: usize = 20;
/// Nothing a test waits for takes this long, unless it never comes.
const PATIENCE: Duration = Duration::from_secs(120);

/// Posts until it is answered with success; every other answer must say that it may be sent again.
fn post_until_done(address: SocketAddr, path: &str, body: &Value, refused: &AtomicUsize) -> Value {
    let deadline = Instant::now() + PATIENCE;
    let headers = [("content-type", "application/json")];
    loop {
        let said = http::request(address, "POST", path, &headers, body.to_string().as_bytes());
        let last = match said {
            Ok(said) if said.status == 200 => return said.json().unwrap(),
            Ok(said) => {
                let problem = said.json().unwrap();
                assert_eq!(said.status, 503, "{path}: {problem}");
                assert!(said.header("retry-after").is_some(), "{problem}");
                assert!(problem.get("valid").is_none(), "an outage is no verdict: {problem}");
                refused.fetch_add(1, Ordering::SeqCst);
                problem
            }
            Err(error) => panic!("the service itself is there: {error:#}"),
        };
        assert!(Instant::now() < deadline, "{path} was never answered: {last}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn services_lose_nothing_and_write_nothing_twice_while_postgres_comes_and_goes() {
    let Some(shared) = postgres_url() else { return };
    let _alone = begin("isobase serve on the suite's PostgreSQL, behind a proxy that fails");
    let place = shared.split_once("://").unwrap().1;
    let authority = place.split(['/', '?']).next().unwrap();
    let host = authority.rsplit('@').next().unwrap();
    let proxy = FaultProxy::start(host.parse().unwrap()).unwrap();
    let separator = if shared.contains('?') { '&' } else { '?' };
    let url = shared.replacen(host, &proxy.address().to_string(), 1);
    let url = format!("{url}{separator}schema={}", unique_name("services"));
    let server = TestServer::builder().records_url(&url).start().unwrap();
    eprintln!("target: {}, {url}", server.url());
    let address = server.address();
    let refused = AtomicUsize::new(0);
    let licence = json!({ "email": "a@b.c", "max_installations": MACHINES, "at_limit": "reject" });
    let made = post_until_done(address, "/api/v1/db/license/create", &licence, &refused);
    let key = made["license_key"].as_str().unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let reporting = scope.spawn(|| {
            for number in 0..REPORTS {
                let report = |service: &str| {
                    json!({ "service": service, "endpoint": "/x", "method": "GET",
                        "request_id": format!("r-{number}"), "status_code": 200 })
                };
                let body = json!({ "requests": [report("web"), report("llm")] });
                let path = "/api/v1/db/requests/batch";
                let answer = post_until_done(address, path, &body, &refused);
                assert_eq!(answer["refused"], 0, "{answer}");
            }
        });
        let activating = scope.spawn(|| {
            for machine in 0..MACHINES {
                let body = json!({ "email": "a@b.c", "license_key": key,
                    "installation_id": format!("m-{machine}") });
                let path = "/api/v1/license/activate";
                let answer = post_until_done(address, path, &body, &refused);
                assert_eq!(answer["valid"], true, "{answer}");
            }
        });
        scope.spawn(|| {
            for fault in [Fault::Reset, Fault::None].into_iter().cycle() {
                proxy.set(fault).unwrap();
                thread::sleep(Duration::from_millis(150));
                if fault == Fault::None && done.load(Ordering::SeqCst) {
                    return;
                }
            }
        });
        let both = [reporting.join(), activating.join()];
        done.store(true, Ordering::SeqCst);
        both.into_iter().for_each(|joined| joined.unwrap());
    });
    let refused = refused.into_inner();
    eprintln!("{refused} requests were refused for now");
    assert!(refused > 0, "the outages hit nobody");
    let get = |path: &str| server.request("GET", path, &[], b"").unwrap().json().unwrap();
    for service in ["web", "llm"] {
        let listed = get(&format!("/api/v1/db/requests?service={service}&limit=200"));
        assert_eq!(listed["total"], REPORTS, "{service}");
        let ids: BTreeSet<_> = listed["requests"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["request_id"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(ids.len(), REPORTS, "{service}");
    }
    let installations = get("/api/v1/db/installations?email=a@b.c");
    assert_eq!(installations["count"], MACHINES, "{installations}");
}
