//! An own PostgreSQL cluster in a folder of its own.

use std::env;
use std::fs::{self, File};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, geteuid, kill_process, test_kill_process};
use tempfile::TempDir;

use crate::shared::POSTGRES_BIN_VARIABLE;
use crate::{ReservedPort, wait_for_exit, wait_until};

/// A recovery after SIGKILL on a busy machine included.
const START_DEADLINE: Duration = Duration::from_secs(60);
const STOP_DEADLINE: Duration = Duration::from_secs(30);

/// The programs of a PostgreSQL server.
#[derive(Clone, Debug)]
pub struct PostgresBinaries {
    folder: PathBuf,
}

impl PostgresBinaries {
    /// Looks in `ISOBASE_TEST_POSTGRES_BIN`, in `PATH`, and where Debian keeps
    /// them (the newest version).
    ///
    /// # Errors
    /// When there is no server on this machine.
    pub fn find() -> Result<Self> {
        if let Some(folder) = env::var_os(POSTGRES_BIN_VARIABLE).filter(|value| !value.is_empty()) {
            let named = Self::at(Path::new(&folder));
            return named.with_context(|| format!("{POSTGRES_BIN_VARIABLE} names no server"));
        }
        let path = env::var_os("PATH").unwrap_or_default();
        let in_path = env::split_paths(&path).find_map(|folder| Self::at(&folder));
        in_path.or_else(Self::newest_of_debian).context(
            "no PostgreSQL server found (install the package `postgresql`, or set \
             ISOBASE_TEST_POSTGRES_BIN to the folder of `postgres` and `initdb`)",
        )
    }

    /// The folder of `postgres`, `initdb`, `psql` and `pgbench`.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// One of the programs.
    pub fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The major version, such as 15.
    ///
    /// # Errors
    /// When `postgres --version` fails or says something unknown.
    pub fn version(&self) -> Result<u32> {
        let output = Command::new(self.program("postgres")).arg("--version").output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let digits = text.split_whitespace().nth(2).unwrap_or_default();
        let major = digits.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
        major.parse().with_context(|| format!("unexpected version {text:?}"))
    }

    fn at(folder: &Path) -> Option<Self> {
        // Links in PATH lead to the folder that has all programs.
        let postgres = fs::canonicalize(folder.join("postgres")).ok()?;
        let folder = postgres.parent()?.to_path_buf();
        folder.join("initdb").is_file().then_some(Self { folder })
    }

    fn newest_of_debian() -> Option<Self> {
        let mut versions: Vec<_> = fs::read_dir("/usr/lib/postgresql")
            .ok()?
            .filter_map(|entry| {
                let entry = entry.ok()?;
                let version: u32 = entry.file_name().to_str()?.parse().ok()?;
                Some((version, entry.path().join("bin")))
            })
            .collect();
        versions.sort();
        versions.iter().rev().find_map(|(_, folder)| Self::at(folder))
    }
}

/// Whether a commit reaches the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// As in production.
    #[default]
    Full,
    /// Nothing waits for the disk: fast, and lost with a power cut.
    Off,
}

/// How a server ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Open transactions are rolled back, then it shuts down (SIGINT).
    Fast,
    /// It quits without a shutdown and recovers at the next start (SIGQUIT).
    Immediate,
    /// All its processes are killed (SIGKILL).
    Kill,
}

/// How to start a [`TestPostgres`].
#[derive(Debug, Default)]
pub struct TestPostgresBuilder {
    durability: Durability,
    folder: Option<PathBuf>,
    programs: Option<PathBuf>,
    settings: Vec<String>,
    own_group: bool,
}

impl TestPostgresBuilder {
    /// Whether commits reach the disk; they do unless said otherwise.
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Keeps the cluster in this folder, which stays, rather than a temporary one.
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Runs the `postgres` and `initdb` of this folder rather than the machine's.
    pub fn programs(mut self, folder: impl Into<PathBuf>) -> Self {
        self.programs = Some(folder.into());
        self
    }

    /// Sets a setting of `postgresql.conf`, such as `max_connections=20`.
    pub fn setting(mut self, setting: &str) -> Self {
        self.settings.push(setting.to_owned());
        self
    }

    /// Keeps signals of the terminal (Ctrl-C) from the server, so that it
    /// outlives the tests that use it.
    pub fn own_process_group(mut self) -> Self {
        self.own_group = true;
        self
    }

    /// Creates the cluster, unless the folder has one, and starts it.
    ///
    /// # Errors
    /// When there is no server on this machine, or it does not start; the error
    /// shows what it printed.
    pub fn start(self) -> Result<TestPostgres> {
        let binaries = match &self.programs {
            Some(folder) => PostgresBinaries::at(folder)
                .with_context(|| format!("there is no server in {}", folder.display()))?,
            None => PostgresBinaries::find()?,
        };
        let user = ServerUser::of_this_process()?;
        let (folder, temporary) = match &self.folder {
            Some(folder) => (folder.clone(), None),
            None => {
                let temporary = tempfile::Builder::new().prefix("isobase-postgres-").tempdir()?;
                (temporary.path().to_path_buf(), Some(temporary))
            }
        };
        fs::create_dir_all(&folder)?;
        if let Some(user) = user {
            chown(&folder, Some(user.uid), Some(user.gid))?;
        }
        let port = ReservedPort::new()?;
        let mut postgres = TestPostgres {
            options: self,
            binaries,
            user,
            folder,
            port,
            child: None,
            _temporary: temporary,
        };
        postgres.create_cluster()?;
        postgres.start_again()?;
        Ok(postgres)
    }
}

/// A PostgreSQL server on 127.0.0.1, with its own port and folder. Its drop
/// stops it.
///
/// Everybody on this machine may connect as the superuser `postgres`: it is for
/// tests only.
#[derive(Debug)]
pub struct TestPostgres {
    options: TestPostgresBuilder,
    binaries: PostgresBinaries,
    user: Option<ServerUser>,
    folder: PathBuf,
    port: ReservedPort,
    child: Option<Child>,
    /// Never read; its drop removes the folder, after the server has stopped.
    _temporary: Option<TempDir>,
}

impl TestPostgres {
    /// Says how to start one.
    pub fn builder() -> TestPostgresBuilder {
        TestPostgresBuilder::default()
    }

    /// Starts one that is as durable as in production.
    ///
    /// # Errors
    /// As [`TestPostgresBuilder::start`].
    pub fn start() -> Result<Self> {
        Self::builder().start()
    }

    /// `postgres://postgres@127.0.0.1:PORT/postgres`.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port())
    }

    /// The port; it stays the same over restarts.
    pub fn port(&self) -> u16 {
        self.port.port()
    }

    /// The programs of this server.
    pub fn binaries(&self) -> &PostgresBinaries {
        &self.binaries
    }

    /// The process id of the server's first process, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// All it printed so far.
    pub fn log(&self) -> String {
        let bytes = fs::read(self.folder.join("log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Runs SQL by `psql` and gives back its rows, columns separated by `|`.
    ///
    /// # Errors
    /// When the server does not run or refuses.
    pub fn psql(&self, sql: &str) -> Result<String> {
        let mut command = Command::new(self.binaries.program("psql"));
        command.args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only"]);
        command.args(["--set", "ON_ERROR_STOP=1", "--dbname", &self.url(), "--command", sql]);
        let output = command.output().context("start psql")?;
        ensure!(
            output.status.success(),
            "psql refused {sql:?}: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    }

    /// Starts the server again after it was stopped: same port, same data.
    ///
    /// # Errors
    /// When it still runs, or does not start.
    pub fn start_again(&mut self) -> Result<()> {
        self.spawn()?;
        let folder = self.folder.clone();
        let child = self.child.as_mut().context("the server was just started")?;
        let ready = wait_until("the start of PostgreSQL", START_DEADLINE, || {
            if let Some(status) = child.try_wait()? {
                bail!("PostgreSQL ended early: {status}");
            }
            Ok(is_ready(&folder, child.id()).then_some(()))
        });
        ready.with_context(|| format!("PostgreSQL printed:\n{}", self.log()))
    }

    /// Stops the server and waits until all its processes have ended.
    ///
    /// # Errors
    /// When it does not run, or does not stop in time.
    pub fn stop(&mut self, how: Stop) -> Result<()> {
        let mut child = self.child.take().context("PostgreSQL does not run")?;
        let first = Pid::from_child(&child);
        // Its backends notice the death of the first process only in time.
        let others = children_of(child.id())?;
        let signal = match how {
            Stop::Fast => Signal::INT,
            Stop::Immediate => Signal::QUIT,
            Stop::Kill => Signal::KILL,
        };
        kill_process(first, signal).context("signal PostgreSQL")?;
        if how == Stop::Kill {
            // One that has ended meanwhile is as dead as wanted.
            for pid in &others {
                let _ = kill_process(*pid, Signal::KILL);
            }
        }
        if let Err(error) = wait_for_exit("PostgreSQL", &mut child, STOP_DEADLINE) {
            child.kill()?;
            child.wait()?;
            return Err(error);
        }
        wait_until("the end of PostgreSQL's processes", STOP_DEADLINE, || {
            Ok(others.iter().all(|pid| test_kill_process(*pid).is_err()).then_some(()))
        })
    }

    /// Stops the server and starts it again.
    ///
    /// # Errors
    /// As [`TestPostgres::stop`] and [`TestPostgres::start_again`].
    pub fn restart(&mut self, how: Stop) -> Result<()> {
        self.stop(how)?;
        self.start_again()
    }

    /// Leaves the server running and gives back its process id.
    ///
    /// # Errors
    /// When it does not run, or its folder is a temporary one.
    pub fn detach(mut self) -> Result<u32> {
        ensure!(self.options.folder.is_some(), "a temporary folder ends with its server");
        Ok(self.child.take().context("PostgreSQL does not run")?.id())
    }

    fn create_cluster(&self) -> Result<()> {
        if self.folder.join("data/PG_VERSION").exists() {
            return Ok(());
        }
        let mut locale = vec!["--locale=C.UTF-8"];
        if self.binaries.version()? >= 15 {
            // Text of a usual database is not in the order of its bytes. The tests
            // must see where an answer depends on that.
            locale.extend(["--locale-provider=icu", "--icu-locale=en-US"]);
        }
        let mut command = self.command("initdb");
        command.arg("-D").arg(self.folder.join("data"));
        command.args(["-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-sync"]);
        let output = command.args(locale).output().context("start initdb")?;
        ensure!(
            output.status.success(),
            "initdb failed: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }

    fn spawn(&mut self) -> Result<()> {
        if let Some(pid) = self.pid() {
            bail!("PostgreSQL still runs as process {pid}");
        }
        let mut command = self.command("postgres");
        command.arg("-D").arg(self.folder.join("data"));
        command.args(["-p", &self.port().to_string()]);
        for setting in self.settings() {
            command.args(["-c", &setting]);
        }
        if self.options.own_group {
            command.process_group(0);
        }
        let log = File::options().create(true).append(true).open(self.folder.join("log"))?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        self.child = Some(command.spawn().with_context(|| format!("start {command:?}"))?);
        Ok(())
    }

    fn settings(&self) -> Vec<String> {
        let mut settings: Vec<String> = [
            "listen_addresses=127.0.0.1",
            // No path of a socket can be too long.
            "unix_socket_directories=",
            // Nothing stays behind in /dev/shm after SIGKILL.
            "dynamic_shared_memory_type=mmap",
            "max_connections=300",
            "wal_level=logical",
            "log_statement=none",
        ]
        .map(str::to_owned)
        .into();
        if self.options.durability == Durability::Off {
            settings.extend(
                ["fsync=off", "synchronous_commit=off", "full_page_writes=off"].map(str::to_owned),
            );
        }
        settings.extend(self.options.settings.iter().cloned());
        settings
    }

    /// A program of the server as the right user, in a folder that user can enter.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.binaries.program(program));
        command.current_dir(&self.folder).env("LC_ALL", "C.UTF-8").env_remove("PGDATA");
        if let Some(user) = self.user {
            command.uid(user.uid).gid(user.gid);
        }
        command
    }
}

impl Drop for TestPostgres {
    fn drop(&mut self) {
        if self.child.is_some() {
            // `stop` kills what does not end by itself; nothing is left to do.
            let _ = self.stop(Stop::Immediate);
        }
    }
}

/// Whom a server runs as when the tests run as root, which PostgreSQL refuses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServerUser {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl ServerUser {
    pub(crate) fn of_this_process() -> Result<Option<Self>> {
        if !geteuid().is_root() {
            return Ok(None);
        }
        let users = fs::read_to_string("/etc/passwd").context("read /etc/passwd")?;
        let user = ["postgres", "nobody"].iter().find_map(|name| Self::named(&users, name));
        user.map(Some).context("PostgreSQL needs a user other than root; there is no `postgres`")
    }

    fn named(users: &str, name: &str) -> Option<Self> {
        let fields: Vec<&str> = users
            .lines()
            .map(|line| line.split(':').collect())
            .find(|f: &Vec<&str>| f[0] == name)?;
        Some(Self { uid: fields.get(2)?.parse().ok()?, gid: fields.get(3)?.parse().ok()? })
    }
}

/// `postmaster.pid` says in line 1 whose it is, and in line 8 how far the start
/// is: `pg_ctl` waits for the same.
fn is_ready(folder: &Path, pid: u32) -> bool {
    let text = fs::read_to_string(folder.join("data/postmaster.pid")).unwrap_or_default();
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    lines.first() == Some(&pid.to_string().as_str()) && lines.get(7) == Some(&"ready")
}

fn children_of(pid: u32) -> Result<Vec<Pid>> {
    let mut children = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let path = entry?.path();
        // Processes end while we read.
        let Ok(stat) = fs::read_to_string(path.join("stat")) else { continue };
        let parent = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1));
        if parent != Some(pid.to_string().as_str()) {
            continue;
        }
        let child = stat.split(' ').next().and_then(|text| text.parse().ok());
        children.extend(child.and_then(Pid::from_raw));
    }
    Ok(children)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_user_by_name() {
        let users = "root:x:0:0::/root:/bin/sh\npostgres:x:101:104::/var:/bin/sh\n";
        let user = ServerUser::named(users, "postgres").unwrap();
        assert_eq!((user.uid, user.gid), (101, 104));
        assert!(ServerUser::named(users, "post").is_none());
    }
}
