//! `cargo xtask engines up` and `down`: servers that outlive the command.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::ValueEnum;
use rustix::process::Signal;
use serde_json::{Value, json};

use super::server::{command_line, stop_group};
use super::{Engine, Engines, Extent, Running, fail_if_any, variables};
use crate::workspace;

/// Starts the chosen engines that do not run, all if none is chosen, and prints
/// the variables of all that run.
pub(crate) fn up(chosen: &[Engine], as_json: bool) -> Result<()> {
    // Its drop gives the lock back: one command at a time changes the state.
    let _lock = lock()?;
    let mut state = State::read()?;
    state.forget_ended();
    let wanted: Vec<_> = Engine::value_variants()
        .iter()
        .filter(|engine| chosen.is_empty() || chosen.contains(engine))
        .filter(|engine| !state.servers.iter().any(|server| server.engine == **engine))
        .copied()
        .collect();
    let folder = state.folder()?;
    // The folder is known before anything is in it, so that nothing is ever left behind.
    state.write()?;
    let (engines, failures) = Engines::start(&wanted, Extent::Everything, &folder)?;
    for (engine, running) in engines.running {
        let name = running.name();
        let server = Detached::new(engine, running)?;
        eprintln!("==> {engine} ({name}) runs as process {}", server.pid);
        state.servers.push(server);
    }
    // What runs can be stopped, also when something else did not start.
    state.write()?;
    print(&state, as_json);
    fail_if_any(&failures)
}

/// Stops all that `up` has started.
pub(crate) fn down() -> Result<()> {
    let _lock = lock()?;
    let mut state = State::read()?;
    state.forget_ended();
    for server in &state.servers {
        server.stop().with_context(|| format!("stop {}", server.engine))?;
        eprintln!("==> {} has stopped", server.engine);
    }
    if let Some(folder) = &state.folder {
        remove_all(folder)?;
    }
    match fs::remove_file(state_file()?) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

fn print(state: &State, as_json: bool) {
    let places = state.servers.iter().map(|server| (server.engine, server.place.clone()));
    let variables = variables(places);
    if as_json {
        println!("{:#}", json!(variables));
        return;
    }
    for (name, value) in variables {
        println!("export {name}={value}");
    }
}

/// A server that runs without us.
#[derive(Debug)]
struct Detached {
    engine: Engine,
    place: String,
    pid: i32,
    command: String,
}

impl Detached {
    fn new(engine: Engine, running: Running) -> Result<Self> {
        let place = running.place();
        let pid = match running {
            Running::Postgres(server) | Running::PostgresVersion { server, .. } => {
                Some(server.detach()?)
            }
            Running::Process { server, .. } => server.detach(),
        };
        let pid = i32::try_from(pid.context("it runs")?)?;
        Ok(Self { engine, place, pid, command: command_line(pid) })
    }

    fn runs(&self) -> bool {
        !self.command.is_empty() && command_line(self.pid) == self.command
    }

    fn stop(&self) -> Result<()> {
        // To PostgreSQL, SIGTERM says to wait until all its clients have gone.
        let signal = match self.engine {
            Engine::Postgres | Engine::PostgresVersions => Signal::INT,
            _ => Signal::TERM,
        };
        stop_group(self.pid, signal)
    }

    fn to_json(&self) -> Value {
        let engine = self.engine.to_possible_value().map(|value| value.get_name().to_owned());
        json!({"engine": engine, "place": self.place, "pid": self.pid, "command": self.command})
    }

    fn from_json(value: &Value) -> Option<Self> {
        Some(Self {
            engine: Engine::from_str(value["engine"].as_str()?, false).ok()?,
            place: value["place"].as_str()?.to_owned(),
            pid: value["pid"].as_i64()?.try_into().ok()?,
            command: value["command"].as_str()?.to_owned(),
        })
    }
}

/// What `up` has started.
#[derive(Debug, Default)]
struct State {
    /// Data and logs of the servers.
    folder: Option<PathBuf>,
    servers: Vec<Detached>,
}

impl State {
    fn read() -> Result<Self> {
        let Ok(text) = fs::read(state_file()?) else { return Ok(Self::default()) };
        Ok(Self::from_json(&serde_json::from_slice(&text).unwrap_or_default()))
    }

    fn from_json(value: &Value) -> Self {
        let servers = value["servers"].as_array().into_iter().flatten();
        Self {
            folder: value["folder"].as_str().map(PathBuf::from),
            servers: servers.filter_map(Detached::from_json).collect(),
        }
    }

    fn to_json(&self) -> Value {
        let servers: Vec<_> = self.servers.iter().map(Detached::to_json).collect();
        json!({"folder": self.folder, "servers": servers})
    }

    fn write(&self) -> Result<()> {
        fs::write(state_file()?, format!("{:#}\n", self.to_json())).context("write the state file")
    }

    /// An engine with a server that has ended starts anew, with all its servers.
    fn forget_ended(&mut self) {
        let ended: Vec<_> = self
            .servers
            .iter()
            .filter(|server| !server.runs())
            .map(|server| server.engine)
            .collect();
        for server in self.servers.iter().filter(|server| ended.contains(&server.engine)) {
            if server.runs() {
                // It is to start again; one that stays would only be in the way of no one.
                let _ = server.stop();
            }
        }
        self.servers.retain(|server| !ended.contains(&server.engine));
        if ended.contains(&Engine::Postgres)
            && let Some(folder) = &self.folder
        {
            // Its data is that of a server that was not stopped.
            let _ = remove_all(&folder.join("postgres"));
        }
    }

    fn folder(&mut self) -> Result<PathBuf> {
        if let Some(folder) = self.folder.as_ref().filter(|folder| folder.is_dir()) {
            return Ok(folder.clone());
        }
        // Not in the target folder: the user PostgreSQL runs as may not enter that.
        let folder = tempfile::Builder::new().prefix("isobase-engines-").tempdir()?.keep();
        self.folder = Some(folder.clone());
        Ok(folder)
    }
}

fn remove_all(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

fn state_file() -> Result<PathBuf> {
    Ok(workspace::target()?.join("isobase-engines.json"))
}

fn lock() -> Result<File> {
    let file = File::create(workspace::target()?.join("isobase-engines.lock"))?;
    file.lock()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_is_read_as_it_was_written() {
        let server = Detached {
            engine: Engine::Firestore,
            place: "mock=127.0.0.1:1".to_owned(),
            pid: 7,
            command: "node front 1".to_owned(),
        };
        let state = State { folder: Some("/tmp/x".into()), servers: vec![server] };
        let read = State::from_json(&state.to_json());
        assert_eq!(format!("{read:?}"), format!("{state:?}"));
        assert!(State::from_json(&Value::Null).servers.is_empty());
    }

    #[test]
    fn a_process_id_alone_is_not_the_server() {
        let own = i32::try_from(std::process::id()).unwrap();
        let server = |pid, command: &str| Detached {
            engine: Engine::Couchdb,
            place: String::new(),
            pid,
            command: command.to_owned(),
        };
        assert!(server(own, &command_line(own)).runs());
        assert!(!server(own, "another program").runs());
        assert!(!server(i32::MAX, "").runs());
    }
}
