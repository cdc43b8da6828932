//! Reads while others sign in without pause.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, anyhow, ensure};
use isobase_testkit::TestServer;
use isobase_testkit::http::request_bytes;
use isobase_testkit::load::{self, LoadOptions, Workload};
use serde_json::json;

use super::{Arguments, app, ask};

const READERS: usize = 8;
const SIGNING_IN: usize = 64;
const PASSWORD: &str = "a password of the benchmark";

pub(super) fn run(arguments: &Arguments, executable: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let app = app(folder.path(), "rules.view = true\n")?;
    let server = TestServer::builder().executable(executable).arg(app).start()?;
    let address = server.address();
    let row = ask(address, ("POST", "/api/items"), None, &json!({ "name": "a row" }))?;
    let host = address.to_string();
    let read = request_bytes(&host, "GET", &format!("/api/items/{}", row["id"]), &[], b"");
    let headers = [("content-type", "application/json")];
    // Everybody has an account: of one name only a few may sign in at a time.
    let mut sign_in = Workload::default();
    for number in 0..SIGNING_IN {
        let who = json!({ "username": format!("bench{number}"), "password": PASSWORD });
        ask(address, ("POST", "/api/register"), None, &who)?;
        let who = who.to_string();
        sign_in
            .push("sign-in", request_bytes(&host, "POST", "/api/login", &headers, who.as_bytes()));
    }
    let duration = Duration::try_from_secs_f64(arguments.seconds)?;
    let options =
        |connections, duration| LoadOptions { address, connections, duration, requests_max: None };
    let reads = || {
        let report = load::run(&options(READERS, duration), &Workload::of("read", read.clone()))?;
        ensure!(report.errors() == 0 && report.failures == 0, "reads: {report}");
        Ok(report)
    };
    let alone = reads()?;
    let (beside, signed_in) = std::thread::scope(|threads| {
        // It begins before the reads and ends after them; what is refused for now is counted too.
        let longer = options(SIGNING_IN, duration + Duration::from_secs(1));
        let signing = threads.spawn(move || load::run(&longer, &sign_in));
        std::thread::sleep(Duration::from_millis(500));
        let beside = reads();
        let signed_in = signing.join().map_err(|_| anyhow!("the sign-ins ended early"));
        (beside, signed_in)
    });
    let (beside, signed_in) = (beside?, signed_in??);
    let p99 = |report: &load::LoadReport| report.latency().quantile(0.99).as_secs_f64() * 1e3;
    println!("\nGET by id, {READERS} connections, while {SIGNING_IN} sign in without pause\n");
    println!(
        "p99 alone {:.2} ms, beside {:.2} ms; sign-ins: {signed_in}",
        p99(&alone),
        p99(&beside),
    );
    println!("p99: {:.2} × its own (target: at most 3)", p99(&beside) / p99(&alone));
    Ok(())
}
