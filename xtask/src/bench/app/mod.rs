//! `cargo xtask bench app`: the app backend beside a bare HTTP server and beside PocketBase.
//!
//! Ratios of one run; timing never decides how the command ends.

mod lists;
mod loads;
mod logins;
pub(super) mod pocketbase;
mod records;
mod rules;
mod streams;
mod tell;
mod upload;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};
use isobase_testkit::http;
use serde_json::{Value, json};

use self::pocketbase::PocketBase;
use super::built;
use super::records::Machine;
use crate::interrupt;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Event streams that listen to one topic; the target is said for 10,000.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    streams: u32,
    /// Changes that every stream is told of.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    changes: u32,
    /// Rows of the collection of which pages are read.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1_000..=10_000_000))]
    rows: u32,
    /// Only these parts.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// Mebibytes of the upload.
    #[arg(long, default_value_t = 1_024, value_parser = clap::value_parser!(u32).range(1..=8_000))]
    upload_mib: u32,
    /// Seconds of each load.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Measures this executable rather than one built from these sources.
    #[arg(long, value_name = "PATH")]
    executable: Option<PathBuf>,
    /// This bare HTTP server rather than one built from these sources.
    #[arg(long, value_name = "PATH")]
    bare: Option<PathBuf>,
}

/// A part of the benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Reads, lists and creates that need no rule.
    Records,
    /// One change, told to many streams.
    Told,
    /// Reads by id under a rule.
    Rules,
    /// Pages and creates under a rule.
    Lists,
    /// A large upload and a static file.
    Files,
    /// Reads beside sign-ins.
    Logins,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    // Servers and folders must be gone afterwards, also after Ctrl-C.
    interrupt::watch()?;
    let executable = match &arguments.executable {
        Some(path) => path.canonicalize().with_context(|| format!("{}", path.display()))?,
        None => built::executable()?,
    };
    let folder = tempfile::Builder::new().prefix("isobase-bench-").tempdir()?;
    println!("{}", Machine::look(folder.path())?);
    let wants = |part| arguments.only.is_empty() || arguments.only.contains(&part);
    let bare = || arguments.bare.clone().map_or_else(built::ceilings, Ok);
    // A new one for each part: after the first it still works through events for streams that are
    // gone.
    let peer = |name| PocketBase::start(&folder.path().join(name));
    if wants(Part::Records) {
        records::run(arguments, &executable, &peer("records")?)?;
    }
    if wants(Part::Told) {
        // Of one process: a stream for each listener, and those that are being opened.
        streams::allow_files(u64::from(arguments.streams) + 1_000)?;
        tell::run(arguments, &executable, &bare()?, &peer("told")?)?;
    }
    if wants(Part::Rules) {
        rules::run(arguments, &executable, &peer("ruled")?)?;
    }
    if wants(Part::Lists) {
        lists::run(arguments, &executable, &peer("lists")?)?;
    }
    if wants(Part::Files) {
        upload::run(arguments, &executable, &bare()?)?;
    }
    if wants(Part::Logins) {
        logins::run(arguments, &executable)?;
    }
    Ok(())
}

/// The folder of an app with one collection, `items`.
fn app(folder: &Path, settings: &str) -> Result<PathBuf> {
    let folder = folder.join("app");
    std::fs::create_dir_all(&folder)?;
    let fields = "fields.name = { type = \"string\" }\nfields.owner = { type = \"string\" }\n";
    let text = format!("[collections.items]\nevent = \"item\"\n{fields}{settings}");
    std::fs::write(folder.join("isobase.toml"), text)?;
    Ok(folder)
}

/// Asks for something that must succeed.
fn ask(
    address: SocketAddr,
    (method, path): (&str, &str),
    token: Option<&str>,
    body: &Value,
) -> Result<Value> {
    let bearer = token.map(|token| format!("Bearer {token}"));
    let mut headers = vec![("content-type", "application/json")];
    headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let answer = http::request(address, method, path, &headers, body.as_bytes())?;
    ensure!(answer.status < 300, "{method} {path}: {} {}", answer.status, answer.text());
    Ok(if answer.body.is_empty() { json!({}) } else { answer.json()? })
}
