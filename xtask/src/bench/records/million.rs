//! A page of 20 out of a large collection, by an indexed filter and sort.

use std::time::Duration;

use anyhow::{Context, Result};
use isobase_testkit::http::Connection;

use super::bench::Bench;
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
    let first = pages(bench, subject, "first page", &first)?;
    let deep_name = format!("page {deep}");
    let later = pages(bench, subject, &deep_name, &deep_paths?)?;

    let p99 = |page: &str, p99: Duration| {
        let name = format!("{PAGE} out of {count}, {page}, p99");
        figure(name, Quantity::time(p99))
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

/// The p99 of these pages, one after the other. With one connection nothing
/// waits, and latency is the time of the service, the client's share included.
fn pages(bench: &mut Bench, subject: &Subject, page: &str, paths: &[String]) -> Result<Duration> {
    let server = subject.server()?;
    let name = format!("{PAGE} out of {}, {page}", bench.plan.million);
    let workload = fixtures::gets(server.address, "page", paths.iter().map(String::as_str));
    Ok(bench.load(server, &name, 1, &workload)?.p99)
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
