//! The bare libraries, each in a process of its own.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Error, Result, ensure};
use serde_json::Value;

use super::fixtures;
use super::subject::Server;

/// How to start `testkit-ceiling`, and where its databases are.
#[derive(Debug)]
pub(in crate::bench) struct Ceilings {
    program: PathBuf,
    folder: PathBuf,
}

/// What the bare SQLite driver has done, over all its rounds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Driven {
    /// Records, or lists.
    records: f64,
    elapsed: Duration,
    pub(super) cpu_time: Duration,
    /// Of one step: a commit, a read or a list. The mean of several rounds.
    pub(super) p50: Duration,
    pub(super) p99: Duration,
}

impl Driven {
    /// Adds another round.
    pub(super) fn add(&mut self, round: &Self) {
        let elapsed = self.elapsed + round.elapsed;
        let share = round.elapsed.as_secs_f64() / elapsed.as_secs_f64().max(f64::MIN_POSITIVE);
        let mean =
            |mine: Duration, theirs: Duration| mine.mul_f64(1.0 - share) + theirs.mul_f64(share);
        *self = Self {
            records: self.records + round.records,
            elapsed,
            cpu_time: self.cpu_time + round.cpu_time,
            p50: mean(self.p50, round.p50),
            p99: mean(self.p99, round.p99),
        };
    }

    pub(super) fn per_second(&self) -> f64 {
        self.records / self.elapsed.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// CPU time of one record or list, in seconds.
    pub(super) fn cpu(&self) -> f64 {
        self.cpu_time.as_secs_f64() / self.records.max(1.0)
    }
}

impl Ceilings {
    pub(in crate::bench) fn new(program: PathBuf, folder: &Path) -> Self {
        Self { program, folder: folder.to_owned() }
    }

    /// Starts the bare HTTP server. Its drop stops it.
    pub(in crate::bench) fn http(&self) -> Result<ConstantServer> {
        let mut command = Command::new(&self.program);
        command.arg("http").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("start the bare HTTP server")?;
        let end = child.stdin.take();
        let mut line = String::new();
        let output = child.stdout.take().context("the output is a pipe")?;
        BufReader::new(output).read_line(&mut line)?;
        let unknown = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut server = ConstantServer { child, end, address: unknown };
        let said: Value = serde_json::from_str(&line).context("the bare HTTP server ended")?;
        server.address = said["address"].as_str().context("it says where it listens")?.parse()?;
        eprintln!("target: bare HTTP server at http://{}, started by this command", server.address);
        Ok(server)
    }

    /// Durable commits of so many records each.
    pub(super) fn commit(&self, batch: u64, time: Duration) -> Result<Driven> {
        self.drive(&["commit", "commits.db", &batch.to_string()], time)
    }

    pub(super) fn read(&self, rows: u64, time: Duration) -> Result<Driven> {
        self.drive(&["read", "rows.db", &rows.to_string()], time)
    }

    pub(super) fn list(&self, rows: u64, limit: u64, time: Duration) -> Result<Driven> {
        self.drive(&["list", "rows.db", &rows.to_string(), &limit.to_string()], time)
    }

    fn drive(&self, words: &[&str], time: Duration) -> Result<Driven> {
        let mut command = Command::new(&self.program);
        command.args(words).arg(time.as_secs_f64().to_string()).arg(fixtures::record(0));
        // The file is named from this folder, which has the service's databases too.
        command.current_dir(&self.folder).stdin(Stdio::null()).stderr(Stdio::inherit());
        eprintln!("bare SQLite: {}, {:.1} s", words.join(" "), time.as_secs_f64());
        let output = command.output().context("start the bare SQLite driver")?;
        ensure!(output.status.success(), "the bare SQLite driver failed ({})", output.status);
        let figures: Value = serde_json::from_slice(&output.stdout)?;
        let number = |name: &str| figures[name].as_f64().with_context(|| format!("no {name}"));
        let duration = |name: &str| Ok::<_, Error>(Duration::try_from_secs_f64(number(name)?)?);
        Ok(Driven {
            records: number("records")?,
            elapsed: duration("seconds")?,
            cpu_time: duration("cpu_seconds")?,
            p50: duration("p50_seconds")?,
            p99: duration("p99_seconds")?,
        })
    }
}

/// The bare HTTP server: `GET /N` answers N bytes.
#[derive(Debug)]
pub(in crate::bench) struct ConstantServer {
    child: Child,
    /// Never written; the server ends when it is closed, also when we are killed.
    end: Option<ChildStdin>,
    address: SocketAddr,
}

impl ConstantServer {
    pub(in crate::bench) fn server(&self) -> Server {
        Server { name: "bare HTTP", address: self.address, pid: self.child.id() }
    }
}

impl Drop for ConstantServer {
    fn drop(&mut self) {
        drop(self.end.take());
        // It may have ended by itself; there is nothing else to do about it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_add_up() {
        let round = |records, p50| Driven {
            records,
            elapsed: Duration::from_secs(1),
            cpu_time: Duration::from_millis(100),
            p50: Duration::from_millis(p50),
            p99: Duration::from_millis(p50),
        };
        let mut driven = Driven::default();
        driven.add(&round(100.0, 10));
        driven.add(&round(300.0, 20));
        assert_eq!((driven.per_second(), driven.cpu()), (200.0, 0.0005));
        assert_eq!(driven.p50, Duration::from_millis(15));
    }
}
