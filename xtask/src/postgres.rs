//! `cargo xtask postgres`: a server for development.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Subcommand;
use isobase_testkit::{Durability, TestPostgres, wait_until};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::{tools, workspace};

const STOP_DEADLINE: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum Action {
    /// Starts a server, unless it runs, and prints its URL.
    Up,
    /// Stops the server, if it runs, and forgets its data.
    Down,
}

pub(crate) fn run(action: &Action) -> Result<()> {
    match action {
        Action::Up => up(),
        Action::Down => down(),
    }
}

/// What is known about the server we started.
struct Server {
    pid: i32,
    url: String,
    folder: PathBuf,
}

fn up() -> Result<()> {
    let server = match Server::read()? {
        Some(server) if server.runs() => server,
        gone => {
            if let Some(gone) = gone {
                gone.forget()?;
            }
            Server::start()?
        }
    };
    eprintln!(
        "==> PostgreSQL runs as process {}; stop it by: cargo xtask postgres down",
        server.pid
    );
    eprintln!("    export {}={}", isobase_testkit::POSTGRES_URL_VARIABLE, server.url);
    println!("{}", server.url);
    Ok(())
}

fn down() -> Result<()> {
    let Some(server) = Server::read()? else {
        eprintln!("==> PostgreSQL does not run");
        return Ok(());
    };
    if server.runs() {
        server.stop()?;
    }
    server.forget()?;
    eprintln!("==> PostgreSQL has stopped, its data is removed");
    Ok(())
}

impl Server {
    fn start() -> Result<Self> {
        tools::postgres()?;
        // Not in the target folder: the user it runs as may not enter that.
        let folder = tempfile::Builder::new().prefix("isobase-postgres-").tempdir()?.keep();
        let builder = TestPostgres::builder().durability(Durability::Off).own_process_group();
        let postgres = builder.folder(&folder).start()?;
        let url = postgres.url();
        let server = Self { pid: postgres.pid().context("it runs")?.try_into()?, url, folder };
        server.write()?;
        postgres.detach()?;
        Ok(server)
    }

    /// Whether it still runs, and the process id was not given to another program.
    fn runs(&self) -> bool {
        let command = fs::read(format!("/proc/{}/cmdline", self.pid)).unwrap_or_default();
        String::from_utf8_lossy(&command).contains(&*self.folder.to_string_lossy())
    }

    fn stop(&self) -> Result<()> {
        let pid = Pid::from_raw(self.pid).context("unexpected process id")?;
        kill_process(pid, Signal::INT).context("stop PostgreSQL")?;
        // A process that has ended has no command line, also before it is reaped.
        wait_until("the end of PostgreSQL", STOP_DEADLINE, || Ok((!self.runs()).then_some(())))
    }

    fn read() -> Result<Option<Self>> {
        let Ok(text) = fs::read(state_file()?) else { return Ok(None) };
        let state: Value = serde_json::from_slice(&text).unwrap_or_default();
        let server = || {
            let pid = state["pid"].as_i64()?.try_into().ok()?;
            let url = state["url"].as_str()?.to_owned();
            Some(Self { pid, url, folder: state["folder"].as_str()?.into() })
        };
        Ok(server())
    }

    fn write(&self) -> Result<()> {
        let state = json!({"pid": self.pid, "url": self.url, "folder": self.folder});
        fs::write(state_file()?, format!("{state:#}\n")).context("write the state file")
    }

    fn forget(&self) -> Result<()> {
        remove_all(&self.folder)?;
        fs::remove_file(state_file()?).context("remove the state file")
    }
}

fn remove_all(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

fn state_file() -> Result<PathBuf> {
    Ok(workspace::target()?.join("isobase-postgres.json"))
}
