//! `strace` around the service: it shows system calls and makes them fail.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use isobase_testkit::wait_until;

use super::support::leave_out;

/// Whether the test can run; it is left out where there is no `strace`.
pub(super) fn has_strace() -> bool {
    let mut command = Command::new("strace");
    command.arg("-V").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let found = command.status().is_ok_and(|status| status.success());
    if !found {
        leave_out("there is no strace on this machine");
    }
    found
}

/// What `strace` writes while the service runs.
pub(super) struct Trace {
    path: PathBuf,
}

/// One line of it.
pub(super) struct Call {
    pub(super) thread: String,
    /// Such as `fsync(15</data/isobase.db-wal>) = 0`.
    pub(super) text: String,
}

impl Trace {
    pub(super) fn new(folder: &Path) -> Self {
        Self { path: folder.join("trace") }
    }

    /// The command to start the service by. `-D` lets the service keep its process id.
    pub(super) fn wrapper(&self, options: &[&str]) -> Vec<OsString> {
        let mut words: Vec<OsString> =
            ["strace", "-D", "-f", "-q", "-y", "-o"].map(OsString::from).into();
        words.push(self.path.clone().into());
        words.extend(options.iter().map(OsString::from));
        words
    }

    /// All lines, once the process has ended and `strace` has written its last one.
    pub(super) fn of_ended_process(&self, pid: u32) -> Vec<Call> {
        let pid = pid.to_string();
        let text = wait_until("the end of strace", Duration::from_secs(10), || {
            let text = fs::read(&self.path)?;
            let text = String::from_utf8_lossy(&text).into_owned();
            let ended = text
                .lines()
                .filter_map(call)
                .any(|call| call.thread == pid && call.text.starts_with("+++ "));
            Ok((ended && text.ends_with('\n')).then_some(text))
        });
        text.unwrap().lines().filter_map(call).collect()
    }
}

fn call(line: &str) -> Option<Call> {
    let (thread, text) = line.split_once(' ')?;
    // Short process ids are padded.
    Some(Call { thread: thread.to_owned(), text: text.trim_start().to_owned() })
}

impl Call {
    /// Whether it is a line of one of these calls, its beginning or its end.
    pub(super) fn is_of(&self, names: &[&str]) -> bool {
        names.iter().any(|name| {
            self.text.strip_prefix(name).is_some_and(|rest| rest.starts_with('('))
                || self.text.starts_with(&format!("<... {name} resumed>"))
        })
    }

    /// Whether the call ended with success.
    pub(super) fn has_succeeded(&self) -> bool {
        self.text.ends_with(" = 0")
    }

    /// Whether `strace` made it fail.
    pub(super) fn is_injected(&self) -> bool {
        self.text.ends_with("(INJECTED)")
    }

    /// Whether it begins to send the answer to a write that succeeded. Only writes are answered
    /// with 201 in tests that ask this.
    pub(super) fn is_created(&self) -> bool {
        self.text.contains("\"HTTP/1.1 201 ")
    }
}
