//! A page of 20 out of a large collection, by an indexed filter and sort.

use std::time::Duration;

use anyhow::{Context, Result};
use isobase_testkit::http::Connection;

use super::bench::{Bench, Task};
use super::fixtures::{self, STATUSES};
use super::report::{Figure, Quantity, Target};
use super::subject::Subject;

const COLLECTION: &str = "orders";
const INDEX: &str = "status,-created_at";
const PAGE: u64 = 20;
/// On the way to a deep page; the service allows no larger ones.
const LARGE_PAGE: u64 = 1_000;
/// The time that the service itself may take for a page.
const PAGE_TIME: Duration = Duration::from_millis(2);

pub(super) fn run(bench: &mut Bench, subject: &Subject) -> Result<()> {
    let (count, deep) = (bench.plan.million, bench.plan.deep_page);
    let loaded = subject.bulk_load(bench.budget, COLLECTION, count, fixtures::record)?;
    let built = subject.build_index(bench.budget, COLLECTION, INDEX)?;
    let figure = |name: String, value| Figure::new(subject.engine, name, value);
    bench.report.figures.extend([
        figure(format!("bulk load of {count}"), Quantity::PerSecond(loaded.per_second())),
        figure(format!("index {INDEX} of {count}"), Quantity::time(built)),
    ]);

    // Every status has its own part of the index: one page alone would show the cache.
    let first: Vec<String> = STATUSES.iter().map(|status| path(status, PAGE)).collect();
    let mut connection = subject.server.connect()?;
    let deep_paths: Result<Vec<String>> =
        STATUSES.iter().map(|status| walk(&mut connection, status, deep)).collect();
    let (server, deep_paths) = (subject.server()?, deep_paths?);
    let load =
        |paths: &[String]| fixtures::gets(server.address, "page", paths.iter().map(String::as_str));
    let (first, later) = (load(&first), load(&deep_paths));
    let deep_name = format!("page {deep}");
    let name = |page: &str| format!("{PAGE} out of {count}, {page}");
    let (first_name, later_name) = (name("first page"), name(&deep_name));
    // With one connection nothing waits: latency is the time of the service, and
    // the client's share.
    let [first, later] = bench.in_turn([
        Task { server, name: &first_name, connections: 1, workload: &first },
        Task { server, name: &later_name, connections: 1, workload: &later },
    ])?;
    let (first, later) = (first.quantile(0.99), later.quantile(0.99));

    let p99 = |page: &str, p99: Duration| {
        figure(format!("{}, p99", name(page)), Quantity::time(p99))
            .at(1)
            .target(true, Target::AtMost(Quantity::time(PAGE_TIME)))
    };
    bench.report.figures.extend([
        p99("first page", first),
        p99(&deep_name, later).beside("first page", Quantity::time(first)),
    ]);
    Ok(())
}

fn path(status: &str, limit: u64) -> String {
    format!("/records/{COLLECTION}?status={status}&sort=-created_at&limit={limit}")
}

/// Goes to a page by cursors, with large pages as far as they lead, and gives
/// the path of that page.
fn walk(connection: &mut Connection, status: &str, page: u64) -> Result<String> {
    let before = (page - 1) * PAGE;
    let large = std::iter::repeat_n(LARGE_PAGE, usize::try_from(before / LARGE_PAGE)?);
    let small = std::iter::repeat_n(PAGE, usize::try_from(before % LARGE_PAGE / PAGE)?);
    let mut cursor = String::new();
    for limit in large.chain(small) {
        let path = format!("{}{cursor}", path(status, limit));
        let answer = connection.request("GET", &path, &[], b"")?.json()?;
        let next = answer["next"].as_str();
        let next = next.with_context(|| format!("no page {page} of {status}: {answer}"))?;
        cursor = format!("&cursor={next}");
    }
    Ok(format!("{}{cursor}", path(status, PAGE)))
}
