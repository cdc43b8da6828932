//! `isobase doctor`: whether a service could run here, and what stands in its way.

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::Path,
    time::{Duration, SystemTime},
};

use anyhow::Result;
use clap::Args;
use http::Method;
use isobase::Purpose;
use isobase_auth::SECRET_FILE;
use isobase_client::Request;
use serde::Serialize;
use serde_json::json;

use crate::{
    command::{Command, block_on},
    disks,
    failure::Failure,
    flags::AppFlags,
    keys, local,
    print::Printer,
    settings::{self, Config, Loaded},
};

const EXAMPLES: &str = "\
Examples:
  isobase doctor                       this folder, with its isobase.toml
  isobase doctor --app my-app
  isobase doctor --json

Looks at the settings, the folders and their modes, the port, the database, the disk and the clock.
Nothing is changed. The exit code is 1 when the service could not run, 0 with warnings.";

/// Look whether a service could run here; the exit code says so
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DoctorCommand {
    #[command(flatten)]
    app: AppFlags,
}

impl Command for DoctorCommand {
    fn run(self, printer: Printer) -> Result<()> {
        block_on(examine(&self.app, printer))
    }
}

/// How long the database may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Less free space is a warning; of less than a sixteenth of it nothing can be done.
const FREE_BYTES_MIN: u64 = 1 << 30;

/// A file of the future this far ahead is no matter of two clocks.
const SKEW_MAX: Duration = Duration::from_secs(60);

/// How something was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    Warning,
    Failed,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Check {
    name: &'static str,
    state: State,
    message: String,
    hint: Option<String>,
}

impl Check {
    fn ok(name: &'static str, message: impl Into<String>) -> Self {
        Self { name, state: State::Ok, message: message.into(), hint: None }
    }

    fn warning(name: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        let (message, hint) = (message.into(), Some(hint.into()));
        Self { name, state: State::Warning, message, hint }
    }

    fn failed(name: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { state: State::Failed, ..Self::warning(name, message, hint) }
    }

    fn of_failure(name: &'static str, failure: Failure) -> Vec<Self> {
        let checks = failure.problems.into_iter().map(|problem| Self {
            name,
            state: State::Failed,
            message: problem.message,
            hint: problem.hint,
        });
        checks.collect()
    }
}

async fn examine(app: &AppFlags, printer: Printer) -> Result<()> {
    let checks = match settings(app) {
        Ok((loaded, config)) => all(&loaded, &config).await,
        Err(failure) => Check::of_failure("settings", failure),
    };
    let failed = checks.iter().filter(|check| check.state == State::Failed).count();
    if printer.json {
        printer.json_line(&json!({ "ok": failed == 0, "checks": checks }));
    } else {
        for Check { name, state, message, hint } in &checks {
            let state = match state {
                State::Ok => "ok",
                State::Warning => "warning",
                State::Failed => "failed",
            };
            printer.line(&format!("{state:8} {name:9} {message}"));
            if let Some(hint) = hint {
                printer.line(&format!("{:18} {hint}", ""));
            }
        }
    }
    match failed {
        0 => Ok(()),
        1 => Err(Failure::new("one thing keeps a service from running here").into()),
        more => Err(Failure::new(format!("{more} things keep a service from running here")).into()),
    }
}

fn settings(app: &AppFlags) -> Result<(Loaded, Config), Failure> {
    let loaded = settings::load(&app.given(), &crate::read_settings::environment())?;
    let config = Config::new(&loaded)?;
    Ok((loaded, config))
}

async fn all(loaded: &Loaded, config: &Config) -> Vec<Check> {
    let mut checks = vec![of_settings(loaded)];
    checks.extend(loaded.warnings.iter().map(|warning| {
        let hint = warning.hint.clone().unwrap_or_else(|| "see isobase config print".to_owned());
        Check::warning("settings", &*warning.message, hint)
    }));
    checks.push(match keys::refuse_exposure(loaded, config) {
        Ok(()) => Check::ok("access", "the address and the keys fit together"),
        Err(failure) => Check::failed(
            "access",
            failure.to_string(),
            "set INTERNAL_API_KEY, or listen on a loopback address",
        ),
    });
    checks.extend(of_folder(&config.data));
    let service = local::service_of(&config.data).await;
    checks.push(match &service {
        Some(service) => {
            let process = service.pid.map(|pid| format!(" (process {pid})")).unwrap_or_default();
            Check::ok("port", format!("the service runs{process}"))
        }
        None => of_port(config),
    });
    checks.push(match &service {
        Some(service) => of_service(service).await,
        None => of_database(config).await,
    });
    checks.extend(of_disk(&config.data));
    checks.push(of_clock(&config.data));
    checks
}

fn of_settings(loaded: &Loaded) -> Check {
    let app = loaded.app.display();
    if !loaded.app.is_dir() {
        return Check::failed(
            "settings",
            format!("there is no folder {app}"),
            "make it, or give --app",
        );
    }
    match loaded.app.join("isobase.toml").is_file() {
        true => {
            Check::ok("settings", format!("isobase.toml of {app} and the environment are sound"))
        }
        false => {
            Check::ok("settings", format!("no isobase.toml in {app}; the environment is sound"))
        }
    }
}

/// The data folder: whether it can be written into, and who else may read it.
fn of_folder(data: &Path) -> Vec<Check> {
    let shown = data.display();
    let Ok(found) = fs::metadata(data) else {
        let mut parent = data.parent().unwrap_or(Path::new("."));
        if parent.as_os_str().is_empty() {
            parent = Path::new(".");
        }
        return vec![match tempfile::tempfile_in(parent) {
            Ok(_) => Check::ok("folder", format!("{shown} will be made")),
            Err(error) => Check::failed(
                "folder",
                format!("{shown} is not there and cannot be made: {error}"),
                format!("let the user of the service write into {}", parent.display()),
            ),
        }];
    };
    let mut checks = vec![match tempfile::tempfile_in(data) {
        Ok(_) => Check::ok("folder", format!("{shown} can be written into")),
        Err(error) => Check::failed(
            "folder",
            format!("{shown} cannot be written into: {error}"),
            "give it to the user of the service",
        ),
    }];
    if found.permissions().mode() & 0o022 != 0 {
        let message = format!("other users may write into {shown}");
        checks.push(Check::warning("folder", message, format!("chmod go-w {shown}")));
    }
    let secret = data.join(SECRET_FILE);
    let mode = fs::metadata(&secret).map(|found| found.permissions().mode());
    if mode.is_ok_and(|mode| mode & 0o077 != 0) {
        let secret = secret.display();
        let message = format!("other users may read {secret}, with which secrets are sealed");
        checks.push(Check::failed("folder", message, format!("chmod 600 {secret}")));
    }
    checks
}

fn of_port(config: &Config) -> Check {
    let (host, port) = (config.host.as_str(), config.port);
    match TcpListener::bind((host, port)) {
        Ok(_) => Check::ok("port", format!("{host}:{port} is free")),
        Err(error) => Check::failed(
            "port",
            format!("cannot listen on {host}:{port}: {error}"),
            "end what listens there, or choose another port with --port or PORT",
        ),
    }
}

async fn of_service(service: &local::Service) -> Check {
    let asked = async {
        let request = Request::new(Method::GET, &["readyz"]).deadline(PATIENCE);
        let answer = service.client(None)?.send_raw(request).await?;
        Ok::<_, anyhow::Error>((answer.status(), answer.text().await.unwrap_or_default()))
    };
    match asked.await {
        Ok((200, _)) => Check::ok("database", "the service says that it works"),
        Ok((_, told)) => {
            let detail = serde_json::from_str::<serde_json::Value>(&told).ok();
            let detail = detail.as_ref().and_then(|told| told["detail"].as_str());
            let message = detail.unwrap_or("the service is not ready").to_owned();
            Check::failed("database", message, "its log holds the cause")
        }
        Err(error) => {
            let message = format!("the service does not answer: {}", Failure::from_error(error));
            Check::failed("database", message, "its log holds the cause")
        }
    }
}

async fn of_database(config: &Config) -> Check {
    let records = &config.records;
    if records.missing_file().is_some() {
        return Check::ok("database", format!("{records} will be made"));
    }
    if !records.is_kept() {
        return Check::warning(
            "database",
            "records are in memory, and are lost when the service ends",
            "set RECORDS_URL to keep them",
        );
    }
    let opening = async {
        let engine = records.open(Purpose::Read, &config.options).await?.engine;
        let found = engine.collections().await;
        engine.close().await?;
        Ok::<_, anyhow::Error>(found?.len())
    };
    match tokio::time::timeout(PATIENCE, opening).await {
        Ok(Ok(count)) => Check::ok("database", format!("{records} answers; {count} collections")),
        Ok(Err(error)) => Check::failed(
            "database",
            format!("{records}: {}", Failure::from_error(error)),
            "is the URL right, does the server run, and may this user open it?",
        ),
        Err(_) => Check::failed(
            "database",
            format!("{records} did not answer within {} s", PATIENCE.as_secs()),
            "does the server run, and can it be reached from here?",
        ),
    }
}

/// Free space for the data folder, or for the folder in which it will be made.
fn of_disk(data: &Path) -> Option<Check> {
    let free = disks::space(data)?.free;
    let message = format!("{} MiB free", free >> 20);
    let hint = "the service answers 507 when the disk is full; backups need room, too";
    Some(if free < FREE_BYTES_MIN / 16 {
        Check::failed("disk", message, hint)
    } else if free < FREE_BYTES_MIN {
        Check::warning("disk", message, hint)
    } else {
        Check::ok("disk", message)
    })
}

/// Whether the clock went back: sessions, expiries and times of documents would be wrong.
fn of_clock(data: &Path) -> Check {
    let now = SystemTime::now();
    let entries = fs::read_dir(data).into_iter().flatten().flatten();
    let times = entries.filter_map(|entry| entry.metadata().ok()?.modified().ok());
    let ahead = times.filter_map(|time| time.duration_since(now).ok()).max().unwrap_or_default();
    if ahead > SKEW_MAX {
        let message = format!("files of the data folder are {} s in the future", ahead.as_secs());
        return Check::failed("clock", message, "set the clock; a time service keeps it right");
    }
    let seconds = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let shown = isobase::types::Timestamp { unix_us: (seconds * 1_000_000) as i64 };
    Check::ok("clock", format!("{shown}"))
}
