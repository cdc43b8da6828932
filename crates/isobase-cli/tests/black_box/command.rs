//! Runs the executable in a folder of its own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use isobase_testkit::EXECUTABLE_VARIABLE;
use tempfile::TempDir;

/// A folder, and commands that run in it with an empty environment.
pub(super) struct App {
    folder: TempDir,
}

/// What a command said.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) code: Option<i32>,
    pub(super) out: String,
    pub(super) err: String,
}

impl App {
    pub(super) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    pub(super) fn run(&self, arguments: &[&str]) -> Said {
        self.run_with(arguments, &[])
    }

    pub(super) fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Said {
        let mut command = command(self.path());
        command.args(arguments).envs(variables.iter().copied());
        Said::from(command.output().unwrap())
    }
}

/// The executable with an empty environment.
pub(super) fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_isobase"));
    command.current_dir(folder).env_clear().stdin(Stdio::null());
    if let Some(value) = std::env::var_os("LLVM_PROFILE_FILE") {
        command.env("LLVM_PROFILE_FILE", value);
    }
    command
}

/// Runs a program that starts the executable by itself; gives what it printed.
#[track_caller]
pub(super) fn succeed(command: &mut Command) -> String {
    command.env(EXECUTABLE_VARIABLE, env!("CARGO_BIN_EXE_isobase"));
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{command:?}\n{out}{err}");
    out
}

/// The folder of the whole project.
pub(super) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Said {
    /// Asserts success; gives standard output.
    #[track_caller]
    pub(super) fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.out
    }

    /// Asserts this exit code and these parts of standard error.
    #[track_caller]
    pub(super) fn fails(self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        for part in parts {
            assert!(self.err.contains(part), "{part:?} is not in {}", self.err);
        }
    }

    /// The last line of standard output as JSON.
    #[track_caller]
    pub(super) fn json(self) -> serde_json::Value {
        let out = self.ok();
        serde_json::from_str(out.lines().last().unwrap()).unwrap()
    }
}
