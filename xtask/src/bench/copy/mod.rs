//! `cargo xtask bench copy`: whole databases between engines, beside the engines' own bulk tools.
//!
//! The tools write the same rows into an equal table in the same run: `COPY` of PostgreSQL from a
//! file of its own, a loop of prepared multi-row inserts for SQLite, and for the document databases
//! their bulk call, as many requests at a time as the copy has.

mod servers;

use std::{
    fs::{self, Permissions},
    io::{BufRead, BufReader, BufWriter, Write},
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use clap::Args;
use isobase_testkit::{ProcessUsage, TestPostgres};
use serde_json::{Value, json};

use crate::{interrupt, workspace};

/// How often the memory of a command is read.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The bare libraries, with the clients of document databases.
const CEILINGS: [&str; 6] =
    ["--package", "isobase-testkit", "--features", "ceiling-documents", "--bin", "testkit-ceiling"];

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Records of 200 bytes.
    #[arg(long, default_value_t = 1_000_000, value_name = "N")]
    records: u64,
    /// Records copied into each document database; none leaves them out.
    #[arg(long, default_value_t = 50_000, value_name = "N")]
    server_records: u64,
    /// Writes all figures to this file too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Measures this executable rather than one built from these sources.
    #[arg(long, value_name = "PATH")]
    executable: Option<PathBuf>,
    /// This program for the bare driver, rather than one built from these sources.
    #[arg(long, value_name = "PATH")]
    ceilings: Option<PathBuf>,
    /// Where the databases are made; the temporary folder if not given.
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    interrupt::watch()?;
    let parent = arguments.folder.clone().unwrap_or_else(std::env::temp_dir);
    let folder = tempfile::Builder::new().prefix("isobase-bench-").tempdir_in(parent)?;
    // PostgreSQL runs as another user than root, and must get in.
    fs::set_permissions(folder.path(), Permissions::from_mode(0o777))?;
    let bench = Bench {
        executable: built(&arguments.executable, &["--package", "isobase-cli"], "isobase")?,
        ceilings: built(&arguments.ceilings, &CEILINGS, "testkit-ceiling")?,
        folder: folder.path().to_owned(),
        records: arguments.records,
        server_records: arguments.server_records,
    };
    let figures = bench.run()?;
    if let Some(path) = &arguments.json {
        fs::write(path, format!("{figures:#}\n"))
            .with_context(|| format!("write {}", path.display()))?;
    }
    Ok(())
}

fn built(given: &Option<PathBuf>, package: &[&str], name: &str) -> Result<PathBuf> {
    if let Some(path) = given {
        return fs::canonicalize(path).with_context(|| format!("{}", path.display()));
    }
    let mut command = workspace::cargo();
    interrupt::run(command.args(["build", "--quiet", "--release"]).args(package))?;
    Ok(workspace::target()?.join("release").join(name))
}

struct Bench {
    executable: PathBuf,
    ceilings: PathBuf,
    folder: PathBuf,
    records: u64,
    server_records: u64,
}

/// What a command did.
struct Figure {
    name: &'static str,
    /// Records written in a second of the load, and of everything with its comparison.
    load: f64,
    whole: f64,
    peak_bytes: u64,
    /// The bare tool's records in a second: the same documents, and without what we add to them.
    ceiling: Option<f64>,
    plain: Option<f64>,
}

impl Bench {
    fn run(&self) -> Result<Value> {
        let postgres = TestPostgres::builder().folder(self.folder.join("postgres")).start()?;
        self.fill("source.db", self.records)?;
        let to_postgres = format!("{}?schema=copied", postgres.url());
        let (source, back) = (self.sqlite("source.db"), self.sqlite("back.db"));
        let mut figures = vec![
            self.measure("SQLite to PostgreSQL", &["copy", &source, &to_postgres], self.records)?,
            self.measure("PostgreSQL to SQLite", &["copy", &to_postgres, &back], self.records)?,
        ];
        let archive = self.folder.join("a.isobase").display().to_string();
        let restored = self.sqlite("restored.db");
        let dump = ["dump", &archive, "--url", &source];
        figures.push(self.measure("dump of SQLite", &dump, self.records)?);
        let restore = ["restore", &archive, "--url", &restored];
        figures.push(self.measure("restore to SQLite", &restore, self.records)?);
        figures[0].ceiling = Some(self.copy_command(&postgres)?);
        figures[1].ceiling = Some(self.insert_loop()?);
        drop(postgres);
        if self.server_records > 0 {
            self.fill("small.db", self.server_records)?;
            figures.extend(servers::measure(self, &self.sqlite("small.db"), self.server_records)?);
        }
        figures.iter().for_each(print);
        let figure = |it: &Figure| {
            json!({
                "name": it.name,
                "records_per_second": it.load,
                "records_per_second_whole": it.whole,
                "peak_bytes": it.peak_bytes,
                "bare_records_per_second": it.ceiling,
                "plain_records_per_second": it.plain,
            })
        };
        let figures: Vec<_> = figures.iter().map(figure).collect();
        let (records, server_records) = (self.records, self.server_records);
        Ok(json!({ "records": records, "server_records": server_records, "figures": figures }))
    }

    fn sqlite(&self, name: &str) -> String {
        format!("sqlite://{}", self.folder.join(name).display())
    }

    /// Makes the source.
    fn fill(&self, name: &str, records: u64) -> Result<()> {
        let file = self.folder.join("records.ndjson");
        let mut out = BufWriter::new(fs::File::create(&file)?);
        for n in 0..records {
            let head = format!("{{\"n\":{n},\"name\":\"number {n}\",\"open\":true,\"pad\":\"");
            // With the two characters of the end, 200 bytes.
            writeln!(out, "{head}{}\"}}", "x".repeat(198_usize.saturating_sub(head.len())))?;
        }
        out.flush()?;
        let url = self.sqlite(name);
        let mut import = Command::new(&self.executable);
        import.args(["import", "-c", "records", "--quiet", "--url", &url]).arg(&file);
        interrupt::run(import.current_dir(&self.folder))?;
        Ok(fs::remove_file(file)?)
    }

    /// Runs a command, and looks at its memory and its report.
    fn measure(&self, name: &'static str, arguments: &[&str], records: u64) -> Result<Figure> {
        eprintln!("{name}");
        let mut running = Command::new(&self.executable)
            .args(arguments)
            .arg("--json")
            .current_dir(&self.folder)
            .stdout(Stdio::piped())
            .spawn()?;
        let out = running.stdout.take().context("a pipe")?;
        let lines = thread::spawn(move || {
            BufReader::new(out).lines().map_while(Result::ok).last().unwrap_or_default()
        });
        let mut peak_bytes = 0;
        let status = loop {
            if let Ok(usage) = ProcessUsage::of(running.id()) {
                peak_bytes = usage.resident_peak_bytes.max(peak_bytes);
            }
            match running.try_wait()? {
                Some(status) => break status,
                None => thread::sleep(LOOK_EVERY),
            }
        };
        let last = lines.join().map_err(|_| anyhow::anyhow!("the reader of {name} ended"))?;
        if !status.success() {
            bail!("{name}: {status}");
        }
        let done: Value = serde_json::from_str(&last).with_context(|| format!("{name}: {last}"))?;
        let report = &done["report"];
        let number = |field: &str| report[field].as_f64().unwrap_or_default();
        let whole = records as f64 / number("seconds").max(f64::MIN_POSITIVE);
        let load = number("documents_per_second");
        Ok(Figure { name, load, whole, peak_bytes, ceiling: None, plain: None })
    }

    /// `COPY` of the same rows from a file of the server into an equal table.
    fn copy_command(&self, postgres: &TestPostgres) -> Result<f64> {
        let file = self.folder.join("rows.copy");
        let file = file.display();
        postgres.psql(&format!("COPY copied.records TO '{file}' (FORMAT binary)"))?;
        postgres.psql("CREATE TABLE equal (LIKE copied.records INCLUDING ALL)")?;
        let started = Instant::now();
        postgres.psql(&format!("COPY equal FROM '{file}' (FORMAT binary)"))?;
        Ok(self.records as f64 / started.elapsed().as_secs_f64())
    }

    /// Prepared multi-row inserts of the same rows into an equal table.
    fn insert_loop(&self) -> Result<f64> {
        let (from, to) = (self.folder.join("back.db"), self.folder.join("equal.db"));
        let output = Command::new(&self.ceilings).arg("bulk").args([&to, &from]).output()?;
        if !output.status.success() {
            bail!("testkit-ceiling bulk: {}", String::from_utf8_lossy(&output.stderr));
        }
        let figures: Value = serde_json::from_slice(&output.stdout)?;
        figures["rows_per_second"].as_f64().context("testkit-ceiling bulk tells its rate")
    }
}

#[expect(clippy::print_stdout, reason = "the figures are the result")]
fn print(figure: &Figure) {
    let Figure { name, load, whole, peak_bytes, ceiling, plain } = figure;
    let mut beside = ceiling.map_or(String::new(), |ceiling| {
        format!(", {:.0} % of the bare tool's {ceiling:.0}", 100.0 * load / ceiling)
    });
    if let Some(plain) = plain {
        beside.push_str(&format!(" ({plain:.0} without bookkeeping)"));
    }
    let peak = peak_bytes >> 20;
    println!(
        "{name:22} {load:9.0} records/s written{beside}; {whole:.0}/s with its comparison; \
         {peak} MiB"
    );
}

/// Only so that the folder of a run is named in errors.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_given_program_must_be_there() {
        let missing = Some(PathBuf::from("no-such-program"));
        assert!(built(&missing, &[], "").is_err());
    }
}
