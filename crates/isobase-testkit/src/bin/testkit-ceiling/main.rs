//! The ceilings of the benchmarks: the bare HTTP library and the bare SQLite
//! driver, in a process of their own, so that their CPU time is theirs alone.
//!
//! - `testkit-ceiling http` answers `GET /N` with N constant bytes, and tells event streams. It prints
//!   where it listens, and ends when its standard input does.
//! - `testkit-ceiling commit FILE BATCH SECONDS BODY` inserts rows, so many in
//!   each durable commit.
//! - `testkit-ceiling read FILE ROWS SECONDS BODY` reads rows by their key.
//! - `testkit-ceiling bulk FILE SOURCE` inserts the records of a database of the service into an
//!   equal table, many with each statement.
//! - `testkit-ceiling load ENGINE URL FROM TO PARALLEL equal|plain` writes the documents of a
//!   collection into another one by the bulk call of a document database (a feature of its own).
//! - `testkit-ceiling list FILE ROWS LIMIT SECONDS BODY` reads so many rows in order.
//!
//! Each prints one line of JSON.

#[cfg(feature = "ceiling-documents")]
mod documents;
mod http;
mod sqlite;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};

// The same allocator as the executable that is compared with this one.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let figures = match words[..] {
        ["http"] => return http::serve(),
        ["commit", file, batch, time, body] => {
            let batch = count(batch, 10_000)?;
            sqlite::commit(Path::new(file), batch, seconds(time)?, body)?
        }
        ["read", file, rows, time, body] => {
            let rows = count(rows, 1_000_000)?;
            sqlite::read(Path::new(file), rows, seconds(time)?, body)?
        }
        ["list", file, rows, limit, time, body] => {
            let (rows, limit) = (count(rows, 1_000_000)?, count(limit, 10_000)?);
            sqlite::list(Path::new(file), rows, limit, seconds(time)?, body)?
        }
        ["bulk", file, source] => sqlite::bulk(Path::new(file), Path::new(source))?,
        #[cfg(feature = "ceiling-documents")]
        ["load", engine, url, from, to, parallel, form @ ("equal" | "plain")] => {
            let parallel = usize::try_from(count(parallel, 1_000)?)?;
            let plain = form == "plain";
            documents::bulk(engine, &documents::Bulk { url, from, to, parallel, plain })?
        }
        _ => bail!("unknown arguments {words:?}"),
    };
    print_line(&figures);
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the benchmark that started us reads it")]
fn print_line(line: &serde_json::Value) {
    println!("{line}");
}

fn count(text: &str, max: i64) -> Result<i64> {
    let count = text.parse().with_context(|| format!("{text:?} is not a number"))?;
    if !(1..=max).contains(&count) {
        bail!("expected 1 to {max}, found {count}");
    }
    Ok(count)
}

/// Nothing here runs for longer than a minute.
fn seconds(text: &str) -> Result<Duration> {
    let seconds: f64 = text.parse().with_context(|| format!("{text:?} is not a number"))?;
    Ok(Duration::try_from_secs_f64(seconds)?.min(Duration::from_secs(60)))
}
