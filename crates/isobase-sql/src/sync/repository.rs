//! Dumps in a git repository, and from other machines.

use std::{path::Path, process::Stdio};

use tokio::process::Command;

use crate::{Error, ErrorKind};

/// Commits the files of the folder; says whether there was something new.
pub(super) async fn commit(folder: &Path, message: &str) -> Result<bool, Error> {
    git(folder, &["add", "--", "."]).await?;
    let staged = git(folder, &["diff", "--cached", "--name-only", "--", "."]).await?;
    if staged.trim().is_empty() {
        return Ok(false);
    }
    git(folder, &["commit", "--quiet", "--message", message, "--", "."]).await?;
    Ok(true)
}

/// Pushes a branch, or the current one.
pub(super) async fn push(folder: &Path, remote: &str, branch: Option<&str>) -> Result<(), Error> {
    // A remote or a branch that begins with a dash would be an option.
    for name in [Some(remote), branch].into_iter().flatten() {
        if name.starts_with('-') {
            return Err(Error::invalid(format!("'{name}' is no name of a remote or a branch")));
        }
    }
    let current;
    let branch = match branch {
        Some(branch) => branch,
        None => {
            current = git(folder, &["branch", "--show-current"]).await?;
            current.trim()
        }
    };
    git(folder, &["push", "--quiet", remote, branch]).await.map(drop)
}

/// Copies the latest dumps of the same folder on another machine here.
pub(super) async fn fetch(folder: &Path, target: &str) -> Result<(), Error> {
    if target.starts_with('-') || target.is_empty() {
        return Err(Error::invalid(format!("'{target}' is no machine: expected user@host")));
    }
    let folder = std::path::absolute(folder).map_err(|error| Error::io("find", folder, &error))?;
    let from = format!("{target}:{}/*_latest.sql", folder.display());
    let mut command = Command::new("rsync");
    command.args(["--archive", "--compress", "--"]).arg(from).arg(&folder);
    let fetched = output("rsync", command).await;
    fetched.map(drop).map_err(|error| {
        let message = format!("Failed to pull dumps from remote: {}", error.message);
        Error { message, ..error }
    })
}

async fn git(folder: &Path, arguments: &[&str]) -> Result<String, Error> {
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).args(arguments);
    output("git", command).await
}

async fn output(name: &str, mut command: Command) -> Result<String, Error> {
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await;
    let output = output.map_err(|error| Error::io("run", Path::new(name), &error))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let reason = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Error::new(ErrorKind::Io, format!("{name} failed: {reason}")))
}
