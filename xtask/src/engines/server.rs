//! Servers as processes: started on a free port, awaited, stopped by their id.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use isobase_testkit::{ReservedPort, http, wait_until};
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process};

use crate::interrupt;

/// Java on a machine where everything else starts at once.
const START_DEADLINE: Duration = Duration::from_secs(60);
const STOP_DEADLINE: Duration = Duration::from_secs(10);
/// A port is free when it is chosen; somebody may still be faster.
const ATTEMPTS: usize = 3;
const LOG_LINES: usize = 40;

/// How to start a server, and how it shows that it is ready.
pub(super) struct Recipe {
    pub(super) name: &'static str,
    pub(super) command: Box<dyn Fn(SocketAddr) -> Command + Send>,
    /// A path that answers 200; without one, to listen is to be ready.
    pub(super) ready: Option<&'static str>,
}

/// A server that listens. Its drop stops it.
#[derive(Debug)]
pub(super) struct Server {
    process: Option<Child>,
    address: SocketAddr,
}

impl Server {
    /// Starts a server, with its log in a folder, and waits until it is ready.
    ///
    /// # Errors
    /// When it does not start; the error shows what it printed.
    pub(super) fn start(recipe: &Recipe, folder: &Path) -> Result<Self> {
        let log = folder.join(format!("{}.log", recipe.name));
        let mut result = Self::attempt(recipe, &log);
        for _ in 1..ATTEMPTS {
            if result.is_ok() || interrupt::check().is_err() {
                break;
            }
            result = Self::attempt(recipe, &log);
        }
        result.with_context(|| {
            format!("{} does not start; it printed:\n{}", recipe.name, end_of(&log))
        })
    }

    fn attempt(recipe: &Recipe, log: &Path) -> Result<Self> {
        // No one gets the port by chance while this lives.
        let port = ReservedPort::new()?;
        let address = port.address();
        let mut command = (recipe.command)(address);
        let output = File::create(log)?;
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        // Ctrl-C reaches it through us only, and all it started can be ended with it.
        command.process_group(0);
        let name = command.get_program().to_string_lossy().into_owned();
        let child = command.spawn().with_context(|| format!("start {name}"))?;
        let mut server = Self { process: Some(child), address };
        server.wait_until_ready(recipe)?;
        Ok(server)
    }

    fn wait_until_ready(&mut self, recipe: &Recipe) -> Result<()> {
        let Self { process: Some(child), address } = self else { return Ok(()) };
        wait_until(&format!("the start of {}", recipe.name), START_DEADLINE, || {
            interrupt::check()?;
            if let Some(status) = child.try_wait()? {
                bail!("it ended early: {status}");
            }
            Ok(answers(*address, recipe.ready).then_some(()))
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Leaves it running.
    pub(super) fn detach(mut self) -> Option<u32> {
        Some(self.process.take()?.id())
    }

    /// Stops it and all it started.
    pub(super) fn stop(&mut self) -> Result<()> {
        let Some(mut child) = self.process.take() else { return Ok(()) };
        let group = Pid::from_child(&child);
        // It may have ended by itself.
        let _ = kill_process_group(group, Signal::TERM);
        let ended = wait_until("the end of a server", STOP_DEADLINE, || Ok(child.try_wait()?));
        let _ = kill_process_group(group, Signal::KILL);
        if ended.is_err() {
            child.wait()?;
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // `stop` kills what does not end by itself; nothing is left to do.
        let _ = self.stop();
    }
}

fn answers(address: SocketAddr, path: Option<&str>) -> bool {
    match path {
        Some(path) => {
            http::request(address, "GET", path, &[], b"").is_ok_and(|answer| answer.status == 200)
        }
        None => TcpStream::connect(address).is_ok(),
    }
}

fn end_of(log: &PathBuf) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
}

/// The command line of a process, by which it is known again: another process
/// may have its id by now. Empty when it has ended.
pub(super) fn command_line(pid: i32) -> String {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\0', " ")
}

/// Stops a process that an earlier run has left, with its whole group.
pub(super) fn stop_group(pid: i32, signal: Signal) -> Result<()> {
    let pid = Pid::from_raw(pid).context("unexpected process id")?;
    let _ = kill_process_group(pid, signal);
    // A process that no one waits for is gone as soon as its command line is.
    let gone =
        || command_line(pid.as_raw_nonzero().get()).is_empty() || test_kill_process(pid).is_err();
    let ended = wait_until("the end of a server", STOP_DEADLINE, || Ok(gone().then_some(())));
    if ended.is_err() {
        let _ = kill_process_group(pid, Signal::KILL);
    }
    wait_until("the end of a server", STOP_DEADLINE, || Ok(gone().then_some(())))
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};

    use super::*;

    fn shell(name: &'static str, script: &'static str) -> Recipe {
        let command = move |address: SocketAddr| {
            let mut command = Command::new("sh");
            command.args(["-c", script]).env("PORT", address.port().to_string());
            command
        };
        Recipe { name, command: Box::new(command), ready: None }
    }

    #[test]
    fn a_start_that_fails_shows_the_log() {
        let folder = tempfile::tempdir().unwrap();
        let recipe = shell("broken", "echo first; echo the reason >&2; exit 3");
        let error = format!("{:#}", Server::start(&recipe, folder.path()).unwrap_err());
        assert!(error.contains("broken does not start"), "{error}");
        assert!(error.contains("the reason"), "{error}");
        assert!(error.contains("exit status: 3"), "{error}");
    }

    #[test]
    fn only_the_end_of_a_log_is_shown() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        fs::write(&log, (1..=100).map(|i| format!("{i}\n")).collect::<String>()).unwrap();
        assert!(end_of(&log).starts_with("61\n") && end_of(&log).ends_with("\n100"));
        assert_eq!(end_of(&folder.path().join("none")), "");
    }

    #[test]
    fn stopping_ends_the_whole_group() {
        let mut command = Command::new("sh");
        // The shell waits for a child that would outlive it.
        command.args(["-c", "sleep 1000 & echo $!; wait"]).process_group(0);
        let child = command.stdout(Stdio::piped()).spawn().unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], 1));
        // Its drop ends all of it, should the test fail.
        let mut server = Server { process: Some(child), address };
        let output = server.process.as_mut().and_then(|child| child.stdout.take()).unwrap();
        let mut inner = String::new();
        BufReader::new(output).read_line(&mut inner).unwrap();
        let inner = inner.trim().parse().unwrap();
        // Between its fork and its exec it has none.
        wait_until("the inner process", STOP_DEADLINE, || {
            Ok((!command_line(inner).is_empty()).then_some(()))
        })
        .unwrap();
        server.stop().unwrap();
        wait_until("the end of the inner process", STOP_DEADLINE, || {
            Ok(command_line(inner).is_empty().then_some(()))
        })
        .unwrap();
    }
}
