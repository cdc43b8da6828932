//! Copies into the document databases, beside bare clients of the same test servers.

use std::{path::Path, process::Command};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::{Bench, Figure};
use crate::engines::{Engine, Engines, Extent};

/// Each side has so many turns, of which the fastest counts.
const ROUNDS: usize = 2;

/// A database that is copied into.
struct Target {
    name: &'static str,
    /// The engine in the words of the bare clients.
    engine: &'static str,
    /// Where the bare client finds it.
    url: String,
    /// Requests that a copy has under way at most: those of one part, for each part that is
    /// written at once.
    parallel: usize,
}

impl Target {
    /// The database of one copy, and what its collection `records` and another one are natively.
    fn database(&self, label: &str) -> (String, String, String) {
        let host = self.url.trim_start_matches("http://");
        match self.engine {
            "dynamodb" => {
                let url = format!("dynamodb://us-east-1/{label}_?endpoint={}", self.url);
                (url, format!("{label}_records"), format!("{label}_equal"))
            }
            "couchdb" => {
                let url = format!("couchdb://{host}/{label}_");
                (url, format!("{label}_records"), format!("{label}_equal"))
            }
            _ => {
                let url = format!("firestore://{label}?emulator={host}");
                (url, format!("{label}/records"), format!("{label}/equal"))
            }
        }
    }
}

/// Measures a copy into each server.
pub(super) fn measure(bench: &Bench, source: &str, records: u64) -> Result<Vec<Figure>> {
    let folder = bench.folder.join("servers");
    std::fs::create_dir(&folder)?;
    let engines = [Engine::Dynamodb, Engine::Couchdb, Engine::Firestore];
    let (mut running, failures) = Engines::start(&engines, Extent::Suite, &folder)?;
    let measured = measure_all(bench, &running, source, records);
    running.stop()?;
    if let Some((engine, error)) = failures.first() {
        bail!("{engine}: {error:#}");
    }
    measured
}

fn measure_all(
    bench: &Bench,
    running: &Engines,
    source: &str,
    records: u64,
) -> Result<Vec<Figure>> {
    let variables = running.variables();
    let place = |engine: Engine| {
        let place = variables.get(engine.variable()).cloned();
        place.with_context(|| format!("{engine} does not run"))
    };
    let targets = [
        Target {
            name: "SQLite to DynamoDB",
            engine: "dynamodb",
            url: place(Engine::Dynamodb)?,
            parallel: 32,
        },
        Target {
            name: "SQLite to CouchDB",
            engine: "couchdb",
            url: place(Engine::Couchdb)?,
            parallel: 16,
        },
        Target {
            name: "SQLite to Firestore",
            engine: "firestore",
            url: first_host(&place(Engine::Firestore)?)?,
            parallel: 8,
        },
    ];
    targets.iter().map(|target| measure_one(bench, target, source, records)).collect()
}

/// `mock=127.0.0.1:1,google=127.0.0.1:2`.
fn first_host(hosts: &str) -> Result<String> {
    let first = hosts.split(',').next().and_then(|host| host.split_once('='));
    let (_, host) = first.with_context(|| format!("no host in {hosts:?}"))?;
    Ok(format!("http://{host}"))
}

fn measure_one(bench: &Bench, target: &Target, source: &str, records: u64) -> Result<Figure> {
    let mut best: Option<Figure> = None;
    let (mut ceiling, mut plain) = (0_f64, 0_f64);
    for round in 0..ROUNDS {
        let (to, from, equal) = target.database(&format!("bench{round}"));
        let figure = bench.measure(target.name, &["copy", source, &to], records)?;
        best = match best.take() {
            Some(best) if best.load >= figure.load => Some(best),
            _ => Some(figure),
        };
        ceiling = ceiling.max(bare(&bench.ceilings, target, &from, &equal, "equal")?);
        let other = format!("{equal}_plain");
        plain = plain.max(bare(&bench.ceilings, target, &from, &other, "plain")?);
    }
    let figure = best.context("there is a round")?;
    Ok(Figure { ceiling: Some(ceiling), plain: Some(plain), ..figure })
}

/// How many documents the bare client writes in a second.
fn bare(program: &Path, target: &Target, from: &str, to: &str, form: &str) -> Result<f64> {
    let parallel = target.parallel.to_string();
    let arguments = ["load", target.engine, &target.url, from, to, &parallel, form];
    let output = Command::new(program).args(arguments).output()?;
    if !output.status.success() {
        bail!("testkit-ceiling load: {}", String::from_utf8_lossy(&output.stderr));
    }
    let figures: Value = serde_json::from_slice(&output.stdout)?;
    figures["rows_per_second"].as_f64().context("testkit-ceiling load tells its rate")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_emulator_is_measured() {
        let host = first_host("mock=127.0.0.1:1,google=127.0.0.1:2").unwrap();
        assert_eq!(host, "http://127.0.0.1:1");
        assert!(first_host("").is_err());
    }
}
