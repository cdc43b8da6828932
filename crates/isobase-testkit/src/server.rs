//! The executable as a black box.

use std::ffi::OsString;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::http::{self, Response};
use crate::{ProcessUsage, ReservedPort, executable, wait_for_exit, wait_until};

/// A debug build on a busy machine, with a recovery before it listens.
const START_DEADLINE: Duration = Duration::from_secs(60);
/// A graceful stop must end within 10 s; the rest is for a busy machine.
const STOP_DEADLINE: Duration = Duration::from_secs(20);

/// Variables that a server keeps from the environment of the test. All others
/// are dropped: a developer's `DATABASE_URL` must not reach a test.
const KEPT_VARIABLES: [&str; 4] = ["PATH", "TMPDIR", "LLVM_PROFILE_FILE", "RUST_BACKTRACE"];

/// How to start a [`TestServer`].
#[derive(Debug, Default)]
pub struct TestServerBuilder {
    executable: Option<PathBuf>,
    wrapper: Vec<OsString>,
    arguments: Vec<OsString>,
    variables: Vec<(OsString, OsString)>,
    data: Option<PathBuf>,
}

impl TestServerBuilder {
    /// Adds an argument behind `serve --host … --port … --data …`.
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Sets a variable of the server's otherwise empty environment.
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// Where the records are kept, such as `memory:` or the URL of a PostgreSQL.
    pub fn records_url(self, url: &str) -> Self {
        self.env("RECORDS_URL", url)
    }

    /// Uses this data folder, which stays, rather than a temporary one.
    pub fn data(mut self, folder: impl Into<PathBuf>) -> Self {
        self.data = Some(folder.into());
        self
    }

    /// Starts another executable than the built one.
    pub fn executable(mut self, path: impl Into<PathBuf>) -> Self {
        self.executable = Some(path.into());
        self
    }

    /// Starts the server by way of another command. It must become the server
    /// and keep its process id, as `strace -D` and `setpriv` do.
    pub fn wrapper<T: Into<OsString>>(mut self, command: impl IntoIterator<Item = T>) -> Self {
        self.wrapper = command.into_iter().map(Into::into).collect();
        self
    }

    /// Starts the server and waits until it answers `GET /livez` with 200.
    ///
    /// # Errors
    /// When it ends early or is late; the error shows what it printed.
    pub fn start(self) -> Result<TestServer> {
        let mut server = self.prepare()?;
        server.start_again()?;
        Ok(server)
    }

    /// Prepares everything but starts nothing, for servers that must not start.
    ///
    /// # Errors
    /// When the executable does not build or there is no temporary folder.
    pub fn prepare(self) -> Result<TestServer> {
        let executable = match &self.executable {
            Some(path) => path.clone(),
            None => executable()?.to_path_buf(),
        };
        let folder = tempfile::Builder::new().prefix("isobase-server-").tempdir()?;
        let data = self.data.clone().unwrap_or_else(|| folder.path().join("data"));
        let port = ReservedPort::new()?;
        let log = folder.path().join("log");
        Ok(TestServer { options: self, executable, folder, data, port, log, child: None })
    }
}

/// A server in its own process, with its own port and data folder. Its drop
/// kills it.
#[derive(Debug)]
pub struct TestServer {
    options: TestServerBuilder,
    executable: PathBuf,
    folder: TempDir,
    data: PathBuf,
    port: ReservedPort,
    log: PathBuf,
    child: Option<Child>,
}

impl TestServer {
    /// Says how to start one.
    pub fn builder() -> TestServerBuilder {
        TestServerBuilder::default()
    }

    /// Starts one on an embedded SQLite file in a temporary folder.
    ///
    /// # Errors
    /// As [`TestServerBuilder::start`].
    pub fn start() -> Result<Self> {
        Self::builder().start()
    }

    /// Starts the server again after it ended: same port, same data.
    ///
    /// # Errors
    /// As [`TestServerBuilder::start`].
    pub fn start_again(&mut self) -> Result<()> {
        self.spawn()?;
        self.wait_until_live()
    }

    /// Starts the process without waiting for an answer.
    ///
    /// # Errors
    /// When it still runs, or cannot be started.
    pub fn spawn(&mut self) -> Result<()> {
        if let Some(pid) = self.pid() {
            bail!("the server still runs as process {pid}");
        }
        let mut command = self.command();
        command.args(["serve", "--host", "127.0.0.1", "--port"]);
        command.arg(self.port.port().to_string()).arg("--data").arg(&self.data);
        command.args(&self.options.arguments);
        let log = File::options().create(true).append(true).open(&self.log)?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let child = command.spawn().with_context(|| format!("start {command:?}"))?;
        self.child = Some(child);
        Ok(())
    }

    /// Waits until `GET /livez` answers 200.
    ///
    /// # Errors
    /// When the process ends or is late; the error shows what it printed.
    pub fn wait_until_live(&mut self) -> Result<()> {
        let address = self.address();
        let child = self.child.as_mut().context("the server is not started")?;
        let live = wait_until("the start of the server", START_DEADLINE, || {
            if let Some(status) = child.try_wait()? {
                bail!("the server ended early: {status}");
            }
            let answer = http::request(address, "GET", "/livez", &[], b"");
            Ok(answer.is_ok_and(|answer| answer.status == 200).then_some(()))
        });
        live.with_context(|| format!("the server printed:\n{}", self.log()))
    }

    /// A command with the server's executable, environment and folder, to which
    /// another subcommand may be given.
    pub fn command(&self) -> Command {
        let mut words = self.options.wrapper.iter().cloned();
        let mut command = match words.next() {
            Some(first) => {
                let mut command = Command::new(first);
                command.args(words).arg(&self.executable);
                command
            }
            None => Command::new(&self.executable),
        };
        command.env_clear();
        let kept = KEPT_VARIABLES.iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
        command.envs(kept).env("HOME", self.folder.path());
        command.envs(self.options.variables.iter().cloned());
        // No settings file and no app folder of the developer lies here.
        command.current_dir(self.folder.path());
        command
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// The data folder.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The temporary folder the server works in.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The process id, while it runs or is not yet waited for.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// All it printed so far, over all its starts.
    pub fn log(&self) -> String {
        let bytes = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// CPU time and memory of the process.
    ///
    /// # Errors
    /// When it does not run.
    pub fn usage(&self) -> Result<ProcessUsage> {
        ProcessUsage::of(self.pid().context("the server does not run")?)
    }

    /// Sends one request on its own connection.
    ///
    /// # Errors
    /// As [`http::request`].
    pub fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Response> {
        http::request(self.address(), method, path, headers, body)
    }

    /// Opens a connection that stays.
    ///
    /// # Errors
    /// When it does not listen.
    pub fn connect(&self) -> Result<http::Connection> {
        http::Connection::open(self.address())
    }

    /// Ends it with SIGKILL, as a crash would.
    ///
    /// # Errors
    /// When it does not run.
    pub fn kill(&mut self) -> Result<ExitStatus> {
        self.signal(Signal::KILL)?;
        self.wait()
    }

    /// Asks it to stop with SIGTERM, and waits until it has.
    ///
    /// # Errors
    /// When it does not run, or does not stop in time: then it is killed.
    pub fn terminate(&mut self) -> Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        self.wait()
    }

    /// Sends a signal and does not wait.
    ///
    /// # Errors
    /// When it does not run.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let child = self.child.as_ref().context("the server does not run")?;
        kill_process(Pid::from_child(child), signal).context("signal the server")
    }

    /// Waits until it ends by itself.
    ///
    /// # Errors
    /// When it does not run, or does not end in time: then it is killed.
    pub fn wait(&mut self) -> Result<ExitStatus> {
        let mut child = self.child.take().context("the server does not run")?;
        let status = wait_for_exit("the server", &mut child, STOP_DEADLINE);
        if status.is_err() {
            child.kill()?;
            child.wait()?;
        }
        status.with_context(|| format!("the server printed:\n{}", self.log()))
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself; there is nothing else to do about it.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
